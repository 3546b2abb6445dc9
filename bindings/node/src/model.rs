//! Models.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chaku_abi::SpecialToken;
use parking_lot::Mutex;

use crate::failure::{Outcome, outcome, pairs};
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::napi::bindgen_prelude::{AsyncTask, Object};
use crate::napi::{self, napi};
use crate::options::options;
use crate::request::Request;
use crate::runtime::Runtime;
use crate::session::Session;
use crate::work::Work;

/// A loaded model.
#[napi]
pub struct Model {
    handle: Handle<chaku_abi::Model>,
    /// Its sessions keep the weights: they go with the model when it is closed.
    sessions: Mutex<Vec<Weak<Handle<chaku_abi::Session>>>>,
}

/// What does not change about a model.
#[napi(object, object_from_js = false)]
pub struct Facts {
    pub description: String,
    /// Keys and values.
    pub metadata: Vec<Vec<String>>,
    pub chat_template: Option<String>,
    pub context_size: i64,
    pub training_context: i64,
    pub vocab_size: i64,
    pub size_bytes: i64,
    pub parameter_count: i64,
    pub bos: Option<i32>,
    pub eos: Option<i32>,
    pub eot: Option<i32>,
    pub pad: Option<i32>,
}

/// Starts to load a file. The request's end has the model.
#[napi]
pub fn load(
    inbox: &Inbox,
    runtime: Option<&Runtime>,
    path: String,
    settings: Option<Object<'_>>,
) -> napi::Result<Outcome<Request>> {
    let start = |options| {
        let runtime = runtime.map(|runtime| runtime.handle.get()).transpose()?;
        let request = chaku_abi::Model::load(runtime.as_deref(), &path, &options)?;
        Request::watch(inbox, request, true)
    };
    Ok(outcome(options(settings)?.and_then(start)))
}

#[napi]
impl Model {
    /// A new session.
    #[napi]
    pub fn session(&self, settings: Option<Object<'_>>) -> napi::Result<Outcome<Session>> {
        let session = options(settings)?.and_then(|options| self.handle.get()?.session(&options));
        Ok(outcome(session.map(|session| {
            let session = Arc::new(Handle::new("session", session));
            let mut sessions = self.sessions.lock();
            sessions.retain(|session| session.strong_count() > 0);
            sessions.push(Arc::downgrade(&session));
            Session { handle: session }
        })))
    }

    #[napi]
    pub fn facts(&self) -> Outcome<Facts> {
        outcome(self.handle.get().map(|model| Facts::of(&model)))
    }

    /// The tokens of a text.
    #[napi]
    pub fn tokenize(&self, text: String, add_special: bool, parse_special: bool) -> AsyncTask<Work<Vec<i32>>> {
        Work::with(self.handle.get(), move |model| model.tokenize(&text, add_special, parse_special))
    }

    /// The bytes tokens stand for.
    #[napi]
    pub fn detokenize(&self, tokens: Vec<i32>, special: bool) -> AsyncTask<Work<Vec<u8>>> {
        Work::with(self.handle.get(), move |model| model.detokenize(&tokens, special))
    }

    /// Whether an answer ends with this token.
    #[napi]
    pub fn is_end_token(&self, token: i32) -> Outcome<bool> {
        outcome(self.handle.get().map(|model| model.is_end_token(token)))
    }

    /// Ends all work of the model and waits until it is over. Frees nothing.
    #[napi]
    pub fn close(&self, timeout_ms: Option<f64>) -> AsyncTask<Work<()>> {
        Work::with(self.handle.get(), move |model| model.close(timeout(timeout_ms)))
    }

    /// Frees the handles of the model and of its sessions, and with them the weights.
    #[napi]
    pub fn free(&self) {
        self.release();
        let sessions = std::mem::take(&mut *self.sessions.lock());
        sessions.iter().filter_map(Weak::upgrade).for_each(|session| session.free());
    }

    /// Frees the handle of the model alone. Its sessions go on.
    #[napi]
    pub fn release(&self) {
        self.handle.free();
    }
}

impl Model {
    pub(crate) fn new(model: chaku_abi::Model) -> Self {
        Model { handle: Handle::new("model", model), sessions: Mutex::default() }
    }
}

impl Facts {
    fn of(model: &chaku_abi::Model) -> Self {
        Facts {
            description: model.description(),
            metadata: pairs(model.metadata()),
            chat_template: model.chat_template(),
            context_size: model.context_size(),
            training_context: model.training_context(),
            vocab_size: model.vocab_size(),
            size_bytes: model.size_bytes(),
            parameter_count: model.parameter_count(),
            bos: model.special_token(SpecialToken::Bos),
            eos: model.special_token(SpecialToken::Eos),
            eot: model.special_token(SpecialToken::Eot),
            pad: model.special_token(SpecialToken::Pad),
        }
    }
}

/// A timeout as JavaScript gives it; nothing = for ever.
pub(crate) fn timeout(milliseconds: Option<f64>) -> Option<Duration> {
    milliseconds.and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1e3).ok())
}
