//! How likely the tokens of a prompt were: under `prompt_logprobs` every token of a step has logits, of which a context
//! has only so many rows.

use chaku_llama::Token;

use super::backend::Backend;
use super::engine::Engine;
use super::running::End;
use super::scheduler::{RequestId, Step};
use crate::error::Result;

impl<B: Backend> Engine<B> {
    /// Shortens what is scored of a step, so that it wants no more rows of logits than there are.
    pub(super) fn limit_outputs(&self, step: &mut Step) {
        let is_scored = |id: RequestId| self.running.get(&id).is_some_and(|running| running.has_scores_left());
        let scored = step.items.iter().filter(|item| is_scored(item.id)).count();
        if scored == 0 {
            return;
        }
        let rows = self.backend.outputs().saturating_sub(step.items.len() - scored);
        // There are no more requests in a step than rows, so that each has one.
        let each = (rows / scored).max(1);
        for item in step.items.iter_mut().filter(|item| is_scored(item.id) && item.range.len() > each) {
            item.range.end = item.range.start + each;
            item.last = false;
        }
    }

    /// Tells of the tokens of prompts that the last decode scored.
    pub(super) fn score_prompts(&mut self, step: &Step) {
        for (part, item) in step.items.iter().enumerate() {
            if !self.running.get(&item.id).is_some_and(|running| running.has_scores_left()) {
                continue;
            }
            for index in item.range.clone() {
                if let Err(error) = self.score(item.id, part, index, item.range.end - 1 - index) {
                    self.end(item.id, End::Failed(error));
                    break;
                }
            }
        }
    }

    /// Scores the token of a prompt after the one with this index, which lies `back` before the end of a part.
    fn score(&mut self, id: RequestId, part: usize, index: usize, back: usize) -> Result<()> {
        let Some(running) = self.running.get_mut(&id) else { return Ok(()) };
        let Some(top) = running.job.prompt_logprobs else { return Ok(()) };
        let bytes = |token: Token| self.backend.bytes(token, true);
        if running.told == 0 {
            let first = running.job.tokens[0];
            running.tell(first.into(), bytes(first)?);
        }
        // What was told before is computed again when a place was taken.
        if index + 1 == running.told && running.has_scores_left() {
            let token = running.job.tokens[index + 1];
            running.tell(self.backend.score(part, back, token, top)?, bytes(token)?);
        }
        Ok(())
    }
}
