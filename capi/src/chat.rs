//! Conversations that the host keeps itself.

use std::ffi::c_char;

use crate::out::Out;
use crate::text::text;
use crate::types::{chaku_code, chaku_error, chaku_model, chaku_options, chaku_request};
use crate::{callback, guard, handle, options};

/// Answers the last message of a conversation that is given whole, without a session: nothing of it is kept. What was
/// computed may be found again by whoever begins in the same way, so that a growing conversation is not computed anew each
/// time. It takes no place of `max_sessions`. For several choices call it so many times, each with its own option `choice`: they
/// share the prompt, which is computed once.
///
/// - `model`: borrowed. The request keeps the model itself alive.
/// - `messages`, `messages_len`: copied. A JSON list such as `[{"role": "user", "content": "Hello"}]`; length in bytes, -1 =
///   NUL-terminated. A role is "system", "user", "assistant" or "tool", all in OpenAI's form, and the last message is a
///   user's or a tool's; or, with the option `continue_final_message`, the assistant's, which is then gone on with. A system message that comes first stands in for the option `system_prompt`. Never read as control tokens.
/// - `options`: copied. Session and request keys; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `invalid_messages` (detail "index": which one, if it is one); else as chaku_session_chat.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_chat(
    model: *mut chaku_model,
    messages: *const c_char,
    messages_len: i64,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_chat", out_error, || {
            let out = Out::handle(out_request, "out_request")?;
            callback::refuse_inside()?;
            let model = handle::get(model, "model")?;
            let messages = text(messages, messages_len, "messages")?;
            out.put(model.model.chat_json(messages, &options::values(options)?)?)
        })
    }
}
