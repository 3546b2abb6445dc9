//! Buffers: text or bytes that a function makes and the caller frees, or the other way round.

use std::ffi::c_char;
use std::ptr;

use chaku::{Error, Reason, Result};

use crate::out::{Out, set_optional};
use crate::text::{self, utf8};
use crate::types::{chaku_buffer, chaku_code, chaku_error};
use crate::{guard, handle};

/// The bytes behind a handle, and a NUL.
pub(crate) struct BufferObject(Vec<u8>);

impl BufferObject {
    pub(crate) fn of_text(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        BufferObject(bytes)
    }

    /// A copy: there may be very many of them, more than there is memory for.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self> {
        let mut copy = Vec::new();
        if copy.try_reserve_exact(bytes.len() + 1).is_err() {
            let message = format!("a buffer of {} MiB needs memory that is not there", bytes.len() >> 20);
            return Err(Error::new(Reason::MemoryBudget, message).with("wanted", bytes.len()));
        }
        copy.extend_from_slice(bytes);
        copy.push(0);
        Ok(BufferObject(copy))
    }

    /// What it holds, if that is text.
    pub(crate) fn text(&self, parameter: &'static str) -> Result<&str> {
        utf8(&self.0[..self.0.len() - 1], parameter)
    }
}

/// Makes a buffer with a copy of a text, for a callback that has to give one.
///
/// - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `out_buffer`: returns owned (free with chaku_buffer_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `invalid_utf8`; RESOURCE_EXHAUSTED `memory_budget`.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_buffer_new(
    text: *const c_char,
    text_len: i64,
    out_buffer: *mut *mut chaku_buffer,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_buffer_new", out_error, || {
            let out = Out::handle(out_buffer, "out_buffer")?;
            out.put(BufferObject::of_bytes(text::text(text, text_len, "text")?.as_bytes())?)
        })
    }
}

/// What a buffer holds. It is NUL-terminated as well; bytes may have NULs inside.
///
/// - `buffer`: borrowed.
/// - `out_len`: borrowed, written to: the length in bytes, without the NUL; may be NULL.
/// - Returns: valid until `buffer` is freed. NULL for a handle that is no live buffer.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_buffer_data(buffer: *const chaku_buffer, out_len: *mut i64) -> *const c_char {
    guard::value(ptr::null(), || {
        let object = handle::get(buffer, "buffer")?;
        // SAFETY: `out_len` is NULL or writable, as the header asks.
        unsafe { set_optional(out_len, object.0.len() as i64 - 1) };
        Ok(object.0.as_ptr().cast())
    })
}

/// Frees a buffer.
///
/// - `buffer`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live buffer.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_buffer_free(buffer: *mut chaku_buffer) -> chaku_code {
    guard::control(|| handle::take(buffer, "buffer").map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_end_in_a_nul_that_does_not_count() {
        assert_eq!(BufferObject::of_text("{}".to_owned()).0, b"{}\0");
        assert_eq!(BufferObject::of_text(String::new()).0, b"\0");
        assert_eq!(BufferObject::of_bytes(b"a\0b").unwrap().0, b"a\0b\0");
    }
}
