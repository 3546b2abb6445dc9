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
//! - **Asserts.** `GGML_ASSERT` and `GGML_ABORT` call `abort()`. What they check is checked before the call: see the tables.
//!   One that fails all the same throws, from ggml's abort callback, an exception that the guard of the call catches
//!   (`shim/assert.cpp`): the result is [`Error::Asserted`], and a [`Context`] in which it happened is [`Error::Broken`]
//!   from then on, and leaked.
//! - **Stack overflows.** Recursive parts get a bound (grammars, templates) or a stack of the size they need (tokenization).
//!
//! Two more have walls of their own: null pointers where a model lacks a tensor (`shim/missing_tensors.cpp`), and templates,
//! which are programs (`shim/template_limits.cpp`).
//!
//! # What llama.cpp asserts of a call's inputs, and where it is checked
//!
//! | assert in llama.cpp | check | test |
//! |---|---|---|
//! | batch: `n_tokens > 0`, `n_tokens <= n_batch`, `n_ubatch >= n_tokens` if attention is not causal | `Context::check_batch` | `context.rs`: `batches_that_llama_cpp_would_assert_on_are_refused` |
//! | outputs: `n_outputs_max <= cparams.n_outputs_max` | `Context::check_batch`; the shim sets it to `n_seq_max` | the same, and `more_sequences_than_a_batch_has_tokens` |
//! | tokens: `id_to_token.at(id)`, rows of the embedding | `Vocab::check_token` | `model.rs`: `numbers_that_are_no_tokens_are_refused` |
//! | sequences: `seq_id < seq_to_stream.size()`, arrays of `LLAMA_MAX_SEQ` | `check_sequence` | `context.rs`: `sequences_share_and_forget` |
//! | `seq_cp`: whole buffers between streams; whole sequences with DeepSeek 4 | `kv_unified` is always on; `Context::seq_cp` | `memory.rs`: `where_the_memory_is_a_state_parts_are_refused_…` |
//! | `seq_add` and the shift after it: `get_can_shift()`, `n_pos_per_embd() == 1` | `Context::seq_add` | the same; `shifting_a_sequence_leaves_…` (that it works where it may) |
//! | states: `seq_id < seq_to_stream.size()`, cells where they were put | `check_sequence`; only what `state_seq_get` wrote | `a_state_that_does_not_fit_is_refused_…` |
//! | logits: `logits != nullptr` in `common_sampler`, `GGML_ABORT` in builds with asserts | `Context::check_output` | `sampler.rs`: `indices_without_logits_are_refused` |
//! | context: sizes that wrap when rounded up, `n_threads > 0`, `GGML_MAX_N_THREADS` | `check` in `context.rs` | `context.rs`: `contexts_that_llama_cpp_would_assert_on_are_refused` |
//! | a model without decoder, with encoder, or without weights | the same | the same, for the last |
//! | a model without memory, whose decode is an encode with asserts of its own | `Context::new` | `a_model_that_only_embeds_gets_no_window` |
//! | `get_rows` of positions that the model has not learned | `Context::n_ctx`, `Context::check_batch` | – (no tiny model has learned positions) |
//! | rope: a logarithm of 1, a division by `1 - ln(scale) / 10` | `Rope::check` | `load_params.rs`: `positions_that_cannot_be_computed_are_refused` |
//! | devices and buffer types that are null | `ModelParams::check` | `load_params.rs`: `devices_that_are_not_there_are_named`, `tensors_go_where_they_are_told` |
//! | KV types: `ne % blck_size == 0` in `ggml_row_size` | the same | `every_cache_type_either_works_or_is_refused` |
//! | thread pool: `pthread_create` returned 0 | `check_can_spawn` | `host.rs`, with too small an address space |
//! | (no assert, but words on stderr) thread pool: processors and priorities that the system refuses | `Placement::apply` | `placement.rs` |
//! | tokenization: a vocabulary; `special_bos_id != LLAMA_TOKEN_NULL` and its kind | `Vocab::check_has_tokenizer`, `check_special_tokens` | `tests/mutation` (tokenizer kinds, special tokens) |
//! | `unknown mirostat version` | `SamplerParams::check` | `sampler.rs` (unit): `refuses_values_that_llama_cpp_would_assert_or_choke_on` |
//! | `cur_p->size > 0`, `no selected token` | `SamplerParams::check`; not-a-number logits are refused | `strange_parameters_still_choose_a_token` |
//! | grammar: an end token before the grammar's end; `!stacks.empty()` after a token it does not allow | the guard grammar in `shim/sampler.cpp` | `tokens_outside_the_grammar_are_refused_and_change_nothing`, `a_grammar_that_no_token_continues_is_an_error` |
//! | grammar: `!stacks.empty()` for rules that never reach a character | left recursion through empty rules, `shim/grammar.cpp` | `malformed_grammars_say_what_is_wrong` |
//! | grammar: a repetition whose end is below its beginning (an endless loop) | `check_repetition` in `shim/grammar.cpp` | the same |
//! | template: `model != nullptr`, `template_default != nullptr` | types | – |
//! | the rest of what is called (`llama_model_*`, `llama_vocab_*` and `llama_n_*` read numbers of living objects; `llama_free`, `llama_model_free`) | types: no call without the object | – |
//!
//! # What llama.cpp asserts, divides by or walks into of a model file, and where it is checked
//!
//! In [`gguf`], before llama.cpp sees the file; the tests are in `tests/gguf`.
//!
//! | assert or crash | check | test |
//! |---|---|---|
//! | structure: limits of `gguf.cpp`, names, alignment, offsets, overflow, past the end | `File::read`, `tensors::{read, place, size}` | `broken_headers_…`, `broken_keys_…`, `broken_tensors_are_refused`, `every_beginning_of_a_file_is_refused` |
//! | memory that metadata asks for: header, tokens, merges, `vocab_size` | `Reader::claim`, `check_count`, `check_dummies` | `only_files_are_opened`, `vocabularies_that_llama_cpp_dies_of_are_refused` |
//! | `id_to_token.size() == token_to_id.size()` | `check_different` | the same |
//! | `token_to_byte` (WPM), `substr` | `check_has_no_bytes`, `check_bytes_are_spelled_out` | the same, `each_kind_of_tokenizer_has_its_own_rules` |
//! | RWKV's endless loop, recursion of its trie, PLaMo 2's suffixes, the map of characters | `check_every_begin_is_a_token`, `check_fits_tree`, `check_suffixes`, `check_charsmap` | the same |
//! | `n_layer_all`, next-token layers, shared KV | `check_sizes` | `impossible_sizes_are_refused` |
//! | experts: every assert, `n_ff / n_expert_used`, gating | `check_experts`, `check_expert_groups`, `check_enums` | `impossible_experts_are_refused` |
//! | rope: scaling, sections, a rope of 0 (an endless loop); `n_head % n_head_kv` | `check_rope`, `check_sections`, `check_heads`, `check_widths` | `impossible_heads_and_ropes_are_refused` |
//! | divisions by zero (SIGFPE) and asserts of single architectures | `families::check` | `what_llama_cpp_divides_by_or_asserts_is_checked` |
//! | `eps >= 0` on compute threads; pooling | `check_epsilons`, `check_enums` | the same |
//! | types that cannot be computed with (null `vec_dot`, `binary_op`) | `check_weights` | `weights_must_be_of_a_type_that_can_be_computed` |
//! | `TENSOR_ALIGNMENT` | `may_be_mapped` | `a_file_of_small_alignment_is_read_instead_of_mapped` |
//! | numbers of the parts of a split model | `parts::others` | `models_in_parts_load_and_each_part_is_checked` |
//! | a null tensor that a graph uses (SIGSEGV) | `shim/missing_tensors.cpp` | `tests/mutation/regressions/missing_tensor_*` |
//! | what else a graph asserts of its shapes | `shim/assert.cpp`, after the fact | `ffi.rs`: `a_failed_assert_…`; `tests/mutation` |
//!
//! # What remains
//!
//! - Null tensors that a graph reads by itself, without an operation of ggml, and whatever else nobody has found.
//! - An assert that fails in one of several compute threads and not in the others: they wait for it for ever.
//! - `check_tensors` on a file with broken values writes a line to stderr besides its error (`ggml_validate_row_data`).
//! - A saved state with changed numbers inside it: `chaku` keeps a checksum beside each.
//! - Memory: a window of any size is asked of the system, which may grant more than it has. (`chaku` compares before.)

