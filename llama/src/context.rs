//! A window of positions over a model: the KV memory and the computation.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use crate::abort::{AbortCell, on_should_abort};
use crate::batch::{Batch, check_sequence};
use crate::threadpool::{Threadpool, check_threads};
use crate::{Error, Model, Pos, SeqId, backend, ffi};

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
    /// multiple of 256: see [`Context::n_ctx`].
    pub n_ctx: u32,
    /// The most tokens in one decode.
    pub n_batch: u32,
    /// The most tokens computed at once: a decode is cut into such pieces.
    pub n_ubatch: u32,
    /// The most sequences, and the most logits in one decode.
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
}

/// What a decode did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decoded {
    /// All of it: the logits are there.
    Done,
    /// Nothing: the window has no room for the batch.
    NoSpace,
    /// Stopped on request. The pieces before the one that was stopped are in the memory: ask
    /// [`Context::seq_pos_max`] how far it came.
    Aborted,
}

/// A window over a model, with the threads that compute in it.
///
/// Sequences share one buffer, so that a copy of a part of a sequence costs nothing.
pub struct Context {
    // The order of the fields is the order of their destruction: the context uses the cell and the model.
    own: ManuallyDrop<Own>,
    /// An assert failed in it: it is not used again, and not freed.
    broken: Cell<bool>,
    abort: AbortCell,
    model: Model,
    n_seq_max: u32,
    /// What llama.cpp asserts as the most tokens of one decode.
    batch_limit: usize,
    /// The batch indices whose logits the last decode computed, in order. Empty if it did not succeed.
    outputs: Vec<i32>,
    /// The last position of each sequence in the batch under check; -1 = none. Kept to save an allocation per decode.
    last_positions: Vec<Pos>,
}

/// What llama.cpp made for a context; the context is freed before the pool that computes in it.
struct Own {
    raw: Handle,
    pool: Threadpool,
}

struct Handle(NonNull<ffi::llama_context>);

// SAFETY: a llama_context has no ties to the thread that made it, and Context is not Sync, so one thread uses it at a time.
unsafe impl Send for Context {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: from llama_init_from_model, freed once, before the pool and the model it uses.
        unsafe { sys::llama_free(self.0.as_ptr()) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // A failed assert left it half done, and perhaps compute threads that wait for ever, which freeing would join.
        // So it is leaked; nothing runs in it any more.
        if !self.broken.get() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.own) };
        }
    }
}

impl Context {
    /// Creates a context and starts its threads.
    pub fn new(model: &Model, params: &ContextParams) -> Result<Self, Error> {
        backend::init()?;
        check(model, params)?;
        let pool = Threadpool::new(params.threads.max(params.threads_batch))?;
        let abort = AbortCell::new();
        let raw_params = ffi::ContextParams {
            n_ctx: params.n_ctx,
            n_batch: params.n_batch,
            n_ubatch: params.n_ubatch,
            n_seq_max: params.n_seq_max,
            threads: params.threads.cast_signed(),
            threads_batch: params.threads_batch.cast_signed(),
            flash_attn: match params.flash_attn {
                FlashAttn::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
                FlashAttn::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
                FlashAttn::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
            },
            type_k: params.cache_type_k.raw(),
            type_v: params.cache_type_v.raw(),
        };
        let mut raw = std::ptr::null_mut();
        let outcome = ffi::call("llama_init_from_model", |error| {
            // SAFETY: the model is loaded, what creation asserts was checked, and the cell outlives the context.
            unsafe {
                ffi::chaku_llama_context_new(
                    model.raw(),
                    &raw const raw_params,
                    on_should_abort,
                    abort.user_data(),
                    &raw mut raw,
                    error,
                )
            }
        })?;
        let raw = match (outcome, NonNull::new(raw)) {
            (ffi::Outcome::Done, Some(raw)) => Handle(raw),
            (ffi::Outcome::Refused(message), _) if !message.is_empty() => {
                return Err(Error::ContextFailed { message });
            }
            _ => {
                return Err(Error::ContextFailed { message: "llama.cpp gave no reason".to_owned() });
            }
        };
        // SAFETY: both are alive, and `raw` is dropped before the pool. Without a pool of its own ggml would start and
        // stop threads for every graph.
        unsafe { sys::llama_attach_threadpool(raw.0.as_ptr(), pool.raw(), pool.raw()) };
        let mut context = Self {
            own: ManuallyDrop::new(Own { raw, pool }),
            broken: Cell::new(false),
            abort,
            model: model.clone(),
            n_seq_max: params.n_seq_max,
            batch_limit: 0,
            outputs: Vec::new(),
            last_positions: Vec::new(),
        };
        // SAFETY: reads a pointer of a living context.
        if unsafe { sys::llama_get_memory(context.raw()) }.is_null() {
            // An encoder. Its decode is an encode, with asserts of its own.
            return Err(Error::input("model", "has no memory of what was said: it does not generate text"));
        }
        // SAFETY: reads a flag of a living context.
        let causal = unsafe { sys::llama_get_causal_attn(context.raw()) };
        context.batch_limit = if causal {
            context.n_batch()
        } else {
            // Every token must see every other one: no cutting into pieces.
            context.n_batch().min(context.n_ubatch())
        } as usize;
        Ok(context)
    }

