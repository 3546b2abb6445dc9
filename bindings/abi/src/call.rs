//! How a fallible C function is called.

use std::ptr;

use crate::c;
use crate::error::{Error, Result};

/// Calls a function that takes `out_error` and returns a code.
pub(crate) fn call(function: impl FnOnce(*mut *mut c::chaku_error) -> c::chaku_code) -> Result<()> {
    let mut error = ptr::null_mut();
    match function(&raw mut error) {
        c::CHAKU_OK => Ok(()),
        code => Err(Error::take(code, error)),
    }
}

/// Calls a function that writes one output as well.
pub(crate) fn call_for<T>(
    empty: T,
    function: impl FnOnce(*mut T, *mut *mut c::chaku_error) -> c::chaku_code,
) -> Result<T> {
    let mut out = empty;
    call(|error| function(&raw mut out, error))?;
    Ok(out)
}

/// A timeout in C's form: whole milliseconds, rounded up so that a short one still waits; -1 = for ever.
pub(crate) fn milliseconds(timeout: Option<std::time::Duration>) -> i64 {
    timeout.map_or(-1, |timeout| timeout.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(i64::MAX))
}
