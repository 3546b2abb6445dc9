//! The places in the KV cache: which session has which sequence, which of them are in use, and who gives way. Pure data.
//!
//! There are `max_running` sequences, for running requests, idle sessions and prefixes that nobody owns any more,
//! together. All share one pool of `capacity` tokens, and each may grow to all of it. What is idle gives way, the least
//! recently used first.

use std::collections::HashMap;

use chaku_llama::SeqId;

use super::prefix::Prefixes;

/// Names a session within one model.
pub(crate) type SessionId = u64;

#[derive(Debug)]
pub(crate) struct Sequences {
    /// What the sequences hold.
    pub(crate) prefixes: Prefixes,
    /// Invariant: two sessions never have the same sequence, and the sequence knows its owner.
    owned: HashMap<SessionId, SeqId>,
    /// By sequence id.
    places: Vec<Place>,
    capacity: usize,
    clock: u64,
}

#[derive(Debug, Clone, Default)]
struct Place {
    owner: Option<SessionId>,
    /// A request computes with it.
    busy: bool,
    last_used: u64,
}

impl Sequences {
    pub(crate) fn new(sequences: usize, capacity: usize) -> Self {
        Sequences {
            prefixes: Prefixes::new(sequences),
            owned: HashMap::new(),
            places: vec![Place::default(); sequences],
            capacity,
            clock: 0,
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Tokens that still fit.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.prefixes.used())
    }

    /// The session's sequence, if it has one.
    pub(crate) fn of(&self, session: SessionId) -> Option<SeqId> {
        self.owned.get(&session).copied()
    }

    /// A sequence that nobody has and that holds nothing.
    pub(crate) fn vacant(&self) -> Option<SeqId> {
        self.ids().find(|&id| self.place(id).owner.is_none() && self.prefixes.length(id) == 0)
    }

    /// The session has this sequence, and a request of it computes.
    pub(crate) fn begin(&mut self, session: SessionId, sequence: SeqId) {
        let before = self.place(sequence).owner;
        debug_assert!(before.is_none() || before == Some(session));
        self.owned.insert(session, sequence);
        let clock = self.tick();
        *self.place_mut(sequence) = Place { owner: Some(session), busy: true, last_used: clock };
    }

    /// The session's request computes no more.
    pub(crate) fn rest(&mut self, session: SessionId) {
        if let Some(sequence) = self.of(session) {
            let clock = self.tick();
            let place = self.place_mut(sequence);
            (place.busy, place.last_used) = (false, clock);
        }
    }

    /// The sequence was used by somebody else: it was copied from.
    pub(crate) fn touch(&mut self, sequence: SeqId) {
        self.place_mut(sequence).last_used = self.tick();
    }

    /// The session is gone, or its sequence is taken: what it holds is nobody's, and may still be copied from.
    pub(crate) fn disown(&mut self, session: SessionId) {
        if let Some(sequence) = self.owned.remove(&session) {
            let place = self.place_mut(sequence);
            (place.owner, place.busy) = (None, false);
        }
    }

    pub(crate) fn owner(&self, sequence: SeqId) -> Option<SessionId> {
        self.place(sequence).owner
    }

    pub(crate) fn is_busy(&self, sequence: SeqId) -> bool {
        self.place(sequence).busy
    }

    /// The least recently used sequence that is idle and holds something or has an owner.
    pub(crate) fn idlest(&self, except: Option<SeqId>) -> Option<SeqId> {
        let idle = |&id: &SeqId| {
            let place = self.place(id);
            !place.busy && Some(id) != except && (place.owner.is_some() || self.prefixes.length(id) > 0)
        };
        self.ids().filter(idle).min_by_key(|&id| self.place(id).last_used)
    }

    /// Tokens of the pool that sequences in use hold.
    pub(crate) fn pinned(&self) -> usize {
        self.prefixes.held_by(|sequence| self.is_busy(sequence))
    }

    fn ids(&self) -> impl Iterator<Item = SeqId> + use<> {
        0..self.places.len() as SeqId
    }

    fn place(&self, sequence: SeqId) -> &Place {
        &self.places[sequence as usize]
    }

    fn place_mut(&mut self, sequence: SeqId) -> &mut Place {
        &mut self.places[sequence as usize]
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sequences: &mut Sequences, session: SessionId, tokens: usize) -> SeqId {
        let id = sequences.of(session).or_else(|| sequences.vacant()).unwrap();
        sequences.begin(session, id);
        sequences.prefixes.extend(id, 0, &vec![session as i32; tokens]);
        id
    }

    #[test]
    fn the_least_recently_used_idle_sequence_gives_way_and_never_one_in_use() {
        let mut sequences = Sequences::new(3, 10);
        let ids: Vec<SeqId> =
            [(1, 4), (2, 4), (3, 1)].map(|(session, tokens)| fill(&mut sequences, session, tokens)).into();
        assert_eq!((sequences.room(), sequences.idlest(None), sequences.pinned()), (1, None, 9));
        sequences.rest(2);
        sequences.rest(1);
        assert_eq!((sequences.idlest(None), sequences.pinned()), (Some(ids[1]), 1));
        assert_eq!(sequences.idlest(Some(ids[1])), Some(ids[0]));
        sequences.touch(ids[1]);
        assert_eq!(sequences.idlest(None), Some(ids[0]));
    }

    #[test]
    fn what_a_gone_session_held_stays_until_it_is_needed() {
        let mut sequences = Sequences::new(2, 10);
        let first = fill(&mut sequences, 1, 3);
        sequences.disown(1);
        assert_eq!((sequences.of(1), sequences.owner(first), sequences.prefixes.length(first)), (None, None, 3));
        let second = fill(&mut sequences, 2, 1);
        assert!(second != first && sequences.vacant().is_none());
        assert_eq!(sequences.idlest(None), Some(first));
        sequences.prefixes.truncate(first, 0);
        assert_eq!((sequences.vacant(), sequences.idlest(None)), (Some(first), None));
    }
}
