//! How an answer is printed where nobody chats: as text, as one JSON object, or as one for each event.

use std::io;

use chaku::Event;
use serde_json::Value;

use crate::answer::{Answer, event_json, failure_json};
use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::terminal::{self, Look, Progress, note, print};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Stream,
}

impl Format {
    pub(crate) fn asked(settings: &Settings) -> Result<Self> {
        match (settings.is_on("json"), settings.is_on("json-stream")) {
            (true, true) => Err(Failure::usage("`--json` and `--json-stream` are both given")),
            (true, false) => Ok(Format::Json),
            (false, true) => Ok(Format::Stream),
            (false, false) => Ok(Format::Text),
        }
    }
}

/// Where an answer goes.
pub(crate) struct Output {
    pub(crate) format: Format,
    look: Look,
    reasoning: bool,
    timings: bool,
    model: String,
    progress: Option<Progress>,
    /// What the line on the terminal ends with.
    ends_with_newline: bool,
}

impl Output {
    pub(crate) fn new(settings: &Settings, look: Look, format: Format, model: &str) -> Self {
        Output {
            format,
            look,
            reasoning: settings.is_on("show-reasoning"),
            timings: settings.is_on("show-timings"),
            model: model.to_owned(),
            progress: None,
            ends_with_newline: true,
        }
    }

    /// Shows an event.
    pub(crate) fn show(&mut self, event: &Event) -> io::Result<()> {
        match (self.format, event) {
            (Format::Stream, _) => event_json(event).map_or(Ok(()), |object| print_json(&object)),
            (_, Event::Progress(progress)) => {
                terminal::prompt_progress(&mut self.progress, self.look, *progress);
                Ok(())
            }
            (_, event) => {
                self.progress = None;
                match event {
                    Event::Text(piece) if self.format == Format::Text => self.text(&piece.text),
                    Event::Reasoning(piece) if self.format == Format::Text && self.reasoning => {
                        // On its own stream: the standard output is the answer's.
                        eprint_raw(&piece.text);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        if !text.is_empty() {
            self.ends_with_newline = text.ends_with('\n');
            print(text)?;
        }
        Ok(())
    }

    /// Says what is left to say of an answer. What went wrong is an error.
    pub(crate) fn end(&mut self, answer: &Answer) -> Result<()> {
        match self.format {
            Format::Json => print_json(&answer.json(&self.model))?,
            Format::Stream => {}
            Format::Text => {
                for call in &answer.calls {
                    self.end_line()?;
                    print_json(&crate::answer::call_json(call))?;
                }
                // In a file or a variable an answer ends where it ends.
                if self.look.stdout_is_terminal {
                    self.end_line()?;
                }
            }
        }
        if self.timings {
            note(&timings(answer));
        }
        match answer.failure() {
            None => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        if !self.ends_with_newline {
            self.ends_with_newline = true;
            print("\n")?;
        }
        Ok(())
    }
}

/// Says what went wrong, in the form that was asked for, and on the standard error.
pub(crate) fn report(format: Format, look: Look, failure: Failure, answered: bool) -> Failure {
    let Some(message) = failure.message() else { return failure };
    if format != Format::Text && !answered && print_json(&failure_json(&failure)).is_err() {
        return failure.said();
    }
    terminal::complain(Some(look), message);
    failure.said()
}

pub(crate) fn print_json(object: &Value) -> io::Result<()> {
    print(&format!("{object}\n"))
}

/// `[ Prompt: 12.3 t/s | Generation: 4.5 t/s ]`, as llama.app says it.
pub(crate) fn timings(answer: &Answer) -> String {
    let (usage, timings) = (answer.end.usage, answer.end.timings);
    let read = f64::from(usage.prompt_tokens.saturating_sub(usage.cached_tokens));
    let written = f64::from(usage.completion_tokens.saturating_sub(1));
    format!("[ Prompt: {} t/s | Generation: {} t/s ]", rate(read, timings.prefill_ms), rate(written, timings.decode_ms))
}

/// Units a second, with one digit; what took no time has no rate.
fn rate(count: f64, ms: f64) -> String {
    if count > 0.0 && ms > 0.0 { format!("{:.1}", count * 1000.0 / ms) } else { "-".to_owned() }
}

fn eprint_raw(text: &str) {
    use std::io::Write;
    let _ = io::stderr().write_all(text.as_bytes());
}
