//! The engine of one loaded model: the only code that computes. One turn is: take jobs, end what must end, let in what
//! has room (`admit.rs`), plan, decode, sample, deliver. It never waits for a reader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chaku_llama::{SeqId, Token};

use super::admit::Waiting;
use super::backend::{Backend, Outcome, Part};
use super::control::{Command, Control, Exported};
use super::job::{Job, Overflow};
use super::pause::pause;
use super::prompt_cache::PromptCache;
use super::running::{End, Running};
use super::scheduler::{Item, RequestId, Scheduler, Step};
use super::sequences::{Sequences, SessionId};
use super::watch::Watch;
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Final, Phase, Progress};
use crate::sampling::Sampled;

pub(crate) struct Engine<B: Backend> {
    pub(super) backend: B,
    pub(super) control: Arc<Control>,
    pub(super) scheduler: Scheduler,
    pub(super) sequences: Sequences,
    pub(super) prompt_cache: PromptCache,
    /// Prepared, in order of arrival.
    pub(super) waiting: Vec<Waiting<B::Sampler>>,
    pub(super) running: BTreeMap<RequestId, Running<B::Sampler>>,
    /// Requests started so far: when it changes, those that wait look again whom they could follow.
    pub(super) starts: u64,
    /// The tokens of a step, side by side. Kept to save an allocation a step.
    scratch: Vec<Token>,
    pub(super) share: bool,
}

/// What an engine is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Sequences: requests computed at once, and what else the KV cache remembers.
    pub(crate) max_running: usize,
    /// Whether sessions use what others computed.
    pub(crate) share: bool,
    /// How long a step should take while somebody decodes.
    pub(crate) step_target: Duration,
    /// Memory for prefixes that had to leave the KV cache, in bytes.
    pub(crate) prompt_cache: usize,
}

/// What a turn did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Worked,
    /// Nothing to do before this moment, unless woken.
    Idle(Option<Instant>),
}

impl<B: Backend> Engine<B> {
    pub(crate) fn new(backend: B, control: Arc<Control>, settings: Settings) -> Self {
        let scheduler = Scheduler::new(backend.chunk(), settings.step_target);
        let sequences = Sequences::new(settings.max_running, backend.capacity());
        Engine {
            backend,
            control,
            scheduler,
            sequences,
            prompt_cache: PromptCache::new(settings.prompt_cache),
            waiting: Vec::new(),
            running: BTreeMap::new(),
            starts: 0,
            scratch: Vec::new(),
            share: settings.share,
        }
    }

    /// A job arrived.
    pub(crate) fn take(&mut self, job: Job<B::Sampler>) {
        self.waiting.push(Waiting::new(job));
    }

    /// One round of the loop.
    pub(crate) fn turn(&mut self) -> Turn {
        self.disown_closed_sessions();
        self.serve_commands();
        let now = Instant::now();
        let queue_deadline = self.control.admission.expire(now);
        self.end_what_must(now);
        self.go_on_with_logits();
        let started = self.admit(now);
        let running = &self.running;
        let step = self.scheduler.plan(now, |id| running[&id].may_run());
        self.report();
        if let Some(step) = step {
            self.compute(step);
            return Turn::Worked;
        }
        if started {
            return Turn::Worked;
        }
        let deadlines = self.running.values().filter_map(|running| running.job.request.deadline);
        Turn::Idle(deadlines.chain(queue_deadline).min())
    }

    /// Ends everything: the model closes, or the engine panicked.
    pub(crate) fn end_all(&mut self, error: &Error) {
        for waiting in self.waiting.drain(..) {
            waiting.job.request.finish(Final::failed(error.clone()));
        }
        let ids: Vec<_> = self.running.keys().copied().collect();
        for id in ids {
            self.end(id, End::Failed(error.clone()));
        }
    }