    /// Decodes one batch. After each node of the graph that runs on the CPU, llama.cpp asks `should_abort`, on this thread;
    /// work on a GPU cannot be stopped.
    ///
    /// After an error the pieces that were computed are still in the memory, as after [`Decoded::Aborted`].
    pub fn decode(&mut self, batch: &Batch, should_abort: &dyn Fn() -> bool) -> Result<Decoded, Error> {
        self.check_batch(batch)?;
        self.outputs.clear();
        let mut code = 0;
        let words = self.abort.during(should_abort, || {
            self.guarded("llama_decode", |error| {
                // SAFETY: the batch's lists have `len` entries each, and all that llama_decode asserts about them was
                // checked; among it that `len` is at most n_batch, which is an i32.
                unsafe {
                    ffi::chaku_llama_decode(
                        self.raw(),
                        batch.len() as i32,
                        batch.tokens().as_ptr(),
                        batch.positions().as_ptr(),
                        batch.sequences().as_ptr(),
                        batch.outputs().as_ptr(),
                        &raw mut code,
                        error,
                    )
                }
            })
        })?;
        match code {
            0 => {
                self.outputs.extend(batch.output_indices());
                Ok(Decoded::Done)
            }
            1 => Ok(Decoded::NoSpace),
            2 => Ok(Decoded::Aborted),
            code => Err(Error::Decode { code, message: words }),
        }
    }

    /// Positions in the window: at least what was asked for, unless the model has learned fewer.
    pub fn n_ctx(&self) -> u32 {
        // SAFETY: reads a number of a living context.
        unsafe { sys::llama_n_ctx(self.raw()) }.min(self.positions())
    }

    /// Positions that the model knows.
    fn positions(&self) -> u32 {
        // SAFETY: reads a number of a loaded model, which has its weights.
        unsafe { ffi::chaku_llama_model_positions(self.model.raw()) }
    }

    /// The most tokens in one decode.
    pub fn n_batch(&self) -> u32 {
        // SAFETY: as in n_ctx.
        unsafe { sys::llama_n_batch(self.raw()) }
    }

    /// The most tokens computed at once.
    pub fn n_ubatch(&self) -> u32 {
        // SAFETY: as in n_ctx.
        unsafe { sys::llama_n_ubatch(self.raw()) }
    }

    /// The most sequences, and the most logits in one decode.
    pub fn n_seq_max(&self) -> u32 {
        self.n_seq_max
    }

    /// The model behind it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Removes the positions `p0` to `p1` (not included; -1 = the end) of a sequence. `false`: this memory cannot forget a
    /// part (recurrent models), and nothing changed.
    pub fn seq_rm(&mut self, seq: SeqId, p0: Pos, p1: Pos) -> bool {
        if check_sequence(seq, self.n_seq_max).is_err() {
            return false;
        }
        let mut removed = false;
        let result = self.guarded("llama_memory_seq_rm", |error| {
            // SAFETY: the sequence exists.
            unsafe { ffi::chaku_llama_seq_rm(self.raw(), seq, p0, p1, &raw mut removed, error) }
        });
        result.is_ok() && removed
    }

