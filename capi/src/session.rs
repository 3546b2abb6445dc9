//! Sessions: conversations and growing texts. Each call that computes returns a request at once.

use std::ffi::c_char;

use chaku::{Request, Result, Session};

use crate::out::Out;
use crate::text::{c_str, invalid, text};
use crate::time::timeout;
use crate::types::{chaku_code, chaku_error, chaku_model, chaku_options, chaku_request, chaku_session};
use crate::{callback, guard, handle, options};

/// Makes a session.
///
/// - `model`: borrowed. The session keeps the model itself alive.
/// - `options`: copied. Session keys, and defaults for its requests; NULL = none.
/// - `out_session`: returns owned (free with chaku_session_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: RESOURCE_EXHAUSTED `session_limit`; FAILED_PRECONDITION `closed`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_new(
    model: *mut chaku_model,
    options: *const chaku_options,
    out_session: *mut *mut chaku_session,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_new", out_error, || {
            let out = Out::handle(out_session, "out_session")?;
            callback::refuse_inside()?;
            let model = handle::get(model, "model")?;
            out.put(model.model.session(&options::values(options)?)?)
        })
    }
}

/// Says something to the model as the user, in the form of the model's chat template, and starts its answer.
///
/// - `session`: borrowed.
/// - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated. Never read as control tokens.
/// - `options`: copied. Request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `session_mode` (the session holds raw text), `closed`,
/// `no_chat_template`; RESOURCE_EXHAUSTED `queue_full` (details "queued", "limit"); INVALID_ARGUMENT `empty_prompt`,
/// `invalid_utf8`. The rest arrives in the final event: OUT_OF_RANGE `context_overflow` (details "tokens", "ctx_size"),
/// INVALID_ARGUMENT `template_failed`, `invalid_grammar`, `invalid_tools` (detail "index"), `invalid_option`,
/// FAILED_PRECONDITION `tools_unsupported`, INTERNAL `decode_failed`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_chat(
    session: *mut chaku_session,
    text: *const c_char,
    text_len: i64,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_chat", out_error, || {
            start(session, options, out_request, |session, options| {
                session.chat(self::text(text, text_len, "text")?, options)
            })
        })
    }
}

/// Says several things at once, such as the results of the tools that the model called, and starts its answer.
///
/// - `session`: borrowed.
/// - `messages`, `messages_len`: copied. A JSON list in OpenAI's form, such as `[{"role": "tool", "tool_call_id": "…",
///   "content": "7"}]`; length in bytes, -1 = NUL-terminated. The last message is a user's or a tool's; or, with the option
///   `continue_final_message`, the assistant's, which is then gone on with. Never read as control tokens.
/// - `options`: copied. Request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `invalid_messages` (detail "index": which one, if it is one); else as chaku_session_chat.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_chat_messages(
    session: *mut chaku_session,
    messages: *const c_char,
    messages_len: i64,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_chat_messages", out_error, || {
            start(session, options, out_request, |session, options| {
                session.chat_json(self::text(messages, messages_len, "messages")?, options)
            })
        })
    }
}

/// Appends raw text, without any template, and starts to generate after it.
///
/// - `session`: borrowed.
/// - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `options`: copied. Request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_session_chat; `session_mode` when the session is a conversation.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_generate(
    session: *mut chaku_session,
    text: *const c_char,
    text_len: i64,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_generate", out_error, || {
            start(session, options, out_request, |session, options| {
                session.generate(self::text(text, text_len, "text")?, options)
            })
        })
    }
}

/// Computes text without generating: a later answer then starts sooner.
///
/// - `session`: borrowed.
/// - `role`: copied. NUL-terminated: "user", "assistant", "system" or "tool", and the text becomes a message of the
///   conversation; NULL = raw text.
/// - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `options`: copied. Request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_session_chat.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_ingest(
    session: *mut chaku_session,
    role: *const c_char,
    text: *const c_char,
    text_len: i64,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_ingest", out_error, || {
            start(session, options, out_request, |session, options| {
                let role = if role.is_null() { None } else { Some(c_str(role, "role")?) };
                session.ingest(role, self::text(text, text_len, "text")?, options)
            })
        })
    }
}

