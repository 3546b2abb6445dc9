//! Sessions.

use std::sync::Arc;

use chaku_abi::{Options, Result};

use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::model::timeout;
use crate::napi::bindgen_prelude::{AsyncTask, Object};
use crate::napi::{self, napi};
use crate::options::options;
use crate::request::Request;
use crate::work::Work;

/// A conversation, or a raw text that grows.
#[napi]
pub struct Session {
    pub(crate) handle: Arc<Handle<chaku_abi::Session>>,
}

#[napi]
impl Session {
    /// Says something as the user, and starts the answer.
    #[napi]
    pub fn chat(&self, inbox: &Inbox, text: String, settings: Option<Object<'_>>) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, |session, options| session.chat(&text, options))
    }

    /// Appends raw text, and starts to generate after it.
    #[napi]
    pub fn generate(
        &self,
        inbox: &Inbox,
        text: String,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, |session, options| session.generate(&text, options))
    }

    /// Computes text ahead: a message if `role` is given, else raw text.
    #[napi]
    pub fn ingest(
        &self,
        inbox: &Inbox,
        text: String,
        role: Option<String>,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, |session, options| session.ingest(role.as_deref(), &text, options))
    }

    /// Goes on where the last answer ended.
    #[napi]
    pub fn continue_answer(&self, inbox: &Inbox, settings: Option<Object<'_>>) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, |session, options| session.continue_answer(options))
    }

    /// Forgets everything but the system prompt.
    #[napi]
    pub fn reset(&self) -> Outcome<()> {
        outcome(self.handle.get().and_then(|session| session.reset()))
    }

    /// Tokens of the context window in use.
    #[napi]
    pub fn context_used(&self) -> Outcome<i64> {
        outcome(self.handle.get().map(|session| session.context_used()))
    }

    /// Messages in the conversation.
    #[napi]
    pub fn message_count(&self) -> Outcome<i64> {
        outcome(self.handle.get().map(|session| session.message_count()))
    }

    /// Cancels the request under way, if any.
    #[napi]
    pub fn cancel(&self) {
        if let Ok(session) = self.handle.get() {
            session.cancel();
        }
    }

    /// Cancels the request under way, waits until it has ended, and refuses new ones. Frees nothing.
    #[napi]
    pub fn close(&self, timeout_ms: Option<f64>) -> AsyncTask<Work<()>> {
        Work::with(self.handle.get(), move |session| session.close(timeout(timeout_ms)))
    }

    /// Frees the handle.
    #[napi]
    pub fn free(&self) {
        self.handle.free();
    }
}

impl Session {
    fn start(
        &self,
        inbox: &Inbox,
        settings: Option<Object<'_>>,
        start: impl FnOnce(&chaku_abi::Session, &Options) -> Result<chaku_abi::Request>,
    ) -> napi::Result<Outcome<Request>> {
        let start = |options| Request::watch(inbox, start(&*self.handle.get()?, &options)?, false);
        Ok(outcome(options(settings)?.and_then(start)))
    }
}
