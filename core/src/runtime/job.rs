//! A prepared request on its way to the engine, and what the engine gives back to its session.

use std::time::{Duration, Instant};

use chaku_llama::Token;

use super::sequences::SessionId;
use crate::answer::Answering;
use crate::message::ChatMessage;
use crate::request::Ticket;

/// Everything the engine needs; nothing of it can fail to parse any more.
pub(crate) struct Job<S> {
    pub(crate) request: Ticket,
    pub(crate) session: SessionId,
    /// Requests of different groups share neither steps nor prefixes: what they compute with differs. 0 = the model alone.
    pub(crate) group: u64,
    /// The whole prompt; generated tokens are appended. Invariant: not empty, and not longer than the window.
    pub(crate) tokens: Vec<Token>,
    pub(crate) prompt_tokens: usize,
    /// Tokens at the beginning that a shift must keep.
    pub(crate) keep: usize,
    /// `None`: compute the tokens and generate nothing.
    pub(crate) sampler: Option<S>,
    /// The host looks at the logits before each token is chosen.
    pub(crate) pauses: bool,
    /// Tell how likely the tokens of the prompt were, and so many of the likeliest ones.
    pub(crate) prompt_logprobs: Option<usize>,
    /// Control tokens that belong to the text of the answer.
    pub(crate) preserved: Vec<Token>,
    /// Tells reasoning and calls from content; `None` = all is content.
    pub(crate) answering: Option<Answering>,
    pub(crate) stops: Vec<String>,
    pub(crate) max_tokens: usize,
    pub(crate) overflow: Overflow,
    /// A shift has dropped tokens, so they no longer are what the session's messages say.
    pub(crate) shifted: bool,
    /// Updates the session. Called exactly once if the engine starts the job, before the final event.
    pub(crate) commit: Box<dyn FnOnce(Answer) + Send>,
    pub(crate) prepare_time: Duration,
    pub(crate) prepared_at: Instant,
}

/// What to do when the window is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    Error,
    Stop,
    Shift,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The text the reader saw.
    pub(crate) text: String,
    /// The same with reasoning and calls, of an answer that may have some.
    pub(crate) message: Option<ChatMessage>,
    /// Prompt and generated tokens.
    pub(crate) tokens: Vec<Token>,
    pub(crate) generated: usize,
    /// `tokens` are prompt and answer exactly: nothing was cut at a stop string, shifted out, or left out of the message.
    pub(crate) exact: bool,
    /// It was not cancelled, did not expire and did not fail.
    pub(crate) complete: bool,
}
