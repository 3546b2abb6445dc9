//! Shows an answer in a conversation: what the model thinks dimmed, its text as Markdown.

use std::io;

use chaku::{Event, ToolCall};

use super::markdown::Markdown;
use crate::terminal::{CALL, INFO, Look, Progress, REASONING, print, prompt_progress};
use crate::turn::View;

/// What of an answer is shown, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) markdown: bool,
    pub(super) reasoning: bool,
    pub(super) timings: bool,
}

pub(super) struct Screen<'a> {
    look: Look,
    shown: Shown,
    markdown: Markdown,
    progress: Option<Progress>,
    thinks: bool,
    /// The cursor is at the beginning of a line.
    at_line: bool,
    /// Asks the user.
    ask: &'a mut dyn FnMut(&str) -> io::Result<bool>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(look: Look, shown: Shown, ask: &'a mut dyn FnMut(&str) -> io::Result<bool>) -> Self {
        Screen { look, shown, markdown: Markdown::default(), progress: None, thinks: false, at_line: true, ask }
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.at_line = text.ends_with('\n');
        print(text)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.end_thinking()?;
        let text = if self.shown.markdown { self.markdown.push(text) } else { text.to_owned() };
        self.put(&text)
    }

    fn reasoning(&mut self, text: &str) -> io::Result<()> {
        if !self.shown.reasoning || text.is_empty() {
            return Ok(());
        }
        if !self.thinks {
            self.thinks = true;
            self.put(&self.look.styled(REASONING, "[thinking]"))?;
            self.put("\n")?;
        }
        self.put(&self.look.styled(REASONING, text))
    }

    fn end_thinking(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.thinks) {
            self.put("\n")?;
            self.put(&self.look.styled(REASONING, "[/thinking]"))?;
            self.put("\n\n")?;
        }
        Ok(())
    }

    /// The answer is over: the next thing begins on a line of its own.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.progress = None;
        self.end_thinking()?;
        let rest = self.markdown.finish();
        self.put(&rest)?;
        if !self.at_line {
            self.put("\n")?;
        }
        Ok(())
    }
}

impl View for Screen<'_> {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Progress(progress) = event {
            prompt_progress(&mut self.progress, self.look, *progress);
            return Ok(());
        }
        self.progress = None;
        match event {
            Event::Text(piece) => self.text(&piece.text),
            Event::Reasoning(piece) => self.reasoning(&piece.text),
            Event::ToolCall(call) => {
                self.end()?;
                self.put(&self.look.styled(CALL, &format!("[calls {}] ", call.name)))
            }
            Event::ToolCallArguments(piece) => self.put(&self.look.styled(CALL, &piece.delta)),
            _ => Ok(()),
        }
    }

    fn may_run(&mut self, call: &ToolCall) -> io::Result<bool> {
        self.end()?;
        (self.ask)(&format!("run {}? [y/N] ", call.name))
    }

    fn result(&mut self, call: &ToolCall, result: &str) -> io::Result<()> {
        self.end()?;
        let line = format!("[{} says] {result}\n", call.name);
        self.put(&self.look.styled(INFO, &line))
    }
}
