//! Runtimes.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use chaku::{LogLevel, LogRecord, Result, Runtime};

use crate::callback::{self, LogFunction, UserData, chaku_destroy_callback, chaku_log_callback};
use crate::out::Out;
use crate::text::{c_string, invalid};
use crate::types::{chaku_code, chaku_error, chaku_options, chaku_runtime};
use crate::{guard, handle, options};

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

/// Sends the log of models loaded from now on to a callback. Without one, nothing is logged anywhere. A model keeps the
/// callback it was loaded with.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `level`: lines up to this CHAKU_LOG_ level are wanted; means nothing without a callback.
/// - `callback`: borrowed until `destroy` runs. NULL = no log of models loaded from now on.
/// - `user_data`: borrowed until `destroy` runs; passed to the callback.
/// - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
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
            let runtime = or_default(runtime)?;
            match callback {
                Some(callback) => runtime.set_log_sink(log_level(level)?, sink(callback, user_data)),
                None => runtime.clear_log_sink(),
            }
            Ok(())
        })
    }
}

/// Passes lines on to the host until it says stop.
fn sink(callback: LogFunction, user_data: UserData) -> impl Fn(&LogRecord<'_>) + Send + Sync + 'static {
    thread_local! {
        static LOGGING: Cell<bool> = const { Cell::new(false) };
    }
    let stopped = AtomicBool::new(false);
    move |line| {
        // A line caused by a callback that may not call chaku, but does, would call it again without end.
        if stopped.load(Ordering::Relaxed) || LOGGING.replace(true) {
            return;
        }
        let (target, message) = (c_string(line.target), c_string(line.message));
        let length = message.as_bytes().len() as i64;
        let pointer = user_data.pointer();
        // SAFETY: the callback may be called from any thread until `user_data` is dropped, as the header asks.
        let verdict = callback::inside(|| unsafe {
            callback(line.level as i32, target.as_ptr(), message.as_ptr(), length, pointer)
        });
        stopped.fetch_or(verdict != 0, Ordering::Relaxed);
        LOGGING.set(false);
    }
}

fn log_level(level: i32) -> Result<LogLevel> {
    Ok(match level {
        CHAKU_LOG_ERROR => LogLevel::Error,
        CHAKU_LOG_WARN => LogLevel::Warn,
        CHAKU_LOG_INFO => LogLevel::Info,
        CHAKU_LOG_DEBUG => LogLevel::Debug,
        CHAKU_LOG_TRACE => LogLevel::Trace,
        _ => return Err(invalid("level", format!("`level` is {level}, but must be 1 (error) to 5 (trace)"))),
    })
}

/// Frees a runtime. Its models and requests keep what they need of it.
///
/// - `runtime`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live runtime.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_runtime_free(runtime: *mut chaku_runtime) -> chaku_code {
    guard::control(|| handle::take(runtime, "runtime").map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_levels_of_the_core_and_nothing_else_is_one() {
        for level in CHAKU_LOG_ERROR..=CHAKU_LOG_TRACE {
            assert_eq!(log_level(level).unwrap() as i32, level);
        }
        assert!(log_level(0).is_err() && log_level(6).is_err() && log_level(-1).is_err());
    }
}
