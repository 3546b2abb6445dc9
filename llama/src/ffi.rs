//! The shim's functions (`shim/chaku_llama.h`, in the same order) and how their results become Rust values.

use std::ffi::{c_char, c_void};

pub(crate) use llama_cpp_sys_2::{
    ggml_threadpool, llama_context, llama_logit_bias, llama_model, llama_model_kv_override, llama_token_data,
    llama_vocab,
};

use crate::{Error, Pos, SeqId, Token, log};

pub(crate) const OK: i32 = 0;
pub(crate) const ASSERTED: i32 = 3;
pub(crate) const THREW: i32 = 1;

/// Bytes that the shim allocated.
///
/// Invariant: `data` is null or points to `len` bytes that [`chaku_llama_text_free`] releases.
#[repr(C)]
pub(crate) struct Text {
    data: *mut c_char,
    len: usize,
}

impl Text {
    pub(crate) const fn empty() -> Self {
        Self { data: std::ptr::null_mut(), len: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.data.is_null() {
            return &[];
        }
        // SAFETY: by the invariant `data` points to `len` initialised bytes, which live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.data.cast(), self.len) }
    }

    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: by the invariant; nothing uses the bytes after this.
        unsafe { chaku_llama_text_free(Text { data: self.data, len: self.len }) };
    }
}

/// What became of a guarded call that was not stopped by an exception.
pub(crate) enum Outcome {
    Done,
    /// llama.cpp said no; the words are the shim's, or else what llama.cpp logged.
    Refused(String),
}

/// Makes one guarded call. `body` gets the place for the error text and returns the status.
pub(crate) fn call(name: &'static str, body: impl FnOnce(*mut Text) -> i32) -> Result<Outcome, Error> {
    let (status, words) = make(body);
    match status {
        OK => Ok(Outcome::Done),
        ASSERTED => Err(Error::Asserted { call: name, message: words }),
        THREW => Err(Error::Threw { call: name, message: words }),
        _ => Ok(Outcome::Refused(words)),
    }
}

/// A guarded call that is not refused.
pub(crate) fn run(name: &'static str, body: impl FnOnce(*mut Text) -> i32) -> Result<(), Error> {
    run_logged(name, body).map(drop)
}

/// The same, for a call that reports failure in its own way: returns what llama.cpp logged as errors meanwhile.
pub(crate) fn run_logged(name: &'static str, body: impl FnOnce(*mut Text) -> i32) -> Result<String, Error> {
    match make(body) {
        (OK, words) => Ok(words),
        (ASSERTED, words) => Err(Error::Asserted { call: name, message: words }),
        (_, words) => Err(Error::Threw { call: name, message: words }),
    }
}

/// The status, and the words: the shim's, or else what llama.cpp logged as errors on this thread during the call.
fn make(body: impl FnOnce(*mut Text) -> i32) -> (i32, String) {
    let mut error = Text::empty();
    let (status, logged) = log::collect_errors(|| body(&raw mut error));
    match error.as_bytes() {
        [] => (status, logged),
        _ => (status, error.to_text()),
    }
}

pub(crate) type LogFn = extern "C" fn(level: i32, text: *const c_char, user_data: *mut c_void);
pub(crate) type AbortFn = extern "C" fn(message: *const c_char);
pub(crate) type ProgressFn = extern "C" fn(progress: f32, user_data: *mut c_void) -> bool;
pub(crate) type ShouldAbortFn = extern "C" fn(user_data: *mut c_void) -> bool;

#[repr(C)]
pub(crate) struct Device {
    pub(crate) name: *const c_char,
    pub(crate) description: *const c_char,
    pub(crate) backend: *const c_char,
    pub(crate) kind: i32,
    pub(crate) memory_free: u64,
    pub(crate) memory_total: u64,
}

#[repr(C)]
pub(crate) struct ModelParams {
    pub(crate) gpu_layers: i32,
    pub(crate) load_mode: i32,
    pub(crate) lazy_mode: i32,
    pub(crate) split_mode: i32,
    pub(crate) main_gpu: i32,
    pub(crate) tensor_split: *const f32,
    pub(crate) devices: *const *const c_char,
    pub(crate) n_devices: usize,
    pub(crate) patterns: *const *const c_char,
    pub(crate) buffers: *const *const c_char,
    pub(crate) n_patterns: usize,
    pub(crate) kv_overrides: *const llama_model_kv_override,
    pub(crate) repack: bool,
    pub(crate) no_host: bool,
    pub(crate) check_tensors: bool,
    pub(crate) vocab_only: bool,
    pub(crate) no_alloc: bool,
}

#[repr(C)]
pub(crate) struct ContextParams {
    pub(crate) n_ctx: u32,
    pub(crate) n_batch: u32,
    pub(crate) n_ubatch: u32,
    pub(crate) n_seq_max: u32,
    pub(crate) threads: i32,
    pub(crate) threads_batch: i32,
    pub(crate) flash_attn: i32,
    pub(crate) type_k: i32,
    pub(crate) type_v: i32,
    pub(crate) offload_kv: bool,
    pub(crate) offload_ops: bool,
    pub(crate) rope: Rope,
}

