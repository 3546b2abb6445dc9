//! The engine's view of llama.cpp: one context, computed one sequence at a time.

use std::sync::Arc;

use chaku_llama::{Batch, Context, Decoded, Model, Pos, Sampler, SeqId, Token};

use super::backend::{Backend, Outcome};
use super::metrics::Recorder;
use super::threads::AdaptiveThreads;
use crate::error::{Error, Reason, Result};

pub(crate) struct LlamaBackend {
    context: Context,
    model: Model,
    batch: Batch,
    threads: AdaptiveThreads,
    metrics: Arc<Recorder>,
    /// Positions were shifted, and the keys in the KV cache were not moved yet: the next decode does that first.
    keys_to_move: bool,
}

impl LlamaBackend {
    pub(crate) fn new(model: Model, context: Context, threads: AdaptiveThreads, metrics: Arc<Recorder>) -> Self {
        let batch = Batch::new(context.n_ubatch(), context.n_seq_max());
        LlamaBackend { context, model, batch, threads, metrics, keys_to_move: false }
    }
}

impl LlamaBackend {
    fn decode_part(
        &mut self,
        sequence: SeqId,
        position: usize,
        tokens: &[Token],
        last: bool,
        abort: &dyn Fn() -> bool,
    ) -> Result<Outcome> {
        self.batch.clear();
        for (i, &token) in tokens.iter().enumerate() {
            let output = last && i + 1 == tokens.len();
            self.batch.push(token, (position + i) as Pos, sequence, output)?;
        }
        // Begun again, keys would be moved twice; and a recurrent state cannot go back.
        let may_restart = !self.keys_to_move && !self.model.is_recurrent() && !self.model.is_hybrid();
        let decoded = self.threads.decode(&mut self.context, &self.batch, may_restart, abort)?;
        self.metrics.threads(self.threads.threads());
        Ok(match decoded {
            Decoded::Done => Outcome::Done,
            Decoded::NoSpace => Outcome::NoSpace,
            Decoded::Aborted => Outcome::Aborted,
        })
    }
}

impl Backend for LlamaBackend {
    type Sampler = Sampler;

    fn capacity(&self) -> usize {
        self.context.n_ctx() as usize
    }

    fn chunk(&self) -> usize {
        self.context.n_ubatch() as usize
    }

    fn decode(
        &mut self,
        sequence: SeqId,
        position: usize,
        tokens: &[Token],
        abort: &dyn Fn() -> bool,
    ) -> Result<Outcome> {
        // Aborted half way, the keys of some layers would be moved twice. So one token goes first, which nothing aborts.
        let (first, rest) = tokens.split_at(if self.keys_to_move { 1 } else { 0 });
        if !first.is_empty() {
            let outcome = self.decode_part(sequence, position, first, rest.is_empty(), &|| false)?;
            self.keys_to_move = outcome != Outcome::Done;
            if rest.is_empty() || outcome != Outcome::Done {
                return Ok(outcome);
            }
        }
        let outcome = self.decode_part(sequence, position + first.len(), rest, true, abort)?;
        if outcome == Outcome::NoSpace {
            // Nothing may have changed, the first token included.
            self.truncate(sequence, position);
        }
        Ok(outcome)
    }

    fn sample(&mut self, sampler: &mut Sampler) -> Result<Token> {
        let token = sampler.sample(&mut self.context, -1)?;
        sampler.accept(token, true)?;
        Ok(token)
    }

    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool {
        self.context.seq_rm(sequence, length as Pos, -1)
    }

    fn clear(&mut self, sequence: SeqId) {
        self.context.seq_rm(sequence, -1, -1);
    }

    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()> {
        let (keep, discard) = (keep as Pos, discard as Pos);
        // A recurrent state says that it can shift, since its positions are only a number, but it can drop no part.
        let can = self.context.can_shift() && !self.model.is_recurrent() && !self.model.is_hybrid();
        if !can || !self.context.seq_rm(sequence, keep, keep + discard) {
            let message = "this model's memory cannot drop its oldest tokens; use overflow = error or stop";
            return Err(Error::new(Reason::ShiftUnsupported, message));
        }
        self.context.seq_add(sequence, keep + discard, -1, -discard)?;
        self.keys_to_move = true;
        Ok(())
    }

    fn is_end(&self, token: Token) -> bool {
        self.model.vocab().is_eog(token)
    }

    fn bytes(&self, token: Token) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.model.vocab().token_bytes(token, false, &mut bytes)?;
        Ok(bytes)
    }
}
