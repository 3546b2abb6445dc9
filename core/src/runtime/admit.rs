//! Who may compute, and with which place in the KV cache: starts what waits, lets one give way to another, and keeps
//! what the KV cache holds of a prompt already.
//!
//! A place is a sequence and room for the prompt. It is made by taking, in this order: what is vacant; what is idle,
//! least recently used first; what a request holds whose reader is behind; what a request of a lower priority holds.
//! Who gives way is *parked*: its tokens go to the prompt cache, or are computed again, and its reader sees nothing but
//! time.

use std::time::Instant;

use chaku_llama::{SeqId, Token};

use super::backend::Backend;
use super::engine::Engine;
use super::job::Job;
use super::prompt_cache::Found;
use super::running::{End, Running};
use super::scheduler::{Entry, RequestId, Step};
use super::sequences::SessionId;
use crate::error::{Error, Reason};
use crate::priority::Priority;
use crate::timeline::Moment;

/// Less than this is computed again rather than copied or waited for. The random tests have small pools.
const WORTH: usize = if cfg!(test) { 4 } else { 32 };

/// Who was parked comes back only when this part of the pool is free besides: else it would have to go again at once.
const SPARE: usize = 8;

/// A request that is prepared and has not started.
pub(super) struct Waiting<S> {
    pub(super) job: Job<S>,
    /// Another request computes a beginning of this length that is the same: this one waits for it.
    follows: Option<(RequestId, usize)>,
    /// `starts` of the engine when that was found out.
    looked: Option<u64>,
}

/// Where what is needed is found.
#[derive(Clone, Copy)]
enum Source {
    /// The session's own sequence.
    Own,
    Shared(SeqId),
    Cached(Found),
}

/// What waits for a place.
#[derive(Clone, Copy)]
enum Candidate {
    Waiting(usize),
    Parked(RequestId),
}

impl<S> Waiting<S> {
    pub(super) fn new(job: Job<S>) -> Self {
        Waiting { job, follows: None, looked: None }
    }
}

