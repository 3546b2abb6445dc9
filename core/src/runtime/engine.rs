//! The engine of one loaded model: the only code that computes. One turn is: take jobs, end what must end, plan,
//! decode, sample, deliver. It never waits for a reader.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use chaku_llama::Token;

use super::backend::{Backend, Outcome};
use super::control::{Command, Control};
use super::job::{Answer, Job, Overflow};
use super::scheduler::{RequestId, Scheduler, Step};
use super::sequences::{Sequences, SessionId};
use crate::clock::millis;
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Final, FinishReason, Phase, Progress, Timings, Usage};
use crate::text::TextStream;

pub(crate) struct Engine<B: Backend> {
    backend: B,
    control: Arc<Control>,
    scheduler: Scheduler,
    sequences: Sequences,
    /// Prepared, in order of arrival.
    waiting: VecDeque<Job<B::Sampler>>,
    running: HashMap<RequestId, Running<B::Sampler>>,
}

/// A request that has started.
struct Running<S> {
    job: Job<S>,
    text: TextStream,
    answer: String,
    cached: usize,
    generated: usize,
    /// The answer ends inside a token, at a stop string.
    cut: bool,
    started: Instant,
    first_token: Option<Instant>,
}

/// What a turn did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Worked,
    /// Nothing to do before this moment, unless woken.
    Idle(Option<Instant>),
}

/// Why a request ends.
enum End {
    Stop,
    Length,
    Failed(Error),
}

impl<B: Backend> Engine<B> {
    pub(crate) fn new(backend: B, control: Arc<Control>, max_sessions: usize) -> Self {
        let scheduler = Scheduler::new(backend.chunk());
        let sequences = Sequences::new(max_sessions, backend.capacity());
        Engine { backend, control, scheduler, sequences, waiting: VecDeque::new(), running: HashMap::new() }
    }

    /// A job arrived.
    pub(crate) fn take(&mut self, job: Job<B::Sampler>) {
        self.waiting.push_back(job);
    }

    /// One round of the loop.
    pub(crate) fn turn(&mut self) -> Turn {
        self.release_closed_sessions();
        self.serve_commands();
        let now = Instant::now();
        let queue_deadline = self.control.admission.expire(now);
        self.end_what_must(now);
        let running = &self.running;
        if let Some(step) = self.scheduler.plan(|id| running[&id].job.request.has_room()) {
            self.compute(step);
            return Turn::Worked;
        }
        if let Some(job) = self.waiting.pop_front() {
            self.start(job);
            return Turn::Worked;
        }
        let deadlines = self.running.values().filter_map(|running| running.job.request.deadline);
        Turn::Idle(deadlines.chain(queue_deadline).min())
    }

    /// Ends everything: the model closes, or the engine panicked.
    pub(crate) fn end_all(&mut self, error: &Error) {
        for job in self.waiting.drain(..) {
            job.request.finish(Final::failed(error.clone()));
        }
        let ids: Vec<_> = self.running.keys().copied().collect();
        for id in ids {
            self.end(id, End::Failed(error.clone()));
        }
    }

    fn release_closed_sessions(&mut self) {
        for session in self.control.take_closed_sessions() {
            if let Some(sequence) = self.sequences.release(session) {
                self.backend.clear(sequence);
            }
        }
    }

    /// Nothing is exported yet, and what is imported is only a copy.
    fn serve_commands(&mut self) {
        for command in self.control.take_commands() {
            match command {
                Command::Export { session, reply } => {
                    tracing::debug!(target: "chaku::engine", session, "exported nothing");
                    let _ = reply.send(None);
                }
                Command::Import { tokens, state } => {
                    let (tokens, bytes) = (tokens.len(), state.len());
                    tracing::debug!(target: "chaku::engine", tokens, bytes, "imported nothing");
                }
            }
        }
    }

    fn end_what_must(&mut self, now: Instant) {
        self.waiting.retain(|job| !job.request.has_ended());
        let stop = |running: &Running<B::Sampler>| running.job.request.must_stop(now);
        let ends: Vec<_> = self.running.iter().filter_map(|(id, running)| Some((*id, stop(running)?))).collect();
        for (id, error) in ends {
            self.end(id, End::Failed(error));
        }
    }

