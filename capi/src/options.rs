//! Option values: the container given to constructors and requests.

use std::ffi::c_char;

use chaku::{Options, Result};
use parking_lot::Mutex;

use crate::out::Out;
use crate::text::{c_str, switch, text};
use crate::types::{chaku_code, chaku_error, chaku_options};
use crate::{guard, handle};

/// The values behind a handle. Any thread may set them; whoever uses them takes a copy.
#[derive(Default)]
pub(crate) struct OptionsObject(Mutex<Options>);

/// A copy of the values; NULL has none.
pub(crate) fn values(options: *const chaku_options) -> Result<Options> {
    Ok(handle::get_optional(options, "options")?.map_or_else(Options::new, |object| object.0.lock().clone()))
}

fn change(options: *const chaku_options, change: impl FnOnce(&mut Options) -> Result<()>) -> Result<()> {
    change(&mut handle::get(options, "options")?.0.lock())
}

/// Makes options in which no key is set.
///
/// - `out_options`: returns owned (free with chaku_options_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_new(
    out_options: *mut *mut chaku_options,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_new", out_error, || {
            Out::handle(out_options, "out_options")?.put(OptionsObject::default())
        })
    }
}

/// Sets an integer key. A number key takes integers too.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `unknown_option` (detail "nearest": the most similar key) or `invalid_option` (wrong type
/// or out of range; details "key", "min", "max"). A setter that fails changes nothing. Where chaku_option_is_soft, a value
/// out of range is none of these: see chaku_options_is_clamped.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_set_i64(
    options: *mut chaku_options,
    key: *const c_char,
    value: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_set_i64", out_error, || {
            let key = c_str(key, "key")?;
            change(options, |options| options.set_i64(key, value))
        })
    }
}

/// Sets a number key.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_options_set_i64; NaN and infinities are out of range.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_set_f64(
    options: *mut chaku_options,
    key: *const c_char,
    value: f64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_set_f64", out_error, || {
            let key = c_str(key, "key")?;
            change(options, |options| options.set_f64(key, value))
        })
    }
}

/// Sets a switch: 0 = off, 1 = on.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_options_set_i64; INVALID_ARGUMENT `invalid_argument` for another value than 0 and 1.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_set_bool(
    options: *mut chaku_options,
    key: *const c_char,
    value: i32,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_set_bool", out_error, || {
            let key = c_str(key, "key")?;
            let value = switch(value, "value")?;
            change(options, |options| options.set_bool(key, value))
        })
    }
}

/// Sets a text key; a list key becomes the list with this one element. An empty text is a value too: no text, or no
/// element, whatever an object above says.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `value`, `value_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_options_set_i64; INVALID_ARGUMENT `invalid_utf8` (detail "offset").
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_set_str(
    options: *mut chaku_options,
    key: *const c_char,
    value: *const c_char,
    value_len: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_set_str", out_error, || {
            let (key, value) = (c_str(key, "key")?, text(value, value_len, "value")?);
            change(options, |options| options.set_str(key, value))
        })
    }
}

/// Appends an element to a list key, for instance a further stop text.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `value`, `value_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: as chaku_options_set_str; `invalid_option` when the list is full.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_add_str(
    options: *mut chaku_options,
    key: *const c_char,
    value: *const c_char,
    value_len: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_add_str", out_error, || {
            let (key, value) = (c_str(key, "key")?, text(value, value_len, "value")?);
            change(options, |options| options.add_str(key, value))
        })
    }
}

/// Makes a key unset again: a value given to an object above speaks, else the default.
///
/// - `options`: borrowed.
/// - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: INVALID_ARGUMENT `unknown_option`.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_unset(
    options: *mut chaku_options,
    key: *const c_char,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_options_unset", out_error, || {
            let key = c_str(key, "key")?;
            change(options, |options| options.unset(key))
        })
    }
}

/// Whether a key is set.
///
/// - `options`: borrowed.
/// - `key`: borrowed. NUL-terminated.
///
/// Returns 1 or 0; 0 also for an unknown key and for a handle that is no live options object.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_is_set(options: *const chaku_options, key: *const c_char) -> i32 {
    guard::value(0, || {
        // SAFETY: `key` is NULL or NUL-terminated, as the header asks.
        let key = unsafe { c_str(key, "key")? };
        Ok(i32::from(handle::get(options, "options")?.0.lock().is_set(key)))
    })
}

/// Whether the value of a key lay outside its range and was taken as the nearest one inside, where chaku_option_is_soft says
/// so. The log of whatever is made with it has a warning.
///
/// - `options`: borrowed.
/// - `key`: borrowed. NUL-terminated.
///
/// Returns 1 or 0; 0 also for an unknown key and for a handle that is no live options object.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_options_is_clamped(options: *const chaku_options, key: *const c_char) -> i32 {
    guard::value(0, || {
        // SAFETY: `key` is NULL or NUL-terminated, as the header asks.
        let key = unsafe { c_str(key, "key")? };
        let object = handle::get(options, "options")?;
        let clamped = object.0.lock().clamped().any(|clamped| clamped.key == key);
        Ok(i32::from(clamped))
    })
}

/// Frees options. What was made with them is not touched.
///
/// - `options`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live options object.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_options_free(options: *mut chaku_options) -> chaku_code {
    guard::control(|| handle::take(options, "options").map(drop))
}
