//! Events. The getters of a kind the event is not give their neutral value.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use chaku::{Error, Event, Final, Phase, Progress, Result, Text, Timings, TopLogprob, Usage};

use crate::error::{CHAKU_INVALID_ARGUMENT, CHAKU_OK};
use crate::out::{Out, set_optional};
use crate::types::{chaku_code, chaku_error, chaku_event};
use crate::{callback, guard, handle};

/// Work was done that yields no text: part of a load or of a prompt.
pub const CHAKU_EVENT_PROGRESS: i32 = 1;
/// Text of the answer was generated: as a rule one token of it.
pub const CHAKU_EVENT_TEXT: i32 = 2;
/// The request ended; nothing follows.
pub const CHAKU_EVENT_FINAL: i32 = 3;
/// Text of what the model thinks before it answers: as a rule one token of it. No part of the answer.
pub const CHAKU_EVENT_REASONING: i32 = 4;
/// The model begins to call a tool: chaku_event_tool_call_index, _id and _name say which.
pub const CHAKU_EVENT_TOOL_CALL: i32 = 5;
/// More of a call's arguments: chaku_event_text is the piece, chaku_event_tool_call_index the call. All pieces of a call
/// together are JSON, if the answer was not cut short.
pub const CHAKU_EVENT_TOOL_CALL_ARGUMENTS: i32 = 6;
/// A token of the prompt and how likely it was, under `prompt_logprobs`; before the answer. No part of it.
pub const CHAKU_EVENT_PROMPT: i32 = 7;
/// The request stands still, under `pause_for_logits`: look at chaku_event_logits, and call chaku_request_resume.
pub const CHAKU_EVENT_LOGITS: i32 = 8;

/// The model ended its answer, a stop text was met, or work that makes no text is complete.
pub const CHAKU_FINISH_STOP: i32 = 1;
/// max_tokens was reached, or the window is full under overflow = stop.
pub const CHAKU_FINISH_LENGTH: i32 = 2;
/// The model called tools.
pub const CHAKU_FINISH_TOOL_CALLS: i32 = 3;
/// Cancelled by the caller.
pub const CHAKU_FINISH_CANCELLED: i32 = 4;
/// The deadline passed.
pub const CHAKU_FINISH_DEADLINE: i32 = 5;
/// It failed; chaku_event_error says how.
pub const CHAKU_FINISH_ERROR: i32 = 6;

/// A progress event is about a file that is being loaded; it counts in thousandths.
pub const CHAKU_PHASE_LOAD: i32 = 1;
/// It is about a prompt that is being computed; it counts tokens.
pub const CHAKU_PHASE_PREFILL: i32 = 2;
/// It is about files that are being downloaded; it counts bytes.
pub const CHAKU_PHASE_DOWNLOAD: i32 = 3;

/// The event behind a handle.
pub(crate) struct EventObject {
    event: Event,
    /// The text, if the event has some.
    text: Option<Terminated>,
    /// Id and tool of a call that begins.
    call: Option<(Terminated, Terminated)>,
}

/// A text and a NUL.
struct Terminated(Box<[u8]>);

impl Terminated {
    fn new(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Terminated(bytes.into_boxed_slice())
    }

    fn len(&self) -> i64 {
        self.0.len() as i64 - 1
    }

    fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

impl EventObject {
    pub(crate) fn new(event: Event) -> Self {
        let text = match &event {
            Event::Text(piece) | Event::Reasoning(piece) | Event::Prompt(piece) => Some(Terminated::new(&piece.text)),
            Event::ToolCallArguments(piece) => Some(Terminated::new(&piece.delta)),
            _ => None,
        };
        let call = match &event {
            Event::ToolCall(call) => Some((Terminated::new(&call.id), Terminated::new(&call.name))),
            _ => None,
        };
        EventObject { event, text, call }
    }
}

/// Passes an event to the host's callback, as a handle that ends with the call. Says whether to go on.
pub(crate) fn deliver(event: &Event, call: impl FnOnce(*const chaku_event) -> i32) -> bool {
    let Ok(handle) = handle::put::<chaku_event>(Arc::new(EventObject::new(event.clone()))) else {
        return false;
    };
    let verdict = callback::inside(|| call(handle));
    // Not there any more if the callback freed what it only borrowed: no harm done.
    let _ = handle::take(handle, "event");
    verdict == 0
}

fn text_of(object: &EventObject) -> Option<&Text> {
    match &object.event {
        Event::Text(text) | Event::Reasoning(text) | Event::Prompt(text) => Some(text),
        _ => None,
    }
}

fn progress_of(object: &EventObject) -> Option<&Progress> {
    match &object.event {
        Event::Progress(progress) => Some(progress),
        _ => None,
    }
}

fn end_of(object: &EventObject) -> Option<&Final> {
    match &object.event {
        Event::Final(end) => Some(end),
        _ => None,
    }
}

/// One of the likeliest tokens, and what is told of it.
fn of_top<T>(event: *const chaku_event, index: i64, none: T, what: impl FnOnce(&TopLogprob) -> T) -> Result<T> {
    let object = handle::get(event, "event")?;
    let top = text_of(&object).map_or(&[][..], |text| text.top_logprobs.as_slice());
    Ok(usize::try_from(index).ok().and_then(|index| top.get(index)).map_or(none, what))
}

fn tokens(event: *const chaku_event, count: impl FnOnce(&Usage) -> u32) -> Result<i64> {
    let object = handle::get(event, "event")?;
    Ok(end_of(&object).map_or(0, |end| i64::from(count(&end.usage))))
}

fn millis(event: *const chaku_event, time: impl FnOnce(&Timings) -> f64) -> Result<f64> {
    let object = handle::get(event, "event")?;
    Ok(end_of(&object).map_or(0.0, |end| time(&end.timings)))
}

/// What kind of event it is: one of the CHAKU_EVENT_ kinds. Ignore kinds you do not know.
///
/// - `event`: borrowed.
///
/// Returns 0 for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_kind(event: *const chaku_event) -> i32 {
    guard::value(0, || {
        Ok(match &handle::get(event, "event")?.event {
            Event::Progress(_) => CHAKU_EVENT_PROGRESS,
            Event::Text(_) => CHAKU_EVENT_TEXT,
            Event::Final(_) => CHAKU_EVENT_FINAL,
            Event::Reasoning(_) => CHAKU_EVENT_REASONING,
            Event::ToolCall(_) => CHAKU_EVENT_TOOL_CALL,
            Event::ToolCallArguments(_) => CHAKU_EVENT_TOOL_CALL_ARGUMENTS,
            Event::Prompt(_) => CHAKU_EVENT_PROMPT,
            Event::Logits(_) => CHAKU_EVENT_LOGITS,
            _ => 0,
        })
    })
}

/// The text of an event that has some: whole characters, NUL-terminated, and perhaps with NULs inside. Of a text event it
/// is part of the answer, and empty when the token ends inside a character: the rest comes with a later token. Look at the
/// kind first: kinds to come may carry text that is no part of the answer.
///
/// - `event`: borrowed.
/// - `out_len`: borrowed, written to: the length in bytes; may be NULL. Untouched when NULL is returned.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NULL for an event
///   without text.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_text(event: *const chaku_event, out_len: *mut i64) -> *const c_char {
    guard::value(ptr::null(), || {
        let object = handle::get(event, "event")?;
        let Some(text) = &object.text else { return Ok(ptr::null()) };
        // SAFETY: `out_len` is as the header asks.
        unsafe { set_optional(out_len, text.len()) };
        Ok(text.as_ptr())
    })
}

