//! What is asked: from flags, a file, or the standard input.

#[cfg(not(unix))]
use std::io::IsTerminal;
use std::io::{self, Read};
use std::path::Path;

use crate::args::{Settings, read_text};
use crate::failure::{Failure, Result};

/// The prompt, if there is one: `-p`, or `-f`, and behind it what a standard input that is no terminal says.
pub(crate) fn read(settings: &Settings) -> Result<Option<String>> {
    let given = match (settings.text("prompt"), settings.text("file")) {
        (Some(_), Some(_)) => return Err(Failure::usage("`-p` and `-f` are both given; one of them is the prompt")),
        (Some(text), None) => Some(text.to_owned()),
        (None, Some("-")) => return stdin().map(Some),
        (None, Some(file)) => Some(read_text(Path::new(file))?),
        (None, None) => None,
    };
    if settings.switch("stdin") == Some(false) || !may_be_read() {
        return Ok(given);
    }
    let piped = stdin()?;
    Ok(match given {
        Some(given) if piped.is_empty() => Some(given),
        Some(given) => Some(format!("{given}\n\n{piped}")),
        None => Some(piped),
    })
}

/// All of the standard input, without one line feed at its end.
pub(crate) fn stdin() -> Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read the standard input: {error}")))?;
    Ok(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
}

/// Whether the standard input is something that somebody may have put a text into: a pipe, a file or a socket. `/dev/null`
/// is not.
#[cfg(unix)]
fn may_be_read() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let Ok(stdin) = io::stdin().as_fd().try_clone_to_owned() else { return false };
    let kind = std::fs::File::from(stdin).metadata().map(|data| data.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_file() || kind.is_socket())
}

#[cfg(not(unix))]
fn may_be_read() -> bool {
    !io::stdin().is_terminal()
}
