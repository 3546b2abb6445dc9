//! What a window remembers of each sequence, and what can be done to it.
//!
//! | memory | of the models | drop the end of a sequence | share a part | share the whole, save, restore |
//! |---|---|---|---|---|
//! | KV cache | with attention alone | yes | yes | yes |
//! | KV cache with sliding windows | gemma3, … | while the window's positions are there | the same | yes |
//! | a state for each sequence | mamba, rwkv, … | no | no | yes |
//! | both | jamba, lfm2, qwen3next, … | no | no | yes |
//!
//! Sliding windows: cells that their own sequence cannot see any more may be used again although others are free, and a
//! saved sequence goes without them. So whether the end can be dropped is known only then: [`Context::has_prefix`].

use llama_cpp_sys_2 as sys;

use crate::batch::check_sequence;
use crate::{Context, Error, Pos, SeqId, ffi};

/// Which sequences may have positions in common: those of the same number.
pub(crate) struct Relatives {
    families: Vec<u64>,
    next: u64,
}

impl Relatives {
    pub(crate) fn new(n_seq_max: u32) -> Self {
        Self { families: (0..u64::from(n_seq_max)).collect(), next: u64::from(n_seq_max) }
    }

    fn join(&mut self, from: SeqId, to: SeqId) {
        let (family, joined) = (self.families[from as usize], self.families[to as usize]);
        self.families.iter_mut().filter(|number| **number == joined).for_each(|number| *number = family);
    }

    pub(crate) fn leave(&mut self, seq: SeqId) {
        self.families[seq as usize] = self.next;
        self.next += 1;
    }

    fn leave_all(&mut self) {
        *self = Self::new(self.families.len() as u32);
    }

    fn has_any(&self, seq: SeqId) -> bool {
        let family = self.families[seq as usize];
        self.families.iter().filter(|number| **number == family).count() > 1
    }
}

impl Context {
    /// Whether this memory can drop the end of a sequence and keep the rest. See [`has_prefix`](Self::has_prefix).
    pub fn can_cut(&self) -> bool {
        !self.model().is_recurrent() && !self.model().is_hybrid()
    }

    /// Whether this memory can share a part of a sequence with another one. See [`has_prefix`](Self::has_prefix).
    pub fn can_share_part(&self) -> bool {
        // A cut of a copy.
        self.can_cut()
    }

    /// Whether the first `length` positions of a sequence are there, and all that is needed to go on after them: what
    /// [`seq_rm`](Self::seq_rm) and [`seq_cp`](Self::seq_cp) ask before they leave so many. The whole always is.
    pub fn has_prefix(&self, seq: SeqId, length: Pos) -> bool {
        let end = self.seq_end(seq);
        if length == 0 || length == end {
            return true;
        }
        // The position after the prefix sees itself and the `window - 1` positions before it.
        let window = self.sliding_window();
        let first_seen = if window == 0 { 0 } else { (length + 1 - window).max(0) };
        (0..end).contains(&length)
            && self.can_cut()
            && (window == 0 || self.seq_pos_min(seq).is_some_and(|first| first <= first_seen))
    }

    /// Removes the positions `p0` to `p1` (not included; -1 = the end) of a sequence. `false`: this memory cannot forget
    /// that part, and nothing changed. It can always forget the whole.
    pub fn seq_rm(&mut self, seq: SeqId, p0: Pos, p1: Pos) -> bool {
        if check_sequence(seq, self.n_seq_max()).is_err() {
            return false;
        }
        let (begin, end) = (p0.max(0), self.seq_end(seq));
        let to_end = p1 < 0 || p1 >= end;
        let whole = begin == 0 && to_end;
        let possible = whole || if to_end { begin >= end || self.has_prefix(seq, begin) } else { self.can_cut() };
        if !possible {
            return false;
        }
        let (p0, p1) = if whole { (-1, -1) } else { (begin, p1) };
        let mut removed = false;
        let result = self.guarded("llama_memory_seq_rm", |error| {
            // SAFETY: the sequence exists.
            unsafe { ffi::chaku_llama_seq_rm(self.raw(), seq, p0, p1, &raw mut removed, error) }
        });
        if whole {
            self.relatives.leave(seq);
        }
        result.is_ok() && removed
    }