mod abort;
mod answer;
pub mod backend;
mod batch;
mod chat_template;
mod context;
mod context_params;
mod device;
mod error;
mod ffi;
pub mod gguf;
mod kv_override;
mod log;
mod memory;
mod model;
mod model_params;
mod placement;
mod plan;
mod rope;
mod sampler;
mod stack;
mod state;
mod threadpool;
mod vocab;

pub use answer::AnswerReader;
pub use batch::Batch;
pub use chat_template::{ChatTemplates, Rendered, TemplateLimits};
pub use context::{Context, Decoded};
pub use context_params::{CacheType, ContextParams, FlashAttn};
pub use device::{Device, DeviceKind, devices};
pub use error::Error;
pub use gguf::{KvOverride, KvValue};
pub use model::Model;
pub use model_params::{LazyMode, LoadMode, ModelParams, SplitMode, check_pattern};
pub use placement::{Placement, ThreadPriority};
pub use plan::{DeviceMemory, DevicePlan, Plan, Planner};
pub use rope::{Rope, RopeScaling};
pub use sampler::{Sampler, SamplerParams};
pub use vocab::Vocab;

/// A token: a number below [`Vocab::n_tokens`].
pub type Token = i32;
/// A position in a sequence.
pub type Pos = i32;
/// A sequence: a number below [`ContextParams::n_seq_max`].
pub type SeqId = i32;
