//! Text from C and to C.

use std::ffi::{CStr, CString, c_char};

use chaku::{Error, Reason, Result};

/// A NUL-terminated UTF-8 text: a name, a key, a path.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated text that stays as it is for `'a`.
pub(crate) unsafe fn c_str<'a>(pointer: *const c_char, parameter: &'static str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(parameter, "a NUL-terminated text"));
    }
    // SAFETY: not NULL, hence NUL-terminated, as this function's contract says.
    utf8(unsafe { CStr::from_ptr(pointer) }.to_bytes(), parameter)
}

/// UTF-8 text of `length` bytes, or up to its NUL when `length` is -1.
///
/// # Safety
/// `pointer` is NULL, or points to `length` bytes (-1: to a NUL-terminated text) that stay as they are for `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, length: i64, parameter: &'static str) -> Result<&'a str> {
    if length == -1 {
        // SAFETY: the same contract.
        return unsafe { c_str(pointer, parameter) };
    }
    // SAFETY: the same contract; the bytes of a `char` array are initialized.
    utf8(unsafe { slice(pointer.cast::<u8>(), length, parameter)? }, parameter)
}

/// `length` elements; NULL is fine for none.
///
/// # Safety
/// `pointer` is NULL or points to `length` initialized elements that stay as they are for `'a`.
pub(crate) unsafe fn slice<'a, T>(pointer: *const T, length: i64, parameter: &'static str) -> Result<&'a [T]> {
    let bytes = usize::try_from(length).ok().and_then(|length| length.checked_mul(size_of::<T>()));
    // No memory is that large: the caller passed a wrong number, perhaps INT64_MAX for "all of it".
    if bytes.is_none_or(|bytes| bytes > isize::MAX as usize / 2) {
        return Err(invalid(parameter, format!("the length of `{parameter}` is {length}, which cannot be")));
    }
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(parameter, "a pointer to that many elements"));
    }
    // SAFETY: not NULL and of a possible size, hence readable, as this function's contract says.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length as usize) })
}

/// Text for C. An inner NUL, which would cut it short, becomes U+FFFD.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default())
}

/// An int32_t that stands for yes or no.
pub(crate) fn switch(value: i32, parameter: &'static str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid(parameter, format!("`{parameter}` is {value}, but must be 0 or 1"))),
    }
}

/// The error of a required pointer that is NULL.
pub(crate) fn null(parameter: &'static str, expected: &'static str) -> Error {
    Error::new(Reason::NullPointer, format!("`{parameter}` must be {expected}, not NULL")).with("parameter", parameter)
}

/// The error of a plain argument that is out of range.
pub(crate) fn invalid(parameter: &'static str, message: String) -> Error {
    Error::new(Reason::InvalidArgument, message).with("parameter", parameter)
}

/// Bytes that must be text.
pub(crate) fn utf8<'a>(bytes: &'a [u8], parameter: &'static str) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        Error::new(Reason::InvalidUtf8, format!("`{parameter}` is not UTF-8: byte {offset} is wrong"))
            .with("parameter", parameter)
            .with("offset", offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], length: i64) -> Result<&str> {
        // SAFETY: every case below passes a length within `bytes`, or -1 and a NUL in `bytes`.
        unsafe { text(bytes.as_ptr().cast(), length, "text") }
    }

    #[test]
    fn lengths_are_bytes_and_minus_one_means_up_to_the_nul() {
        assert_eq!(read(b"hello\0", -1).unwrap(), "hello");
        assert_eq!(read(b"hello\0", 4).unwrap(), "hell");
        assert_eq!(read(b"a\0b", 3).unwrap(), "a\0b");
        assert_eq!(read(b"x", 0).unwrap(), "");
    }

    #[test]
    fn null_is_fine_only_for_nothing() {
        // SAFETY: NULL is allowed.
        let null = |length| unsafe { text(std::ptr::null(), length, "text") };
        assert_eq!(null(0).unwrap(), "");
        assert_eq!(null(3).unwrap_err().reason(), Reason::NullPointer);
        assert_eq!(null(-1).unwrap_err().reason(), Reason::NullPointer);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for length in [-2, i64::MIN, i64::MAX] {
            assert_eq!(read(b"x", length).unwrap_err().reason(), Reason::InvalidArgument);
        }
    }

    #[test]
    fn broken_utf8_is_told_with_its_offset() {
        let error = read(b"ab\xFFcd\0", -1).unwrap_err();
        assert_eq!((error.reason(), error.detail("offset")), (Reason::InvalidUtf8, Some("2")));
    }

    #[test]
    fn an_inner_nul_does_not_cut_a_text_short() {
        assert_eq!(c_string("a\0b").to_str().unwrap(), "a\u{FFFD}b");
    }

    #[test]
    fn a_switch_is_zero_or_one() {
        assert!(!switch(0, "flag").unwrap() && switch(1, "flag").unwrap());
        assert_eq!(switch(2, "flag").unwrap_err().detail("parameter"), Some("flag"));
    }
}
