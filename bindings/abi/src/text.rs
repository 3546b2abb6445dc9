//! Text to C and from C.

use std::ffi::{CStr, CString, c_char};

use crate::error::{Error, Result};

/// A NUL-terminated argument: a key, a name, a path.
pub(crate) fn c_string(text: &str, parameter: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid_argument(parameter, "must not contain NUL characters"))
}

/// The length of a text that is passed as pointer and length.
pub(crate) fn length(text: impl AsRef<[u8]>) -> i64 {
    text.as_ref().len() as i64
}

/// A copy of NUL-terminated text; `None` for NULL.
///
/// # Safety
/// `text` is NULL, or NUL-terminated and stays as it is during the call.
pub(crate) unsafe fn copy(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, hence NUL-terminated, by this function's contract.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
