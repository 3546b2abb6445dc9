//! Tokens: from text, to text, and the ones with a meaning.

use std::ffi::c_char;

use chaku::{Error, Reason, Result, SpecialToken};

use crate::out::Out;
use crate::text::{invalid, null, slice, switch, text};
use crate::types::{chaku_code, chaku_error, chaku_model};
use crate::{guard, handle};

/// Turns text into tokens.
///
/// - `model`: borrowed.
/// - `text`, `text_len`: borrowed. UTF-8; length in bytes, -1 = NUL-terminated.
/// - `add_special`: 1 = put the tokens around it that the model wants, such as BOS; 0 = do not.
/// - `parse_special`: 1 = read names of control tokens in the text as these tokens; 0 = as plain text, which is the
///   only safe way with text from strangers.
/// - `tokens`: borrowed, written to: room for `capacity` tokens. NULL with a capacity of 0, which only asks for the count.
/// - `out_count`: borrowed, written to: how many tokens there are.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: OUT_OF_RANGE `buffer_too_small` (detail "needed"); INVALID_ARGUMENT `invalid_utf8` (detail "offset").
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_tokenize(
    model: *const chaku_model,
    text: *const c_char,
    text_len: i64,
    add_special: i32,
    parse_special: i32,
    tokens: *mut i32,
    capacity: i64,
    out_count: *mut i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_tokenize", out_error, || {
            let out_count = Out::new(out_count, "out_count")?;
            let model = handle::get(model, "model")?;
            let text = self::text(text, text_len, "text")?;
            let (add, parse) = (switch(add_special, "add_special")?, switch(parse_special, "parse_special")?);
            let found = model.model.tokenize(text, add, parse)?;
            fill(tokens, capacity, "tokens", &found)?;
            out_count.set(found.len() as i64);
            Ok(())
        })
    }
}

/// Turns tokens into text: the bytes they stand for, which may begin or end inside a character.
///
/// - `model`: borrowed.
/// - `tokens`, `count`: borrowed. `count` may be 0.
/// - `special`: 1 = write control tokens by name, 0 = leave them out.
/// - `buffer`: borrowed, written to: room for `capacity` bytes, of which the text's NUL takes one. NULL with a capacity of
///   0, which only asks for the length.
/// - `out_len`: borrowed, written to: the length of the text in bytes, without its NUL.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: OUT_OF_RANGE `buffer_too_small` (detail "needed": the capacity it takes, NUL included); INVALID_ARGUMENT
/// `invalid_token`.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_detokenize(
    model: *const chaku_model,
    tokens: *const i32,
    count: i64,
    special: i32,
    buffer: *mut c_char,
    capacity: i64,
    out_len: *mut i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_detokenize", out_error, || {
            let out_len = Out::new(out_len, "out_len")?;
            let model = handle::get(model, "model")?;
            let tokens = slice(tokens, count, "tokens")?;
            let mut text = model.model.detokenize(tokens, switch(special, "special")?)?;
            text.push(0);
            fill(buffer.cast::<u8>(), capacity, "buffer", &text)?;
            out_len.set(text.len() as i64 - 1);
            Ok(())
        })
    }
}

/// The token that begins a text.
///
/// - `model`: borrowed.
///
/// Returns -1 when the model has none, and for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_token_bos(model: *const chaku_model) -> i32 {
    guard::value(-1, || special(model, SpecialToken::Bos))
}

/// The token that ends a text.
///
/// - `model`: borrowed.
///
/// Returns -1 when the model has none, and for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_token_eos(model: *const chaku_model) -> i32 {
    guard::value(-1, || special(model, SpecialToken::Eos))
}

/// The token that ends a turn of a conversation.
///
/// - `model`: borrowed.
///
/// Returns -1 when the model has none, and for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_token_eot(model: *const chaku_model) -> i32 {
    guard::value(-1, || special(model, SpecialToken::Eot))
}

/// The token that fills up a batch.
///
/// - `model`: borrowed.
///
/// Returns -1 when the model has none, and for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_token_pad(model: *const chaku_model) -> i32 {
    guard::value(-1, || special(model, SpecialToken::Pad))
}

/// Whether an answer ends when the model makes this token: end of text, of turn, of message.
///
/// - `model`: borrowed.
///
/// Returns 1 or 0; 0 also for a number that is no token and for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_token_is_end(model: *const chaku_model, token: i32) -> i32 {
    guard::value(0, || Ok(i32::from(handle::get(model, "model")?.model.is_end_of_generation(token))))
}

fn special(model: *const chaku_model, which: SpecialToken) -> Result<i32> {
    Ok(handle::get(model, "model")?.model.special_token(which).unwrap_or(-1))
}

/// Copies `found` into the caller's buffer; a capacity of 0 only asks how much there is.
///
/// # Safety
/// `buffer` is NULL or has room for `capacity` elements.
unsafe fn fill<T: Copy>(buffer: *mut T, capacity: i64, parameter: &'static str, found: &[T]) -> Result<()> {
    let room = usize::try_from(capacity)
        .map_err(|_| invalid("capacity", format!("`capacity` is {capacity}, but must be 0 or more")))?;
    if room == 0 {
        return Ok(());
    }
    if buffer.is_null() {
        return Err(null(parameter, "a buffer of `capacity` elements"));
    }
    if found.len() > room {
        let needed = found.len();
        return Err(Error::new(
            Reason::BufferTooSmall,
            format!("`{parameter}` has room for {room}, but {needed} are needed"),
        )
        .with("parameter", parameter)
        .with("needed", needed));
    }
    // SAFETY: there is room, as this function's contract says, and nobody else knows `found`.
    unsafe { std::ptr::copy_nonoverlapping(found.as_ptr(), buffer, found.len()) };
    Ok(())
}
