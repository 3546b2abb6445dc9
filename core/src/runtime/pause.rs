//! Requests that stand still before each token, until their host has looked at the logits.

use std::sync::Arc;

use super::backend::Backend;
use super::engine::Engine;
use super::running::{End, Running};
use super::scheduler::RequestId;
use crate::error::Result;
use crate::event::Event;
use crate::logits::Logits;

impl<B: Backend> Engine<B> {
    /// Chooses a token for each request whose host has answered.
    pub(super) fn go_on_with_logits(&mut self) {
        let answered = self.running.iter().filter(|(_, running)| running.job.pauses);
        let answered: Vec<_> =
            answered.filter_map(|(id, running)| Some((*id, running.job.request.logits.answered()?))).collect();
        for (id, logits) in answered {
            self.choose_from(id, &logits);
        }
    }

    fn choose_from(&mut self, id: RequestId, logits: &Logits) {
        let Some(running) = self.running.get_mut(&id) else { return };
        // One that gave way comes back first: what follows may need its place in the KV cache.
        if running.parked || self.scheduler.done(id) < running.job.tokens.len() {
            return;
        }
        let Some(sampler) = &mut running.job.sampler else { return };
        match self.backend.sample_from(sampler, &logits.values) {
            // An aborted step left no logits of anybody: the step that was this request's own brings some.
            None => self.compute_last_again(id),
            Some(chosen) => {
                running.job.request.logits.clear();
                match chosen {
                    Ok(chosen) => self.accept(id, chosen),
                    Err(error) => self.end(id, End::Failed(error)),
                }
            }
        }
    }

    fn compute_last_again(&mut self, id: RequestId) {
        let Some(running) = self.running.get(&id) else { return };
        let goal = running.job.tokens.len();
        let Some(sequence) = self.sequences.of(running.job.session) else { return };
        if self.backend.truncate(sequence, goal - 1) {
            self.sequences.prefixes.truncate(sequence, goal - 1);
        } else {
            self.backend.clear(sequence);
            self.sequences.prefixes.truncate(sequence, 0);
        }
        self.scheduler.set(id, self.sequences.prefixes.length(sequence), goal);
    }
}

/// Tells the host the logits after a part of the last decode, unless it has answered already.
pub(super) fn pause<B: Backend>(backend: &B, running: &Running<B::Sampler>, part: usize) -> Result<()> {
    let exchange = &running.job.request.logits;
    if exchange.answered().is_some() {
        return Ok(());
    }
    let position = running.job.tokens.len() as u32;
    let logits = Arc::new(Logits { position, values: backend.logits(part)? });
    // In this order: the host may answer as soon as it sees the event.
    exchange.ask(logits.clone());
    running.job.request.push(Event::Logits(logits));
    Ok(())
}
