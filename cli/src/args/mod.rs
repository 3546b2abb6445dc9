//! What the user said: the flags there are, the command line, and what both make together with files and environment.

mod argv;
mod command;
mod elsewhere;
mod escapes;
mod flags;
mod settings;

pub(crate) use command::{Given, command, parse};
pub(crate) use flags::host_keys;
pub(crate) use settings::{Settings, read_text};
