//! The `chaku` program: what llama.app's command line does, on the library.
//!
//! `args` knows the flags and what they come to, `commands` has a file for each command, and `repl` is the conversation on a
//! terminal. The standard output belongs to answers; everything else is said on the standard error.

#![forbid(unsafe_code)]

mod answer;
mod args;
mod commands;
mod failure;
mod interrupt;
mod model_source;
mod output;
mod preset;
mod prompt;
mod repl;
mod saved;
mod terminal;
mod tools;
mod transcript;
mod turn;

use std::process::ExitCode;

use failure::{Failure, Result};

fn main() -> ExitCode {
    let Err(failure) = run() else { return ExitCode::SUCCESS };
    if let Some(message) = failure.message() {
        terminal::complain(None, message);
    }
    let told = interrupt::told().filter(|_| failure.code() == failure::exit::INTERRUPTED);
    interrupt::leave(told.unwrap_or(failure.code()))
}

fn run() -> Result<()> {
    interrupt::install();
    let argv = std::env::args_os().skip(1).map(|word| {
        word.into_string()
            .map_err(|word| Failure::usage(format!("an argument is not UTF-8: {}", word.to_string_lossy())))
    });
    commands::run(args::parse(argv.collect::<Result<_>>()?)?)
}
