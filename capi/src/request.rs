//! Requests: three ways to read, and the control path.

use std::ffi::c_void;

use chaku::{Error, Event, Reason};

use crate::buffer::BufferObject;
use crate::callback::{self, UserData, chaku_destroy_callback, chaku_event_callback, chaku_ready_callback};
use crate::event::{self, EventObject};
use crate::model::ModelObject;
use crate::out::Out;
use crate::text::{invalid, null, slice};
use crate::time::timeout;
use crate::types::{chaku_buffer, chaku_code, chaku_error, chaku_event, chaku_model, chaku_request};
use crate::{guard, handle};

/// Reads the next event.
///
/// - `request`: borrowed.
/// - `timeout_ms`: longest wait in milliseconds; 0 = do not wait, -1 = for ever.
/// - `out_event`: returns owned (free with chaku_event_free). NULL with CHAKU_OK = nothing came in time.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: OUT_OF_RANGE `finished` after the final event; FAILED_PRECONDITION `reader_taken` when the events go to a
/// callback. A request that failed is no error here: its final event says so.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_next(
    request: *mut chaku_request,
    timeout_ms: i64,
    out_event: *mut *mut chaku_event,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_next", out_error, || {
            let out = Out::handle(out_event, "out_event")?;
            callback::refuse_inside()?;
            match handle::get(request, "request")?.next(timeout(timeout_ms)?)? {
                Some(event) => out.put(EventObject::new(event)),
                None => Ok(()),
            }
        })
    }
}

/// Reads all events on the calling thread, until the final one, which is passed to the callback too.
///
/// - `request`: borrowed.
/// - `on_event`: borrowed. NULL = only wait for the end, and resume what pauses for logits. A value other than 0 cancels the
///   request; then only the final event follows.
/// - `user_data`: borrowed; passed to the callback.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Returns CHAKU_OK when the request succeeded, else the code of its end, for instance CANCELLED or DEADLINE_EXCEEDED.
/// Errors: also those of chaku_request_next.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_run(
    request: *mut chaku_request,
    on_event: chaku_event_callback,
    user_data: *mut c_void,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_run", out_error, || {
            callback::refuse_inside()?;
            let request = handle::get(request, "request")?;
            let end = request.run(|event| match (on_event, event) {
                (Some(on_event), _) => event::deliver(event, |event| on_event(event, user_data)),
                // It fails when another thread was quicker.
                (None, Event::Logits(_)) => {
                    let _ = request.resume(None);
                    true
                }
                (None, _) => true,
            })?;
            end.error.clone().map_or(Ok(()), Err)
        })
    }
}

/// Passes all events to a callback on a thread of chaku, one at a time. The final event is the last call.
/// A callback that takes long holds up its own request only.
///
/// - `request`: borrowed.
/// - `on_event`: borrowed until `destroy` runs. A value other than 0 cancels the request; then only the final event
///   follows. Required.
/// - `user_data`: borrowed until `destroy` runs; passed to the callback.
/// - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `reader_taken`: a request has one callback; OUT_OF_RANGE `finished` after the final event
/// was read; RESOURCE_EXHAUSTED `no_thread`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_on_event(
    request: *mut chaku_request,
    on_event: chaku_event_callback,
    user_data: *mut c_void,
    destroy: chaku_destroy_callback,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_on_event", out_error, || {
            let user_data = UserData::new(user_data, destroy);
            callback::refuse_inside()?;
            let on_event = on_event.ok_or_else(|| null("on_event", "a callback"))?;
            let call = move |event: &Event| event::deliver(event, |event| on_event(event, user_data.pointer()));
            handle::get(request, "request")?.on_event(call)
        })
    }
}

/// Calls back whenever events begin to wait: when there was nothing to read and now there is, and once at registration
/// if there is something already. It carries nothing: read with chaku_request_next and a timeout of 0 until that gives
/// NULL, or the next call may never come. In place of the callback before, if there was one.
///
/// - `request`: borrowed.
/// - `on_ready`: borrowed until `destroy` runs. A value other than 0 ends the calls. Required.
/// - `user_data`: borrowed until `destroy` runs; passed to the callback.
/// - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: RESOURCE_EXHAUSTED `no_thread`.
/// Thread class: shared. The callback comes from a thread of the runtime and should return at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_on_ready(
    request: *mut chaku_request,
    on_ready: chaku_ready_callback,
    user_data: *mut c_void,
    destroy: chaku_destroy_callback,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_on_ready", out_error, || {
            let user_data = UserData::new(user_data, destroy);
            callback::refuse_inside()?;
            let on_ready = on_ready.ok_or_else(|| null("on_ready", "a callback"))?;
            let call = move || callback::inside(|| on_ready(user_data.pointer())) == 0;
            handle::get(request, "request")?.on_ready(call)
        })
    }
}

/// Cancels a request, whatever it is doing. Its final event follows promptly, with CHAKU_FINISH_CANCELLED unless it comes
/// to an end of its own first.
///
/// - `request`: borrowed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live request.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_request_cancel(request: *mut chaku_request) -> chaku_code {
    guard::control(|| {
        if let Some(request) = handle::get_optional(request, "request")? {
            request.cancel();
        }
        Ok(())
    })
}

