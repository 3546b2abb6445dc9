//! Reads lines from a terminal, with an editor, a history that lasts, and completion.

use std::borrow::Cow;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Context, Event, EventContext, EventHandler, Helper,
    KeyEvent, Movement, RepeatCount,
};

use super::slash;
use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::interrupt::Editing;
use crate::terminal::{Look, USER, print};

const PROMPT: &str = "> ";

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// Ctrl-C where nothing was typed.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

pub(super) enum Editor {
    Rich(Box<Rich>),
    /// Plain lines.
    Simple,
}

pub(super) struct Rich {
    editor: rustyline::Editor<Help, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(settings: &Settings, look: Look) -> Result<Self> {
        if settings.is_on("simple-io") {
            return Ok(Editor::Simple);
        }
        let config = rustyline::Config::builder()
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .color_mode(if look.color { ColorMode::Forced } else { ColorMode::Disabled })
            .max_history_size(10_000)
            .map(|builder| builder.build());
        let mut editor = rustyline::Editor::with_config(config.map_err(failed)?).map_err(failed)?;
        let enter_continues = settings.is_on("multiline-input");
        editor.set_helper(Some(Help { files: FilenameCompleter::new(), color: look.color, enter_continues }));
        editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(ClearOrInterrupt)));
        let history = match settings.text("history") {
            Some("") => None,
            Some(file) => Some(PathBuf::from(file)),
            None => history_file(),
        };
        if let Some(history) = &history {
            // The first time there is none; one that cannot be read is as good.
            let _ = editor.load_history(history);
        }
        Ok(Editor::Rich(Box::new(Rich { editor, history })))
    }

    /// The next line, which may have several.
    pub(super) fn read(&mut self) -> Result<Line> {
        match self {
            Editor::Simple => simple(PROMPT),
            Editor::Rich(rich) => rich.read(),
        }
    }

    /// A yes or no. Who leaves instead interrupts.
    pub(super) fn ask(&mut self, question: &str) -> io::Result<bool> {
        let answer = match self {
            Editor::Simple => simple(question).map_err(|_| io::Error::from(io::ErrorKind::Interrupted))?,
            Editor::Rich(rich) => rich.edit(question).map_or(Line::End, Line::Text),
        };
        match answer {
            Line::Text(line) => Ok(["y", "Y", "yes"].contains(&line.trim())),
            _ => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

impl Rich {
    fn read(&mut self) -> Result<Line> {
        match self.edit(PROMPT) {
            Ok(line) => {
                self.remember(&line);
                let help = self.editor.helper();
                let enter_continues = help.is_some_and(|help| help.enter_continues);
                Ok(Line::Text(joined(&line, enter_continues)))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
            // While it reads, it answers this signal itself.
            #[cfg(unix)]
            Err(ReadlineError::Signal(rustyline::error::Signal::Interrupt)) => Ok(Line::Interrupted),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(failed(error)),
        }
    }

    fn edit(&mut self, prompt: &str) -> rustyline::Result<String> {
        let _editing = Editing::begin();
        self.editor.readline(prompt)
    }

    /// At once: the program may end in many ways.
    fn remember(&mut self, line: &str) {
        if !self.editor.add_history_entry(line).unwrap_or(false) {
            return;
        }
        if let Some(history) = &self.history {
            // A conversation goes on where nothing can be kept of it.
            let _ = history.parent().map(std::fs::create_dir_all);
            let _ = self.editor.append_history(history);
        }
    }
}

fn simple(prompt: &str) -> Result<Line> {
    print(prompt)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    match read.map_err(|error| Failure::failed(format!("cannot read the standard input: {error}")))? {
        0 => Ok(Line::End),
        _ => Ok(Line::Text(line.trim_end_matches(['\r', '\n']).to_owned())),
    }
}

/// A backslash at the end of a line stands for the line feed behind it, or for the end of the input where Enter goes on.
fn joined(line: &str, enter_continues: bool) -> String {
    if enter_continues { line.strip_suffix('\\').unwrap_or(line).to_owned() } else { line.replace("\\\n", "\n") }
}

fn history_file() -> Option<PathBuf> {
    let names =
        AppStrategyArgs { top_level_domain: String::new(), author: String::new(), app_name: "chaku".to_owned() };
    let folders = choose_app_strategy(names).ok()?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_dir()).join("history"))
}

fn failed(error: ReadlineError) -> Failure {
    Failure::failed(format!("cannot read from the terminal: {error}"))
}

/// Ctrl-C throws away what was typed, and leaves where nothing was.
struct ClearOrInterrupt;

impl ConditionalEventHandler for ClearOrInterrupt {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        Some(if context.line().is_empty() { Cmd::Interrupt } else { Cmd::Kill(Movement::WholeBuffer) })
    }
}

struct Help {
    files: FilenameCompleter,
    color: bool,
    enter_continues: bool,
}

impl Helper for Help {}

impl Completer for Help {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        if !line.starts_with('/') {
            return Ok((at, Vec::new()));
        }
        let typed = &line[..at];
        if typed.contains(char::is_whitespace) {
            return if slash::takes_file(typed) {
                self.files.complete(line, at, context)
            } else {
                Ok((at, Vec::new()))
            };
        }
        let fitting = slash::names().filter(|name| name.starts_with(typed));
        let pair = |name: &str| Pair { display: name.to_owned(), replacement: format!("{name} ") };
        Ok((0, fitting.map(pair).collect()))
    }
}

impl Highlighter for Help {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.color { Cow::Owned(format!("{USER}{prompt}{USER:#}")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.color && !line.is_empty() { Cow::Owned(format!("{USER}{line}{USER:#}")) } else { Cow::Borrowed(line) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.color
    }
}

impl Hinter for Help {
    type Hint = String;
}

impl Validator for Help {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = context.input();
        let goes_on = line.ends_with('\\') != self.enter_continues && !line.starts_with('/');
        Ok(if goes_on { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

/// `~` as the shell has it.
pub(super) fn path(typed: &str) -> PathBuf {
    match (typed.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => Path::new(typed).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_backslash_goes_on_or_ends() {
        assert_eq!(joined("a\\\nb", false), "a\nb");
        assert_eq!(joined("a\nb\\", true), "a\nb");
    }
}
