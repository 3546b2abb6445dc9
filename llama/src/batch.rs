//! The tokens of one decode.

use crate::{Error, Pos, SeqId, Token};

/// Tokens to decode together: each at one position of one sequence.
#[derive(Clone, Debug)]
pub struct Batch {
    // Invariant: the four lists have the same length, at most `capacity`.
    tokens: Vec<Token>,
    positions: Vec<Pos>,
    sequences: Vec<SeqId>,
    outputs: Vec<i8>,
    capacity: usize,
    n_seq_max: u32,
}

impl Batch {
    /// Room for `capacity` tokens of the sequences 0 to `n_seq_max` - 1.
    pub fn new(capacity: u32, n_seq_max: u32) -> Self {
        let capacity = capacity as usize;
        Self {
            tokens: Vec::with_capacity(capacity),
            positions: Vec::with_capacity(capacity),
            sequences: Vec::with_capacity(capacity),
            outputs: Vec::with_capacity(capacity),
            capacity,
            n_seq_max,
        }
    }

    /// Removes all tokens.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.outputs.clear();
    }

    /// Adds a token. `output`: compute its logits.
    pub fn push(&mut self, token: Token, position: Pos, sequence: SeqId, output: bool) -> Result<(), Error> {
        if self.tokens.len() == self.capacity {
            return Err(Error::input("batch", format!("is full with {} tokens", self.capacity)));
        }
        if token < 0 {
            return Err(Error::input("token", format!("{token} is negative")));
        }
        // The largest number stands for "to the end" in the memory functions.
        if !(0..Pos::MAX).contains(&position) {
            return Err(Error::input("position", format!("{position} is out of range")));
        }
        check_sequence(sequence, self.n_seq_max)?;
        self.tokens.push(token);
        self.positions.push(position);
        self.sequences.push(sequence);
        self.outputs.push(output.into());
        Ok(())
    }

    /// How many tokens are in it.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is nothing to decode.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many tokens fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub(crate) fn positions(&self) -> &[Pos] {
        &self.positions
    }

    pub(crate) fn sequences(&self) -> &[SeqId] {
        &self.sequences
    }

    pub(crate) fn outputs(&self) -> &[i8] {
        &self.outputs
    }

    /// The indices whose logits will be computed, in order.
    pub(crate) fn output_indices(&self) -> impl Iterator<Item = i32> + '_ {
        (0..).zip(&self.outputs).filter_map(|(i, &output)| (output != 0).then_some(i))
    }
}

pub(crate) fn check_sequence(sequence: SeqId, n_seq_max: u32) -> Result<(), Error> {
    match u32::try_from(sequence) {
        Ok(number) if number < n_seq_max => Ok(()),
        _ => Err(Error::input("sequence", format!("{sequence} is not below {n_seq_max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_llama_cpp_would_assert() {
        let mut batch = Batch::new(2, 4);
        for (token, position, sequence) in [(-1, 0, 0), (0, -1, 0), (0, Pos::MAX, 0), (0, 0, -1), (0, 0, 4)] {
            let error = batch.push(token, position, sequence, true).unwrap_err();
            assert!(matches!(error, Error::InvalidInput { .. }), "{error}");
        }
        assert!(batch.is_empty());
    }

    #[test]
    fn refuses_more_than_its_capacity() {
        let mut batch = Batch::new(2, 1);
        batch.push(1, 0, 0, false).unwrap();
        batch.push(2, 1, 0, true).unwrap();
        let error = batch.push(3, 2, 0, true).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { what: "batch", .. }));
        assert_eq!(batch.output_indices().collect::<Vec<_>>(), [1]);
        batch.clear();
        batch.push(3, 0, 0, true).unwrap();
        assert_eq!((batch.len(), batch.tokens()), (1, &[3][..]));
    }
}
