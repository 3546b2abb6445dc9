//! What a request tells its reader: progress, text, and exactly one final event.

use std::sync::Arc;

use chaku_llama::Token;

use crate::error::Error;
use crate::logits::Logits;

/// One event. Cloning is cheap.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Work was done that yields no text: part of a load or of a prefill. Only the newest unread one is kept.
    Progress(Progress),
    /// A token of the prompt, and how likely it was: under `prompt_logprobs`, from the first to the last.
    Prompt(Arc<Text>),
    /// The request stands still until the host has looked at these logits: under `pause_for_logits`, before each token.
    Logits(Arc<Logits>),
    /// A token was generated.
    Text(Arc<Text>),
    /// The same, for a token of what the model thinks before it answers.
    Reasoning(Arc<Text>),
    /// The model begins to call a tool. What it says of it comes besides the events of its tokens.
    ToolCall(Arc<ToolCallStart>),
    /// More of a call's arguments.
    ToolCallArguments(Arc<ToolCallArguments>),
    /// The request ended; nothing follows.
    Final(Arc<Final>),
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is counted.
    pub phase: Phase,
    /// Units done: tokens in prefill, thousandths of the file in a load, bytes in a download.
    pub done: u64,
    /// Units in all; 0 = not known.
    pub total: u64,
}

/// What a [`Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The model is being loaded.
    Load,
    /// The prompt is being computed.
    Prefill,
    /// Files are being downloaded.
    Download,
}

/// One token and the text it completes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Text {
    /// Whole code points only. Empty when the token ends inside a character: the rest comes with a later token. Empty, too,
    /// where the token belongs to a call of a tool or to marks around it.
    pub text: String,
    /// The token; `None` where a text has none of its own, since the one that completed it went with another event.
    pub token: Option<Token>,
    /// The token's own bytes, cut where a stop string begins; those of `text` in an answer that is told apart.
    pub bytes: Vec<u8>,
    /// Bytes that are no character are shown as U+FFFD in [`Text::text`]: the model made none of them, or the answer
    /// ended inside a character.
    pub replaced: bool,
    /// Natural logarithm of the token's probability; `None` unless the request asked for it, and for the first of a prompt.
    pub logprob: Option<f64>,
    /// The likeliest tokens in its place, the likeliest first: as many as `logprobs` says, or all that are possible.
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that could have been chosen, and how likely it was.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TopLogprob {
    /// The token.
    pub token: Token,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes; none for a control token.
    pub bytes: Vec<u8>,
}

/// A call of a tool begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallStart {
    /// Which call of the answer, from 0 on.
    pub index: u32,
    /// What its result refers to.
    pub id: String,
    /// The tool.
    pub name: String,
}

/// A piece of a call's arguments. All pieces of one call together are JSON, if the answer was not cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallArguments {
    /// Which call of the answer, from 0 on.
    pub index: u32,
    /// The piece.
    pub delta: String,
}

/// How a request ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Final {
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Present unless the reason is `Stop`, `Length` or `ToolCalls`.
    pub error: Option<Error>,
    /// Tokens.
    pub usage: Usage,
    /// Times.
    pub timings: Timings,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum FinishReason {
    /// The model ended its answer, a stop string was met, or work that makes no text is complete.
    Stop = 1,
    /// `max_tokens` was reached, or the window is full under `overflow = stop`.
    Length = 2,
    /// The model called tools.
    ToolCalls = 3,
    /// Cancelled by the caller.
    Cancelled = 4,
    /// The deadline passed.
    Deadline = 5,
    /// It failed.
    Error = 6,
}

/// Token counts of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the whole prompt.
    pub prompt_tokens: u32,
    /// Of these, tokens that were in the KV cache already and cost nothing.
    pub cached_tokens: u32,
    /// Tokens generated, those of a stop string included.
    pub completion_tokens: u32,
    /// Tokens of the window in use when the request ended.
    pub context_used: u32,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Timings {
    /// Template and tokenizer.
    pub prepare_ms: f64,
    /// Waiting for the engine.
    pub queue_ms: f64,
    /// From the start of compute to the first token.
    pub prefill_ms: f64,
    /// From the first token to the last.
    pub decode_ms: f64,
    /// From the call to the final event.
    pub total_ms: f64,
}

impl Final {
    /// An end that is not a success, before anything was computed.
    pub(crate) fn failed(error: Error) -> Final {
        use crate::error::Code;
        let finish_reason = match error.code() {
            Code::Cancelled => FinishReason::Cancelled,
            Code::DeadlineExceeded => FinishReason::Deadline,
            _ => FinishReason::Error,
        };
        Final { finish_reason, error: Some(error), usage: Usage::default(), timings: Timings::default() }
    }

    /// A success without text.
    pub(crate) fn done() -> Final {
        Final { finish_reason: FinishReason::Stop, error: None, usage: Usage::default(), timings: Timings::default() }
    }
}