    /// Tells the metrics how things are.
    fn report(&self) {
        let metrics = &self.control.metrics;
        metrics.queued(self.control.admission.depth());
        metrics.running(self.running.len());
        metrics.paused(self.running.values().filter(|running| running.stands_still()).count());
        metrics.kv(self.sequences.prefixes.used(), self.sequences.capacity());
        metrics.threads(self.backend.threads());
        metrics.prompt_cache(self.prompt_cache.used());
    }

    fn disown_closed_sessions(&mut self) {
        for session in self.control.take_closed_sessions() {
            self.sequences.disown(session);
        }
    }

    /// Copies of what the KV cache holds, for a session to be saved, and back again from one that was.
    fn serve_commands(&mut self) {
        for command in self.control.take_commands() {
            match command {
                Command::Export { session, reply } => {
                    let _ = reply.send(self.export(session));
                }
                Command::Import { tokens, state } => {
                    let whole = !self.backend.takes_parts();
                    self.prompt_cache.insert(tokens, 0, state, whole);
                }
            }
        }
    }

    fn export(&mut self, session: SessionId) -> Option<Exported> {
        let sequence = self.sequences.of(session)?;
        let tokens = self.sequences.prefixes.tokens(sequence);
        if tokens.is_empty() || self.sequences.prefixes.group(sequence) != 0 {
            return None;
        }
        Some(Exported { tokens, state: self.backend.save(sequence)? })
    }

    fn end_what_must(&mut self, now: Instant) {
        self.waiting.retain(|waiting| !waiting.job.request.has_ended());
        let stop = |running: &Running<B::Sampler>| running.job.request.must_stop(now);
        let ends: Vec<_> = self.running.iter().filter_map(|(id, running)| Some((*id, stop(running)?))).collect();
        for (id, error) in ends {
            self.end(id, End::Failed(error));
        }
    }

    fn compute(&mut self, mut step: Step) {
        if !self.make_room(&mut step) {
            return;
        }
        self.limit_outputs(&mut step);
        let began = Instant::now();
        match self.decode(&step) {
            // Who is to blame is known only when each is computed alone; the others must not suffer.
            Err(_) if step.items.len() > 1 => step.items.iter().for_each(|item| self.compute_alone(item.id)),
            Err(error) => self.end(step.items[0].id, End::Failed(error)),
            // The reason to abort lasts, so the next turn ends what is left.
            Ok(Outcome::Aborted) => {}
            Ok(Outcome::NoSpace) => self.give_way(&step),
            Ok(Outcome::Done) => {
                let took = began.elapsed();
                self.scheduler.observe(&step, took);
                let prompts = self.tokens_of_prompts(&step);
                let generated = self.advance(&step);
                self.control.metrics.step(prompts, generated, took);
            }
        }
    }

    fn tokens_of_prompts(&self, step: &Step) -> usize {
        let prompt = |item: &&Item| self.running.get(&item.id).is_some_and(|running| running.first_token.is_none());
        step.items.iter().filter(prompt).map(|item| item.range.len()).sum()
    }

    fn compute_alone(&mut self, id: RequestId) {
        let Some(running) = self.running.get(&id) else { return };
        let (done, goal) = (self.scheduler.done(id), running.job.tokens.len());
        let end = goal.min(done + self.backend.chunk());
        self.compute(Step { items: vec![Item { id, range: done..end, last: end == goal }] });
    }

