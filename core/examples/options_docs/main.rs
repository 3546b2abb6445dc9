//! Writes `docs/options.md` and `docs/options.schema.json` from the table of options; with `--check`, only says whether
//! they are as they should be: `cargo run --release -p chaku --example options_docs`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the command line")]

mod markdown;
mod schema;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (file, text) in [("options.md", markdown::page()), ("options.schema.json", schema::text())] {
        let path = folder.join(file);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            eprintln!("docs/{file} is out of date: run `make options`");
            return ExitCode::FAILURE;
        }
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("docs/{file}: {error}");
            return ExitCode::FAILURE;
        }
        println!("wrote docs/{file}");
    }
    ExitCode::SUCCESS
}
