//! chaku: an embeddable LLM inference runtime over llama.cpp.
//!
//! ```no_run
//! use chaku::{Event, Options, Runtime};
//!
//! let model = Runtime::default_runtime().load_blocking("model.gguf".as_ref(), &Options::new())?;
//! let session = model.session(&Options::new())?;
//! let request = session.chat("What is a llama?", &Options::new())?;
//! let end = request.run(|event| {
//!     if let Event::Text(text) = event {
//!         print!("{}", text.text);
//!     }
//!     true
//! })?;
//! println!("\n{} tokens", end.usage.completion_tokens);
//! # Ok::<(), chaku::Error>(())
//! ```
//!
//! A Rust program that returns from `main` while a model still works should [`Model::close`] it first, or be linked
//! with `-Wl,--wrap=__cxa_atexit`, as libchaku is: llama.cpp's static objects are destroyed at exit otherwise, under the
//! feet of the model's threads.
//!
//! A [`Runtime`] loads a [`Model`]; a model has [`Session`]s; a session starts a [`Request`]; a request yields
//! [`Event`]s, of which exactly one is final. `ARCHITECTURE.md` tells the rest.

#![forbid(unsafe_code)]

mod answer;
mod chat;
mod clock;
mod constraint;
mod content;
mod delivery;
mod device;
mod error;
mod event;
mod event_queue;
#[cfg(test)]
mod event_queue_tests;
mod facts;
mod fingerprint;
pub mod hub;
mod log;
mod logit_bias;
mod logits;
mod logprobs;
mod message;
mod model;
mod model_file;
pub mod options;
mod places;
mod priority;
mod prompt;
mod request;
mod restore;
mod runtime;
mod sampling;
mod saved;
mod session;
mod sync;
mod terms;
mod text;
mod thinking;
mod timeline;
mod tool_loop;
mod tools;

pub use chaku_llama::Token;
pub use device::{Device, DeviceKind, backends, devices};
pub use error::{Code, Error, Reason, Result};
pub use event::{
    Event, Final, FinishReason, Phase, Progress, Text, Timings, ToolCallArguments, ToolCallStart, TopLogprob, Usage,
};
pub use log::{LogLevel, LogRecord};
pub use logits::Logits;
pub use message::{ChatMessage, Role, ToolCall};
pub use model::{Model, SpecialToken};
pub use model_file::ModelFile;
pub use options::Options;
pub use request::Request;
pub use runtime::{DevicePlan, Metrics, Plan, Runtime};
pub use session::Session;
pub use timeline::Timeline;

/// What llama.cpp says of itself: version and CPU features in use.
pub fn llama_info() -> String {
    format!("{} ({})", chaku_llama::backend::llama_version(), chaku_llama::backend::system_info())
}

/// Handles may be used from any thread.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Runtime>();
    shared::<Model>();
    shared::<Session>();
    shared::<Request>();
    shared::<Event>();
    shared::<Error>();
    shared::<Options>();
};
