//! The engine's view of llama.cpp: one context, and the sequences in it.

use chaku_llama::{Batch, Context, Decoded, Model, Pos, SeqId, Token};

use super::backend::{Backend, Outcome, Part};
use super::budget::Share;
use super::threads::AdaptiveThreads;
use crate::error::{Error, Reason, Result};
use crate::logprobs;
use crate::sampling::{Sampled, Sampler};

pub(crate) struct LlamaBackend {
    context: Context,
    model: Model,
    batch: Batch,
    /// The index in the batch of each part's last token.
    outputs: Vec<i32>,
    threads: AdaptiveThreads,
    window: usize,
    takes_parts: bool,
    /// What the context takes of the runtime's budget. Last: given back when it is gone.
    _share: Option<Share>,
}

impl LlamaBackend {
    /// `window`: tokens of a session. `share`: what the context takes of a budget.
    pub(crate) fn new(
        model: Model,
        context: Context,
        threads: AdaptiveThreads,
        window: usize,
        share: Option<Share>,
    ) -> Self {
        let batch = Batch::new(context.n_ubatch(), context.n_seq_max());
        let takes_parts = context.can_cut() && context.can_share_part();
        LlamaBackend { context, model, batch, outputs: Vec::new(), threads, window, takes_parts, _share: share }
    }

    /// The logits after a token so far before the end of a part.
    fn row(&self, part: usize, back: usize) -> Result<&[f32]> {
        let index = self.outputs.get(part).map_or(-1, |last| last - back as i32);
        self.context.logits(index).ok_or_else(|| Error::new(Reason::Internal, "a step has no logits where it should"))
    }
}

impl Backend for LlamaBackend {
    type Sampler = Sampler;

    fn capacity(&self) -> usize {
        self.context.n_ctx() as usize
    }

    fn window(&self) -> usize {
        self.window
    }

    fn threads(&self) -> u32 {
        self.threads.threads()
    }

    fn chunk(&self) -> usize {
        self.context.n_ubatch() as usize
    }

    fn outputs(&self) -> usize {
        self.context.n_seq_max() as usize
    }

    fn decode(&mut self, parts: &[Part<'_>], abort: &dyn Fn() -> bool) -> Result<Outcome> {
        self.batch.clear();
        self.outputs.clear();
        for part in parts {
            for (i, &token) in part.tokens.iter().enumerate() {
                let output = part.every || part.output && i + 1 == part.tokens.len();
                self.batch.push(token, (part.position + i) as Pos, part.sequence, output)?;
            }
            self.outputs.push(self.batch.len() as i32 - 1);
        }
        // A step can begin again where its tokens can be dropped.
        Ok(match self.threads.decode(&mut self.context, &self.batch, self.takes_parts, abort)? {
            Decoded::Done => Outcome::Done,
            Decoded::NoSpace => Outcome::NoSpace,
            Decoded::Aborted => Outcome::Aborted,
        })
    }

    fn sample(&mut self, sampler: &mut Sampler, part: usize) -> Result<Sampled> {
        let index = self.outputs.get(part).copied().unwrap_or(-1);
        sampler.sample(&mut self.context, index)
    }

    fn logits(&self, part: usize) -> Result<Vec<f32>> {
        Ok(self.row(part, 0)?.to_vec())
    }

    fn sample_from(&mut self, sampler: &mut Sampler, logits: &[f32]) -> Option<Result<Sampled>> {
        // All that was decoded was sampled, so any row will do.
        let index = self.context.any_output()?;
        let put = self.context.set_logits(index, logits).map_err(Error::from);
        Some(put.and_then(|()| sampler.sample(&mut self.context, index)))
    }

    fn score(&self, part: usize, back: usize, token: Token, top: usize) -> Result<Sampled> {
        logprobs::score(self.row(part, back)?, token, top, &self.model.vocab())
    }

    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool {
        self.context.seq_rm(sequence, length as Pos, -1)
    }

    fn clear(&mut self, sequence: SeqId) {
        self.context.seq_rm(sequence, -1, -1);
    }

    fn takes_parts(&self) -> bool {
        self.takes_parts
    }

    fn share(&mut self, from: SeqId, to: SeqId, length: usize) -> bool {
        // A whole copy says so: the copy of a part is more than some memories can do.
        let end = if self.takes_parts { length as Pos } else { -1 };
        self.context.seq_cp(from, to, 0, end).is_ok()
    }

    fn save(&mut self, sequence: SeqId) -> Option<Vec<u8>> {
        self.context.state_seq_get(sequence).ok()
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], length: usize) -> bool {
        let there = self.context.state_seq_set(sequence, state).is_ok_and(|set| set);
        let right = there && self.context.seq_pos_max(sequence).is_some_and(|last| last as usize + 1 == length);
        if !right {
            self.clear(sequence);
        }
        right
    }

    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()> {
        let (keep, discard) = (keep as Pos, discard as Pos);
        if !self.context.can_shift() || !self.context.seq_rm(sequence, keep, keep + discard) {
            let message = "this model's memory cannot drop its oldest tokens; use overflow = error or stop";
            return Err(Error::new(Reason::ShiftUnsupported, message));
        }
        Ok(self.context.seq_add(sequence, keep + discard, -1, -discard)?)
    }

    fn is_end(&self, token: Token) -> bool {
        self.model.vocab().is_eog(token)
    }

    fn bytes(&self, token: Token, special: bool) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.model.vocab().token_bytes(token, special, &mut bytes)?;
        Ok(bytes)
    }
}
