//! What the program does: one file a command.

mod about;
mod bench;
mod chat;
mod complete;
mod config;
mod devices;
mod download;
mod info;
mod models;
mod tokenize;

pub(crate) use chat::open as open_session;

use crate::args::{Given, Settings, command};
use crate::failure::{Failure, Result};

/// Runs what was asked for.
pub(crate) fn run(given: Given) -> Result<()> {
    match given.command.as_str() {
        "version" => return about::version(),
        "licenses" => return about::licenses(),
        "completions" => return about::completions(&given, command(None)),
        _ => {}
    }
    let name = given.command.clone();
    let settings = Settings::read(given)?;
    match name.as_str() {
        "cli" => chat::run(&settings),
        "complete" => complete::run(&settings),
        "info" => info::run(&settings),
        "devices" => devices::run(&settings),
        "tokenize" => tokenize::run(&settings),
        "bench" => bench::run(&settings),
        "config" => config::run(&settings),
        "download" => download::run(&settings),
        "models" => models::run(&settings),
        other => Err(Failure::usage(format!("there is no command `{other}`"))),
    }
}
