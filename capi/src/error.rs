//! Codes and error objects.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use chaku::Error;

use crate::text::{c_str, c_string};
use crate::types::{chaku_code, chaku_error};
use crate::{guard, handle};

/// Success.
pub const CHAKU_OK: i32 = 0;
/// The caller cancelled the work, or closed the object that did it.
pub const CHAKU_CANCELLED: i32 = 1;
/// The cause is not known.
pub const CHAKU_UNKNOWN: i32 = 2;
/// An argument is wrong, whatever the state of the system is.
pub const CHAKU_INVALID_ARGUMENT: i32 = 3;
/// The deadline passed before the work was done.
pub const CHAKU_DEADLINE_EXCEEDED: i32 = 4;
/// A named thing (a file, a key) does not exist.
pub const CHAKU_NOT_FOUND: i32 = 5;
/// The thing to create exists already.
pub const CHAKU_ALREADY_EXISTS: i32 = 6;
/// The operating system refused access.
pub const CHAKU_PERMISSION_DENIED: i32 = 7;
/// A limit was reached: queue, sessions, memory.
pub const CHAKU_RESOURCE_EXHAUSTED: i32 = 8;
/// The object is not in the state this call needs.
pub const CHAKU_FAILED_PRECONDITION: i32 = 9;
/// The work was aborted by a conflict.
pub const CHAKU_ABORTED: i32 = 10;
/// Past the end: of a stream, of a buffer, of the context window.
pub const CHAKU_OUT_OF_RANGE: i32 = 11;
/// Not in this build, or not possible with this model.
pub const CHAKU_UNIMPLEMENTED: i32 = 12;
/// A bug of chaku or of llama.cpp.
pub const CHAKU_INTERNAL: i32 = 13;
/// Not now: try again later.
pub const CHAKU_UNAVAILABLE: i32 = 14;
/// Stored data is broken.
pub const CHAKU_DATA_LOSS: i32 = 15;
/// Credentials are missing or wrong.
pub const CHAKU_UNAUTHENTICATED: i32 = 16;

/// The error behind a handle, its texts in C's form.
pub(crate) struct ErrorObject {
    error: Error,
    message: CString,
    reason: CString,
    details: Vec<(CString, CString)>,
}

impl ErrorObject {
    pub(crate) fn new(error: Error) -> Self {
        ErrorObject {
            message: c_string(error.message()),
            reason: c_string(error.reason().as_str()),
            details: error.details().iter().map(|(key, value)| (c_string(key), c_string(value))).collect(),
            error,
        }
    }

    #[cfg(test)]
    pub(crate) fn error(&self) -> &Error {
        &self.error
    }
}

/// The name of a code, for instance "INVALID_ARGUMENT".
///
/// - Returns: valid until the library is unloaded. "UNKNOWN" for a number that is no code; never NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_code_name(code: chaku_code) -> *const c_char {
    guard::value(c"UNKNOWN".as_ptr(), || {
        let name: &CStr = match code {
            CHAKU_OK => c"OK",
            CHAKU_CANCELLED => c"CANCELLED",
            CHAKU_INVALID_ARGUMENT => c"INVALID_ARGUMENT",
            CHAKU_DEADLINE_EXCEEDED => c"DEADLINE_EXCEEDED",
            CHAKU_NOT_FOUND => c"NOT_FOUND",
            CHAKU_ALREADY_EXISTS => c"ALREADY_EXISTS",
            CHAKU_PERMISSION_DENIED => c"PERMISSION_DENIED",
            CHAKU_RESOURCE_EXHAUSTED => c"RESOURCE_EXHAUSTED",
            CHAKU_FAILED_PRECONDITION => c"FAILED_PRECONDITION",
            CHAKU_ABORTED => c"ABORTED",
            CHAKU_OUT_OF_RANGE => c"OUT_OF_RANGE",
            CHAKU_UNIMPLEMENTED => c"UNIMPLEMENTED",
            CHAKU_INTERNAL => c"INTERNAL",
            CHAKU_UNAVAILABLE => c"UNAVAILABLE",
            CHAKU_DATA_LOSS => c"DATA_LOSS",
            CHAKU_UNAUTHENTICATED => c"UNAUTHENTICATED",
            _ => c"UNKNOWN",
        };
        Ok(name.as_ptr())
    })
}

/// The error's code.
///
/// - `error`: borrowed. NULL is no error.
///
/// Returns CHAKU_OK for NULL, and CHAKU_INVALID_ARGUMENT for a handle that is no live error.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_code(error: *const chaku_error) -> chaku_code {
    guard::value(CHAKU_INVALID_ARGUMENT, || {
        Ok(handle::get_optional(error, "error")?.map_or(CHAKU_OK, |object| object.error.code() as chaku_code))
    })
}

