//! `cli`: a conversation on a terminal, or one answer.

use std::io::{self, BufRead, Write};

use chaku::{ChatMessage, Event, Options, Role, Session, ToolCall};
use serde_json::json;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::output::{Format, Output, print_json, report};
use crate::repl::Repl;
use crate::terminal::{Look, note};
use crate::tools::Runner;
use crate::transcript::Transcript;
use crate::turn::{View, ask};
use crate::{model_source, prompt, saved};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let (look, format) = (Look::new(settings)?, Format::asked(settings)?);
    let on_terminal = look.stdin_is_terminal && look.stdout_is_terminal && format == Format::Text;
    if on_terminal && !settings.is_on("single-turn") {
        return Repl::start(settings, look)?.run(prompt::read(settings)?);
    }
    let mut answered = false;
    one_answer(settings, look, format, &mut answered).map_err(|failure| report(format, look, failure, answered))
}

fn one_answer(settings: &Settings, look: Look, format: Format, answered: &mut bool) -> Result<()> {
    let asked = match prompt::read(settings)? {
        None if settings.is_on("single-turn") && look.stdin_is_terminal => Some(line()?),
        asked => asked,
    };
    let asked = asked
        .filter(|asked| !asked.is_empty())
        .ok_or_else(|| Failure::usage("there is nothing to ask; give it with -p TEXT, -f FILE, or through a pipe"))?;
    let mut transcript = settings.path("output").map(|path| Transcript::create(&path)).transpose()?;
    let loaded = model_source::load(settings, look)?;
    let session = open(settings, &loaded.model)?;
    if let Some(transcript) = &mut transcript {
        transcript.user(&asked)?;
    }
    let message = ChatMessage::new(Role::User, asked);
    let mut view = Plain(Output::new(settings, look, format, &loaded.name));
    let answer = ask(&session, &[message], &Options::new(), &Runner::new(settings, look), &mut view)?;
    *answered = true;
    if let Some(transcript) = &mut transcript {
        transcript.answer(&answer)?;
    }
    view.0.end(&answer)?;
    settings.path("session").map_or(Ok(()), |path| saved::save(&session, &path))
}

/// The session that `--session` names, or a new one.
pub(crate) fn open(settings: &Settings, model: &chaku::Model) -> Result<Session> {
    let mut options = Options::new();
    if let Some(system) = settings.options().texts("system_prompt") {
        // A saved session has one of its own, which goes before what the runtime has.
        options.set_str("system_prompt", &system.concat())?;
    }
    saved::open(model, settings.path("session").as_deref(), &options)
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// An answer in a script.
struct Plain(Output);

impl View for Plain {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        self.0.show(event)
    }

    fn may_run(&mut self, call: &ToolCall) -> io::Result<bool> {
        let _ = write!(io::stderr(), "run {}({})? [y/N] ", call.name, call.arguments);
        Ok(matches!(line()?.trim(), "y" | "Y" | "yes"))
    }

    fn result(&mut self, call: &ToolCall, result: &str) -> io::Result<()> {
        match self.0.format {
            Format::Stream => print_json(&json!({ "type": "tool_result", "id": call.id, "content": result })),
            _ => {
                note(&format!("[{}: {} bytes]", call.name, result.len()));
                Ok(())
            }
        }
    }
}
