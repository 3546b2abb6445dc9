//! Models.

use std::sync::Arc;
use std::time::Duration;

use chaku_abi::{Options, Result, SpecialToken};

use crate::failure::{Outcome, outcome, pairs};
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::napi::bindgen_prelude::{AsyncTask, Object, Uint8ArraySlice};
use crate::napi::{self, napi};
use crate::options::options;
use crate::request::{Makes, Request};
use crate::runtime::Runtime;
use crate::session::{Session, Sessions};
use crate::work::Work;

/// A loaded model.
#[napi]
pub struct Model {
    handle: Handle<chaku_abi::Model>,
    sessions: Arc<Sessions>,
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
        Request::watch(inbox, request, Makes::Model)
    };
    Ok(outcome(options(settings)?.and_then(start)))
}

/// Starts to download a model. The request's end has the paths of its files.
#[napi]
pub fn download(
    inbox: &Inbox,
    runtime: Option<&Runtime>,
    spec: String,
    settings: Option<Object<'_>>,
) -> napi::Result<Outcome<Request>> {
    let start = |options| {
        let runtime = runtime.map(|runtime| runtime.handle.get()).transpose()?;
        let request = chaku_abi::Model::download(runtime.as_deref(), &spec, &options)?;
        Request::watch(inbox, request, Makes::Paths)
    };
    Ok(outcome(options(settings)?.and_then(start)))
}

#[napi]
impl Model {
    /// A new session.
    #[napi]
    pub fn session(&self, settings: Option<Object<'_>>) -> napi::Result<Outcome<Session>> {
        let session = options(settings)?.and_then(|options| self.handle.get()?.session(&options));
        Ok(outcome(session.map(|session| self.sessions.add(session))))
    }

    /// A session as it was saved to a file.
    #[napi]
    pub fn restore(&self, path: String, settings: Option<Object<'_>>) -> napi::Result<AsyncTask<Work<Session>>> {
        self.restored(settings, move |model, options| model.restore(&path, options))
    }

    /// A session as it was saved to memory. The bytes are copied first: JavaScript may change them.
    #[napi]
    pub fn restore_bytes(
        &self,
        bytes: Uint8ArraySlice<'_>,
        settings: Option<Object<'_>>,
    ) -> napi::Result<AsyncTask<Work<Session>>> {
        let bytes = bytes.to_vec();
        self.restored(settings, move |model, options| model.restore_bytes(&bytes, options))
    }

    /// Answers the last of some messages, given as JSON, without a session.
    #[napi]
    pub fn chat(
        &self,
        inbox: &Inbox,
        messages: String,
        settings: Option<Object<'_>>,
    ) -> napi::Result<Outcome<Request>> {
        let start = |options| Request::watch(inbox, self.handle.get()?.chat(&messages, &options)?, Makes::Reply);
        Ok(outcome(options(settings)?.and_then(start)))
    }

    /// Its numbers, as JSON.
    #[napi]
    pub fn metrics(&self) -> Outcome<String> {
        outcome(self.handle.get().and_then(|model| model.metrics()))
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
        self.sessions.free();
    }

    /// Frees the handle of the model alone. Its sessions go on.
    #[napi]
    pub fn release(&self) {
        self.handle.free();
    }
}

impl Model {
    pub(crate) fn new(model: chaku_abi::Model) -> Self {
        Model { handle: Handle::new("model", model), sessions: Sessions::new() }
    }

    fn restored(
        &self,
        settings: Option<Object<'_>>,
        restore: impl Fn(&chaku_abi::Model, &Options) -> Result<chaku_abi::Session> + Send + 'static,
    ) -> napi::Result<AsyncTask<Work<Session>>> {
        let given = options(settings)?.and_then(|options| Ok(Arc::new((self.handle.get()?, options))));
        let sessions = Arc::clone(&self.sessions);
        let restore =
            move |(model, options): &(Arc<_>, _)| restore(model, options).map(|session| sessions.add(session));
        Ok(Work::with(given, restore))
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
