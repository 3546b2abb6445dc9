//! Typed, guarded access to llama.cpp.
//!
//! The only crate that names `llama_cpp_sys_2`, and the only one below the C ABI with unsafe code. One module for each
//! concept; a value of each type keeps alive what it needs.
//!
//! llama.cpp ends a process in three ways, and this crate stands in front of each:
//!
//! - **Exceptions.** Whatever can throw is called through `shim/`, which catches everything and returns a status and the
//!   exception's words. Panics in callbacks go the other way: they are caught before they reach C++, and continue when the
//!   call has returned.
//! - **Asserts.** `GGML_ASSERT` and `GGML_ABORT` call `abort()`. What they check is checked before the call: see the table.
//! - **Stack overflows.** Recursive parts get a bound (grammars) or a stack of the size they need (tokenization).
//!
//! # What llama.cpp asserts, and where it is checked
//!
//! For the inputs of this crate's calls. What a model *file* can reach is not here: only load files you trust.
//!
//! | assert in llama.cpp | check | test |
//! |---|---|---|
//! | batch: `n_tokens > 0`, `n_tokens <= n_batch`, `n_ubatch >= n_tokens` if attention is not causal | `Context::check_batch` | `context.rs`: `batches_that_llama_cpp_would_assert_on_are_refused` |
//! | outputs: `n_outputs_max <= cparams.n_outputs_max` | `Context::check_batch`; the shim sets it to `n_seq_max` | the same, and `more_sequences_than_a_batch_has_tokens` |
//! | tokens: `id_to_token.at(id)`, rows of the embedding | `Vocab::check_token` | `model.rs`: `numbers_that_are_no_tokens_are_refused` |
//! | sequences: `seq_id < seq_to_stream.size()`, arrays of `LLAMA_MAX_SEQ` | `check_sequence` | `context.rs`: `sequences_share_and_forget` |
//! | `seq_cp`: whole buffers between streams; whole sequences with DeepSeek 4 | `kv_unified` is always on; `Context::seq_cp` | `sequences_share_and_forget` |
//! | `seq_add` and the shift in the next decode: `get_can_shift()`, `n_pos_per_embd() == 1` | `Context::seq_add` | `sequences_share_and_forget` (that it works where it may) |
//! | logits: `logits != nullptr` in `common_sampler`, `GGML_ABORT` in builds with asserts | `Context::check_output` | `sampler.rs`: `indices_without_logits_are_refused` |
//! | context: sizes that wrap when rounded up, `n_threads > 0`, `GGML_MAX_N_THREADS` | `check` in `context.rs` | `context.rs`: `contexts_that_llama_cpp_would_assert_on_are_refused` |
//! | a model without decoder, with encoder, or without weights | the same | the same, for the last |
//! | KV types: `ne % blck_size == 0` in `ggml_row_size` | the same | `every_cache_type_either_works_or_is_refused` |
//! | thread pool: `pthread_create` returned 0 | `check_can_spawn` | `host.rs`, with too small an address space |
//! | tokenization: a vocabulary; `special_bos_id != LLAMA_TOKEN_NULL` and its kind | `Vocab::check_has_tokenizer`, `check_special_tokens` | needs a model file made for it |
//! | `unknown mirostat version` | `SamplerParams::check` | `sampler.rs` (unit): `refuses_values_that_llama_cpp_would_assert_or_choke_on` |
//! | `cur_p->size > 0`, `no selected token` | `SamplerParams::check`; not-a-number logits are refused | `strange_parameters_still_choose_a_token` |
//! | grammar: an end token before the grammar's end; `!stacks.empty()` after a token it does not allow | the guard grammar in `shim/sampler.cpp` | `tokens_outside_the_grammar_are_refused_and_change_nothing`, `a_grammar_that_no_token_continues_is_an_error` |
//! | grammar: `!stacks.empty()` for rules that never reach a character | left recursion through empty rules, `shim/grammar.cpp` | `malformed_grammars_say_what_is_wrong` |
//! | template: `model != nullptr`, `template_default != nullptr` | types | – |
//!
//! # What remains
//!
//! - A chat template is a program: it can recurse without end or run for ever.
//! - `check_tensors` on a file with broken values writes a line to stderr besides its error (`ggml_validate_row_data`).
//! - Memory: a window of any size is asked of the system, which may grant more than it has.

mod abort;
pub mod backend;
mod batch;
mod chat_template;
mod context;
mod device;
mod error;
mod ffi;
pub mod gguf;
mod log;
mod model;
mod sampler;
mod stack;
mod threadpool;
mod vocab;

pub use batch::Batch;
pub use chat_template::{ChatTemplates, Message, Rendered, TemplateLimits};
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
