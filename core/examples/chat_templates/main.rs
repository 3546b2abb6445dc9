//! What works with the chat templates of many families: a table, in `docs/chat-templates.md`.
//!
//! `chat_templates FOLDER [--check]`: FOLDER is made by `tests/templates/families.sh` and has llama.cpp's `templates/*.jinja`, its
//! `expectations.json` of what answers mean, and `markers.gguf`, a model without sense whose control tokens are those of all of
//! them. With `--check` the table must be the one that is there.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the command line")]

mod answers;
mod chats;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use answers::Expectations;
use table::Row;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: chat_templates FOLDER [--check]");
        return ExitCode::FAILURE;
    };
    let check = arguments.next().as_deref() == Some("--check");
    let expectations = Expectations::read(&folder.join("expectations.json"));
    let model = folder.join("markers.gguf");
    let rows: Vec<Row> = templates(&folder).iter().map(|path| row(path, &model, &expectations)).collect();
    let text = table::text(&rows, expectations.not_read);
    print!("{text}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/chat-templates.md");
    if !check {
        std::fs::write(&page, text).expect("docs/ can be written");
    } else if std::fs::read_to_string(&page).unwrap_or_default() != text {
        eprintln!(
            "docs/chat-templates.md says something else; look at the difference, then run tests/templates/families.sh --write"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn templates(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("templates")).expect("the templates are there");
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jinja"));
    paths.sort_by_key(|path| path.file_name().map(|name| name.to_string_lossy().to_lowercase()));
    paths
}

fn row(path: &Path, model: &Path, expectations: &Expectations) -> Row {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let source = std::fs::read_to_string(path).expect("a template is UTF-8");
    let answers = answers::check(model, &source, expectations.of(&name));
    let chats = chats::check(model, path, &source);
    Row { name: name.trim_end_matches(".jinja").to_owned(), answers, chats }
}
