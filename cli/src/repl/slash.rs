//! The commands of a conversation: lines that begin with a slash.

use std::path::Path;

use crate::failure::{Failure, Result};

/// A line that was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// For the model.
    Said(&'a str),
    Exit,
    Help,
    Regenerate,
    Undo,
    Clear,
    Read(&'a str),
    Glob(&'a str),
    System(&'a str),
    Save(&'a str),
    Load(&'a str),
    Set(&'a str),
    Model(&'a str),
    Tokens,
}

/// Name, what it takes, and what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("/help", "", "list these commands"),
    ("/exit", "", "leave; so does Ctrl-D"),
    ("/regen", "", "answer the last question again"),
    ("/undo", "", "forget the last question and its answer"),
    ("/clear", "", "forget the conversation, and begin anew"),
    ("/read", "FILE", "add a text file to the next question"),
    ("/glob", "PATTERN", "add the text files that match; `**` stands for folders in between"),
    ("/system", "[TEXT|off]", "show the system prompt, or change it for what follows"),
    ("/save", "FILE", "save the conversation: its messages to a .json, else all that is needed to go on at once"),
    ("/load", "FILE", "go on with a saved conversation"),
    (
        "/set",
        "[OPTION [VALUE|default]]",
        "show or change an option of the answers, or markdown, show-reasoning, show-timings",
    ),
    ("/model", "[FILE]", "show the model, or go on with another one"),
    ("/tokens", "", "say how much of the window is in use"),
];

/// Reads a line.
pub(super) fn read(line: &str) -> Result<Typed<'_>> {
    // Two slashes are for the model's eyes.
    if !line.starts_with('/') || line.starts_with("//") {
        return Ok(Typed::Said(line.strip_prefix('/').unwrap_or(line)));
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match name {
        "/exit" => Ok(Typed::Exit),
        "/help" => Ok(Typed::Help),
        "/regen" => Ok(Typed::Regenerate),
        "/undo" => Ok(Typed::Undo),
        "/clear" => Ok(Typed::Clear),
        "/tokens" => Ok(Typed::Tokens),
        "/system" => Ok(Typed::System(rest)),
        "/set" => Ok(Typed::Set(rest)),
        "/model" => Ok(Typed::Model(rest)),
        "/read" | "/glob" | "/save" | "/load" if rest.is_empty() => {
            let takes = COMMANDS.iter().find(|(known, ..)| *known == name).map_or("", |(_, takes, _)| takes);
            Err(Failure::usage(format!("{name} takes something: {name} {takes}")))
        }
        "/read" => Ok(Typed::Read(rest)),
        "/glob" => Ok(Typed::Glob(rest)),
        "/save" => Ok(Typed::Save(rest)),
        "/load" => Ok(Typed::Load(rest)),
        _ => Err(Failure::usage(format!(
            "there is no command {name}; /help lists them, and // begins a line that the model gets with one slash"
        ))),
    }
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, ..)| *name)
}

/// Whether a file is typed behind this command.
pub(super) fn takes_file(typed: &str) -> bool {
    ["/read ", "/save ", "/load ", "/model ", "/glob "].iter().any(|command| typed.starts_with(command))
}

pub(super) fn help() -> String {
    let line = |(name, takes, does): &(&str, &str, &str)| format!("  {:<34} {does}\n", format!("{name} {takes}"));
    let commands: String = COMMANDS.iter().map(line).collect();
    format!(
        "{commands}A line that ends in \\ goes on; what is pasted is one text. Ctrl-C stops an answer, and leaves at an empty line.\n"
    )
}

/// A file as it is shown to the model, in llama.app's frame.
pub(super) fn framed(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    Ok(format!("--- File: {} ---\n{text}\n", path.display()))
}

/// Most files of one pattern.
pub(super) const MOST_FILES: usize = 100;

/// The files that match, in order. A pattern without a folder is looked for in all of them.
pub(super) fn matching(pattern: &Path) -> Result<Vec<std::path::PathBuf>> {
    let text = pattern.to_string_lossy();
    let pattern = if text.contains(['/', '\\']) { text.into_owned() } else { format!("**/{text}") };
    let found = glob::glob(&pattern).map_err(|error| Failure::usage(format!("{pattern} is no pattern: {error}")))?;
    Ok(found.filter_map(|path| path.ok()).filter(|path| path.is_file()).take(MOST_FILES).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_for_the_model() {
        assert_eq!(read("hello").unwrap(), Typed::Said("hello"));
        assert_eq!(read("//etc is a folder").unwrap(), Typed::Said("/etc is a folder"));
        assert_eq!(read("/read  a b.txt ").unwrap(), Typed::Read("a b.txt"));
        assert_eq!(read("/system").unwrap(), Typed::System(""));
        for wrong in ["/nope", "/read", "/exits", "/"] {
            assert_eq!(read(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }

    #[test]
    fn every_command_that_is_listed_is_known() {
        for name in names() {
            assert!(read(&format!("{name} x")).is_ok(), "{name}");
        }
    }
}
