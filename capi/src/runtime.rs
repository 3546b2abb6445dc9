//! Runtimes.

use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use chaku::{LogLevel, Result, Runtime};

use crate::callback::{self, UserData, chaku_destroy_callback, chaku_log_callback};
use crate::out::Out;
use crate::text::{c_string, invalid};
use crate::types::{chaku_code, chaku_error, chaku_options, chaku_runtime};
use crate::{guard, handle, options};

/// No log.
pub const CHAKU_LOG_OFF: i32 = 0;
/// Something failed that no request reports.
pub const CHAKU_LOG_ERROR: i32 = 1;
/// Something is wrong but work goes on.
pub const CHAKU_LOG_WARN: i32 = 2;
/// What happens, a few lines a load.
pub const CHAKU_LOG_INFO: i32 = 3;
/// Each request, and what llama.cpp says.
pub const CHAKU_LOG_DEBUG: i32 = 4;
/// Everything, prompt text included.
pub const CHAKU_LOG_TRACE: i32 = 5;

/// The runtime of a handle; NULL is the default one.
pub(crate) fn or_default(runtime: *const chaku_runtime) -> Result<Runtime> {
    Ok(match handle::get_optional(runtime, "runtime")? {
        Some(runtime) => (*runtime).clone(),
        None => Runtime::default_runtime(),
    })
}

/// Makes a runtime. Most programs need none: NULL is the default runtime everywhere.
///
/// - `options`: copied. Runtime keys, and defaults for all below; NULL = none.
/// - `out_runtime`: returns owned (free with chaku_runtime_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_runtime_new(
    options: *const chaku_options,
    out_runtime: *mut *mut chaku_runtime,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_runtime_new", out_error, || {
            let out = Out::handle(out_runtime, "out_runtime")?;
            callback::refuse_inside()?;
            out.put(Runtime::new(&options::values(options)?)?)
        })
    }
}

/// Sends the runtime's log to a callback, in place of the one before. Without one, nothing is logged anywhere.
///
/// - `runtime`: borrowed. NULL = the default runtime, which also gets the lines of llama.cpp that belong to no runtime.
/// - `level`: lines up to this CHAKU_LOG_ level are wanted.
/// - `callback`: borrowed until `destroy` runs. NULL = no log from now on.
/// - `user_data`: borrowed until `destroy` runs; passed to the callback.
/// - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `invalid_argument` for a level that is none.
/// Thread class: shared. Callbacks that are under way may still end after this function returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_runtime_set_log(
    runtime: *mut chaku_runtime,
    level: i32,
    callback: chaku_log_callback,
    user_data: *mut c_void,
    destroy: chaku_destroy_callback,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_runtime_set_log", out_error, || {
            let user_data = UserData::new(user_data, destroy);
            callback::refuse_inside()?;
            let level = log_level(level)?;
            let runtime = or_default(runtime)?;
            runtime.set_log_sink(level, callback.map(|callback| log_sink(callback, user_data)));
            Ok(())
        })
    }
}

/// Frees a runtime. Its models and requests keep what they need of it.
///
/// - `runtime`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live runtime.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_runtime_free(runtime: *mut chaku_runtime) -> chaku_code {
    guard::free(|| handle::take(runtime, "runtime").map(drop))
}
