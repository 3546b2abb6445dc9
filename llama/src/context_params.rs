//! How a context is created, and what is checked before.

use llama_cpp_sys_2 as sys;

use crate::threadpool::check_threads;
use crate::{Error, Model, Placement, Rope, ffi};

/// Whether to compute attention in one fused step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlashAttn {
    /// Where the device can.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How the KV memory stores a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are ggml's")]
pub enum CacheType {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q4_0,
    Q4_1,
    Iq4Nl,
    Q5_0,
    Q5_1,
}

/// How to create a context.
#[derive(Clone, Debug)]
pub struct ContextParams {
    /// Positions in the window, shared by all sequences; 0 = what the model was trained with. llama.cpp rounds it up to a
    /// multiple of 256: see [`Context::n_ctx`](crate::Context::n_ctx).
    pub n_ctx: u32,
    /// The most tokens in one decode.
    pub n_batch: u32,
    /// The most tokens computed at once: a decode is cut into such pieces.
    pub n_ubatch: u32,
    /// The most sequences, and the most logits in one decode.
    ///
    /// What they cost: a row of logits each for the host, another one in what is computed with, as soon as these rows are
    /// the largest part of it, and where the memory is a state one of these. SmolLM2 (49152 tokens) in a window of 4096, in
    /// pieces of 512, takes in MiB:
    ///
    /// | sequences | logits | computing, fused attention | computing, not fused |
    /// |---|---|---|---|
    /// | 1 | 0.2 | 18.6 | 87.5 |
    /// | 16 | 3 | 18.6 | 87.5 |
    /// | 64 | 12 | 21.6 | 87.5 |
    /// | 256 | 48 | 57.6 | 87.5 |
    ///
    /// The KV cache takes 90 in all of them: sequences share it.
    pub n_seq_max: u32,
    /// Compute threads when a piece is one token.
    pub threads: u32,
    /// Compute threads for longer pieces.
    pub threads_batch: u32,
    /// Fused attention.
    pub flash_attn: FlashAttn,
    /// How keys are stored.
    pub cache_type_k: CacheType,
    /// How values are stored.
    pub cache_type_v: CacheType,
    /// Keep the KV memory of layers on a GPU there, not in the host's memory.
    pub offload_kv: bool,
    /// Let a GPU compute long pieces with weights that are in the host's memory.
    pub offload_ops: bool,
    /// How positions turn into angles.
    pub rope: Rope,
    /// Where the compute threads run. The thread that decodes is one of them, and is placed like the others when it first
    /// does; no other thread of the caller is touched.
    pub placement: Placement,
}

/// One sequence in the window of the training, one thread, and all else as llama.cpp has it.
impl Default for ContextParams {
    fn default() -> Self {
        Self {
            n_ctx: 0,
            n_batch: 2048,
            n_ubatch: 512,
            n_seq_max: 1,
            threads: 1,
            threads_batch: 1,
            flash_attn: FlashAttn::Auto,
            cache_type_k: CacheType::F16,
            cache_type_v: CacheType::F16,
            offload_kv: true,
            offload_ops: true,
            rope: Rope::default(),
            placement: Placement::default(),
        }
    }
}

impl ContextParams {
    pub(crate) fn raw(&self) -> ffi::ContextParams {
        ffi::ContextParams {
            n_ctx: self.n_ctx,
            n_batch: self.n_batch,
            n_ubatch: self.n_ubatch,
            n_seq_max: self.n_seq_max,
            threads: self.threads.cast_signed(),
            threads_batch: self.threads_batch.cast_signed(),
            flash_attn: match self.flash_attn {
                FlashAttn::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
                FlashAttn::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
                FlashAttn::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
            },
            type_k: self.cache_type_k.raw(),
            type_v: self.cache_type_v.raw(),
            offload_kv: self.offload_kv,
            offload_ops: self.offload_ops,
            rope: self.rope.raw(),
        }
    }