/// Whether the final event exists, read or not.
///
/// - `request`: borrowed.
///
/// Returns 1 or 0; 1 also for a handle that is no live request, from which nothing more will come.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_request_is_finished(request: *const chaku_request) -> i32 {
    guard::value(1, || Ok(i32::from(handle::get(request, "request")?.is_finished())))
}

/// How many waiting requests go before this one, as things stand: 0 = it is the next to start. The number may grow when a
/// more urgent request arrives.
///
/// - `request`: borrowed.
///
/// Returns -1 for a request that does not wait, because it has started or ended or is one that never waits, and for a
/// handle that is no live request.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_request_queue_position(request: *const chaku_request) -> i64 {
    guard::value(-1, || Ok(handle::get(request, "request")?.queue_position().map_or(-1, |position| position as i64)))
}

/// Lets a request go on that stands still after a logits event: the next token is chosen, by the samplers and within the
/// constraint that there are, from these logits.
///
/// - `request`: borrowed.
/// - `logits`, `count`: copied. One for each token of the vocabulary, finite, or minus infinity for a token that must not come,
///   though not for all of them. NULL with a count of 0 = those of the event.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `not_paused`: it does not stand still; INVALID_ARGUMENT `invalid_argument`: not so many, or
/// not numbers to choose from; the request waits on. `null_pointer`.
/// Thread class: shared, callback-safe, in the request's own callbacks too. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_resume(
    request: *mut chaku_request,
    logits: *const f32,
    count: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_resume", out_error, || {
            let request = handle::get(request, "request")?;
            let edited = slice(logits, count, "logits")?;
            request.resume((!logits.is_null()).then_some(edited))
        })
    }
}

/// When a request got how far, as a JSON object: "queued_ms", "prepare_began_ms", "prepared_ms", "started_ms",
/// "first_token_ms" and "ended_ms" in milliseconds since the call that made it, null as long as it has not come so far, and
/// how often it was "preempted" (it gave way to others), "resumed" (it went on after that) and "stalled" (it was passed over
/// since its events were not read). Later versions may add names.
///
/// - `request`: borrowed.
/// - `out_json`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_timeline(
    request: *const chaku_request,
    out_json: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_timeline", out_error, || {
            let out = Out::handle(out_json, "out_json")?;
            out.put(BufferObject::of_text(handle::get(request, "request")?.timeline().to_json()))
        })
    }
}

/// The model a request of chaku_model_load_async has loaded. Each call makes a handle of its own to the same model.
///
/// - `request`: borrowed.
/// - `out_model`: returns owned (free with chaku_model_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a load); the load's own error when it failed.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_model(
    request: *const chaku_request,
    out_model: *mut *mut chaku_model,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_model", out_error, || {
            let out = Out::handle(out_model, "out_model")?;
            out.put(ModelObject::new(handle::get(request, "request")?.model()?))
        })
    }
}

/// How many files a request of chaku_model_download has found or brought: one, or each part of a model in parts.
///
/// - `request`: borrowed.
///
/// Returns 0 for a request that has not finished, failed or was no download, and for a handle that is no live request.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_request_path_count(request: *const chaku_request) -> i64 {
    guard::value(0, || Ok(handle::get(request, "request")?.paths().map_or(0, |paths| paths.len() as i64)))
}

/// The path of such a file, by position from 0: the first is the one to load. The text is UTF-8 and ends with a NUL.
///
/// - `request`: borrowed.
/// - `out_path`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a download); the download's own error when it failed;
/// INVALID_ARGUMENT `invalid_argument` past the last one, `invalid_utf8` for a path that is not UTF-8.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_path(
    request: *const chaku_request,
    index: i64,
    out_path: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_path", out_error, || {
            let out = Out::handle(out_path, "out_path")?;
            let paths = handle::get(request, "request")?.paths()?;
            let path = usize::try_from(index)
                .ok()
                .and_then(|index| paths.get(index))
                .ok_or_else(|| invalid("index", format!("`index` is {index}, and there are {} files", paths.len())))?;
            let path = path
                .to_str()
                .ok_or_else(|| Error::new(Reason::InvalidUtf8, format!("the path {} is not UTF-8", path.display())))?;
            out.put(BufferObject::of_text(path.to_owned()))
        })
    }
}

/// Cancels a request and waits until its final event exists, its callback has returned for the last time and every `destroy`
/// has run. A load may hold its file, and a prompt being prepared its memory, for a moment longer.
///
/// - `request`: borrowed.
/// - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: DEADLINE_EXCEEDED `close_timeout`: the request goes on ending.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_request_close(
    request: *mut chaku_request,
    timeout_ms: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_request_close", out_error, || {
            callback::refuse_inside()?;
            handle::get(request, "request")?.close(timeout(timeout_ms)?)
        })
    }
}

/// Frees a request's handle and cancels the request. No callback is begun any more; one that is on its way to the host at
/// that very moment still arrives. `destroy` marks the end of the last one.
///
/// - `request`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live request.
/// Thread class: shared, callback-safe, in the request's own callbacks too. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_request_free(request: *mut chaku_request) -> chaku_code {
    guard::control(|| {
        if let Some(request) = handle::take(request, "request")? {
            // Dropping does this too, but a call under way on another thread may hold the request longer.
            request.abandon();
        }
        Ok(())
    })
}
