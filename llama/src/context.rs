//! A window of positions over a model: the KV memory and the computation.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::thread::ThreadId;

use llama_cpp_sys_2 as sys;

use crate::abort::{AbortCell, on_should_abort};
use crate::batch::{Batch, check_sequence};
use crate::context_params::check;
use crate::memory::Relatives;
use crate::threadpool::{Threadpool, check_threads};
use crate::{ContextParams, Error, Model, Placement, Pos, backend, ffi};

/// What a decode did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decoded {
    /// All of it: the logits are there.
    Done,
    /// Nothing: the window has no room for the batch.
    NoSpace,
    /// Stopped on request. The pieces before the one that was stopped are in the memory: ask
    /// [`Context::seq_pos_max`] how far it came. Where the memory is a state, the sequences of the batch are empty.
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
    pub(crate) outputs: Vec<i32>,
    pub(crate) relatives: Relatives,
    placement: Placement,
    /// The last thread that decoded, which was placed.
    placed: Option<ThreadId>,
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
        let pool = Threadpool::new(params.threads.max(params.threads_batch), &params.placement)?;
        let abort = AbortCell::new();
        let raw_params = params.raw();
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
            relatives: Relatives::new(params.n_seq_max),
            placement: params.placement.clone(),
            placed: None,
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
        self.place_this_thread()?;
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
            2 => {
                self.drop_half_done(batch);
                Ok(Decoded::Aborted)
            }
            code => {
                self.drop_half_done(batch);
                Err(Error::Decode { code, message: words })
            }
        }
    }

    /// The thread that decodes is a compute thread like the pool's.
    fn place_this_thread(&mut self) -> Result<(), Error> {
        let this = std::thread::current().id();
        if !self.placement.is_default() && self.placed != Some(this) {
            self.placement.apply()?;
            self.placed = Some(this);
        }
        Ok(())
    }

    /// llama.cpp takes back the piece in which a decode ended early, but no memory takes back a part of a state: the
    /// sequence would seem longer than what it is the state of.
    fn drop_half_done(&mut self, batch: &Batch) {
        if self.can_cut() {
            return;
        }
        for &sequence in batch.sequences() {
            self.seq_rm(sequence, -1, -1);
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

    /// Changes the number of compute threads for the decodes that follow. The pool grows if need be; it does not shrink,
    /// for idle workers sleep.
    pub fn set_threads(&mut self, threads: u32, threads_batch: u32) -> Result<(), Error> {
        check_threads("threads", threads)?;
        check_threads("threads_batch", threads_batch)?;
        let wanted = threads.max(threads_batch);
        if wanted > self.own.pool.threads() {
            let pool = Threadpool::new(wanted, &self.placement)?;
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
        let (logits, length) = self.logits_row(i)?;
        // SAFETY: llama.cpp returned the start of a row of n_vocab floats, which stays until the next decode: that needs
        // the context mutably. (The first call after a decode may put rows in order, the others change nothing.)
        Some(unsafe { std::slice::from_raw_parts(logits, length) })
    }

    /// Makes it impossible to sample a token whose bit is not set. Bit `t % 32` of word `t / 32` is token `t`'s.
    pub fn allow_only(&mut self, i: i32, tokens: &[u32]) -> Result<(), Error> {
        let (logits, length) =
            self.logits_row(i).ok_or_else(|| Error::input("i", format!("{i} is no token with output")))?;
        // SAFETY: as for `logits`; nobody else has a reference to the row, for the context is borrowed mutably.
        let logits = unsafe { std::slice::from_raw_parts_mut(logits, length) };
        for (token, logit) in logits.iter_mut().enumerate() {
            if tokens.get(token / 32).is_none_or(|word| word >> (token % 32) & 1 == 0) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    /// Puts other logits in the place of those for index `i`. They need not be numbers: [`crate::Sampler::sample`] looks.
    pub fn set_logits(&mut self, i: i32, logits: &[f32]) -> Result<(), Error> {
        let (row, length) =
            self.logits_row(i).ok_or_else(|| Error::input("i", format!("{i} is no token with output")))?;
        if logits.len() != length {
            return Err(Error::input("logits", format!("are {}, the vocabulary has {length} tokens", logits.len())));
        }
        // SAFETY: as for `logits`; nobody else has a reference to the row, for the context is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(row, length) }.copy_from_slice(logits);
        Ok(())
    }

    /// An index of the last batch that has logits, if any.
    pub fn any_output(&self) -> Option<i32> {
        self.outputs.first().copied()
    }

    fn logits_row(&self, i: i32) -> Option<(*mut f32, usize)> {
        self.check_output(i).ok()?;
        let mut logits = std::ptr::null_mut();
        self.guarded("llama_get_logits_ith", |error| {
            // SAFETY: that index has logits.
            unsafe { ffi::chaku_llama_logits(self.raw(), i, &raw mut logits, error) }
        })
        .ok()?;
        Some((logits, self.model.vocab().n_tokens() as usize))
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

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} positions)", self.n_ctx())
    }
}