    /// Lets sequence `to` share the positions `p0` to `p1` (not included; -1 = the end) of sequence `from`. `to` must end
    /// where they begin: it is empty, or shares what comes before.
    pub fn seq_cp(&mut self, from: SeqId, to: SeqId, p0: Pos, p1: Pos) -> Result<(), Error> {
        check_sequence(from, self.n_seq_max())?;
        check_sequence(to, self.n_seq_max())?;
        if from == to {
            return Ok(());
        }
        let (begin, end) = (p0.max(0), self.seq_end(from));
        let length = if p1 < 0 { end } else { p1.min(end) };
        let there = self.seq_end(to);
        if there != begin {
            let message = format!("{to} ends at position {there}, the copy begins at {begin}");
            return Err(Error::input("sequence", message));
        }
        let whole = begin == 0 && length == end;
        if !whole && !self.can_share_part() {
            return Err(Error::input("range", "this model's memory copies whole sequences only"));
        }
        if !self.has_prefix(from, length) {
            let message = format!("sequence {from} has lost positions that the one after {length} looks back at");
            return Err(Error::input("range", message));
        }
        let (p0, p1) = if whole { (-1, -1) } else { (begin, length) };
        self.guarded("llama_memory_seq_cp", |error| {
            // SAFETY: both sequences exist, and kv_unified makes partial copies possible.
            unsafe { ffi::chaku_llama_seq_cp(self.raw(), from, to, p0, p1, error) }
        })?;
        self.relatives.join(from, to);
        Ok(())
    }

    /// Adds `delta` to the positions `p0` to `p1` (not included; -1 = the end) of a sequence, and computes its keys anew.
    ///
    /// A sequence that shares positions with another gets a copy of its own first, so that the other one's stay: that takes
    /// room for it. [`Error::NoRoom`]: there is none, and the sequence is empty now.
    pub fn seq_add(&mut self, seq: SeqId, p0: Pos, p1: Pos, delta: Pos) -> Result<(), Error> {
        check_sequence(seq, self.n_seq_max())?;
        if !self.can_shift() {
            return Err(Error::input("model", "its positions cannot be shifted"));
        }
        if self.relatives.has_any(seq) {
            let state = self.state_seq_get(seq)?;
            if !self.state_seq_set(seq, &state)? {
                return Err(Error::NoRoom);
            }
        }
        let words = self.guarded("llama_memory_seq_add", |error| {
            // SAFETY: the sequence exists, and the memory can shift.
            unsafe { ffi::chaku_llama_seq_add(self.raw(), seq, p0, p1, delta, error) }
        })?;
        if words.is_empty() { Ok(()) } else { Err(Error::Decode { code: -3, message: words }) }
    }

    /// The smallest position that a sequence has.
    pub fn seq_pos_min(&self, seq: SeqId) -> Option<Pos> {
        check_sequence(seq, self.n_seq_max()).ok()?;
        // SAFETY: the sequence exists; reads a number.
        let pos = unsafe { sys::llama_memory_seq_pos_min(sys::llama_get_memory(self.raw()), seq) };
        (pos >= 0).then_some(pos)
    }

    /// The largest position that a sequence has.
    pub fn seq_pos_max(&self, seq: SeqId) -> Option<Pos> {
        check_sequence(seq, self.n_seq_max()).ok()?;
        // SAFETY: the sequence exists; reads a number.
        let pos = unsafe { sys::llama_memory_seq_pos_max(sys::llama_get_memory(self.raw()), seq) };
        (pos >= 0).then_some(pos)
    }

    /// Whether [`seq_add`](Self::seq_add) works with this model.
    pub fn can_shift(&self) -> bool {
        // A state says that it can, since its positions are only a number, but nothing can be dropped before them.
        // SAFETY: reads a flag of a living context.
        self.can_cut() && unsafe { sys::llama_memory_can_shift(sys::llama_get_memory(self.raw())) }
    }

    /// Empties the window.
    pub fn clear(&mut self) {
        self.outputs.clear();
        self.relatives.leave_all();
        // It throws only if it runs out of memory, and it allocates none.
        let _ = self.guarded("llama_memory_clear", |error| {
            // SAFETY: a living context.
            unsafe { ffi::chaku_llama_memory_clear(self.raw(), error) }
        });
    }

    /// The position after the last one of a sequence.
    fn seq_end(&self, seq: SeqId) -> Pos {
        self.seq_pos_max(seq).map_or(0, |last| last + 1)
    }

    /// How many positions the blocks with a sliding window see; 0 = there are none.
    fn sliding_window(&self) -> Pos {
        // SAFETY: reads a number of a loaded model.
        unsafe { sys::llama_model_n_swa(self.model().raw()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_has_relatives_until_the_last_one_has_left() {
        let mut relatives = Relatives::new(4);
        let all = |relatives: &Relatives| (0..4).map(|seq| relatives.has_any(seq)).collect::<Vec<_>>();
        assert_eq!(all(&relatives), [false; 4]);
        relatives.join(0, 1);
        relatives.join(2, 3);
        assert_eq!(all(&relatives), [true; 4]);
        relatives.leave(3);
        assert_eq!(all(&relatives), [true, true, false, false]);
        relatives.join(1, 2);
        relatives.leave(1);
        assert_eq!(all(&relatives), [true, false, true, false]);
        relatives.leave(0);
        assert_eq!(all(&relatives), [false; 4]);
    }
}
