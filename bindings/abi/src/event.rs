//! Events.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use crate::c;
use crate::error::Error;
use crate::handle::owner;

owner!(
    /// What a request tells its reader.
    Event owns chaku_event, freed by chaku_event_free
);

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// Work was done that yields no text.
    Progress,
    /// A token was generated.
    Text,
    /// The request ended; nothing follows.
    Final,
    /// A token of what the model thinks before it answers.
    Reasoning,
    /// The model begins to call a tool.
    ToolCall,
    /// More of a call's arguments.
    ToolCallArguments,
    /// A token of the prompt and how likely it was.
    Prompt,
    /// The request stands still until [`crate::Request::resume`].
    Logits,
    /// One this crate does not know: to be ignored.
    Unknown,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishReason {
    /// The answer was complete.
    Stop,
    /// A limit was reached.
    Length,
    /// The model called tools.
    ToolCalls,
    /// Cancelled by the caller.
    Cancelled,
    /// The deadline passed.
    Deadline,
    /// It failed.
    Error,
}

impl FinishReason {
    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::Cancelled => "cancelled",
            FinishReason::Deadline => "deadline",
            FinishReason::Error => "error",
        }
    }
}

/// A token that could have been chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TopLogprob {
    /// The token.
    pub token: i32,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes; none for a control token.
    pub bytes: Vec<u8>,
}

/// Tokens a request used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Of the whole prompt.
    pub prompt_tokens: i64,
    /// Of the prompt, computed before.
    pub cached_tokens: i64,
    /// Generated.
    pub completion_tokens: i64,
    /// Of the window, when the request ended.
    pub context_used: i64,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timings {
    /// Waiting for the engine.
    pub queue_ms: f64,
    /// Template and tokenizer.
    pub prepare_ms: f64,
    /// From the start of compute to the first token.
    pub prefill_ms: f64,
    /// From the first token to the last.
    pub decode_ms: f64,
    /// From the call to the end.
    pub total_ms: f64,
}

impl Event {
    /// What kind of event it is.
    pub fn kind(&self) -> EventKind {
        match c::chaku_event_kind(self.raw()) {
            c::CHAKU_EVENT_PROGRESS => EventKind::Progress,
            c::CHAKU_EVENT_TEXT => EventKind::Text,
            c::CHAKU_EVENT_FINAL => EventKind::Final,
            c::CHAKU_EVENT_REASONING => EventKind::Reasoning,
            c::CHAKU_EVENT_TOOL_CALL => EventKind::ToolCall,
            c::CHAKU_EVENT_TOOL_CALL_ARGUMENTS => EventKind::ToolCallArguments,
            c::CHAKU_EVENT_PROMPT => EventKind::Prompt,
            c::CHAKU_EVENT_LOGITS => EventKind::Logits,
            _ => EventKind::Unknown,
        }
    }

    /// The text of a text or reasoning event, whole characters, or a piece of a call's arguments. Empty for other events.
    pub fn text(&self) -> &str {
        // SAFETY: `out` is writable.
        let text = self.read(|out| unsafe { c::chaku_event_text(self.raw(), out) }.cast());
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// The bytes of a text event's token. Empty for other events.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `out` is writable.
        self.read(|out| unsafe { c::chaku_event_bytes(self.raw(), out) }.cast())
    }

    /// The token of a text event.
    pub fn token(&self) -> Option<i32> {
        let token = c::chaku_event_token(self.raw());
        (token >= 0).then_some(token)
    }

    /// Which call of the answer the event is about, from 0 on.
    pub fn tool_call_index(&self) -> Option<u32> {
        u32::try_from(c::chaku_event_tool_call_index(self.raw())).ok()
    }

    /// Id and tool of a call that begins.
    pub fn tool_call(&self) -> Option<(&str, &str)> {
        let text = |text: *const c_char| {
            // SAFETY: NUL-terminated, and valid until the event is freed, which the borrow of `self` forbids.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default())
        };
        Some((text(c::chaku_event_tool_call_id(self.raw()))?, text(c::chaku_event_tool_call_name(self.raw()))?))
    }

    /// Whether the text ends in a character that never became whole.
    pub fn replaced(&self) -> bool {
        c::chaku_event_replaced(self.raw()) == 1
    }

    /// Natural logarithm of the probability of a text event's token, if the request asked for it.
    pub fn logprob(&self) -> Option<f64> {
        let logprob = c::chaku_event_logprob(self.raw());
        (logprob <= 0.0).then_some(logprob)
    }