#[repr(C)]
pub(crate) struct Rope {
    pub(crate) scaling: i32,
    pub(crate) freq_base: f32,
    pub(crate) freq_scale: f32,
    pub(crate) yarn_ext_factor: f32,
    pub(crate) yarn_attn_factor: f32,
    pub(crate) yarn_beta_fast: f32,
    pub(crate) yarn_beta_slow: f32,
    pub(crate) yarn_orig_ctx: u32,
}

#[repr(C)]
pub(crate) struct DeviceMemory {
    pub(crate) name: *const c_char,
    pub(crate) kind: i32,
    pub(crate) model: u64,
    pub(crate) context: u64,
    pub(crate) compute: u64,
}

#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct SamplerParams {
    pub(crate) seed: u32,
    pub(crate) temperature: f32,
    pub(crate) top_k: i32,
    pub(crate) top_p: f32,
    pub(crate) min_p: f32,
    pub(crate) typical_p: f32,
    pub(crate) top_n_sigma: f32,
    pub(crate) repeat_penalty: f32,
    pub(crate) repeat_last_n: i32,
    pub(crate) presence_penalty: f32,
    pub(crate) frequency_penalty: f32,
    pub(crate) dry_multiplier: f32,
    pub(crate) dry_base: f32,
    pub(crate) dry_allowed_length: i32,
    pub(crate) dry_penalty_last_n: i32,
    pub(crate) xtc_probability: f32,
    pub(crate) xtc_threshold: f32,
    pub(crate) dynatemp_range: f32,
    pub(crate) dynatemp_exponent: f32,
    pub(crate) mirostat: i32,
    pub(crate) mirostat_lr: f32,
    pub(crate) mirostat_ent: f32,
    pub(crate) adaptive_target: f32,
    pub(crate) adaptive_decay: f32,
    pub(crate) ignore_eos: bool,
    pub(crate) reasoning_budget: i32,
}

#[repr(C)]
pub(crate) struct TemplateLimits {
    pub(crate) bytes: u64,
    pub(crate) stack: usize,
    pub(crate) stop: extern "C" fn(user_data: *mut c_void) -> bool,
    pub(crate) user_data: *mut c_void,
}

/// A `common_sampler` and its grammar guard; only ever behind a pointer.
#[repr(C)]
pub(crate) struct Sampler {
    _opaque: [u8; 0],
}

/// A `common_chat_templates`; only ever behind a pointer.
#[repr(C)]
pub(crate) struct Templates {
    _opaque: [u8; 0],
}

/// A reader of answers; only ever behind a pointer.
#[repr(C)]
pub(crate) struct Answer {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn chaku_llama_text_free(text: Text);

    pub(crate) fn chaku_llama_backend_init(log: LogFn, on_abort: AbortFn, error: *mut Text) -> i32;
    pub(crate) fn chaku_llama_device_count() -> usize;
    pub(crate) fn chaku_llama_device_get(index: usize, out: *mut Device, error: *mut Text) -> i32;

    #[cfg(test)]
    pub(crate) fn chaku_llama_assert_on_purpose(n_threads: i32, error: *mut Text) -> i32;

