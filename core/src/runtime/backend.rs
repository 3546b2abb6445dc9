//! What the engine needs of a model. The real one is `llama_backend`; tests use a fake.

use chaku_llama::{SeqId, Token};

use crate::error::Result;
use crate::sampling::Sampled;

pub(crate) trait Backend {
    /// The sampler of one request.
    type Sampler;

    /// Tokens the KV cache holds, of all sequences together.
    fn capacity(&self) -> usize;

    /// The window of each session, in tokens. At most `capacity`.
    fn window(&self) -> usize;

    /// Threads of the last decode.
    fn threads(&self) -> u32;

    /// Most tokens of one [`Backend::decode`].
    fn chunk(&self) -> usize;

    /// Of these, how many may have logits.
    fn outputs(&self) -> usize;

    /// Computes tokens at the ends of different sequences, together. `abort` is asked often, on this thread.
    fn decode(&mut self, parts: &[Part<'_>], abort: &dyn Fn() -> bool) -> Result<Outcome>;

    /// Samples the token after a part of the last decode, which had `output`.
    fn sample(&mut self, sampler: &mut Self::Sampler, part: usize) -> Result<Sampled>;

    /// The logits after a part of the last decode, which had `output`.
    fn logits(&self, part: usize) -> Result<Vec<f32>>;

    /// Samples from these logits, which need not be of the last decode. `None` = it left no place to put them, for now.
    fn sample_from(&mut self, sampler: &mut Self::Sampler, logits: &[f32]) -> Option<Result<Sampled>>;

    /// How likely a token was after the one that lies `back` before the end of a part of the last decode, which had
    /// `every`, and so many of the likeliest ones.
    fn score(&self, part: usize, back: usize, token: Token, top: usize) -> Result<Sampled>;

    /// Drops all positions from `length` on. Says no, and drops nothing, when the model's memory cannot do that.
    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool;

    /// Drops a whole sequence, which every memory can.
    fn clear(&mut self, sequence: SeqId);

    /// Whether a part of a sequence can be copied or dropped; else only whole ones can.
    fn takes_parts(&self) -> bool;

    /// Lets the empty sequence `to` begin with the first `length` tokens of `from`, which cost no room for the second
    /// time. Says no, and copies nothing, when the memory cannot do that.
    fn share(&mut self, from: SeqId, to: SeqId, length: usize) -> bool;

    /// A copy of what the KV cache holds of a sequence. `None` if that fails.
    fn save(&mut self, sequence: SeqId) -> Option<Vec<u8>>;

    /// Puts a copy of so many tokens back, into an empty sequence. Says no, and leaves the sequence empty, if that fails, or
    /// if they are not so many: a saved session may say anything.
    fn restore(&mut self, sequence: SeqId, state: &[u8], length: usize) -> bool;

    /// Drops the `discard` positions after the first `keep` and moves the rest down; none of these may be shared.
    /// `shift_unsupported` where the memory cannot.
    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()>;

    /// Whether the token ends an answer.
    fn is_end(&self, token: Token) -> bool;

    /// The token's bytes. Of a control token its name if `special`, else none.
    fn bytes(&self, token: Token, special: bool) -> Result<Vec<u8>>;
}

/// Tokens of one sequence, to be computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) sequence: SeqId,
    /// Where they go: the number of tokens before them.
    pub(crate) position: usize,
    pub(crate) tokens: &'a [Token],
    /// The next token will be sampled.
    pub(crate) output: bool,
    /// All tokens of the part have logits, which will be asked for.
    pub(crate) every: bool,
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
