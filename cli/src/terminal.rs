//! What is a terminal, what is coloured on it, and what is shown there while one waits.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Settings;
use crate::failure::{Failure, Result};

/// llama.app's colours.
pub(crate) const USER: Style = AnsiColor::Green.on_default().bold();
pub(crate) const REASONING: Style = AnsiColor::BrightBlack.on_default();
pub(crate) const INFO: Style = AnsiColor::Magenta.on_default();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CALL: Style = AnsiColor::Cyan.on_default();

/// How things are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) stdin_is_terminal: bool,
    pub(crate) stdout_is_terminal: bool,
    /// Colours on the standard output.
    pub(crate) color: bool,
    /// Colours on the standard error.
    pub(crate) color_errors: bool,
    /// Progress on the standard error.
    pub(crate) progress: bool,
}

impl Look {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let (stdin, stdout, stderr) =
            (io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal());
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let plain = variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|term| term == "dumb");
        let (color, color_errors) = match settings.text("color") {
            None | Some("auto") => (stdout && !plain, stderr && !plain),
            Some("on" | "enabled" | "true" | "1") => (true, true),
            Some("off" | "disabled" | "false" | "0") => (false, false),
            Some(other) => return Err(Failure::usage(format!("`--color` is on, off or auto, not `{other}`"))),
        };
        let plain_input = settings.switch("simple-io") == Some(true);
        Ok(Look {
            stdin_is_terminal: stdin,
            stdout_is_terminal: stdout,
            color,
            color_errors,
            progress: stderr && !plain_input && !settings.is_on("quiet"),
        })
    }

    /// Text in a style, if there are colours.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Writes to the standard output at once.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Says what went wrong on the standard error.
pub(crate) fn complain(look: Option<Look>, message: &str) {
    let style = if look.is_some_and(|look| look.color_errors) { ERROR } else { Style::new() };
    // Where nobody listens there is nobody to tell.
    let _ = writeln!(io::stderr(), "{style}error:{style:#} {message}");
}

/// A line on the standard error.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// The settings of the terminal from before an editor changed them.
#[cfg(unix)]
pub(crate) struct Taken(nix::sys::termios::Termios);

#[cfg(unix)]
impl Taken {
    pub(crate) fn now() -> Option<Self> {
        nix::sys::termios::tcgetattr(io::stdin()).ok().map(Taken)
    }

    pub(crate) fn give_back(&self) {
        let _ = nix::sys::termios::tcsetattr(io::stdin(), nix::sys::termios::SetArg::TCSANOW, &self.0);
        // Nobody wants to know any more what is pasted, and the shell begins a line.
        let _ = print("\x1b[?2004l\r\n");
    }
}

/// A console takes care of itself.
#[cfg(not(unix))]
pub(crate) struct Taken;

#[cfg(not(unix))]
impl Taken {
    pub(crate) fn now() -> Option<Self> {
        None
    }

    pub(crate) fn give_back(&self) {}
}

/// A shorter prompt is read before anybody sees a bar.
const SHORT_PROMPT: u64 = 256;

/// The bar of a prompt that is being read.
pub(crate) fn prompt_progress(bar: &mut Option<Progress>, look: Look, progress: chaku::Progress) {
    if progress.total > SHORT_PROMPT {
        bar.get_or_insert_with(|| Progress::new(look, "reading the prompt")).set(progress.done, progress.total);
    }
}

/// A bar on the standard error, gone when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(look: Look, what: &str) -> Self {
        let target = if look.progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {msg} {bar:30} {percent:>3} %");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }

    /// One that counts bytes, with speed and time left.
    pub(crate) fn bytes(look: Look, what: &str) -> Self {
        let bar = Progress::new(look, what);
        let style =
            ProgressStyle::with_template("{spinner} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left");
        if let Ok(style) = style {
            bar.0.set_style(style);
        }
        bar
    }

    pub(crate) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
