//! Sessions.

use std::ptr;
use std::time::Duration;

use crate::c;
use crate::call::{call, call_for, milliseconds};
use crate::error::Result;
use crate::handle::owner;
use crate::options::Options;
use crate::request::Request;
use crate::text::{c_string, length};

owner!(
    /// A conversation, or a raw text that grows.
    Session owns chaku_session, freed by chaku_session_free
);

impl Session {
    /// Says something as the user, and starts the answer. Here and below, a text that is not UTF-8 is refused by the
    /// library.
    pub fn chat(&self, text: impl AsRef<[u8]>, options: &Options) -> Result<Request> {
        let text = text.as_ref();
        // SAFETY: `text` has its length and outlives the call; the outputs are local variables.
        start(|out, error| unsafe {
            c::chaku_session_chat(self.raw(), text.as_ptr().cast(), length(text), options.raw(), out, error)
        })
    }

    /// Says several things at once, given as a JSON list of messages, and starts the answer.
    pub fn chat_messages(&self, messages: impl AsRef<[u8]>, options: &Options) -> Result<Request> {
        let messages = messages.as_ref();
        let (raw, len) = (self.raw(), length(messages));
        // SAFETY: as in `chat`.
        start(|out, error| unsafe {
            c::chaku_session_chat_messages(raw, messages.as_ptr().cast(), len, options.raw(), out, error)
        })
    }

    /// Appends raw text, and starts to generate after it.
    pub fn generate(&self, text: impl AsRef<[u8]>, options: &Options) -> Result<Request> {
        let text = text.as_ref();
        // SAFETY: as in `chat`.
        start(|out, error| unsafe {
            c::chaku_session_generate(self.raw(), text.as_ptr().cast(), length(text), options.raw(), out, error)
        })
    }

    /// Computes text ahead: a message if `role` is given, else raw text.
    pub fn ingest(&self, role: Option<&str>, text: impl AsRef<[u8]>, options: &Options) -> Result<Request> {
        let role = role.map(|role| c_string(role, "role")).transpose()?;
        let role = role.as_ref().map_or(ptr::null(), |role| role.as_ptr());
        let text = text.as_ref();
        let (raw, len) = (self.raw(), length(text));
        // SAFETY: as in `chat`; the role is NULL or NUL-terminated and outlives the call.
        start(|out, error| unsafe {
            c::chaku_session_ingest(raw, role, text.as_ptr().cast(), len, options.raw(), out, error)
        })
    }

    /// Goes on where the last answer ended.
    pub fn continue_answer(&self, options: &Options) -> Result<Request> {
        // SAFETY: the outputs are local variables.
        start(|out, error| unsafe { c::chaku_session_continue(self.raw(), options.raw(), out, error) })
    }

    /// A session that goes on from here by itself.
    pub fn fork(&self, options: &Options) -> Result<Session> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_session_fork(self.raw(), options.raw(), out, error) })
            .map(Session::own)
    }

    /// Keeps the first messages of the conversation, or tokens of the raw text, and forgets the rest.
    pub fn rewind(&self, length: i64) -> Result<()> {
        // SAFETY: `error` is writable.
        call(|error| unsafe { c::chaku_session_rewind(self.raw(), length, error) })
    }

    /// Saves the session to a file, or to memory, from where [`Request::buffer`] takes it.
    pub fn save(&self, path: Option<&str>, options: &Options) -> Result<Request> {
        let path = path.map(|path| c_string(path, "path")).transpose()?;
        let path = path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
        // SAFETY: the path is NULL or NUL-terminated and outlives the call; the outputs are local variables.
        start(|out, error| unsafe { c::chaku_session_save(self.raw(), path, options.raw(), out, error) })
    }

    /// Forgets everything but the system prompt.
    pub fn reset(&self) -> Result<()> {
        // SAFETY: `error` is writable.
        call(|error| unsafe { c::chaku_session_reset(self.raw(), error) })
    }

    /// Tokens of the context window in use.
    pub fn context_used(&self) -> i64 {
        c::chaku_session_context_used(self.raw())
    }

    /// Messages in the conversation.
    pub fn message_count(&self) -> i64 {
        c::chaku_session_message_count(self.raw())
    }

    /// Cancels the request under way, if any.
    pub fn cancel(&self) {
        c::chaku_session_cancel(self.raw());
    }

    /// Cancels the request under way, waits until it has ended (`None` = for ever), and refuses new ones.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: `error` is writable.
        call(|error| unsafe { c::chaku_session_close(self.raw(), milliseconds(timeout), error) })
    }
}

fn start(
    function: impl FnOnce(*mut *mut c::chaku_request, *mut *mut c::chaku_error) -> c::chaku_code,
) -> Result<Request> {
    call_for(ptr::null_mut(), function).map(Request::own)
}
