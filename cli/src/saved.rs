//! Conversations in files: saved sessions, which are ready at once, and lists of messages, which every program can read.

use std::path::Path;

use chaku::{ChatMessage, Model, Options, Session};

use crate::failure::{Failure, Result};

/// What a file is, by its name.
pub(crate) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Writes a session to a file. It appears under its name when it is complete.
pub(crate) fn save(session: &Session, path: &Path) -> Result<()> {
    save_with(session, path, &Options::new())
}

/// The same, with options of the request.
pub(crate) fn save_with(session: &Session, path: &Path, options: &Options) -> Result<()> {
    let end = session.save(Some(path), options)?.run(|_| true)?;
    end.error.clone().map_or(Ok(()), |error| Err(error.into()))
}

/// Writes messages to a file, in OpenAI's form.
pub(crate) fn save_json(messages: &[ChatMessage], path: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(messages).map_err(|error| Failure::failed(error.to_string()))?;
    std::fs::write(path, text + "\n")
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

/// Reads messages from a file.
pub(crate) fn load_json(path: &Path) -> Result<Vec<ChatMessage>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::failed(format!("{} is no list of messages: {error}", path.display())))
}

/// The session of a file, or a new one if there is no such file.
pub(crate) fn open(model: &Model, path: Option<&Path>, options: &Options) -> Result<Session> {
    match path.filter(|path| path.exists()) {
        Some(path) => Ok(model.restore(path, options)?),
        None => Ok(model.session(options)?),
    }
}
