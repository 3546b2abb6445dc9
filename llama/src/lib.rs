//! Typed, guarded access to llama.cpp.
//!
//! The only crate that names `llama_cpp_sys_2`, and the only one below the C ABI with unsafe code. One module for each
//! concept; a value of each type keeps what it needs alive.

mod abort;
pub mod backend;
mod batch;
mod chat_template;
mod context;
mod device;
mod error;
mod ffi;
mod log;
mod model;
mod sampler;
mod threadpool;
mod vocab;

pub use batch::Batch;
pub use chat_template::{ChatTemplates, Message, Rendered};
pub use context::{CacheType, Context, ContextParams, Decoded, FlashAttn};
pub use device::{Device, DeviceKind, devices};
pub use error::Error;
pub use model::{Model, ModelParams};
pub use sampler::{Sampler, SamplerParams};
pub use vocab::Vocab;

/// A token: a number below [`Vocab::n_tokens`].
pub type Token = i32;
/// A position in a sequence.
pub type Pos = i32;
/// A sequence: a number below [`ContextParams::n_seq_max`].
pub type SeqId = i32;
