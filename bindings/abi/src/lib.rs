//! chaku's C ABI as safe Rust types.
//!
//! The language modules use these types and nothing else of chaku, so that they stand on exactly what a C program gets,
//! and need no unsafe code of their own. Each type owns one handle and frees it when dropped; every method is one call
//! of the function named alike in `chaku.h`, which is the contract.
//!
//! | file | what it holds |
//! |---|---|
//! | `c` | the one way to the C functions |
//! | `call` | from code and error object to [`Result`] |
//! | `callback` | closures as callbacks |
//! | `constructor` | a macro for code that runs when a module is loaded |
//! | `text` | text to C and from C |
//! | `error`, `options`, `buffer`, `runtime`, `model`, `session`, `request`, `event`, `build` | the types, and what `chaku.h` has in the sections of these names |

mod buffer;
mod build;
mod c;
mod call;
mod callback;
mod constructor;
mod error;
mod event;
mod handle;
mod model;
mod options;
mod request;
mod runtime;
mod session;
mod text;

pub use buffer::Buffer;
pub use build::{Device, backends, build_info, check_abi, devices, has_feature, version};
pub use error::{Error, Result};
pub use event::{Event, EventKind, FinishReason, Timings, TopLogprob, Usage};
pub use model::{Model, SpecialToken};
pub use options::{OptionInfo, OptionKind, Options, Value, option_kind, option_table};
pub use request::Request;
pub use runtime::{LogLevel, Runtime};
pub use session::Session;
