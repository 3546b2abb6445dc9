//! What to compute next. Pure data: no model, no clock, no lock, so every rule can be tested by itself.
//!
//! A request is a number of tokens in the KV cache and a goal; one that decodes has a goal one ahead. A [`Step`] packs
//! all that decode, one token each, and then prompts, cut into chunks, up to the most tokens the backend computes at
//! once. While somebody decodes, prompts get only so many tokens that a step stays near the latency target; alone they
//! fill it.
//!
//! The order, where not all fit: by priority, which grows while a request waits ([`Priority::effective`]); within one
//! priority by what its session was given already, in units of [`QUANTUM`] tokens, so that a long prompt lets short
//! ones pass and short ones are not torn apart; then by arrival. Sessions that come later start level with the one
//! that was given least, as in a fair queue (Linux's CFS places a new task the same way).

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::sequences::SessionId;
use crate::priority::Priority;

/// Names a request within one engine.
pub(crate) type RequestId = u64;

/// Tokens a session gets in a row before another of its priority may pass.
const QUANTUM: u64 = 1024;

#[derive(Debug)]
pub(crate) struct Scheduler {
    /// In order of arrival.
    entries: Vec<Entry>,
    /// Tokens given to each session that has a request, counted from a common start.
    given: HashMap<SessionId, u64>,
    /// Most tokens of one step.
    most: usize,
    pace: Pace,
}

/// What the scheduler knows of a request.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: RequestId,
    pub(crate) session: SessionId,
    pub(crate) priority: Priority,
    /// Requests of different groups never share a step: what they compute with differs (adapters).
    pub(crate) group: u64,
    /// Invariant: `done <= goal`.
    pub(crate) done: usize,
    pub(crate) goal: usize,
    /// When it was last given something, or arrived.
    pub(crate) served: Instant,
}

/// One call of the backend: these tokens of these requests, at most one item for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: RequestId,
    /// Indices into the request's tokens.
    pub(crate) range: Range<usize>,
    /// The item reaches the goal: the next token can be sampled.
    pub(crate) last: bool,
}

impl Step {
    pub(crate) fn tokens(&self) -> usize {
        self.items.iter().map(|item| item.range.len()).sum()
    }
}

impl Scheduler {
    /// `most`: tokens of one step. `target`: how long one should take while somebody decodes.
    pub(crate) fn new(most: usize, target: Duration) -> Self {
        Scheduler { entries: Vec::new(), given: HashMap::new(), most: most.max(1), pace: Pace::new(target) }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        debug_assert!(entry.done < entry.goal, "nothing to compute");
        let least = self.entries.iter().filter_map(|entry| self.given.get(&entry.session)).min().copied();
        self.given.insert(entry.session, least.unwrap_or(0));
        self.entries.push(entry);
    }

    /// Forgets a request; says whose it was.
    pub(crate) fn remove(&mut self, id: RequestId) -> Option<SessionId> {
        let index = self.entries.iter().position(|entry| entry.id == id)?;
        let session = self.entries.remove(index).session;
        self.given.remove(&session);
        Some(session)
    }

    /// The next step, of the requests that may run.
    pub(crate) fn plan(&mut self, now: Instant, mut may_run: impl FnMut(RequestId) -> bool) -> Option<Step> {
        let wants = |entry: &&Entry| entry.done < entry.goal;
        let mut ready: Vec<&Entry> = self.entries.iter().filter(wants).filter(|entry| may_run(entry.id)).collect();
        ready.sort_by_key(|entry| self.rank(entry, now));
        let group = ready.first()?.group;
        ready.retain(|entry| entry.group == group);
        let (decoding, prompts): (Vec<&Entry>, Vec<&Entry>) = ready.into_iter().partition(|entry| entry.left() == 1);
        let mut items = Vec::new();
        let mut room = self.most;
        take(&decoding, &mut room, &mut items);
        if !items.is_empty() {
            room = room.min(self.pace.chunk(items.len()));
        }
        take(&prompts, &mut room, &mut items);
        self.serve(&items, now);
        Some(Step { items })
    }

    /// So long did a step take.
    pub(crate) fn observe(&mut self, step: &Step, took: Duration) {
        let decoding = step.items.iter().filter(|item| item.range.len() == 1).count();
        self.pace.observe(decoding, step.tokens() - decoding, took);
    }

    /// So many of the request's tokens are in the KV cache, of so many that must be.
    pub(crate) fn set(&mut self, id: RequestId, done: usize, goal: usize) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            (entry.done, entry.goal) = (done, goal);
        }
    }

    /// How many of the request's tokens are in the KV cache.
    pub(crate) fn done(&self, id: RequestId) -> usize {
        self.entries.iter().find(|entry| entry.id == id).map_or(0, |entry| entry.done)
    }

    /// Smaller = sooner.
    fn rank(&self, entry: &Entry, now: Instant) -> (std::cmp::Reverse<u64>, u64) {
        let waited = now.saturating_duration_since(entry.served);
        let given = self.given.get(&entry.session).copied().unwrap_or(0);
        // The sort is stable, so that what is equal keeps its order of arrival.
        (std::cmp::Reverse(entry.priority.effective(waited)), given / QUANTUM)
    }

    fn serve(&mut self, items: &[Item], now: Instant) {
        for item in items {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == item.id) {
                entry.served = now;
                *self.given.entry(entry.session).or_default() += item.range.len() as u64;
            }
        }
    }
}

impl Entry {
    fn left(&self) -> usize {
        self.goal - self.done
    }
}

/// Moves what fits into `room` over to `items`.
fn take(entries: &[&Entry], room: &mut usize, items: &mut Vec<Item>) {
    for entry in entries {
        let tokens = entry.left().min(*room);
        if tokens == 0 {
            return;
        }
        *room -= tokens;
        let end = entry.done + tokens;
        items.push(Item { id: entry.id, range: entry.done..end, last: end == entry.goal });
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
