//! The loop of a conversation with tools: the host makes the calls, chaku does the rest.

use std::ffi::{c_char, c_void};
use std::ptr;

use chaku::{ChatMessage, Error, Event, Reason, Result, Role, ToolCall};

use crate::callback::{chaku_event_callback, chaku_tool_callback};
use crate::text::{c_string, invalid, null, text};
use crate::types::{chaku_buffer, chaku_code, chaku_error, chaku_options, chaku_session};
use crate::{callback, event, guard, handle, options};

/// Chats, lets a callback make the calls of the answer, tells the model what they came to, and so on until an answer has
/// none. All of it on the calling thread.
///
/// - `session`: borrowed. While this runs, it is not to be asked anything else.
/// - `text`, `text_len`: copied. What the user says: UTF-8; length in bytes, -1 = NUL-terminated.
/// - `options`: copied. Request keys; NULL = none. `tools` must be set here or in the session's; `tool_choice` is for the
///   first answer, the deadline for all of it. Requests do not pause for logits.
/// - `max_rounds`: most answers, 1 or more. When one more would be needed, the calls of the last are not made: its
///   finish reason is CHAKU_FINISH_TOOL_CALLS.
/// - `on_tool`: borrowed. Called with each call. Required.
/// - `on_event`: borrowed. Called with the events of every answer, the final ones too; a value other than 0 ends it all
///   with CANCELLED. NULL = nobody looks.
/// - `user_data`: borrowed; passed to both callbacks.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Returns CHAKU_OK when all answers succeeded, else the code of the end of one, for instance CANCELLED, after
/// chaku_session_cancel too, or DEADLINE_EXCEEDED. Calls without result then stay in the conversation.
/// Errors: INVALID_ARGUMENT `invalid_tools` (there are none), `invalid_argument`, `wrong_handle`, `stale_handle` or
/// `invalid_utf8` (what `on_tool` gave); else as chaku_session_chat.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_run_tools(
    session: *mut chaku_session,
    text: *const c_char,
    text_len: i64,
    options: *const chaku_options,
    max_rounds: i64,
    on_tool: chaku_tool_callback,
    on_event: chaku_event_callback,
    user_data: *mut c_void,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_run_tools", out_error, || {
            callback::refuse_inside()?;
            let host = Host::new(on_tool, on_event, user_data)?;
            let text = self::text(text, text_len, "text")?;
            if text.is_empty() {
                return Err(Error::new(Reason::EmptyPrompt, "the text is empty"));
            }
            host.run(session, vec![ChatMessage::new(Role::User, text)], options, max_rounds)
        })
    }
}

/// The same, with several messages to begin with.
///
/// - `session`: borrowed. While this runs, it is not to be asked anything else.
/// - `messages`, `messages_len`: copied. A JSON list, as for chaku_session_chat_messages; length in bytes, -1 = NUL-terminated.
/// - `options`: copied. Request keys; NULL = none.
/// - `max_rounds`: most answers, 1 or more.
/// - `on_tool`: borrowed. Called with each call. Required.
/// - `on_event`: borrowed. Called with each event; NULL = nobody looks.
/// - `user_data`: borrowed; passed to both callbacks.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Returns CHAKU_OK when all answers succeeded, else the code of the end of one, for instance CANCELLED or
/// DEADLINE_EXCEEDED.
/// Errors: INVALID_ARGUMENT `invalid_messages`; else as chaku_session_run_tools.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_run_tools_messages(
    session: *mut chaku_session,
    messages: *const c_char,
    messages_len: i64,
    options: *const chaku_options,
    max_rounds: i64,
    on_tool: chaku_tool_callback,
    on_event: chaku_event_callback,
    user_data: *mut c_void,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_run_tools_messages", out_error, || {
            callback::refuse_inside()?;
            let host = Host::new(on_tool, on_event, user_data)?;
            let messages = ChatMessage::list_from_json(text(messages, messages_len, "messages")?)?;
            host.run(session, messages, options, max_rounds)
        })
    }
}

type Tool =
    unsafe extern "C" fn(*const c_char, *const c_char, *const c_char, i64, *mut *mut chaku_buffer, *mut c_void) -> i32;

/// The host's part of the loop.
struct Host {
    on_tool: Tool,
    on_event: chaku_event_callback,
    user_data: *mut c_void,
}

impl Host {
    /// # Safety
    /// As long as the value lives, the callbacks may be called with `user_data` on this thread.
    unsafe fn new(
        on_tool: chaku_tool_callback,
        on_event: chaku_event_callback,
        user_data: *mut c_void,
    ) -> Result<Self> {
        let on_tool = on_tool.ok_or_else(|| null("on_tool", "a callback"))?;
        Ok(Host { on_tool, on_event, user_data })
    }

    fn run(
        &self,
        session: *mut chaku_session,
        messages: Vec<ChatMessage>,
        options: *const chaku_options,
        max_rounds: i64,
    ) -> Result<()> {
        let session = handle::get(session, "session")?;
        let rounds = u32::try_from(max_rounds).ok().filter(|rounds| *rounds > 0).ok_or_else(|| {
            invalid("max_rounds", format!("`max_rounds` is {max_rounds}, but must be 1 to {}", u32::MAX))
        })?;
        let options = options::values(options)?;
        session.run_tools(&messages, &options, rounds, |call| self.call(call), |event| self.look(event)).map(drop)
    }

    /// Not marked as inside of a callback: nothing of chaku waits for it, so it may wait itself.
    fn call(&self, call: &ToolCall) -> Result<String> {
        let id = c_string(&call.id);
        let name = c_string(&call.name);
        let arguments = c_string(&call.arguments);
        let length = arguments.as_bytes().len() as i64;
        let mut result: *mut chaku_buffer = ptr::null_mut();
        // SAFETY: by the contract of `new`; the texts live longer than the call.
        let verdict = unsafe {
            (self.on_tool)(id.as_ptr(), name.as_ptr(), arguments.as_ptr(), length, &raw mut result, self.user_data)
        };
        let buffer = handle::take(result, "out_result")?;
        if verdict != 0 {
            return Err(Error::new(Reason::Cancelled, "the loop was cancelled by its tool callback"));
        }
        buffer.map_or(Ok(String::new()), |buffer| buffer.text("out_result").map(str::to_owned))
    }

    fn look(&self, event: &Event) -> bool {
        self.on_event.is_none_or(|on_event| {
            // SAFETY: by the contract of `new`.
            event::deliver(event, |event| unsafe { on_event(event, self.user_data) })
        })
    }
}