    /// Computes a step, for which there is room.
    fn decode(&mut self, step: &Step) -> Result<Outcome> {
        self.scratch.clear();
        let mut places: Vec<Place> = Vec::with_capacity(step.items.len());
        for item in &step.items {
            let job = &self.running[&item.id].job;
            let Some(sequence) = self.sequences.of(job.session) else {
                return Err(Error::new(Reason::Internal, "a request runs without a sequence"));
            };
            let begin = self.scratch.len();
            self.scratch.extend_from_slice(&job.tokens[item.range.clone()]);
            places.push(Place {
                sequence,
                every: self.running[&item.id].has_scores_left(),
                group: job.group,
                position: item.range.start,
                begin,
                end: self.scratch.len(),
            });
        }
        let part = |(place, item): (&Place, &Item)| Part {
            sequence: place.sequence,
            position: place.position,
            tokens: &self.scratch[place.begin..place.end],
            output: item.last,
            every: place.every,
        };
        let parts: Vec<Part<'_>> = places.iter().zip(&step.items).map(part).collect();
        let watch = Watch::new(&self.control, &mut self.running, step, self.backend.window());
        let outcome = self.backend.decode(&parts, &|| watch.should_abort());
        for id in watch.into_ended() {
            self.leave(id);
        }
        for place in places {
            match outcome {
                Ok(Outcome::Done) => {
                    let tokens = &self.scratch[place.begin..place.end];
                    self.sequences.prefixes.extend(place.sequence, place.group, tokens);
                }
                Ok(Outcome::NoSpace) => {}
                // Part of the step may be in the KV cache.
                Ok(Outcome::Aborted) | Err(_) => self.forget_after(place.sequence, place.position),
            }
        }
        outcome
    }

    /// Makes the KV cache hold exactly the first `length` tokens again, which the mirror still says, or none.
    fn forget_after(&mut self, sequence: SeqId, length: usize) {
        debug_assert_eq!(self.sequences.prefixes.length(sequence), length);
        if !self.backend.truncate(sequence, length) {
            self.backend.clear(sequence);
            self.sequences.prefixes.truncate(sequence, 0);
            self.compute_again(sequence);
        }
    }

    /// The sequence was lost: if a request goes on with it, it starts over.
    pub(super) fn compute_again(&mut self, sequence: SeqId) {
        let owner = self.sequences.owner(sequence);
        let mut running = self.running.iter();
        if let Some((id, running)) = running.find(|(_, running)| Some(running.job.session) == owner) {
            let done = self.sequences.prefixes.length(sequence);
            self.scheduler.set(*id, done, running.job.tokens.len());
        }
    }

    /// The step is computed: takes note, and samples where a goal was reached. Says how many tokens came out.
    fn advance(&mut self, step: &Step) -> usize {
        for item in &step.items {
            if let Some(running) = self.running.get(&item.id) {
                self.scheduler.set(item.id, item.range.end, running.job.tokens.len());
                report_progress(running, item.range.end);
            }
        }
        self.score_prompts(step);
        // All are sampled before the first is acted on: that may change the KV cache.
        let mut sampled = Vec::with_capacity(step.items.len());
        for (part, item) in step.items.iter().enumerate().filter(|(_, item)| item.last) {
            let Some(running) = self.running.get_mut(&item.id) else { continue };
            if running.job.pauses && running.job.sampler.is_some() {
                if let Err(error) = pause(&self.backend, running, part) {
                    sampled.push((item.id, Some(Err(error))));
                }
                continue;
            }
            let chosen = running.job.sampler.as_mut().map(|sampler| self.backend.sample(sampler, part));
            sampled.push((item.id, chosen));
        }
        let mut generated = 0;
        for (id, chosen) in sampled {
            match chosen {
                None => self.end(id, End::Stop),
                Some(Err(error)) => self.end(id, End::Failed(error)),
                Some(Ok(chosen)) => {
                    generated += 1;
                    self.accept(id, chosen);
                }
            }
        }
        generated
    }

