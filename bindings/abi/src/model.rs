//! Models.

use std::ptr;
use std::time::Duration;

use crate::buffer;
use crate::c;
use crate::call::{call, call_for, milliseconds};
use crate::error::Result;
use crate::handle::owner;
use crate::options::Options;
use crate::request::Request;
use crate::runtime::{Runtime, raw_or_default};
use crate::session::Session;
use crate::text::{c_string, copy, length};

owner!(
    /// A loaded model.
    Model owns chaku_model, freed by chaku_model_free
);

/// Tokens with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialToken {
    /// Begins a text.
    Bos,
    /// Ends a text.
    Eos,
    /// Ends a turn.
    Eot,
    /// Fills up a batch.
    Pad,
}

impl Model {
    /// Starts to load a file; [`Request::model`] yields the model at the end. (There is no blocking form here: a host
    /// language waits in its own way.)
    pub fn load(runtime: Option<&Runtime>, path: &str, options: &Options) -> Result<Request> {
        let path = c_string(path, "path")?;
        let runtime = raw_or_default(runtime);
        // SAFETY: the path is NUL-terminated and outlives the call; the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe {
            c::chaku_model_load_async(runtime, path.as_ptr(), options.raw(), out, error)
        })
        .map(Request::own)
    }

    /// Starts to download a model; [`Request::paths`] yields its files at the end.
    pub fn download(runtime: Option<&Runtime>, spec: &str, options: &Options) -> Result<Request> {
        let spec = c_string(spec, "spec")?;
        let runtime = raw_or_default(runtime);
        // SAFETY: the spec is NUL-terminated and outlives the call; the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe {
            c::chaku_model_download(runtime, spec.as_ptr(), options.raw(), out, error)
        })
        .map(Request::own)
    }

    /// A new session.
    pub fn session(&self, options: &Options) -> Result<Session> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_session_new(self.raw(), options.raw(), out, error) })
            .map(Session::own)
    }

    /// Answers the last message of a conversation, given as a JSON list, without a session. What is not UTF-8 is refused
    /// by the library.
    pub fn chat(&self, messages: impl AsRef<[u8]>, options: &Options) -> Result<Request> {
        let messages = messages.as_ref();
        // SAFETY: `messages` has its length and outlives the call; the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe {
            c::chaku_model_chat(self.raw(), messages.as_ptr().cast(), length(messages), options.raw(), out, error)
        })
        .map(Request::own)
    }

    /// A session as [`Session::save`] wrote it to a file.
    pub fn restore(&self, path: &str, options: &Options) -> Result<Session> {
        let path = c_string(path, "path")?;
        // SAFETY: the path is NUL-terminated and outlives the call; the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe {
            c::chaku_session_restore(self.raw(), path.as_ptr(), options.raw(), out, error)
        })
        .map(Session::own)
    }

    /// The same from memory.
    pub fn restore_bytes(&self, bytes: &[u8], options: &Options) -> Result<Session> {
        // SAFETY: `bytes` has its length and outlives the call; the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe {
            c::chaku_session_restore_buffer(self.raw(), bytes.as_ptr().cast(), length(bytes), options.raw(), out, error)
        })
        .map(Session::own)
    }

    /// Its numbers at this moment, as JSON.
    pub fn metrics(&self) -> Result<String> {
        // SAFETY: the outputs are local variables.
        buffer::text(|out, error| unsafe { c::chaku_model_metrics(self.raw(), out, error) })
    }

    /// Ends all work of the model and waits until it is over (`None` = for ever).
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: `error` is writable.
        call(|error| unsafe { c::chaku_model_close(self.raw(), milliseconds(timeout), error) })
    }

    /// The tokens of a text.
    pub fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<i32>> {
        let tokenize = |tokens: *mut i32, capacity: usize| {
            // SAFETY: `text` has its length, `tokens` has room for `capacity`; the outputs are local variables.
            call_for(0, |out, error| unsafe {
                c::chaku_model_tokenize(
                    self.raw(),
                    text.as_ptr().cast(),
                    length(text),
                    i32::from(add_special),
                    i32::from(parse_special),
                    tokens,
                    capacity as i64,
                    out,
                    error,
                )
            })
        };
        let mut tokens = vec![0; tokenize(ptr::null_mut(), 0)? as usize];
        tokenize(tokens.as_mut_ptr(), tokens.len())?;
        Ok(tokens)
    }

    /// The bytes tokens stand for.
    pub fn detokenize(&self, tokens: &[i32], special: bool) -> Result<Vec<u8>> {
        let detokenize = |buffer: *mut u8, capacity: usize| {
            // SAFETY: `tokens` has its length, `buffer` has room for `capacity`; the outputs are local variables.
            call_for(0, |out, error| unsafe {
                c::chaku_model_detokenize(
                    self.raw(),
                    tokens.as_ptr(),
                    tokens.len() as i64,
                    i32::from(special),
                    buffer.cast(),
                    capacity as i64,
                    out,
                    error,
                )
            })
        };
        let len = detokenize(ptr::null_mut(), 0)? as usize;
        let mut bytes = vec![0; len + 1]; // the text's NUL takes one
        detokenize(bytes.as_mut_ptr(), bytes.len())?;
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The file's metadata: keys and values as text.
    pub fn metadata(&self) -> Vec<(String, String)> {
        let raw = self.raw();
        // SAFETY: valid until the handle is freed, which the borrow of `self` forbids.
        let entry = |index| unsafe {
            Some((copy(c::chaku_model_metadata_key(raw, index))?, copy(c::chaku_model_metadata_value(raw, index))?))
        };
        (0..c::chaku_model_metadata_count(raw)).filter_map(entry).collect()
    }

    /// The value of one metadata entry.
    pub fn metadata_value(&self, key: &str) -> Option<String> {
        let key = c_string(key, "key").ok()?;
        // SAFETY: the key is NUL-terminated; the result is valid as above.
        unsafe { copy(c::chaku_model_metadata(self.raw(), key.as_ptr())) }
    }

    /// The model in a few words.
    pub fn description(&self) -> String {
        // SAFETY: valid until the handle is freed.
        unsafe { copy(c::chaku_model_description(self.raw())) }.unwrap_or_default()
    }

    /// The Jinja source of the file's chat template.
    pub fn chat_template(&self) -> Option<String> {
        // SAFETY: valid until the handle is freed.
        unsafe { copy(c::chaku_model_chat_template(self.raw())) }
    }

    /// A session's context window, in tokens.
    pub fn context_size(&self) -> i64 {
        c::chaku_model_context_size(self.raw())
    }

    /// The window the model was trained for, in tokens.
    pub fn training_context(&self) -> i64 {
        c::chaku_model_training_context(self.raw())
    }

    /// Tokens in the vocabulary.
    pub fn vocab_size(&self) -> i64 {
        c::chaku_model_vocab_size(self.raw())
    }

    /// The size of the tensors, in bytes.
    pub fn size_bytes(&self) -> i64 {
        c::chaku_model_size_bytes(self.raw())
    }

    /// How many parameters there are.
    pub fn parameter_count(&self) -> i64 {
        c::chaku_model_parameter_count(self.raw())
    }

    /// A special token, if the model has it.
    pub fn special_token(&self, which: SpecialToken) -> Option<i32> {
        let raw = self.raw();
        let token = match which {
            SpecialToken::Bos => c::chaku_model_token_bos(raw),
            SpecialToken::Eos => c::chaku_model_token_eos(raw),
            SpecialToken::Eot => c::chaku_model_token_eot(raw),
            SpecialToken::Pad => c::chaku_model_token_pad(raw),
        };
        (token >= 0).then_some(token)
    }

    /// Whether an answer ends with this token.
    pub fn is_end_token(&self, token: i32) -> bool {
        c::chaku_model_token_is_end(self.raw(), token) == 1
    }
}
