//! What to compute next. Pure data: no model, no clock, no lock.
//!
//! To the scheduler a request is a list of tokens of which `done` are in the KV cache and `goal` must be. Prefill and
//! decode are the same thing: when `done` reaches `goal` a token is sampled, the list grows by one and so does the
//! goal. Requests are served first come, first served, one at a time, in full chunks; one that may not run (its
//! reader is behind) lets the next one pass.

use std::collections::VecDeque;
use std::ops::Range;

/// Names a request within one engine.
pub(crate) type RequestId = u64;

#[derive(Debug)]
pub(crate) struct Scheduler {
    /// In order of arrival.
    entries: VecDeque<Entry>,
    /// Most tokens of one step.
    chunk: usize,
}

#[derive(Debug)]
struct Entry {
    id: RequestId,
    /// Invariant: `done <= goal`.
    done: usize,
    goal: usize,
}

/// One call of the backend: these tokens of this request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) id: RequestId,
    /// Indices into the request's tokens.
    pub(crate) range: Range<usize>,
    /// The step reaches the goal: the next token can be sampled.
    pub(crate) last: bool,
}

impl Scheduler {
    pub(crate) fn new(chunk: usize) -> Self {
        Scheduler { entries: VecDeque::new(), chunk: chunk.max(1) }
    }

    pub(crate) fn add(&mut self, id: RequestId, done: usize, goal: usize) {
        debug_assert!(done < goal, "nothing to compute");
        self.entries.push_back(Entry { id, done, goal });
    }

    pub(crate) fn remove(&mut self, id: RequestId) {
        self.entries.retain(|entry| entry.id != id);
    }

    /// The next step among the requests that may run.
    pub(crate) fn plan(&self, mut may_run: impl FnMut(RequestId) -> bool) -> Option<Step> {
        let entry = self.entries.iter().find(|entry| entry.done < entry.goal && may_run(entry.id))?;
        let end = entry.goal.min(entry.done + self.chunk);
        Some(Step { id: entry.id, range: entry.done..end, last: end == entry.goal })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_prompt_is_cut_into_full_chunks_and_only_the_last_one_samples() {
        let mut scheduler = Scheduler::new(4);
        scheduler.add(1, 1, 10);
        let mut steps = Vec::new();
        while let Some(step) = scheduler.plan(|_| true) {
            scheduler.set(1, step.range.end, 10);
            steps.push((step.range, step.last));
        }
        assert_eq!(steps, [(1..5, false), (5..9, false), (9..10, true)]);
    }

    #[test]
    fn first_come_first_served() {
        let mut scheduler = Scheduler::new(8);
        scheduler.add(1, 0, 3);
        scheduler.add(2, 0, 3);
        assert_eq!(scheduler.plan(|_| true).unwrap().id, 1);
        scheduler.set(1, 3, 4);
        assert_eq!(scheduler.plan(|_| true), Some(Step { id: 1, range: 3..4, last: true }));
        scheduler.remove(1);
        assert_eq!(scheduler.plan(|_| true).unwrap().id, 2);
    }

    #[test]
    fn a_stalled_request_lets_the_next_one_pass_and_keeps_its_place() {
        let mut scheduler = Scheduler::new(8);
        scheduler.add(1, 0, 3);
        scheduler.add(2, 0, 3);
        assert_eq!(scheduler.plan(|id| id != 1).unwrap().id, 2);
        assert_eq!(scheduler.plan(|_| true).unwrap().id, 1);
        assert_eq!(scheduler.plan(|_| false), None);
    }
}