impl<B: Backend> Engine<B> {
    /// Starts all that may start and has room; says whether one did. The first that has none keeps the later ones out,
    /// or a long prompt would never find room.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let mut started = false;
        while let Some(candidate) = self.next_candidate(now) {
            let placed = match candidate {
                Candidate::Waiting(index) => self.start(index),
                Candidate::Parked(id) => self.resume(id),
            };
            if !placed {
                return started;
            }
            started = true;
        }
        started
    }

    fn next_candidate(&mut self, now: Instant) -> Option<Candidate> {
        for index in 0..self.waiting.len() {
            self.look_for_leader(index);
        }
        let urgency = |priority: Priority, since: Instant| {
            (priority.effective(now.saturating_duration_since(since)), std::cmp::Reverse(since))
        };
        let free = |waiting: &&(usize, &Waiting<B::Sampler>)| !self.must_follow(waiting.1);
        let waiting = self.waiting.iter().enumerate();
        let waiting = waiting.filter(|waiting| free(&waiting)).map(|(index, waiting)| {
            let request = &waiting.job.request;
            (urgency(request.priority, request.created), Candidate::Waiting(index))
        });
        let parked = self.running.iter().filter(|(_, running)| running.parked && running.keeps_up());
        let parked = parked.map(|(id, running)| {
            let request = &running.job.request;
            (urgency(request.priority, request.created), Candidate::Parked(*id))
        });
        parked.chain(waiting).max_by_key(|(urgency, _)| *urgency).map(|(_, candidate)| candidate)
    }

    /// Finds out whether a running request is about to compute what this one begins with.
    fn look_for_leader(&mut self, index: usize) {
        let waiting = &self.waiting[index];
        if waiting.job.prompt_logprobs.is_some() {
            return; // What others computed has no logits any more.
        }
        let leader_is_gone = waiting.follows.is_some_and(|(leader, _)| !self.running.contains_key(&leader));
        if waiting.looked == Some(self.starts) && !leader_is_gone || !self.share || !self.backend.takes_parts() {
            return;
        }
        let (tokens, group) = (&waiting.job.tokens, waiting.job.group);
        let there = self.sequences.prefixes.longest(tokens, group, false).map_or(0, |found| found.length);
        let shared =
            |running: &Running<B::Sampler>| running.job.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let leaders = self.running.iter().filter(|(_, running)| {
            running.job.group == group && running.job.request.priority >= waiting.job.request.priority
        });
        // Of equals the first: it is the furthest.
        let best = leaders.rev().map(|(id, running)| (*id, shared(running))).max_by_key(|(_, length)| *length);
        let waiting = &mut self.waiting[index];
        waiting.follows = best.filter(|(_, length)| *length >= there + WORTH);
        waiting.looked = Some(self.starts);
    }

    /// Whether the request it follows is still on its way. One that stands still is not waited for.
    fn must_follow(&self, waiting: &Waiting<B::Sampler>) -> bool {
        let Some((leader, length)) = waiting.follows else { return false };
        let leads = |running: &Running<B::Sampler>| running.may_run() && self.scheduler.done(leader) < length;
        self.running.get(&leader).is_some_and(leads)
    }

    /// Takes a job over from the queue; says no, and leaves it there, if there is no place for it.
    fn start(&mut self, index: usize) -> bool {
        let job = &self.waiting[index].job;
        let (session, group, priority, goal) = (job.session, job.group, job.request.priority, job.tokens.len());
        // The last token is computed again, for its logits, unless none are needed.
        let reusable = match (&job.prompt_logprobs, &job.sampler) {
            (Some(_), _) => 0,
            (None, Some(_)) => goal - 1,
            (None, None) => goal,
        };
        let tokens = job.tokens[..reusable].to_vec();
        let Some(cached) = self.place(session, group, &tokens, goal, Some(priority)) else { return false };
        let job = self.waiting.remove(index).job;
        let id = job.request.id;
        self.control.admission.leave(id);
        if !job.request.own() {
            self.sequences.rest(session);
            return true;
        }
        tracing::debug!(target: "chaku::engine", parent: &job.request.span, tokens = goal, cached, "started");
        job.request.marks.mark(Moment::Started);
        self.control.metrics.cached(cached);
        self.running.insert(id, Running::new(job, cached));
        self.starts += 1;
        let served = Instant::now();
        if cached == goal {
            self.end(id, End::Stop);
            self.sequences.rest(session);
        } else {
            self.scheduler.add(Entry { id, session, priority, group, done: cached, goal, served });
        }
        true
    }

    /// Lets a parked request go on; says no if there is no place for it.
    fn resume(&mut self, id: RequestId) -> bool {
        let Some(running) = self.running.get(&id) else { return false };
        let (session, group, goal) = (running.job.session, running.job.group, running.job.tokens.len());
        let tokens = running.job.tokens[..running.reusable()].to_vec();
        let spare = self.sequences.capacity() / SPARE;
        let Some(cached) = self.place(session, group, &tokens, goal + spare, None) else { return false };
        tracing::debug!(target: "chaku::engine", request = id, cached, "resumed");
        if let Some(running) = self.running.get_mut(&id) {
            running.parked = false;
            running.job.request.marks.resumed();
        }
        self.scheduler.set(id, cached, goal);
        true
    }

    /// Gives a session a sequence that begins with as much of `tokens` as is there already; says how much that is.
    /// `wanted`: tokens for which there must be room in the end. `None` = no place; `over` may take one from a lower
    /// priority.
    fn place(
        &mut self,
        session: SessionId,
        group: u64,
        tokens: &[Token],
        wanted: usize,
        over: Option<Priority>,
    ) -> Option<usize> {
        loop {
            let (source, length) = self.find(session, group, tokens);
            let from = match source {
                Source::Shared(from) => Some(from),
                Source::Own | Source::Cached(_) => None,
            };
            if self.fits(wanted, from, length)
                && let Some(sequence) = self.sequence_for(session, from)
            {
                self.sequences.begin(session, sequence);
                // Who gave way went to the prompt cache, perhaps in place of what was found there.
                let (source, length) = match source {
                    Source::Cached(_) => self.find(session, group, tokens),
                    Source::Own | Source::Shared(_) => (source, length),
                };
                return Some(self.fill(sequence, source, tokens, length));
            }
            let victim = self.behind().or_else(|| self.below(over?))?;
            self.park(victim);
        }
    }

    /// Where the longest beginning of `tokens` is, and its length.
    fn find(&self, session: SessionId, group: u64, tokens: &[Token]) -> (Source, usize) {
        let whole = !self.backend.takes_parts();
        let prefixes = &self.sequences.prefixes;
        let own = self.sequences.of(session).filter(|own| prefixes.group(*own) == group).map_or(0, |own| {
            let common = prefixes.common(own, tokens);
            if whole && common < prefixes.length(own) { 0 } else { common }
        });
        let mut best = (Source::Own, own);
        if !self.share {
            return best;
        }
        if let Some(found) = prefixes.longest(tokens, group, whole).filter(|found| found.length > best.1) {
            best = (Source::Shared(found.sequence), found.length);
        }
        match self.prompt_cache.longest(tokens, group, whole).filter(|found| found.length > best.1 + WORTH) {
            Some(found) if found.whole <= self.sequences.capacity() => (Source::Cached(found), found.length),
            _ => best,
        }
    }

    /// Whether so many tokens, of which `length` are shared with `from`, fit beside all that is running. What is idle
    /// does not count: it gives way.
    fn fits(&self, wanted: usize, from: Option<SeqId>, length: usize) -> bool {
        let running = || self.running.values().filter(|running| !running.parked);
        if running().next().is_none() {
            return true;
        }
        let pending = |running: &Running<B::Sampler>| {
            running.job.tokens.len().saturating_sub(self.scheduler.done(running.job.request.id))
        };
        let shared = if from.is_some_and(|from| self.sequences.is_busy(from)) { length } else { 0 };
        let taken = self.sequences.pinned() + running().map(pending).sum::<usize>();
        taken + wanted.saturating_sub(shared) <= self.sequences.capacity()
    }

    /// A sequence that the session may have: its own, a vacant one, or one that was idle. The one that is copied from
    /// comes last, and is then taken over as it is.
    fn sequence_for(&mut self, session: SessionId, from: Option<SeqId>) -> Option<SeqId> {
        if let Some(own) = self.sequences.of(session).or_else(|| self.sequences.vacant()) {
            return Some(own);
        }
        if let Some(idle) = self.sequences.idlest(from) {
            self.evict(idle);
            return Some(idle);
        }
        let from = from.filter(|from| !self.sequences.is_busy(*from))?;
        self.take_over(from);
        Some(from)
    }

    /// Makes a sequence begin with the first `length` of `tokens`, as far as that works; says how far.
    fn fill(&mut self, sequence: SeqId, source: Source, tokens: &[Token], length: usize) -> usize {
        match source {
            Source::Shared(from) if from != sequence => {
                self.cut(sequence, 0);
                if self.backend.share(from, sequence, length) {
                    self.sequences.prefixes.share(from, sequence, length);
                    self.sequences.touch(from);
                }
            }
            Source::Cached(found) => {
                self.cut(sequence, 0);
                self.restore(sequence, found, length);
            }
            Source::Own | Source::Shared(_) => self.cut(sequence, length),
        }
        debug_assert!(tokens.starts_with(&self.sequences.prefixes.tokens(sequence)));
        self.sequences.prefixes.length(sequence)
    }

    /// Puts a prefix back from the prompt cache, and keeps the first `length` tokens of it.
    fn restore(&mut self, sequence: SeqId, found: Found, length: usize) {
        while self.sequences.room() < found.whole {
            match self.sequences.idlest(None) {
                // Not kept: the prompt cache must stay as it is until it was copied from.
                Some(idle) => self.drop_sequence(idle),
                None => return,
            }
        }
        let (tokens, group, state) = self.prompt_cache.get(found);
        if self.backend.restore(sequence, state, tokens.len()) {
            self.sequences.prefixes.extend(sequence, group, tokens);
            self.cut(sequence, length);
            self.control.metrics.prompt_cache_hit();
        }
    }

    /// Drops a sequence's tokens from `length` on, or all of them where the memory cannot drop a part.
    fn cut(&mut self, sequence: SeqId, length: usize) {
        if self.sequences.prefixes.length(sequence) <= length {
            return;
        }
        let length = if self.backend.truncate(sequence, length) { length } else { 0 };
        if length == 0 {
            self.backend.clear(sequence);
        }
        self.sequences.prefixes.truncate(sequence, length);
    }

    /// Makes room for a step: what is idle gives way, then who is behind, then the least urgent request. Says whether
    /// anything is left of the step.
    pub(super) fn make_room(&mut self, step: &mut Step) -> bool {
        while self.sequences.room() < step.tokens() {
            if let Some(idle) = self.sequences.idlest(None) {
                self.evict(idle);
            } else if let Some(victim) = self.behind().or_else(|| self.least_urgent()) {
                self.park(victim);
                step.items.retain(|item| item.id != victim);
            } else {
                break;
            }
        }
        !step.items.is_empty()
    }

    /// The KV cache had no room although it should.
    pub(super) fn give_way(&mut self, step: &Step) {
        if let Some(idle) = self.sequences.idlest(None) {
            self.evict(idle);
        } else if let Some(victim) = self.behind().or_else(|| self.least_urgent()) {
            self.park(victim);
        } else {
            for item in &step.items {
                let message = "the KV cache has no room although it should";
                self.end(item.id, End::Failed(Error::new(Reason::DecodeFailed, message)));
            }
        }
    }

    /// A request that has a place and whose reader is behind: it computes nothing anyhow.
    fn behind(&self) -> Option<RequestId> {
        let mut running = self.running.iter();
        running.find(|(_, running)| !running.parked && !running.keeps_up()).map(|(id, _)| *id)
    }

    /// The least urgent request of a lower priority.
    fn below(&self, priority: Priority) -> Option<RequestId> {
        self.least_urgent_of(|running| running.job.request.priority < priority)
    }

    /// The least urgent request, unless it is the only one.
    fn least_urgent(&self) -> Option<RequestId> {
        let placed = self.running.values().filter(|running| !running.parked).count();
        if placed > 1 { self.least_urgent_of(|_| true) } else { None }
    }

    fn least_urgent_of(&self, which: impl Fn(&Running<B::Sampler>) -> bool) -> Option<RequestId> {
        let placed = self.running.iter().filter(|(_, running)| !running.parked && which(running));
        let urgency = |running: &Running<B::Sampler>| {
            let request = &running.job.request;
            (request.priority, std::cmp::Reverse(request.created))
        };
        placed.min_by_key(|(_, running)| urgency(running)).map(|(id, _)| *id)
    }

    /// A request gives its place up, and waits to go on.
    fn park(&mut self, id: RequestId) {
        let Some(running) = self.running.get_mut(&id) else { return };
        tracing::debug!(target: "chaku::engine", request = id, "parked");
        running.parked = true;
        running.job.request.marks.preempted();
        self.control.metrics.preempted();
        let (session, goal) = (running.job.session, running.job.tokens.len());
        self.scheduler.set(id, 0, goal);
        if let Some(sequence) = self.sequences.of(session) {
            self.evict(sequence);
        }
    }

    /// Empties a sequence. What is worth it goes to the prompt cache.
    fn evict(&mut self, sequence: SeqId) {
        let prefixes = &self.sequences.prefixes;
        let whole = !self.backend.takes_parts();
        if !self.prompt_cache.is_off() && prefixes.unshared(sequence) >= WORTH {
            let (tokens, group) = (prefixes.tokens(sequence), prefixes.group(sequence));
            if !self.prompt_cache.covers(&tokens, group, whole)
                && let Some(state) = self.backend.save(sequence)
            {
                self.prompt_cache.insert(tokens, group, state, whole);
            }
        }
        self.drop_sequence(sequence);
    }

    fn drop_sequence(&mut self, sequence: SeqId) {
        self.control.metrics.evicted();
        self.backend.clear(sequence);
        self.sequences.prefixes.truncate(sequence, 0);
        self.take_over(sequence);
    }

    /// The sequence is nobody's.
    fn take_over(&mut self, sequence: SeqId) {
        if let Some(owner) = self.sequences.owner(sequence) {
            self.sequences.disown(owner);
        }
    }
}