/// The bytes of an event's text, as the model made them: perhaps a part of a character.
///
/// - `event`: borrowed.
/// - `out_len`: borrowed, written to: how many bytes; may be NULL. Untouched when NULL is returned.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. Not
///   NUL-terminated. NULL for an event without text.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_bytes(event: *const chaku_event, out_len: *mut i64) -> *const u8 {
    guard::value(ptr::null(), || {
        let object = handle::get(event, "event")?;
        let Some(text) = text_of(&object) else { return Ok(ptr::null()) };
        // SAFETY: `out_len` is as the header asks.
        unsafe { set_optional(out_len, text.bytes.len() as i64) };
        Ok(text.bytes.as_ptr())
    })
}

/// The token of a text, reasoning or prompt event.
///
/// - `event`: borrowed.
///
/// Returns -1 for other events, for text that is not that of one token, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_token(event: *const chaku_event) -> i32 {
    guard::value(-1, || Ok(text_of(&*handle::get(event, "event")?).and_then(|text| text.token).unwrap_or(-1)))
}

/// Which call of the answer an event is about, from 0 on.
///
/// - `event`: borrowed.
///
/// Returns -1 for other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_tool_call_index(event: *const chaku_event) -> i32 {
    guard::value(-1, || {
        Ok(match &handle::get(event, "event")?.event {
            Event::ToolCall(call) => call.index as i32,
            Event::ToolCallArguments(piece) => piece.index as i32,
            _ => -1,
        })
    })
}

/// What the result of a call that begins has to name it by: the "tool_call_id" of its message.
///
/// - `event`: borrowed.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NUL-terminated. NULL
///   for other events.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_tool_call_id(event: *const chaku_event) -> *const c_char {
    guard::value(ptr::null(), || {
        Ok(handle::get(event, "event")?.call.as_ref().map_or(ptr::null(), |(id, _)| id.as_ptr()))
    })
}

/// The tool that a call that begins is for.
///
/// - `event`: borrowed.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NUL-terminated. NULL
///   for other events.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_tool_call_name(event: *const chaku_event) -> *const c_char {
    guard::value(ptr::null(), || {
        Ok(handle::get(event, "event")?.call.as_ref().map_or(ptr::null(), |(_, name)| name.as_ptr()))
    })
}

/// Whether a text event has a character that never became whole, shown as U+FFFD.
///
/// - `event`: borrowed.
///
/// Returns 1 or 0; 0 also for other events and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_replaced(event: *const chaku_event) -> i32 {
    guard::value(0, || Ok(text_of(&*handle::get(event, "event")?).map_or(0, |text| i32::from(text.replaced))))
}

/// How likely the token of a text or prompt event was: the natural logarithm of its probability, of the model itself or, of
/// a text event with `logprobs_after_sampling`, as it was chosen.
///
/// - `event`: borrowed.
///
/// Returns 1, which is no logarithm of a probability, for a request that did not ask, for the first token of a prompt, for
/// other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_logprob(event: *const chaku_event) -> f64 {
    guard::value(1.0, || Ok(text_of(&*handle::get(event, "event")?).and_then(|text| text.logprob).unwrap_or(1.0)))
}

/// How many of the likeliest tokens a text event tells: as many as `logprobs` says, or all that were possible. The one that
/// was chosen may be among them.
///
/// - `event`: borrowed.
///
/// Returns 0 also for other events and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_top_logprob_count(event: *const chaku_event) -> i64 {
    guard::value(0, || Ok(text_of(&*handle::get(event, "event")?).map_or(0, |text| text.top_logprobs.len() as i64)))
}

/// One of the likeliest tokens in the place of a text event's, by position from 0, the likeliest first.
///
/// - `event`: borrowed.
///
/// Returns -1 past the last one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_top_logprob_token(event: *const chaku_event, index: i64) -> i32 {
    guard::value(-1, || of_top(event, index, -1, |top| top.token))
}

/// How likely it was: the natural logarithm of its probability.
///
/// - `event`: borrowed.
///
/// Returns 1 past the last one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_top_logprob(event: *const chaku_event, index: i64) -> f64 {
    guard::value(1.0, || of_top(event, index, 1.0, |top| top.logprob))
}

