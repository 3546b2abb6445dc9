//! Sessions.

use std::sync::{Arc, Weak};

use chaku_abi::{Options, Result};
use parking_lot::Mutex;

use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::model::timeout;
use crate::napi::bindgen_prelude::{AsyncTask, Object};
use crate::napi::{self, napi};
use crate::options::options;
use crate::request::{Makes, Request};
use crate::work::Work;

/// A conversation, or a raw text that grows.
#[napi]
pub struct Session {
    handle: Arc<Handle<chaku_abi::Session>>,
    siblings: Arc<Sessions>,
}

/// The sessions of a model. They keep the weights, and so they go with the model when it is closed; `None` once that has
/// happened.
pub(crate) struct Sessions(Mutex<Option<Vec<Weak<Handle<chaku_abi::Session>>>>>);

#[napi]
impl Session {
    /// Says something as the user, and starts the answer.
    #[napi]
    pub fn chat(&self, inbox: &Inbox, text: String, settings: Option<Object<'_>>) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, Makes::Reply, |session, options| session.chat(&text, options))
    }

    /// Says several things at once, given as JSON, and starts the answer.
    #[napi]
    pub fn chat_messages(
        &self,
        inbox: &Inbox,
        messages: String,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, Makes::Reply, |session, options| session.chat_messages(&messages, options))
    }

    /// Appends raw text, and starts to generate after it.
    #[napi]
    pub fn generate(
        &self,
        inbox: &Inbox,
        text: String,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, Makes::Reply, |session, options| session.generate(&text, options))
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
        let ingest = |session: &chaku_abi::Session, options: &_| session.ingest(role.as_deref(), &text, options);
        self.start(inbox, settings, Makes::Reply, ingest)
    }

    /// Goes on where the last answer ended.
    #[napi]
    pub fn continue_answer(&self, inbox: &Inbox, settings: Option<Object<'_>>) -> napi::Result<Outcome<Request>> {
        self.start(inbox, settings, Makes::Reply, |session, options| session.continue_answer(options))
    }

    /// Saves the session, to memory if no path is given: then the request has the bytes.
    #[napi]
    pub fn save(
        &self,
        inbox: &Inbox,
        path: Option<String>,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        let makes = if path.is_some() { Makes::Nothing } else { Makes::Bytes };
        self.start(inbox, settings, makes, |session, options| session.save(path.as_deref(), options))
    }

    /// A session that goes on from here by itself.
    #[napi]
    pub fn fork(&self, settings: Option<Object<'_>>) -> napi::Result<Outcome<Session>> {
        let fork = options(settings)?.and_then(|options| self.handle.get()?.fork(&options));
        Ok(outcome(fork.map(|session| self.siblings.add(session))))
    }

    /// Keeps so many messages of the conversation, or tokens of the raw text.
    #[napi]
    pub fn rewind(&self, length: i64) -> Outcome<()> {
        outcome(self.handle.get().and_then(|session| session.rewind(length)))
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
        makes: Makes,
        start: impl FnOnce(&chaku_abi::Session, &Options) -> Result<chaku_abi::Request>,
    ) -> napi::Result<Outcome<Request>> {
        let start = |options| Request::watch(inbox, start(&*self.handle.get()?, &options)?, makes);
        Ok(outcome(options(settings)?.and_then(start)))
    }
}

impl Sessions {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Sessions(Mutex::new(Some(Vec::new()))))
    }

    /// One more. It may have been made while the model was being closed.
    pub(crate) fn add(self: &Arc<Self>, session: chaku_abi::Session) -> Session {
        let handle = Arc::new(Handle::new("session", session));
        if let Some(sessions) = &mut *self.0.lock() {
            sessions.retain(|session| session.strong_count() > 0);
            sessions.push(Arc::downgrade(&handle));
        } else {
            handle.free();
        }
        Session { handle, siblings: Arc::clone(self) }
    }

    /// Frees the handles of all.
    pub(crate) fn free(&self) {
        let sessions = self.0.lock().take();
        sessions.iter().flatten().filter_map(Weak::upgrade).for_each(|session| session.free());
    }
}
