//! Why the program ends, and the exit code that says so.

use std::io;

use chaku::{Code, Error, Reason};

/// Exit codes. `docs/cli.md` has them for people.
pub(crate) mod exit {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const MODEL: u8 = 3;
    pub(crate) const OVERFLOW: u8 = 4;
    pub(crate) const DEADLINE: u8 = 124;
    pub(crate) const INTERRUPTED: u8 = 130;
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// The program cannot go on.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// What to say of it; `None` = nothing, it was said or nobody is there to hear it.
    message: Option<String>,
    /// Where it is an error of the library.
    pub(crate) error: Option<Error>,
}

impl Failure {
    /// What was asked cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure { code: exit::USAGE, message: Some(message.into()), error: None }
    }

    /// It did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure { code: exit::FAILED, message: Some(message.into()), error: None }
    }

    /// Everything was said.
    pub(crate) fn silent(code: u8) -> Self {
        Failure { code, message: None, error: None }
    }

    /// An error while a model was looked for or loaded.
    pub(crate) fn of_load(error: Error) -> Self {
        let code = match error.reason() {
            Reason::FileNotFound
            | Reason::FilePermission
            | Reason::FileUnreadable
            | Reason::ModelCorrupt
            | Reason::ModelUnsupported
            | Reason::HubUnauthorized
            | Reason::HubForbidden
            | Reason::HubNotFound
            | Reason::ChecksumMismatch
            | Reason::Offline => exit::MODEL,
            _ => code_of(&error),
        };
        Failure { code, ..Failure::from(error) }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// The same, when what is wrong was already printed.
    pub(crate) fn said(self) -> Self {
        Failure { message: None, ..self }
    }
}

fn code_of(error: &Error) -> u8 {
    match (error.reason(), error.code()) {
        (Reason::ContextOverflow, _) => exit::OVERFLOW,
        (Reason::TemplateFailed, _) => exit::FAILED,
        (_, Code::InvalidArgument) => exit::USAGE,
        (_, Code::DeadlineExceeded) => exit::DEADLINE,
        (_, Code::Cancelled) => exit::INTERRUPTED,
        _ => exit::FAILED,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { code: code_of(&error), message: Some(error.to_string()), error: Some(error) }
    }
}

/// Writing to whoever reads the output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever read has seen enough, as `head` does.
            io::ErrorKind::BrokenPipe => Failure::silent(0),
            io::ErrorKind::Interrupted => Failure::silent(exit::INTERRUPTED),
            _ => Failure::failed(format!("cannot write the output: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_exit_code() {
        let code = |reason| Failure::from(Error::new(reason, "x")).code();
        assert_eq!(code(Reason::ContextOverflow), 4);
        assert_eq!(code(Reason::Deadline), 124);
        assert_eq!(code(Reason::Cancelled), 130);
        assert_eq!(code(Reason::InvalidOption), 2);
        assert_eq!(code(Reason::DecodeFailed), 1);
        assert_eq!(Failure::of_load(Error::new(Reason::ModelCorrupt, "x")).code(), 3);
        assert_eq!(Failure::of_load(Error::new(Reason::FileNotFound, "x")).code(), 3);
        assert_eq!(Failure::of_load(Error::new(Reason::InvalidOption, "x")).code(), 2);
        let broken = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((broken.code(), broken.message()), (0, None));
    }
}