    pub(crate) fn chaku_llama_model_load(
        path: *const c_char,
        params: *const ModelParams,
        progress: ProgressFn,
        user_data: *mut c_void,
        out: *mut *mut llama_model,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_tensor_buffer_check(
        pattern: *const c_char,
        buffer: *const c_char,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_model_positions(model: *const llama_model) -> u32;
    pub(crate) fn chaku_llama_model_cache_types_fit(model: *const llama_model, type_k: i32, type_v: i32) -> bool;
    pub(crate) fn chaku_llama_model_cache_sizes(
        model: *const llama_model,
        type_k: i32,
        type_v: i32,
        position: *mut u64,
        sequence: *mut u64,
    );
    pub(crate) fn chaku_llama_tokenize(
        vocab: *const llama_vocab,
        text: *const c_char,
        text_len: i32,
        tokens: *mut Token,
        capacity: i32,
        add_special: bool,
        parse_special: bool,
        count: *mut i32,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_token_to_piece(
        vocab: *const llama_vocab,
        token: Token,
        buffer: *mut c_char,
        capacity: i32,
        special: bool,
        count: *mut i32,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_detokenize(
        vocab: *const llama_vocab,
        tokens: *const Token,
        n_tokens: i32,
        buffer: *mut c_char,
        capacity: i32,
        remove_special: bool,
        unparse_special: bool,
        count: *mut i32,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_token_attr(
        vocab: *const llama_vocab,
        token: Token,
        attr: *mut i32,
        error: *mut Text,
    ) -> i32;

    pub(crate) fn chaku_llama_context_new(
        model: *mut llama_model,
        params: *const ContextParams,
        should_abort: ShouldAbortFn,
        user_data: *mut c_void,
        out: *mut *mut llama_context,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_decode(
        context: *mut llama_context,
        n_tokens: i32,
        tokens: *const Token,
        positions: *const Pos,
        sequences: *const SeqId,
        outputs: *const i8,
        result: *mut i32,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_seq_rm(
        context: *mut llama_context,
        seq: SeqId,
        p0: Pos,
        p1: Pos,
        removed: *mut bool,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_seq_cp(
        context: *mut llama_context,
        from: SeqId,
        to: SeqId,
        p0: Pos,
        p1: Pos,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_seq_add(
        context: *mut llama_context,
        seq: SeqId,
        p0: Pos,
        p1: Pos,
        delta: Pos,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_memory_clear(context: *mut llama_context, error: *mut Text) -> i32;
    pub(crate) fn chaku_llama_state_seq_size(
        context: *mut llama_context,
        seq: SeqId,
        size: *mut usize,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_state_seq_get(
        context: *mut llama_context,
        seq: SeqId,
        data: *mut u8,
        size: usize,
        written: *mut usize,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_state_seq_set(
        context: *mut llama_context,
        seq: SeqId,
        data: *const u8,
        size: usize,
        read: *mut usize,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_logits(
        context: *mut llama_context,
        i: i32,
        logits: *mut *mut f32,
        error: *mut Text,
    ) -> i32;

    pub(crate) fn chaku_llama_context_memory(
        context: *const llama_context,
        capacity: usize,
        devices: *mut DeviceMemory,
        count: *mut usize,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_plan(
        model: *mut llama_model,
        params: *const ContextParams,
        capacity: usize,
        devices: *mut DeviceMemory,
        count: *mut usize,
        outputs: *mut u64,
        error: *mut Text,
    ) -> i32;

    pub(crate) fn chaku_llama_threadpool_new(
        n_threads: i32,
        poll: u32,
        out: *mut *mut ggml_threadpool,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_threadpool_free(pool: *mut ggml_threadpool);

    #[cfg(test)]
    pub(crate) fn chaku_llama_sampler_defaults(out: *mut SamplerParams);
    pub(crate) fn chaku_llama_sampler_new(
        model: *const llama_model,
        params: *const SamplerParams,
        samplers: *const c_char,
        grammar: *const c_char,
        format: *const c_char,
        farewell: *const c_char,
        breakers: *const *const c_char,
        n_breakers: usize,
        biases: *const llama_logit_bias,
        n_biases: usize,
        out: *mut *mut Sampler,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_sampler_free(sampler: *mut Sampler);
    pub(crate) fn chaku_llama_sampler_sample(
        sampler: *mut Sampler,
        context: *mut llama_context,
        i: i32,
        token: *mut Token,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_sampler_accept(
        sampler: *mut Sampler,
        token: Token,
        is_generated: bool,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_sampler_seed(sampler: *const Sampler) -> u32;
    pub(crate) fn chaku_llama_sampler_candidates(sampler: *const Sampler, count: *mut usize)
    -> *const llama_token_data;

    pub(crate) fn chaku_llama_grammar_check(vocab: *const llama_vocab, grammar: *const c_char, error: *mut Text)
    -> i32;

    pub(crate) fn chaku_llama_templates_new(
        model: *const llama_model,
        override_text: *const c_char,
        override_len: usize,
        limits: *const TemplateLimits,
        out: *mut *mut Templates,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_templates_free(templates: *mut Templates);
    pub(crate) fn chaku_llama_templates_source(templates: *const Templates, out: *mut Text, error: *mut Text) -> i32;
    pub(crate) fn chaku_llama_templates_was_explicit(templates: *const Templates) -> bool;
    pub(crate) fn chaku_llama_templates_render(
        templates: *const Templates,
        ask: *const c_char,
        ask_len: usize,
        limits: *const TemplateLimits,
        prompt: *mut Text,
        stops: *mut Text,
        format: *mut Text,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_templates_know_tools(templates: *const Templates) -> bool;

    pub(crate) fn chaku_llama_answer_new(
        format: *const c_char,
        format_len: usize,
        out: *mut *mut Answer,
        error: *mut Text,
    ) -> i32;
    pub(crate) fn chaku_llama_answer_free(answer: *mut Answer);
    pub(crate) fn chaku_llama_answer_read(
        answer: *mut Answer,
        text: *const c_char,
        len: usize,
        is_partial: bool,
        deltas: *mut Text,
        error: *mut Text,
    ) -> i32;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(n_threads: i32) -> Result<(), Error> {
        crate::backend::init().unwrap();
        // SAFETY: nothing is passed but a number.
        run("test", |error| unsafe { chaku_llama_assert_on_purpose(n_threads, error) })
    }

    #[test]
    fn a_failed_assert_is_an_error_and_says_where() {
        for _ in 0..3 {
            let Err(Error::Asserted { call: "test", message }) = fail(0) else { panic!("not an assert") };
            assert!(message.starts_with("assert_on_purpose.cpp:"), "{message}");
            assert!(message.ends_with("on purpose"), "{message}");
        }
    }

    #[test]
    #[cfg_attr(
        not(target_os = "linux"),
        ignore = "compute threads are known by their names, which only Linux inherits"
    )]
    fn a_failed_assert_of_a_computation_is_an_error() {
        for n_threads in [1, 2, 4] {
            assert!(matches!(fail(n_threads), Err(Error::Asserted { .. })), "{n_threads} threads");
        }
    }
}
