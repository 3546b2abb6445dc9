//! What a model would take, before it is loaded.

use std::ffi::c_char;
use std::path::Path;

use crate::buffer::BufferObject;
use crate::out::Out;
use crate::text::c_str;
use crate::types::{chaku_buffer, chaku_code, chaku_error, chaku_options, chaku_runtime};
use crate::{callback, guard, options, runtime};

/// What memory a model would take, and with which sizes it would be loaded, as a JSON object. The file is read up to its
/// weights, and nothing is loaded. Bytes:
///
///   devices             a list, for each device: "name", "weights", "kv_per_token", "kv_total", "compute", "other" (vocabulary,
///                       tables, logits: an estimate), "total"
///   total               of all devices together
///   prompt_cache        what computed prompts may take later, at most; not in the total
///   available           what is left of the runtime's `memory_budget`; null = it has none
///   fits                whether that is enough; true without a budget
///
/// and sizes: ctx_size, kv_pool (tokens), max_running, gpu_layers. Later versions may add names.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `path`: copied. NUL-terminated UTF-8, on every system.
/// - `options`: copied. What the model would be loaded with; NULL = none.
/// - `out_json`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: those of the file, of its options and of the machine that chaku_model_load has; see chaku_model_load.
/// Thread class: shared. Waits for the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_runtime_plan(
    runtime: *mut chaku_runtime,
    path: *const c_char,
    options: *const chaku_options,
    out_json: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_runtime_plan", out_error, || {
            let out = Out::handle(out_json, "out_json")?;
            callback::refuse_inside()?;
            let path = Path::new(c_str(path, "path")?);
            out.put(BufferObject::of_text(
                runtime::or_default(runtime)?.plan(path, &options::values(options)?)?.to_json(),
            ))
        })
    }
}