    /// Takes a job over from the queue and keeps what the KV cache already holds of its prompt.
    fn start(&mut self, job: Job<B::Sampler>) {
        let id = job.request.id;
        self.control.admission.leave(id);
        if !job.request.own() {
            return;
        }
        let started = Instant::now();
        let text = TextStream::new(job.stops.clone());
        let (session, goal) = (job.session, job.tokens.len());
        // The last token is computed again, for its logits, unless none are needed.
        let reusable = if job.sampler.is_some() { goal - 1 } else { goal };
        let cached = self.reuse(session, &job.tokens[..reusable]);
        tracing::debug!(target: "chaku::engine", parent: &job.request.span, tokens = goal, cached, "started");
        let running =
            Running { job, text, answer: String::new(), cached, generated: 0, cut: false, started, first_token: None };
        self.running.insert(id, running);
        if cached == goal {
            return self.end(id, End::Stop);
        }
        self.scheduler.add(id, cached, goal);
    }

    /// Cuts the session's sequence to what it shares with `tokens`; says how long that is.
    fn reuse(&mut self, session: SessionId, tokens: &[Token]) -> usize {
        let Some(sequence) = self.sequences.touch(session) else { return 0 };
        let shared = sequence.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        self.cut(session, shared);
        self.sequences.get_mut(session).map_or(0, |sequence| sequence.tokens.len())
    }

    /// Drops a sequence's tokens from `length` on, or all of them where the memory cannot drop a part.
    fn cut(&mut self, session: SessionId, length: usize) {
        let Some(sequence) = self.sequences.get_mut(session) else { return };
        if sequence.tokens.len() > length && !self.backend.truncate(sequence.id, length) {
            self.backend.clear(sequence.id);
            sequence.tokens.clear();
        }
        sequence.tokens.truncate(length);
    }

    fn compute(&mut self, step: Step) {
        let (id, goal) = (step.id, self.running[&step.id].job.tokens.len());
        match self.decode(&step) {
            Err(error) => self.end(id, End::Failed(error)),
            // The reason to abort lasts, so the next turn ends the request.
            Ok(Outcome::Aborted | Outcome::NoSpace) => {}
            Ok(Outcome::Done) => {
                self.scheduler.set(id, step.range.end, goal);
                self.report_progress(&step, goal);
                if step.last {
                    self.advance(id);
                }
            }
        }
    }

    /// Computes a step, making room for it first.
    fn decode(&mut self, step: &Step) -> Result<Outcome> {
        let session = self.running[&step.id].job.session;
        while let Some(victim) = self.sequences.victim(session, step.range.len()) {
            self.evict(victim);
        }
        let request = self.running[&step.id].job.request.clone();
        let job = &self.running[&step.id].job;
        let Some(sequence) = self.sequences.touch(session) else {
            return Err(Error::new(Reason::Internal, "no sequence is free for the session"));
        };
        let tokens = &job.tokens[step.range.clone()];
        let asked = Cell::new(0u32);
        let control = &self.control;
        let abort = || {
            asked.set(asked.get() + 1);
            request.is_cancelled()
                || control.is_closing()
                || asked.get().is_multiple_of(CLOCK_EVERY) && {
                    let now = Instant::now();
                    control.admission.expire(now);
                    request.deadline.is_some_and(|deadline| deadline <= now)
                }
        };
        let outcome = self.backend.decode(sequence.id, step.range.start, tokens, &abort);
        match outcome {
            Ok(Outcome::Done) => sequence.tokens.extend_from_slice(tokens),
            Ok(Outcome::NoSpace) => match self.sequences.idlest(session) {
                Some(victim) => self.evict(victim),
                None => return Err(Error::new(Reason::DecodeFailed, "the KV cache has no room although it should")),
            },
            // Part of the step may be in the KV cache.
            Ok(Outcome::Aborted) | Err(_) => self.forget_after(session, step.range.start),
        }
        outcome
    }

    /// Makes the KV cache hold exactly the first `length` tokens again, which the mirror still says, or none.
    fn forget_after(&mut self, session: SessionId, length: usize) {
        let Some(sequence) = self.sequences.get_mut(session) else { return };
        debug_assert_eq!(sequence.tokens.len(), length);
        if !self.backend.truncate(sequence.id, length) {
            self.backend.clear(sequence.id);
            sequence.tokens.clear();
        }
    }

    /// Drops a session's tokens. If it has a request under way, that computes them again when it next runs.
    fn evict(&mut self, victim: SessionId) {
        tracing::debug!(target: "chaku::engine", session = victim, "evicted");
        self.cut(victim, 0);
        let paused = self.running.iter().find(|(_, running)| running.job.session == victim);
        if let Some((id, running)) = paused {
            self.scheduler.set(*id, 0, running.job.tokens.len());
        }
    }

