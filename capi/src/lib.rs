//! chaku's C ABI: every `extern "C"` function looks handles up, converts, calls the core and writes outputs.
//!
//! | file | what it holds |
//! |---|---|
//! | `types` | the opaque C types |
//! | `error`, `options`, `option`, `buffer`, `version`, `device`, `runtime`, `model`, `token`, `session`, `saved`, `chat`, `request`, `event`, `metrics`, `plan` | the exported functions, a file for each part of `chaku.h` |
//! | `callback` | the callback types, `user_data` and its destructor, what is allowed inside a callback |
//! | `handle`, `table` | handles that are not addresses |
//! | `guard`, `quiet` | the wall against panics, and their silence |
//! | `fork` | what a child process is told |
//! | `text`, `time`, `out` | conversions |
//!
//! The doc comments of exported items become the comments of `chaku.h`, so they speak to C programmers. They are the
//! contract each function relies on: every pointer has one of the words *borrowed*, *copied*, *consumed*, *returns
//! owned*, *valid until*, and every function has its thread class. Tests hold both.
#![allow(non_camel_case_types, reason = "C's names")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the ownership words are the contract, and a heading would show in the C header"
)]

mod buffer;
mod callback;
mod chat;
mod device;
mod error;
mod event;
mod fork;
mod guard;
mod handle;
mod metrics;
mod model;
mod option;
mod options;
mod out;
mod plan;
mod quiet;
mod request;
mod runtime;
mod saved;
mod session;
mod table;
mod text;
mod time;
mod token;
mod tools;
mod types;
mod version;

pub use buffer::*;
pub use callback::{
    chaku_destroy_callback, chaku_event_callback, chaku_log_callback, chaku_ready_callback, chaku_tool_callback,
};
pub use chat::*;
pub use device::*;
pub use error::*;
pub use event::*;
pub use metrics::*;
pub use model::*;
pub use option::*;
pub use options::*;
pub use plan::*;
pub use request::*;
pub use runtime::*;
pub use saved::*;
pub use session::*;
pub use token::*;
pub use tools::*;
pub use types::*;
pub use version::*;