/// Why, more exactly than the code says: one stable word such as "queue_full", which programs may compare.
///
/// - `error`: borrowed. NULL is no error.
/// - Returns: valid until `error` is freed. Empty, not NULL, for NULL and for a handle that is no live error.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_reason(error: *const chaku_error) -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(handle::get(error, "error")?.reason.as_ptr()))
}

/// What went wrong and what to do about it, for people.
///
/// - `error`: borrowed. NULL is no error.
/// - Returns: valid until `error` is freed. Empty, not NULL, for NULL and for a handle that is no live error.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_message(error: *const chaku_error) -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(handle::get(error, "error")?.message.as_ptr()))
}

/// One detail of the error, for instance "limit" of `queue_full`.
///
/// - `error`: borrowed. NULL is no error.
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until `error` is freed. NULL when the error has no such detail.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_error_detail(error: *const chaku_error, key: *const c_char) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: `key` is NULL or NUL-terminated, as the header asks.
        let key = unsafe { c_str(key, "key")? };
        let object = handle::get(error, "error")?;
        let found = object.details.iter().find(|(name, _)| name.to_bytes() == key.as_bytes());
        Ok(found.map_or(ptr::null(), |(_, value)| value.as_ptr()))
    })
}

/// How many details the error has.
///
/// - `error`: borrowed. NULL is no error.
///
/// Returns 0 for NULL and for a handle that is no live error.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_detail_count(error: *const chaku_error) -> i64 {
    guard::value(0, || Ok(handle::get(error, "error")?.details.len() as i64))
}

/// The key of a detail, by position from 0.
///
/// - `error`: borrowed. NULL is no error.
/// - Returns: valid until `error` is freed. NULL past the last detail.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_detail_key(error: *const chaku_error, index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        let object = handle::get(error, "error")?;
        let detail = usize::try_from(index).ok().and_then(|index| object.details.get(index));
        Ok(detail.map_or(ptr::null(), |(key, _)| key.as_ptr()))
    })
}

/// Frees an error.
///
/// - `error`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live error.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_error_free(error: *mut chaku_error) -> chaku_code {
    guard::control(|| handle::take(error, "error").map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaku::{Code, Reason};

    #[test]
    fn the_constants_are_the_codes_of_the_core() {
        for (constant, code) in [
            (CHAKU_OK, Code::Ok),
            (CHAKU_CANCELLED, Code::Cancelled),
            (CHAKU_UNKNOWN, Code::Unknown),
            (CHAKU_INVALID_ARGUMENT, Code::InvalidArgument),
            (CHAKU_DEADLINE_EXCEEDED, Code::DeadlineExceeded),
            (CHAKU_NOT_FOUND, Code::NotFound),
            (CHAKU_ALREADY_EXISTS, Code::AlreadyExists),
            (CHAKU_PERMISSION_DENIED, Code::PermissionDenied),
            (CHAKU_RESOURCE_EXHAUSTED, Code::ResourceExhausted),
            (CHAKU_FAILED_PRECONDITION, Code::FailedPrecondition),
            (CHAKU_ABORTED, Code::Aborted),
            (CHAKU_OUT_OF_RANGE, Code::OutOfRange),
            (CHAKU_UNIMPLEMENTED, Code::Unimplemented),
            (CHAKU_INTERNAL, Code::Internal),
            (CHAKU_UNAVAILABLE, Code::Unavailable),
            (CHAKU_DATA_LOSS, Code::DataLoss),
            (CHAKU_UNAUTHENTICATED, Code::Unauthenticated),
        ] {
            assert_eq!(constant, code as i32);
        }
    }

    #[test]
    fn every_field_reaches_c() {
        let error = Error::new(Reason::QueueFull, "the queue is full").with("limit", 64);
        let error = guard::to_handle(error);
        // SAFETY: all getters return NUL-terminated text or NULL.
        let text = |pointer: *const c_char| unsafe { CStr::from_ptr(pointer).to_str().unwrap() };
        assert_eq!(chaku_error_code(error), CHAKU_RESOURCE_EXHAUSTED);
        assert_eq!(text(chaku_error_reason(error)), "queue_full");
        assert_eq!(text(chaku_error_message(error)), "the queue is full");
        assert_eq!(chaku_error_detail_count(error), 1);
        assert_eq!(text(chaku_error_detail_key(error, 0)), "limit");
        assert!(chaku_error_detail_key(error, 1).is_null() && chaku_error_detail_key(error, -1).is_null());
        // SAFETY: the keys are literals.
        unsafe {
            assert_eq!(text(chaku_error_detail(error, c"limit".as_ptr())), "64");
            assert!(chaku_error_detail(error, c"other".as_ptr()).is_null());
            assert!(chaku_error_detail(error, ptr::null()).is_null());
        }
        assert_eq!(chaku_error_free(error), CHAKU_OK);
        assert_eq!(chaku_error_free(error), CHAKU_INVALID_ARGUMENT);
        assert_eq!(chaku_error_code(error), CHAKU_INVALID_ARGUMENT);
        assert_eq!(text(chaku_error_message(error)), "");
    }
}