    fn report_progress(&self, step: &Step, goal: usize) {
        let running = &self.running[&step.id];
        if running.first_token.is_none() {
            let progress = Progress { phase: Phase::Prefill, done: step.range.end as u64, total: goal as u64 };
            running.job.request.push(Event::Progress(progress));
        }
    }

    /// All tokens are computed: samples the next one, shows it, and decides how to go on.
    fn advance(&mut self, id: RequestId) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let Some(sampler) = &mut running.job.sampler else { return self.end(id, End::Stop) };
        let token = match self.backend.sample(sampler) {
            Ok(token) => token,
            Err(error) => return self.end(id, End::Failed(error)),
        };
        running.first_token.get_or_insert_with(Instant::now);
        running.generated += 1;
        if self.backend.is_end(token) {
            return self.end(id, End::Stop);
        }
        match self.show(id, token) {
            Err(error) => self.end(id, End::Failed(error)),
            Ok(true) => self.end(id, End::Stop),
            Ok(false) => self.grow(id),
        }
    }

    /// Appends a sampled token and delivers the text it completes; says whether a stop string was met.
    fn show(&mut self, id: RequestId, token: Token) -> Result<bool> {
        let Some(running) = self.running.get_mut(&id) else { return Ok(true) };
        let bytes = self.backend.bytes(token)?;
        running.job.tokens.push(token);
        let shown = running.text.push(token, bytes);
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
        if goal <= self.backend.capacity() {
            return self.scheduler.set(id, self.scheduler.done(id), goal);
        }
        match running.job.overflow {
            Overflow::Stop => self.end(id, End::Length),
            Overflow::Error => {
                let error = overflow(goal, self.backend.capacity());
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
        if let Some(sequence) = self.sequences.get_mut(session) {
            if let Err(error) = self.backend.shift(sequence.id, keep, discard) {
                self.cut(session, 0);
                return Err(error);
            }
            sequence.tokens.drain(keep..keep + discard);
        }
        tokens.drain(keep..keep + discard);
        running.job.shifted = true;
        let goal = tokens.len();
        self.scheduler.set(id, goal - 1, goal);
        Ok(())
    }

    /// Ends a request: shows what was held back, tells the session, then the reader.
    fn end(&mut self, id: RequestId, end: End) {
        let Some(mut running) = self.running.remove(&id) else { return };
        self.scheduler.remove(id);
        let rest = running.text.finish();
        running.deliver(rest);
        let (finish_reason, error) = match end {
            End::Stop => (FinishReason::Stop, None),
            End::Length => (FinishReason::Length, None),
            End::Failed(error) => (Final::failed(error.clone()).finish_reason, Some(error)),
        };
        let usage = running.usage(self.backend.capacity());
        let timings = running.timings();
        let job = running.job;
        let answer = Answer {
            text: running.answer,
            tokens: job.tokens,
            generated: running.generated,
            exact: !running.cut && !job.shifted,
            complete: error.is_none(),
        };
        (job.commit)(answer);
        job.request.finish(Final { finish_reason, error, usage, timings });
    }
}

/// How often the abort callback reads the clock: it is asked about a thousand times a token.
const CLOCK_EVERY: u32 = 16;

/// The text does not fit.
pub(crate) fn overflow(tokens: usize, window: usize) -> Error {
    let message = format!(
        "{tokens} tokens do not fit a context window of {window}; shorten the text, reset the session, load the model \
         with a larger ctx_size, or set overflow to shift or stop"
    );
    Error::new(Reason::ContextOverflow, message).with("tokens", tokens).with("ctx_size", window)
}

impl<S> Running<S> {
    fn deliver(&mut self, events: Vec<crate::event::Text>) {
        for event in events {
            self.answer.push_str(&event.text);
            self.job.request.push(Event::Text(Arc::new(event)));
        }
    }

    fn usage(&self, window: usize) -> Usage {
        Usage {
            prompt_tokens: self.job.prompt_tokens as u32,
            cached_tokens: self.cached as u32,
            completion_tokens: self.generated as u32,
            // The last token sampled may be one more than the window holds.
            context_used: self.job.tokens.len().min(window) as u32,
        }
    }

    fn timings(&self) -> Timings {
        let prefilled = self.first_token.unwrap_or_else(Instant::now);
        Timings {
            prepare_ms: millis(self.job.prepare_time),
            queue_ms: millis(self.started.saturating_duration_since(self.job.prepared_at)),
            prefill_ms: millis(prefilled.saturating_duration_since(self.started)),
            decode_ms: self.first_token.map_or(0.0, |first| millis(first.elapsed())),
            total_ms: 0.0,
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