/// Its bytes: perhaps a part of a character, and none for a control token.
///
/// - `event`: borrowed.
/// - `out_len`: borrowed, written to: how many bytes; may be NULL. Untouched when NULL is returned.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. Not
///   NUL-terminated. NULL past the last one.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_top_logprob_bytes(
    event: *const chaku_event,
    index: i64,
    out_len: *mut i64,
) -> *const u8 {
    guard::value(ptr::null(), || {
        of_top(event, index, ptr::null(), |top| {
            // SAFETY: `out_len` is as the header asks.
            unsafe { set_optional(out_len, top.bytes.len() as i64) };
            top.bytes.as_ptr()
        })
    })
}

/// The logits of a logits event, one for each token of the vocabulary: the model's own, before a constraint, `logit_bias` or
/// a sampler changes any.
///
/// - `event`: borrowed.
/// - `out_count`: borrowed, written to: how many, which is what chaku_model_vocab_size says; may be NULL. Untouched when NULL
///   is returned.
/// - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NULL for other events.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_logits(event: *const chaku_event, out_count: *mut i64) -> *const f32 {
    guard::value(ptr::null(), || {
        let object = handle::get(event, "event")?;
        let Event::Logits(logits) = &object.event else { return Ok(ptr::null()) };
        // SAFETY: `out_count` is as the header asks.
        unsafe { set_optional(out_count, logits.values.len() as i64) };
        Ok(logits.values.as_ptr())
    })
}

/// How many tokens, of prompt and answer, come before the one that a logits event is about.
///
/// - `event`: borrowed.
///
/// Returns -1 for other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_position(event: *const chaku_event) -> i64 {
    guard::value(-1, || {
        Ok(match &handle::get(event, "event")?.event {
            Event::Logits(logits) => i64::from(logits.position),
            _ => -1,
        })
    })
}

/// How far a progress event says the work is, from 0 to 1; -1 when that cannot be known.
///
/// - `event`: borrowed.
///
/// Returns 1 for a final event, 0 for a text event and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_progress(event: *const chaku_event) -> f64 {
    guard::value(0.0, || {
        Ok(match &handle::get(event, "event")?.event {
            Event::Progress(Progress { total: 0, .. }) => -1.0,
            Event::Progress(progress) => progress.done as f64 / progress.total as f64,
            Event::Final(_) => 1.0,
            _ => 0.0,
        })
    })
}

/// What a progress event is about: one of the CHAKU_PHASE_ constants. A load that downloads first comes to 1 in one phase,
/// then in the other. Phases to come may be others.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_phase(event: *const chaku_event) -> i32 {
    guard::value(0, || {
        Ok(progress_of(&*handle::get(event, "event")?).map_or(0, |progress| match progress.phase {
            Phase::Load => CHAKU_PHASE_LOAD,
            Phase::Prefill => CHAKU_PHASE_PREFILL,
            Phase::Download => CHAKU_PHASE_DOWNLOAD,
            _ => 0,
        }))
    })
}

/// How many of what a progress event counts are done: tokens, bytes, thousandths.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_progress_done(event: *const chaku_event) -> i64 {
    guard::value(0, || Ok(progress_of(&*handle::get(event, "event")?).map_or(0, |progress| progress.done as i64)))
}

/// How many there are in all; 0 when that is not known.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_progress_total(event: *const chaku_event) -> i64 {
    guard::value(0, || Ok(progress_of(&*handle::get(event, "event")?).map_or(0, |progress| progress.total as i64)))
}

/// Why the request ended: one of the CHAKU_FINISH_ reasons.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_finish_reason(event: *const chaku_event) -> i32 {
    guard::value(0, || Ok(end_of(&*handle::get(event, "event")?).map_or(0, |end| end.finish_reason as i32)))
}