    /// The likeliest tokens in its place, the likeliest first.
    pub fn top_logprobs(&self) -> Vec<TopLogprob> {
        let top = |index| TopLogprob {
            token: c::chaku_event_top_logprob_token(self.raw(), index),
            logprob: c::chaku_event_top_logprob(self.raw(), index),
            // SAFETY: `out` is writable.
            bytes: self.read(|out| unsafe { c::chaku_event_top_logprob_bytes(self.raw(), index, out) }.cast()).to_vec(),
        };
        (0..c::chaku_event_top_logprob_count(self.raw())).map(top).collect()
    }

    /// The logits of a logits event. Empty for other events.
    pub fn logits(&self) -> &[f32] {
        let mut count = 0;
        // SAFETY: `count` is writable.
        let logits = unsafe { c::chaku_event_logits(self.raw(), &raw mut count) };
        if logits.is_null() {
            return &[];
        }
        // SAFETY: so many numbers, valid until the event is freed, which the borrow of `self` forbids.
        unsafe { std::slice::from_raw_parts(logits, count as usize) }
    }

    /// Tokens before the one that a logits event is about.
    pub fn position(&self) -> Option<i64> {
        let position = c::chaku_event_position(self.raw());
        (position >= 0).then_some(position)
    }

    /// What a progress event is about, in one word.
    pub fn phase(&self) -> Option<&'static str> {
        match c::chaku_event_phase(self.raw()) {
            c::CHAKU_PHASE_LOAD => Some("load"),
            c::CHAKU_PHASE_PREFILL => Some("prefill"),
            c::CHAKU_PHASE_DOWNLOAD => Some("download"),
            _ => None,
        }
    }

    /// How many of what a progress event counts are done: tokens, bytes, thousandths of a load.
    pub fn progress_done(&self) -> i64 {
        c::chaku_event_progress_done(self.raw())
    }

    /// How many there are in all; 0 = not known.
    pub fn progress_total(&self) -> i64 {
        c::chaku_event_progress_total(self.raw())
    }

    /// How far the work is, from 0 to 1; -1 = not known.
    pub fn progress(&self) -> f64 {
        c::chaku_event_progress(self.raw())
    }

    /// Why the request ended; `None` before the final event.
    pub fn finish_reason(&self) -> Option<FinishReason> {
        Some(match c::chaku_event_finish_reason(self.raw()) {
            c::CHAKU_FINISH_STOP => FinishReason::Stop,
            c::CHAKU_FINISH_LENGTH => FinishReason::Length,
            c::CHAKU_FINISH_TOOL_CALLS => FinishReason::ToolCalls,
            c::CHAKU_FINISH_CANCELLED => FinishReason::Cancelled,
            c::CHAKU_FINISH_DEADLINE => FinishReason::Deadline,
            c::CHAKU_FINISH_ERROR => FinishReason::Error,
            _ => return None,
        })
    }

    /// The error of the request's end, if it did not succeed.
    pub fn error(&self) -> Option<Error> {
        let mut error = ptr::null_mut();
        // SAFETY: `error` is a local variable.
        let code = unsafe { c::chaku_event_error(self.raw(), &raw mut error) };
        (code != c::CHAKU_OK).then(|| Error::take(code, error))
    }

    /// Tokens used; zeros before the final event.
    pub fn usage(&self) -> Usage {
        Usage {
            prompt_tokens: c::chaku_event_prompt_tokens(self.raw()),
            cached_tokens: c::chaku_event_cached_tokens(self.raw()),
            completion_tokens: c::chaku_event_completion_tokens(self.raw()),
            context_used: c::chaku_event_context_used(self.raw()),
        }
    }

    /// Where the time went; zeros before the final event.
    pub fn timings(&self) -> Timings {
        Timings {
            queue_ms: c::chaku_event_queue_ms(self.raw()),
            prepare_ms: c::chaku_event_prepare_ms(self.raw()),
            prefill_ms: c::chaku_event_prefill_ms(self.raw()),
            decode_ms: c::chaku_event_decode_ms(self.raw()),
            total_ms: c::chaku_event_total_ms(self.raw()),
        }
    }

    fn read(&self, function: impl FnOnce(*mut i64) -> *const c_void) -> &[u8] {
        let mut len = 0;
        let bytes = function(&raw mut len);
        if bytes.is_null() {
            return &[];
        }
        // SAFETY: so many bytes, valid until the event is freed, which the borrow of `self` forbids.
        unsafe { std::slice::from_raw_parts(bytes.cast(), len as usize) }
    }
}
