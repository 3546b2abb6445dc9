//! Who waits to start, and who goes first. Pure data: time is passed in, and nothing is locked.
//!
//! At most `limit` requests wait in the queue. Those that ask for it stand outside while it is full, as many again: they
//! are not prepared, and enter as places become free.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Instant;

use super::queue::Prepare;
use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::request::Shared;
use crate::terms::Overload;

pub(super) struct Waiting {
    limit: usize,
    /// Admitted and not started. May hold requests that ended meanwhile, which count for nothing.
    queue: Vec<Entry>,
    /// Invariant: empty unless the queue is full.
    outside: Vec<Entry>,
    /// What left since somebody last took it away. Dropping it may end sessions, whose destructors lock other things: so
    /// whoever locked this drops it unlocked.
    gone: Vec<Entry>,
    /// Invariant: once set, nothing is let in; what the next ones hear.
    closed: Option<Error>,
}

pub(super) struct Entry {
    request: Arc<Shared>,
    /// Taken by the preparing thread.
    prepare: Option<Prepare>,
    since: Instant,
}

impl Entry {
    /// Ends the request. The host may hear of it, so nothing is locked.
    pub(super) fn end(&self, error: Error) {
        self.request.finish(Final::failed(error));
    }

    fn level(&self, now: Instant) -> u64 {
        self.request.priority.effective(now.saturating_duration_since(self.since))
    }

    /// The smallest goes first: the most urgent, of equally urgent ones the oldest.
    fn rank(&self, now: Instant) -> (Reverse<u64>, u64) {
        (Reverse(self.level(now)), self.request.id)
    }

    fn waits(&self) -> bool {
        !self.request.has_ended()
    }
}

impl Waiting {
    pub(super) fn new(limit: usize) -> Self {
        Waiting { limit, queue: Vec::new(), outside: Vec::new(), gone: Vec::new(), closed: None }
    }

    /// Takes a request in, as its `overload` says when the queue is full.
    pub(super) fn admit(&mut self, request: Arc<Shared>, prepare: Prepare, now: Instant) -> Result<()> {
        let overload = request.overload;
        let entry = Entry { request, prepare: Some(prepare), since: now };
        if let Some(refusal) = self.closed.clone() {
            self.gone.push(entry);
            return Err(refusal);
        }
        self.sweep(now, |_| false);
        let place = if self.queue.len() < self.limit {
            &mut self.queue
        } else if overload == Overload::Wait && self.outside.len() < self.limit {
            &mut self.outside
        } else if overload == Overload::Displace && self.displace(&entry, now) {
            &mut self.queue
        } else {
            self.gone.push(entry);
            return Err(self.full(overload));
        };
        place.push(entry);
        Ok(())
    }

    /// The next request to prepare, and how. Each is handed out once.
    pub(super) fn next_to_prepare(&mut self, now: Instant) -> Option<(Arc<Shared>, Prepare)> {
        let unprepared = self.queue.iter_mut().filter(|entry| entry.prepare.is_some() && entry.waits());
        let next = unprepared.min_by_key(|entry| entry.rank(now))?;
        Some((next.request.clone(), next.prepare.take()?))
    }

    /// The request starts, or failed before it could.
    pub(super) fn leave(&mut self, id: u64, now: Instant) {
        self.sweep(now, |request| request.id == id);
    }

    /// Ends those whose deadline has passed; says when to look again.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.sweep(now, |request| request.expire(now));
        self.all().filter_map(|entry| entry.request.deadline).min()
    }

    /// How many requests go before this one; `None` = it does not wait.
    pub(super) fn position(&self, id: u64, now: Instant) -> Option<usize> {
        let before = |all: &[Entry]| {
            let own = all.iter().find(|entry| entry.request.id == id && entry.waits())?.rank(now);
            Some(all.iter().filter(|entry| entry.waits() && entry.rank(now) < own).count())
        };
        let queued = || self.queue.iter().filter(|entry| entry.waits()).count();
        before(&self.queue).or_else(|| Some(before(&self.outside)? + queued()))
    }

    /// Lets all go, to be ended unlocked, and answers all others with `refusal`.
    pub(super) fn close(&mut self, refusal: Error) {
        self.closed = Some(refusal);
        self.gone.extend(self.queue.drain(..).chain(self.outside.drain(..)));
    }

    /// How many are in the queue. Those outside do not count.
    pub(super) fn depth(&self) -> usize {
        self.queue.iter().filter(|entry| entry.waits()).count()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// What is to be dropped unlocked.
    #[must_use]
    pub(super) fn take_gone(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.gone)
    }

    /// Whether there is something to prepare.
    pub(super) fn has_unprepared(&self) -> bool {
        self.queue.iter().any(|entry| entry.prepare.is_some())
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.queue.iter().chain(&self.outside)
    }

    /// Takes out what has ended and what `goes`, and lets in who stands outside.
    fn sweep(&mut self, now: Instant, goes: impl Fn(&Shared) -> bool) {
        for entries in [&mut self.queue, &mut self.outside] {
            self.gone.extend(entries.extract_if(.., |entry| goes(&entry.request) || !entry.waits()));
        }
        while self.queue.len() < self.limit {
            let next = (0..self.outside.len()).min_by_key(|&index| self.outside[index].rank(now));
            let Some(next) = next else { break };
            self.queue.push(self.outside.swap_remove(next));
        }
    }

    /// Ends the youngest of the least urgent requests in the queue that are less urgent than `by`; says whether there was
    /// one. What has waited long enough to be as urgent is safe.
    fn displace(&mut self, by: &Entry, now: Instant) -> bool {
        let least = (0..self.queue.len()).max_by_key(|&index| self.queue[index].rank(now));
        let Some(least) = least.filter(|&index| self.queue[index].level(now) < by.level(now)) else { return false };
        let victim = self.queue.swap_remove(least);
        let (own, others) = (victim.request.priority.as_str(), by.request.priority.as_str());
        let message = format!(
            "the queue was full, and a request of priority {others} displaced this one of priority {own}; try again \
             later, or with a higher priority"
        );
        let error = Error::new(Reason::Displaced, message).with("priority", own).with("displaced_by", others);
        // If it ended or started this very moment, its place is free all the same.
        victim.request.finish_unowned(error);
        self.gone.push(victim);
        true
    }

    fn full(&self, overload: Overload) -> Error {
        let (limit, queued) = (self.limit, self.queue.len());
        let message = match overload {
            Overload::Reject => format!(
                "{queued} requests wait already, the queue_limit; try again when one has finished, or set overload to \
                 wait or displace"
            ),
            Overload::Wait => format!(
                "{queued} requests wait already, the queue_limit, and as many stand outside; try again when some have \
                 finished"
            ),
            Overload::Displace => format!(
                "{queued} requests wait already, the queue_limit, and none of them is less urgent; try again when one \
                 has finished"
            ),
        };
        Error::new(Reason::QueueFull, message).with("queued", queued).with("limit", limit)
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
