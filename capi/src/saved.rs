//! Saved sessions: to a file or to memory, and back.

use std::ffi::{c_char, c_void};
use std::path::Path;

use crate::buffer::BufferObject;
use crate::out::Out;
use crate::session::start;
use crate::text::{c_str, slice};
use crate::types::{chaku_buffer, chaku_code, chaku_error, chaku_model, chaku_options, chaku_request, chaku_session};
use crate::{callback, guard, handle, options};

/// Saves a session: the conversation or the raw text, its system prompt, and what the KV cache holds of it, so that it goes
/// on later without being computed again. The session is busy until the request has ended, whose only event is the final
/// one. A file appears under its name when it is complete, and only the user may read it.
///
/// - `session`: borrowed.
/// - `path`: copied. NUL-terminated UTF-8, on every system; a file that is there is replaced. NULL = to memory, from
///   where chaku_request_buffer takes it.
/// - `options`: copied. Request keys, of which the deadline matters; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`; RESOURCE_EXHAUSTED `queue_full` (16 saves of the
/// model are under way), `no_thread`; INVALID_ARGUMENT `invalid_option`. The rest arrives in the final event: UNAVAILABLE
/// `file_unwritable`, RESOURCE_EXHAUSTED `disk_full`, `memory_budget`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_save(
    session: *mut chaku_session,
    path: *const c_char,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_save", out_error, || {
            start(session, options, out_request, |session, options| {
                let path = if path.is_null() { None } else { Some(Path::new(c_str(path, "path")?)) };
                session.save(path, options)
            })
        })
    }
}

/// What a request of chaku_session_save without a path has saved. Each call makes a copy.
///
/// - `request`: borrowed.
/// - `out_buffer`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a save to memory); the save's own error when it failed;
/// RESOURCE_EXHAUSTED `memory_budget`.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_buffer(
    request: *const chaku_request,
    out_buffer: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_buffer", out_error, || {
            let out = Out::handle(out_buffer, "out_buffer")?;
            out.put(BufferObject::of_bytes(&handle::get(request, "request")?.data()?)?)
        })
    }
}

/// Makes a session of a file that chaku_session_save wrote. What is needed of the model to understand the conversation must
/// be as it was: vocabulary, sizes, chat template. What was computed is taken over if the model was also loaded as it was,
/// and computed again otherwise. There is a checksum against accidents, and none against malice: take files from nobody
/// whose models you would not load.
///
/// - `model`: borrowed. The session keeps the model itself alive.
/// - `path`: copied. NUL-terminated UTF-8, on every system.
/// - `options`: copied. Session keys, and defaults for its requests: none are saved but the system prompt, which holds
///   unless another one is given. NULL = none.
/// - `out_session`: returns owned (free with chaku_session_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: DATA_LOSS `state_corrupt` (not a saved session, or truncated, or changed, or of another version of chaku);
/// FAILED_PRECONDITION `state_mismatch` (of another model or chat template), `closed`; NOT_FOUND `file_not_found`;
/// PERMISSION_DENIED `file_permission`; UNAVAILABLE `file_unreadable`; RESOURCE_EXHAUSTED `session_limit`, `memory_budget`;
/// INVALID_ARGUMENT `invalid_option`.
/// Thread class: shared. Waits for the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_restore(
    model: *mut chaku_model,
    path: *const c_char,
    options: *const chaku_options,
    out_session: *mut *mut chaku_session,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_restore", out_error, || {
            let out = Out::handle(out_session, "out_session")?;
            callback::refuse_inside()?;
            let path = Path::new(c_str(path, "path")?);
            out.put(handle::get(model, "model")?.model.restore(path, &options::values(options)?)?)
        })
    }
}

/// Makes a session of what chaku_session_save saved to memory, or of a file of it that was read.
///
/// - `model`: borrowed. The session keeps the model itself alive.
/// - `data`, `data_len`: borrowed. The bytes that were saved, and how many they are.
/// - `options`: copied. As for chaku_session_restore; NULL = none.
/// - `out_session`: returns owned (free with chaku_session_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_session_restore, but for those of files.
/// Thread class: shared. Takes as long as copying and checking the bytes does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_session_restore_buffer(
    model: *mut chaku_model,
    data: *const c_void,
    data_len: i64,
    options: *const chaku_options,
    out_session: *mut *mut chaku_session,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_session_restore_buffer", out_error, || {
            let out = Out::handle(out_session, "out_session")?;
            callback::refuse_inside()?;
            let bytes = slice(data.cast::<u8>(), data_len, "data")?;
            out.put(handle::get(model, "model")?.model.restore_bytes(bytes, &options::values(options)?)?)
        })
    }
}