    /// Lets sequence `to` share the positions `p0` to `p1` (not included; -1 = the end) of sequence `from`.
    pub fn seq_cp(&mut self, from: SeqId, to: SeqId, p0: Pos, p1: Pos) -> Result<(), Error> {
        check_sequence(from, self.n_seq_max)?;
        check_sequence(to, self.n_seq_max)?;
        let whole = p0 <= 0 && p1 < 0;
        if !whole && self.model.metadata_value("general.architecture").as_deref() == Some("deepseek4") {
            let message = "this model's memory copies whole sequences only";
            return Err(Error::input("range", message));
        }
        self.guarded("llama_memory_seq_cp", |error| {
            // SAFETY: both sequences exist, and kv_unified makes partial copies possible.
            unsafe { ffi::chaku_llama_seq_cp(self.raw(), from, to, p0, p1, error) }
        })
        .map(drop)
    }

    /// Adds `delta` to the positions `p0` to `p1` (not included; -1 = the end) of a sequence.
    pub fn seq_add(&mut self, seq: SeqId, p0: Pos, p1: Pos, delta: Pos) -> Result<(), Error> {
        check_sequence(seq, self.n_seq_max)?;
        if !self.can_shift() {
            return Err(Error::input("model", "its positions cannot be shifted"));
        }
        self.guarded("llama_memory_seq_add", |error| {
            // SAFETY: the sequence exists, and the memory can shift.
            unsafe { ffi::chaku_llama_seq_add(self.raw(), seq, p0, p1, delta, error) }
        })
        .map(drop)
    }

    /// The smallest position that a sequence has.
    pub fn seq_pos_min(&self, seq: SeqId) -> Option<Pos> {
        check_sequence(seq, self.n_seq_max).ok()?;
        // SAFETY: the sequence exists; reads a number.
        let pos = unsafe { sys::llama_memory_seq_pos_min(sys::llama_get_memory(self.raw()), seq) };
        (pos >= 0).then_some(pos)
    }

    /// The largest position that a sequence has.
    pub fn seq_pos_max(&self, seq: SeqId) -> Option<Pos> {
        check_sequence(seq, self.n_seq_max).ok()?;
        // SAFETY: the sequence exists; reads a number.
        let pos = unsafe { sys::llama_memory_seq_pos_max(sys::llama_get_memory(self.raw()), seq) };
        (pos >= 0).then_some(pos)
    }

    /// Whether [`seq_add`](Self::seq_add) works with this model.
    pub fn can_shift(&self) -> bool {
        // SAFETY: reads a flag of a living context.
        unsafe { sys::llama_memory_can_shift(sys::llama_get_memory(self.raw())) }
    }

    /// Empties the window.
    pub fn clear(&mut self) {
        self.outputs.clear();
        // It throws only if it runs out of memory, and it allocates none.
        let _ = self.guarded("llama_memory_clear", |error| {
            // SAFETY: a living context.
            unsafe { ffi::chaku_llama_memory_clear(self.raw(), error) }
        });
    }

    /// Changes the number of compute threads for the decodes that follow. The pool grows if need be; it does not shrink,
    /// for idle workers sleep.
    pub fn set_threads(&mut self, threads: u32, threads_batch: u32) -> Result<(), Error> {
        check_threads("threads", threads)?;
        check_threads("threads_batch", threads_batch)?;
        let wanted = threads.max(threads_batch);
        if wanted > self.own.pool.threads() {
            let pool = Threadpool::new(wanted)?;
            // SAFETY: no decode runs; the old pool is detached before it is dropped.
            unsafe { sys::llama_attach_threadpool(self.raw(), pool.raw(), pool.raw()) };
            self.own.pool = pool;
        }
        let (threads, threads_batch) = (threads.cast_signed(), threads_batch.cast_signed());
        // SAFETY: sets two numbers that the next graph reads, both within the pool.
        unsafe { sys::llama_set_n_threads(self.raw(), threads, threads_batch) };
        Ok(())
    }