/// Goes on where the last answer ended: after max_tokens, a cancel or a deadline.
///
/// - `session`: borrowed.
/// - `options`: copied. Request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `nothing_to_continue`, in the final event if the answer calls tools; else as chaku_session_chat.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_continue(
    session: *mut chaku_session,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_continue", out_error, || {
            start(session, options, out_request, |session, options| session.continue_answer(options))
        })
    }
}

/// Makes a session that goes on from where another one is, by itself. It begins with the content of that one (while a
/// request runs there: as it was before that), and with its options. What both have in common is computed and kept once.
///
/// - `session`: borrowed.
/// - `options`: copied. Session keys, and defaults for its requests, which go before those of `session`; NULL = none.
/// - `out_session`: returns owned (free with chaku_session_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: RESOURCE_EXHAUSTED `session_limit`; FAILED_PRECONDITION `closed`; INVALID_ARGUMENT `invalid_option`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_fork(
    session: *mut chaku_session,
    options: *const chaku_options,
    out_session: *mut *mut chaku_session,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_fork", out_error, || {
            let out = Out::handle(out_session, "out_session")?;
            callback::refuse_inside()?;
            out.put(handle::get(session, "session")?.fork(&options::values(options)?)?)
        })
    }
}

/// Goes back to an earlier point. What is left need not be computed again.
///
/// - `session`: borrowed.
/// - `length`: what to keep: messages of the conversation, the system prompt not counted, or tokens of the raw text.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `invalid_argument` for less than 0, or for more than there is (detail "most");
/// FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_rewind(
    session: *mut chaku_session,
    length: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_rewind", out_error, || {
            callback::refuse_inside()?;
            let session = handle::get(session, "session")?;
            if length < 0 {
                return Err(invalid("length", format!("`length` is {length}, and a session keeps 0 or more")));
            }
            session.rewind(u32::try_from(length).unwrap_or(u32::MAX))
        })
    }
}

/// Forgets the conversation, but not the system prompt: the session is as new.
///
/// - `session`: borrowed.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_reset(
    session: *mut chaku_session,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_reset", out_error, || {
            callback::refuse_inside()?;
            handle::get(session, "session")?.reset()
        })
    }
}

/// How many tokens of the context window the session uses.
///
/// - `session`: borrowed.
///
/// Returns 0 for a handle that is no live session.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_session_context_used(session: *const chaku_session) -> i64 {
    guard::value(0, || Ok(i64::from(handle::get(session, "session")?.context_used())))
}

/// How many messages the conversation has, the system prompt not counted.
///
/// - `session`: borrowed.
///
/// Returns 0 for a session of raw text, and for a handle that is no live session.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_session_message_count(session: *const chaku_session) -> i64 {
    guard::value(0, || Ok(i64::from(handle::get(session, "session")?.message_count())))
}

/// Cancels the session's request, if one is under way, and chaku_session_run_tools.
///
/// - `session`: borrowed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live session.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_session_cancel(session: *mut chaku_session) -> chaku_code {
    guard::control(|| {
        if let Some(session) = handle::get_optional(session, "session")? {
            session.cancel();
        }
        Ok(())
    })
}

/// Cancels the session's request, if one runs, waits until it has ended, and refuses new ones with `closed`. The request's
/// callback may still be under way: chaku_request_close waits for that.
///
/// - `session`: borrowed.
/// - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: DEADLINE_EXCEEDED `close_timeout`: the session goes on closing.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_close(
    session: *mut chaku_session,
    timeout_ms: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_close", out_error, || {
            callback::refuse_inside()?;
            handle::get(session, "session")?.close(timeout(timeout_ms)?)
        })
    }
}

/// Frees a session's handle. A request under way goes on; the session's memory is given back when it has ended.
///
/// - `session`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live session.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_session_free(session: *mut chaku_session) -> chaku_code {
    guard::control(|| handle::take(session, "session").map(drop))
}

/// What the functions that start a request have in common.
///
/// # Safety
/// `out_request` is NULL or writable.
pub(crate) unsafe fn start(
    session: *mut chaku_session,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    request: impl FnOnce(&Session, &chaku::Options) -> Result<Request>,
) -> Result<()> {
    // SAFETY: the same contract.
    let out = unsafe { Out::handle(out_request, "out_request")? };
    callback::refuse_inside()?;
    let session = handle::get(session, "session")?;
    out.put(request(&session, &options::values(options)?)?)
}
