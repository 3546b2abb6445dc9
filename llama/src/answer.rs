//! Reading answers: content, reasoning and tool calls, through llama.cpp's parsers.

use std::ptr::NonNull;

use crate::{Error, ffi};

/// Reads an answer as it grows.
pub struct AnswerReader {
    /// Invariant: from `chaku_llama_answer_new`, freed once.
    raw: NonNull<ffi::Answer>,
}

// SAFETY: it is plain data, and every method that changes it takes it mutably.
unsafe impl Send for AnswerReader {}

impl Drop for AnswerReader {
    fn drop(&mut self) {
        // SAFETY: ours by the invariant.
        unsafe { ffi::chaku_llama_answer_free(self.raw.as_ptr()) }
    }
}

impl AnswerReader {
    /// `format`: of a [`Rendered`](crate::Rendered).
    pub fn new(format: &str) -> Result<Self, Error> {
        let mut raw = std::ptr::null_mut();
        ffi::run("common_peg_arena::load", |error| {
            // SAFETY: the text outlives the call, and the length is its own.
            unsafe { ffi::chaku_llama_answer_new(format.as_ptr().cast(), format.len(), &raw mut raw, error) }
        })?;
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw }),
            None => Err(Error::Template { message: "no parser of answers".to_owned() }),
        }
    }

    /// Reads the whole text so far; `partial`: more may come. Returns what is new as a JSON list of `{"reasoning"}`,
    /// `{"content"}` or `{"call": {"index", "id", "name", "arguments"}}`, or nothing. Fails, and keeps what it had, where the text does
    /// not fit the format. It takes time for the whole text, and stack for what the text nests.
    pub fn read(&mut self, text: &str, partial: bool) -> Result<String, Error> {
        let mut deltas = ffi::Text::empty();
        ffi::run("common_chat_parse", |error| {
            // SAFETY: the text outlives the call, and the length is its own.
            unsafe {
                ffi::chaku_llama_answer_read(
                    self.raw.as_ptr(),
                    text.as_ptr().cast(),
                    text.len(),
                    partial,
                    &raw mut deltas,
                    error,
                )
            }
        })?;
        Ok(deltas.to_text())
    }
}

impl std::fmt::Debug for AnswerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnswerReader")
    }
}