    /// A token was sampled: shows it, and decides how to go on.
    pub(super) fn accept(&mut self, id: RequestId, chosen: Sampled) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.count_token();
        if self.backend.is_end(chosen.token) {
            return self.end(id, End::Stop);
        }
        match self.show(id, chosen) {
            Err(error) => self.end(id, End::Failed(error)),
            Ok(true) => self.end(id, End::Stop),
            Ok(false) => self.grow(id),
        }
    }

    /// Appends a sampled token and delivers the text it completes; says whether a stop string was met.
    fn show(&mut self, id: RequestId, chosen: Sampled) -> Result<bool> {
        let Some(running) = self.running.get_mut(&id) else { return Ok(true) };
        let special = running.job.preserved.contains(&chosen.token);
        let bytes = self.backend.bytes(chosen.token, special)?;
        running.job.tokens.push(chosen.token);
        let shown = running.text.push(chosen, bytes);
        if shown.stopped {
            running.cut = true;
        }
        running.deliver(shown.events);
        Ok(shown.stopped)
    }

    /// Sets the goal one token further, unless a limit is reached.
    fn grow(&mut self, id: RequestId) {
        let Some(running) = self.running.get(&id) else { return };
        if running.generated >= running.job.max_tokens {
            return self.end(id, End::Length);
        }
        let goal = running.job.tokens.len();
        if goal <= self.backend.window() {
            return self.scheduler.set(id, self.scheduler.done(id), goal);
        }
        match running.job.overflow {
            Overflow::Stop => self.end(id, End::Length),
            Overflow::Error => {
                let error = overflow(goal, self.backend.window());
                self.end(id, End::Failed(error));
            }
            Overflow::Shift => {
                if let Err(error) = self.shift(id) {
                    self.end(id, End::Failed(error));
                }
            }
        }
    }

    /// Drops the older half of the tokens after the system prompt, as llama.app's context shift does.
    fn shift(&mut self, id: RequestId) -> Result<()> {
        let Some(running) = self.running.get_mut(&id) else { return Ok(()) };
        let tokens = &mut running.job.tokens;
        let keep = running.job.keep.min(tokens.len() / 2);
        let discard = (tokens.len() - keep) / 2;
        let session = running.job.session;
        let Some(sequence) = self.sequences.of(session) else { return Ok(()) };
        let prefixes = &mut self.sequences.prefixes;
        if prefixes.is_shared_from(sequence, keep) {
            // Moving cells would move them for everybody who shares them. So what is left is computed again.
            if !self.backend.truncate(sequence, keep) {
                let message = "this model's memory cannot drop its oldest tokens; use overflow = error or stop";
                return Err(Error::new(Reason::ShiftUnsupported, message));
            }
            prefixes.truncate(sequence, keep);
        } else if let Err(error) = self.backend.shift(sequence, keep, discard) {
            self.backend.clear(sequence);
            prefixes.truncate(sequence, 0);
            return Err(error);
        } else {
            prefixes.cut_out(sequence, keep, discard);
        }
        let done = prefixes.length(sequence);
        tokens.drain(keep..keep + discard);
        running.job.shifted = true;
        self.scheduler.set(id, done, tokens.len());
        Ok(())
    }

    /// Ends a request.
    pub(super) fn end(&mut self, id: RequestId, end: End) {
        let Some(running) = self.running.remove(&id) else { return };
        running.conclude(end, self.backend.window());
        self.leave(id);
    }

    /// A request has ended: what it held may be taken.
    fn leave(&mut self, id: RequestId) {
        if let Some(session) = self.scheduler.remove(id) {
            self.sequences.rest(session);
        }
    }
}

/// Where a part of a step lies.
struct Place {
    sequence: SeqId,
    every: bool,
    group: u64,
    /// In its sequence.
    position: usize,
    /// In the scratch list.
    begin: usize,
    end: usize,
}

fn report_progress<S>(running: &Running<S>, done: usize) {
    if running.first_token.is_none() {
        let total = running.job.tokens.len() as u64;
        let progress = Progress { phase: Phase::Prefill, done: done as u64, total };
        running.job.request.push(Event::Progress(progress));
    }
}

/// The text does not fit.
pub(crate) fn overflow(tokens: usize, window: usize) -> Error {
    let message = format!(
        "{tokens} tokens do not fit a context window of {window}; shorten the text, reset the session, load the model \
         with a larger ctx_size, or set overflow to shift or stop"
    );
    Error::new(Reason::ContextOverflow, message).with("tokens", tokens).with("ctx_size", window)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
