//! What the engine needs of a model. The real one is `llama_backend`; tests use a fake.

use chaku_llama::{SeqId, Token};

use crate::error::Result;

pub(crate) trait Backend {
    /// The sampler of one request.
    type Sampler;

    /// Tokens the KV cache holds, and the window of each session.
    fn capacity(&self) -> usize;

    /// Most tokens of one [`Backend::decode`].
    fn chunk(&self) -> usize;

    /// Computes tokens at the end of a sequence. `abort` is asked often, on this thread.
    fn decode(
        &mut self,
        sequence: SeqId,
        position: usize,
        tokens: &[Token],
        abort: &dyn Fn() -> bool,
    ) -> Result<Outcome>;

    /// Samples the token after the last one computed.
    fn sample(&mut self, sampler: &mut Self::Sampler) -> Result<Token>;

    /// Drops all positions from `length` on. Says no, and drops nothing, when the model's memory cannot do that.
    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool;

    /// Drops a whole sequence, which every memory can.
    fn clear(&mut self, sequence: SeqId);

    /// Drops the `discard` positions after the first `keep` and moves the rest down. `shift_unsupported` where the memory
    /// cannot.
    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()>;

    /// Whether the token ends an answer.
    fn is_end(&self, token: Token) -> bool;

    /// The token's bytes; none for a control token.
    fn bytes(&self, token: Token) -> Result<Vec<u8>>;
}

/// How a decode ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All tokens are in the KV cache.
    Done,
    /// There was no room; nothing changed.
    NoSpace,
    /// `abort` said yes; some or none of the tokens are in the KV cache.
    Aborted,
}
