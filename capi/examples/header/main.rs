//! Writes `include/chaku.h` and `capi/abi/symbols.txt` from the sources of this crate; with `--check`, only says
//! whether they are as they should be.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the command line")]

mod generate;
mod nullability;

use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    for (path, text) in generate::files() {
        let path = generate::workspace().join(path);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            eprintln!("{} is out of date: run `make header`", path.display());
            return ExitCode::FAILURE;
        }
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("wrote {}", path.display());
    }
    ExitCode::SUCCESS
}
