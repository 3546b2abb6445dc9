//! Sequences out of the window and in again: what they need to go on, as bytes.
//!
//! The bytes fit the model they come from, in a window with the same cache types and the same kind of attention (fused or
//! not). llama.cpp checks all of these, but takes the numbers in between on trust: give it only bytes that
//! [`Context::state_seq_get`] wrote, unchanged.

use crate::batch::check_sequence;
use crate::{Context, Error, SeqId, ffi};

/// What every state begins with: a magic number and the sequence it was.
const HEADER: usize = 8;
/// What llama.cpp says when it finds no place for a state in the window.
const NO_ROOM: [&str; 2] = ["available cells", "not enough cells"];

impl Context {
    /// Bytes that [`state_seq_get`](Self::state_seq_get) would return.
    pub fn state_seq_size(&self, seq: SeqId) -> Result<usize, Error> {
        check_sequence(seq, self.n_seq_max())?;
        let mut size = 0;
        let words = self.guarded("llama_state_seq_get_size", |error| {
            // SAFETY: the sequence exists.
            unsafe { ffi::chaku_llama_state_seq_size(self.raw(), seq, &raw mut size, error) }
        })?;
        if size < HEADER { Err(Error::StateFailed { message: words }) } else { Ok(size) }
    }

    /// A copy of all that the memory holds of a sequence. It takes as many bytes as the cells do, and no more on the way.
    pub fn state_seq_get(&self, seq: SeqId) -> Result<Vec<u8>, Error> {
        let size = self.state_seq_size(seq)?;
        let mut state = Vec::new();
        state.try_reserve_exact(size).map_err(|_| Error::NoMemory { bytes: size })?;
        let mut written = 0;
        let words = self.guarded("llama_state_seq_get_data", |error| {
            let data = state.as_mut_ptr();
            // SAFETY: the sequence exists, and there is room for `size` bytes.
            unsafe { ffi::chaku_llama_state_seq_get(self.raw(), seq, data, size, &raw mut written, error) }
        })?;
        if written != size {
            return Err(Error::StateFailed { message: words });
        }
        // SAFETY: reserved, and written in full.
        unsafe { state.set_len(size) };
        Ok(state)
    }

    /// Replaces a sequence by a saved one. `false`: the window has no room for it. Then, and after an error, the sequence
    /// is empty.
    pub fn state_seq_set(&mut self, seq: SeqId, state: &[u8]) -> Result<bool, Error> {
        check_sequence(seq, self.n_seq_max())?;
        // Also what makes room, and what llama.cpp leaves out when the state is one of an empty sequence.
        self.seq_rm(seq, -1, -1);
        if state.len() < HEADER {
            return Err(Error::input("state", format!("has {} bytes, expected at least {HEADER}", state.len())));
        }
        let mut read = 0;
        let result = self.guarded("llama_state_seq_set_data", |error| {
            // SAFETY: the sequence exists; llama.cpp reads at most `len` bytes.
            unsafe {
                ffi::chaku_llama_state_seq_set(self.raw(), seq, state.as_ptr(), state.len(), &raw mut read, error)
            }
        });
        if result.is_ok() && read == state.len() {
            return Ok(true);
        }
        // A memory of several parts may have restored some of them.
        self.seq_rm(seq, -1, -1);
        let words = result?;
        if NO_ROOM.iter().any(|sign| words.contains(sign)) {
            return Ok(false);
        }
        let message = if read > 0 { format!("it has {} bytes, {read} were expected", state.len()) } else { words };
        Err(Error::StateFailed { message })
    }
}
