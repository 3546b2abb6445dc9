//! Metrics: the numbers of a model, or of all models of a runtime.

use crate::buffer::BufferObject;
use crate::out::Out;
use crate::types::{chaku_buffer, chaku_code, chaku_error, chaku_model, chaku_runtime};
use crate::{guard, handle, runtime};

/// The numbers of a model at this moment, as a JSON object of names and numbers:
///
///   models, sessions
///   queue_depth, requests_running, requests_paused      requests that wait to start, that have started, and of these
///                                                       those that nothing is computed for at the moment
///   prompt_tokens_total, generated_tokens_total, cached_tokens_total
///   prompt_tokens_per_second, generated_tokens_per_second
///   kv_used_tokens, kv_capacity_tokens                  what the KV cache holds, and can hold
///   steps_total, step_seconds_total, steps_per_second, step_ms, threads
///   cancelled_total, deadline_exceeded_total, overload_total
///   evictions_total, preemptions_total                  sequences that lost their place in the KV cache, and running
///                                                       requests that gave way
///   prompt_cache_bytes, prompt_cache_hits_total
///
/// Those that end in "_total" only grow; rates are means over the last five seconds. Later versions may add names.
///
/// - `model`: borrowed.
/// - `out_json`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_metrics(
    model: *const chaku_model,
    out_json: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_metrics", out_error, || {
            let out = Out::handle(out_json, "out_json")?;
            out.put(BufferObject::of_text(handle::get(model, "model")?.model.metrics().to_json()))
        })
    }
}

/// The numbers of all models of a runtime together, in the form of chaku_model_metrics. What models did that are freed
/// stays counted.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `out_json`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_runtime_metrics(
    runtime: *const chaku_runtime,
    out_json: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_runtime_metrics", out_error, || {
            let out = Out::handle(out_json, "out_json")?;
            out.put(BufferObject::of_text(runtime::or_default(runtime)?.metrics().to_json()))
        })
    }
}