    /// Bytes of memory that a context over this model surely takes: its KV memory, its logits, and the mask between the
    /// window and the tokens computed at once. What it computes with besides is known only when it has been made.
    pub fn least_bytes(&self, model: &Model) -> u64 {
        const NUMBER: u64 = size_of::<f32>() as u64;
        let (type_k, type_v) = (self.cache_type_k.raw(), self.cache_type_v.raw());
        let (mut position, mut sequence) = (0, 0);
        // SAFETY: the model is loaded, both are ggml types, and both numbers are written to during the call only.
        unsafe {
            ffi::chaku_llama_model_cache_sizes(model.raw(), type_k, type_v, &raw mut position, &raw mut sequence);
        }
        let window = u64::from(if self.n_ctx == 0 { model.n_ctx_train() } else { self.n_ctx });
        if position > 0 {
            position = position.saturating_add(NUMBER * window.min(u64::from(self.n_batch.min(self.n_ubatch))));
        }
        let row = NUMBER * u64::from(model.vocab().n_tokens());
        let sequences = u64::from(self.n_seq_max).saturating_mul(sequence.saturating_add(row));
        window.saturating_mul(position).saturating_add(sequences)
    }
}

impl CacheType {
    pub(crate) fn raw(self) -> i32 {
        let raw = match self {
            Self::F32 => sys::GGML_TYPE_F32,
            Self::F16 => sys::GGML_TYPE_F16,
            Self::Bf16 => sys::GGML_TYPE_BF16,
            Self::Q8_0 => sys::GGML_TYPE_Q8_0,
            Self::Q4_0 => sys::GGML_TYPE_Q4_0,
            Self::Q4_1 => sys::GGML_TYPE_Q4_1,
            Self::Iq4Nl => sys::GGML_TYPE_IQ4_NL,
            Self::Q5_0 => sys::GGML_TYPE_Q5_0,
            Self::Q5_1 => sys::GGML_TYPE_Q5_1,
        };
        #[allow(clippy::unnecessary_cast, reason = "the signedness of C enums differs between platforms")]
        {
            raw as i32
        }
    }
}

/// Everything that creating a context, or a first decode in it, asserts.
pub(crate) fn check(model: &Model, params: &ContextParams) -> Result<(), Error> {
    if model.is_vocab_only() {
        return Err(Error::input("model", "only its vocabulary is loaded"));
    }
    if model.has_encoder() || !model.has_decoder() {
        return Err(Error::input("model", "does not generate text by decoding alone"));
    }
    check_numbers(model, params)
}

/// What of that does not depend on whether the model generates text.
pub(crate) fn check_numbers(model: &Model, params: &ContextParams) -> Result<(), Error> {
    // llama.cpp rounds up and counts in i32.
    let lengths = [("n_ctx", params.n_ctx, 0), ("n_batch", params.n_batch, 1), ("n_ubatch", params.n_ubatch, 1)];
    for (what, value, least) in lengths {
        const MOST: u32 = i32::MAX as u32 - 255;
        if !(least..=MOST).contains(&value) {
            return Err(Error::input(what, format!("{value} is not between {least} and {MOST}")));
        }
    }
    // SAFETY: returns a constant.
    let most = unsafe { sys::llama_max_parallel_sequences() };
    if params.n_seq_max == 0 || params.n_seq_max as usize > most {
        let message = format!("{} is not between 1 and {most}", params.n_seq_max);
        return Err(Error::input("n_seq_max", message));
    }
    params.rope.check()?;
    check_threads("threads", params.threads)?;
    check_threads("threads_batch", params.threads_batch)?;
    let (type_k, type_v) = (params.cache_type_k.raw(), params.cache_type_v.raw());
    // SAFETY: the model is loaded, and both are ggml types.
    if !unsafe { ffi::chaku_llama_model_cache_types_fit(model.raw(), type_k, type_v) } {
        return Err(Error::input("cache type", "the model's heads are not a multiple of its block size"));
    }
    Ok(())
}