    /// The logits for index `i` of the last batch, or, if negative, counted from the last output backwards. `None` if that
    /// token had no output or the last decode did not succeed.
    pub fn logits(&self, i: i32) -> Option<&[f32]> {
        self.check_output(i).ok()?;
        let mut logits = std::ptr::null_mut();
        self.guarded("llama_get_logits_ith", |error| {
            // SAFETY: that index has logits.
            unsafe { ffi::chaku_llama_logits(self.raw(), i, &raw mut logits, error) }
        })
        .ok()?;
        let length = self.model.vocab().n_tokens() as usize;
        // SAFETY: llama.cpp returned the start of a row of n_vocab floats, which stays until the next decode: that needs
        // the context mutably. (The first call after a decode may put rows in order, the others change nothing.)
        Some(unsafe { std::slice::from_raw_parts(logits, length) })
    }

    pub(crate) fn raw(&self) -> *mut ffi::llama_context {
        self.own.raw.0.as_ptr()
    }

    /// Makes one guarded call that works on this context. Returns what llama.cpp logged as errors meanwhile.
    pub(crate) fn guarded(
        &self,
        name: &'static str,
        body: impl FnOnce(*mut ffi::Text) -> i32,
    ) -> Result<String, Error> {
        if self.broken.get() {
            return Err(Error::Broken);
        }
        let result = ffi::run_logged(name, body);
        self.broken.set(matches!(result, Err(Error::Asserted { .. })));
        result
    }

    pub(crate) fn check_output(&self, i: i32) -> Result<(), Error> {
        let there = match usize::try_from(i) {
            Ok(_) => self.outputs.binary_search(&i).is_ok(),
            Err(_) => i.unsigned_abs() as usize <= self.outputs.len(),
        };
        if there {
            return Ok(());
        }
        Err(Error::input("index", format!("the last decode left no logits for {i}")))
    }

    fn check_batch(&mut self, batch: &Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Err(Error::input("batch", "is empty"));
        }
        if batch.len() > self.batch_limit {
            let (have, limit) = (batch.len(), self.batch_limit);
            return Err(Error::input("batch", format!("has {have} tokens, the context takes {limit}")));
        }
        let outputs = batch.output_indices().count();
        if outputs > self.n_seq_max as usize {
            return Err(Error::input(
                "batch",
                format!("has {outputs} outputs, the context has room for {}", self.n_seq_max),
            ));
        }
        self.last_positions.clear();
        self.last_positions.resize(self.n_seq_max as usize, -1);
        let vocab = self.model.vocab();
        let known = self.positions();
        let rows = batch.tokens().iter().zip(batch.positions()).zip(batch.sequences());
        for ((&token, &position), &sequence) in rows {
            vocab.check_token(token)?;
            check_sequence(sequence, self.n_seq_max)?;
            if position.cast_unsigned() >= known {
                let message = format!("{position} is beyond the {known} that the model has learned");
                return Err(Error::input("position", message));
            }
            // llama.cpp checks that the first one follows what is in the memory, but lets the same position come twice.
            let last = &mut self.last_positions[sequence as usize];
            if *last >= 0 && position != *last + 1 {
                return Err(Error::input("position", format!("{position} of sequence {sequence} follows {last}")));
            }
            *last = position;
        }
        Ok(())
    }
}

impl ContextParams {
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
    fn raw(self) -> i32 {
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

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} positions)", self.n_ctx())
    }
}

/// Everything that creating a context, or a first decode in it, asserts.
fn check(model: &Model, params: &ContextParams) -> Result<(), Error> {
    if model.is_vocab_only() {
        return Err(Error::input("model", "only its vocabulary is loaded"));
    }
    if model.has_encoder() || !model.has_decoder() {
        return Err(Error::input("model", "does not generate text by decoding alone"));
    }
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
    check_threads("threads", params.threads)?;
    check_threads("threads_batch", params.threads_batch)?;
    let (type_k, type_v) = (params.cache_type_k.raw(), params.cache_type_v.raw());
    // SAFETY: the model is loaded, and both are ggml types.
    if !unsafe { ffi::chaku_llama_model_cache_types_fit(model.raw(), type_k, type_v) } {
        return Err(Error::input("cache type", "the model's heads are not a multiple of its block size"));
    }
    Ok(())
}