/// The code of the request's end: CHAKU_OK when it succeeded.
///
/// - `event`: borrowed.
///
/// Returns CHAKU_OK for other events than the final one, and CHAKU_INVALID_ARGUMENT for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_code(event: *const chaku_event) -> chaku_code {
    guard::value(CHAKU_INVALID_ARGUMENT, || {
        Ok(error_of(&*handle::get(event, "event")?).map_or(CHAKU_OK, |error| error.code() as chaku_code))
    })
}

/// The error of the request's end, in the way a function that fails gives it: code and error object.
///
/// - `event`: borrowed.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL. NULL when the request succeeded and for other
///   events than the final one.
///
/// Returns what chaku_event_code returns.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_error(event: *const chaku_event, out_error: *mut *mut chaku_error) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_event_error", out_error, || {
            error_of(&*handle::get(event, "event")?).cloned().map_or(Ok(()), Err)
        })
    }
}

/// How many tokens the whole prompt had.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_prompt_tokens(event: *const chaku_event) -> i64 {
    guard::value(0, || tokens(event, |usage| usage.prompt_tokens))
}

/// How many of the prompt's tokens were computed before and cost nothing.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_cached_tokens(event: *const chaku_event) -> i64 {
    guard::value(0, || tokens(event, |usage| usage.cached_tokens))
}

/// How many tokens were generated, those of a stop text and the one that ended the answer included.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_completion_tokens(event: *const chaku_event) -> i64 {
    guard::value(0, || tokens(event, |usage| usage.completion_tokens))
}

/// How many tokens of the context window were in use when the request ended.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_context_used(event: *const chaku_event) -> i64 {
    guard::value(0, || tokens(event, |usage| usage.context_used))
}

/// How long the request waited for the engine, in milliseconds.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_queue_ms(event: *const chaku_event) -> f64 {
    guard::value(0.0, || millis(event, |timings| timings.queue_ms))
}

/// How long template and tokenizer took, in milliseconds.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_prepare_ms(event: *const chaku_event) -> f64 {
    guard::value(0.0, || millis(event, |timings| timings.prepare_ms))
}

/// The time from the start of compute to the first token, in milliseconds.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_prefill_ms(event: *const chaku_event) -> f64 {
    guard::value(0.0, || millis(event, |timings| timings.prefill_ms))
}

/// The time from the first token to the last, in milliseconds.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_decode_ms(event: *const chaku_event) -> f64 {
    guard::value(0.0, || millis(event, |timings| timings.decode_ms))
}

/// The time from the call to the final event, in milliseconds.
///
/// - `event`: borrowed.
///
/// Returns 0 for other events than the final one, and for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_total_ms(event: *const chaku_event) -> f64 {
    guard::value(0.0, || millis(event, |timings| timings.total_ms))
}

/// Makes one more handle to an event, to be freed on its own: the way to keep an event that a callback only borrowed.
///
/// - `event`: borrowed.
/// - `out_event`: returns owned (free with chaku_event_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_event_retain(
    event: *const chaku_event,
    out_event: *mut *mut chaku_event,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_event_retain", out_error, || {
            let out = Out::handle(out_event, "out_event")?;
            out.put_shared(handle::get(event, "event")?.share())
        })
    }
}

/// Frees an event.
///
/// - `event`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live event.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_event_free(event: *mut chaku_event) -> chaku_code {
    guard::control(|| handle::take(event, "event").map(drop))
}

fn error_of(object: &EventObject) -> Option<&Error> {
    end_of(object)?.error.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaku::FinishReason;

    #[test]
    fn the_constants_are_the_finish_reasons_of_the_core() {
        for (constant, reason) in [
            (CHAKU_FINISH_STOP, FinishReason::Stop),
            (CHAKU_FINISH_LENGTH, FinishReason::Length),
            (CHAKU_FINISH_TOOL_CALLS, FinishReason::ToolCalls),
            (CHAKU_FINISH_CANCELLED, FinishReason::Cancelled),
            (CHAKU_FINISH_DEADLINE, FinishReason::Deadline),
            (CHAKU_FINISH_ERROR, FinishReason::Error),
        ] {
            assert_eq!(constant, reason as i32);
        }
    }
}
