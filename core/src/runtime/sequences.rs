//! Who holds what in the KV cache. Pure data.
//!
//! All sessions share one pool of `capacity` tokens, and each may grow to all of it. When the pool is full the least
//! recently used other session gives way: its tokens are dropped and computed again when it next runs.

use std::collections::HashMap;

use chaku_llama::{SeqId, Token};

/// Names a session within one model.
pub(crate) type SessionId = u64;

#[derive(Debug)]
pub(crate) struct Sequences {
    slots: HashMap<SessionId, Sequence>,
    /// Invariant: disjoint from the ids in `slots`.
    free: Vec<SeqId>,
    capacity: usize,
    clock: u64,
}

/// One session's part of the KV cache.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) id: SeqId,
    /// Invariant: token `i` is what the KV cache holds at position `i`.
    pub(crate) tokens: Vec<Token>,
    last_used: u64,
}

impl Sequences {
    pub(crate) fn new(max_sessions: usize, capacity: usize) -> Self {
        let free = (0..max_sessions as SeqId).rev().collect();
        Sequences { slots: HashMap::new(), free, capacity, clock: 0 }
    }

    /// The session's sequence, made when it has none. `None` when all are taken.
    pub(crate) fn touch(&mut self, session: SessionId) -> Option<&mut Sequence> {
        self.clock += 1;
        if !self.slots.contains_key(&session) {
            let id = self.free.pop()?;
            self.slots.insert(session, Sequence { id, tokens: Vec::new(), last_used: 0 });
        }
        let sequence = self.slots.get_mut(&session)?;
        sequence.last_used = self.clock;
        Some(sequence)
    }

    /// The session's sequence, if it has one.
    pub(crate) fn get_mut(&mut self, session: SessionId) -> Option<&mut Sequence> {
        self.slots.get_mut(&session)
    }

    /// The session is gone: its sequence id may be used again.
    pub(crate) fn release(&mut self, session: SessionId) -> Option<SeqId> {
        let sequence = self.slots.remove(&session)?;
        self.free.push(sequence.id);
        Some(sequence.id)
    }

    /// The session that must give way before `extra` tokens fit, if one must.
    pub(crate) fn victim(&self, keep: SessionId, extra: usize) -> Option<SessionId> {
        let used: usize = self.slots.values().map(|sequence| sequence.tokens.len()).sum();
        if used + extra <= self.capacity { None } else { self.idlest(keep) }
    }

    /// The least recently used session that holds tokens, other than `keep`.
    pub(crate) fn idlest(&self, keep: SessionId) -> Option<SessionId> {
        let holders = self.slots.iter().filter(|(id, sequence)| **id != keep && !sequence.tokens.is_empty());
        holders.min_by_key(|(_, sequence)| sequence.last_used).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_session_gives_way_and_never_the_one_that_runs() {
        let mut sequences = Sequences::new(3, 10);
        for (session, tokens) in [(1, 4), (2, 4), (3, 1)] {
            sequences.touch(session).unwrap().tokens = vec![0; tokens];
        }
        sequences.touch(1);
        assert_eq!(sequences.victim(3, 1), None);
        assert_eq!(sequences.victim(3, 2), Some(2));
        sequences.get_mut(2).unwrap().tokens.clear();
        assert_eq!(sequences.victim(3, 2), None);
        assert_eq!(sequences.victim(1, 6), Some(3));
    }

    #[test]
    fn sequence_ids_are_bounded_and_used_again() {
        let mut sequences = Sequences::new(2, 10);
        let first = sequences.touch(1).unwrap().id;
        sequences.touch(2).unwrap();
        assert!(sequences.touch(3).is_none());
        assert_eq!(sequences.release(1), Some(first));
        assert_eq!(sequences.touch(3).unwrap().id, first);
    }
}
