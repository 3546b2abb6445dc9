//! `version`, `licenses` and `completions`: what the program says of itself.

use std::io;

use clap::Command;
use clap_complete::Shell;

use crate::args::Given;
use crate::failure::{Failure, Result};
use crate::terminal::print;

pub(super) fn version() -> Result<()> {
    let text = format!(
        "chaku {}\nllama.cpp {}\nbackends: {}\n",
        env!("CARGO_PKG_VERSION"),
        chaku::llama_info(),
        chaku::backends().join(", ")
    );
    Ok(print(&text)?)
}

pub(super) fn licenses() -> Result<()> {
    let text = format!(
        "chaku is licensed under either of the following two licences, at your choice. It contains llama.cpp and ggml \
         (MIT, Copyright (c) 2023-2026 The ggml authors), and Rust crates under MIT, Apache-2.0 and licences alike.\n\n\
         {}\n\n{}",
        include_str!("../../../LICENSE-MIT"),
        include_str!("../../../LICENSE-APACHE")
    );
    Ok(print(&text)?)
}

pub(super) fn completions(given: &Given, mut command: Command) -> Result<()> {
    let name = given.words.first().map_or("", String::as_str);
    let shell: Shell = name
        .parse()
        .map_err(|_| Failure::usage(format!("a shell is bash, elvish, fish, powershell or zsh, not `{name}`")))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "chaku", &mut script);
    let text = String::from_utf8(script).map_err(|error| Failure::from(io::Error::other(error)))?;
    Ok(print(&text)?)
}
