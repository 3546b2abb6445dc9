//! A session: a conversation, or a raw text that grows. It runs one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chaku_llama::{Message, Token};
use parking_lot::Mutex;

use crate::clock::until;
use crate::error::{Error, Reason, Result};
use crate::model;
use crate::options::{Layers, Options, Scope};
use crate::prompt::{Ask, Prompt};
use crate::request::{self, Request};
use crate::runtime::job::Answer;
use crate::runtime::queue::Prepare;
use crate::terms::Terms;

/// A handle to a session. Dropping it while a request runs lets the request finish.
pub struct Session(Arc<Shared>);

impl Drop for Session {
    fn drop(&mut self) {
        // Work that nobody waits for any more, such as a cancelled request still being prepared, keeps no place taken.
        if !self.0.state.lock().is_busy() {
            self.0.give_place_back();
        }
    }
}

pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) model: Arc<model::Shared>,
    pub(crate) options: Options,
    /// The session no longer counts against the model's `max_sessions`.
    place_given_back: AtomicBool,
    /// Lock order: before a request's queue.
    state: Mutex<State>,
}

struct State {
    content: Content,
    /// The newest request. The session is busy until it ends.
    active: Option<Arc<request::Shared>>,
    context_used: usize,
    closed: bool,
}

/// What the session is about. The KV cache is only a copy of it: the engine computes again what it lost.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    New,
    Chat(Chat),
    /// A raw text, as tokens.
    Raw(Vec<Token>),
}

/// A conversation without its system message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chat {
    pub(crate) messages: Vec<Message>,
    /// Prompt and answer of the last turn, token for token, if they still are what `messages` say.
    pub(crate) last_turn: Option<Vec<Token>>,
}

impl Session {
    pub(crate) fn new(model: Arc<model::Shared>, id: u64, options: Options) -> Self {
        let state = State { content: Content::New, active: None, context_used: 0, closed: false };
        let place_given_back = AtomicBool::new(false);
        Session(Arc::new(Shared { id, model, options, place_given_back, state: Mutex::new(state) }))
    }

    /// Says something to the model as the user, and lets it answer.
    pub fn chat(&self, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        self.0.model.check_template()?;
        self.start("chat", options, |content| {
            let mut chat = content.into_chat()?;
            chat.messages.push(Message { role: "user".into(), content: text.to_owned() });
            Ok(Ask::Chat(chat.messages))
        })
    }

    /// Appends raw text, and lets the model go on from there.
    pub fn generate(&self, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        self.start("generate", options, |content| Ok(Ask::Generate(content.into_raw()?, text.to_owned())))
    }

    /// Computes text ahead, without an answer: raw text, or a message of the conversation if `role` is given
    /// (`system`, `user` or `assistant`).
    pub fn ingest(&self, role: Option<&str>, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        let role = role.map(known_role).transpose()?;
        if role.is_some() {
            self.0.model.check_template()?;
        }
        self.start("ingest", options, |content| {
            let Some(role) = role else { return Ok(Ask::IngestRaw(content.into_raw()?, text.to_owned())) };
            let mut chat = content.into_chat()?;
            chat.messages.push(Message { role, content: text.to_owned() });
            Ok(Ask::IngestChat(chat.messages))
        })
    }

    /// Lets the model go on with its last answer, or with the raw text.
    pub fn continue_answer(&self, options: &Options) -> Result<Request> {
        self.start("continue", options, |content| match content {
            Content::Chat(chat) if chat.messages.last().is_some_and(|message| message.role == "assistant") => {
                Ok(Ask::Continue(chat))
            }
            Content::Raw(tokens) => Ok(Ask::Generate(tokens, String::new())),
            _ => Err(Error::new(Reason::NothingToContinue, "there is no answer to continue; ask something first")),
        })
    }

    /// Forgets everything but the session's options.
    pub fn reset(&self) -> Result<()> {
        let mut state = self.0.state.lock();
        state.check_idle()?;
        state.content = Content::New;
        state.context_used = 0;
        Ok(())
    }

    /// Tokens of the window in use.
    pub fn context_used(&self) -> u32 {
        self.0.state.lock().context_used as u32
    }

    /// Messages in the conversation, the system message not counted; 0 for a raw text.
    pub fn message_count(&self) -> u32 {
        match &self.0.state.lock().content {
            Content::Chat(chat) => chat.messages.len() as u32,
            _ => 0,
        }
    }

    /// Cancels the request under way, if any.
    pub fn cancel(&self) {
        let active = self.0.state.lock().active.clone();
        if let Some(request) = active {
            request.cancel();
        }
    }

    /// Cancels the request under way, lets no new one in, and waits until it has ended (`None` = for ever).
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        let active = {
            let mut state = self.0.state.lock();
            state.closed = true;
            state.active.clone()
        };
        let Some(request) = active else { return Ok(()) };
        request.cancel();
        if request.wait_end(until(timeout)) {
            return Ok(());
        }
        Err(Error::new(Reason::CloseTimeout, "the session's request is still ending; it goes on doing so"))
    }

    fn start(
        &self,
        kind: &'static str,
        options: &Options,
        ask: impl FnOnce(Content) -> Result<Ask>,
    ) -> Result<Request> {
        options.check_scope(Scope::Request)?;
        let session = &self.0;
        let model = &session.model;
        model.worker.control.check_open()?;
        let mut state = session.state.lock();
        state.check_idle()?;
        let ask = ask(state.content.clone())?;
        let layers = session.layers(options);
        let terms = Terms::read(&layers);
        let request = request::Shared::new(kind, &terms, model.worker.control.signal.clone(), model.dispatch.as_ref());
        let prompt = Prompt { request: request.clone(), session: session.clone(), options: options.clone(), ask };
        let prepare = Prepare { run: Box::new(move || prompt.prepare()), owner: session.clone() };
        model.worker.submit(request.clone(), prepare)?;
        let before = state.active.replace(request.clone());
        drop(state);
        // Not under the lock: it may be the last to hold a log sink, whose end runs the host's code.
        drop(before);
        Ok(Request::queued(request, model.runtime.clone(), model.worker.control.clone()))
    }
}

impl State {
    fn check_idle(&self) -> Result<()> {
        if self.closed {
            return Err(Error::new(Reason::Closed, "the session was closed; make a new one"));
        }
        if self.is_busy() {
            let message = "the session has a request under way; wait for its final event, or cancel it";
            return Err(Error::new(Reason::ConcurrentUse, message));
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.active.as_ref().is_some_and(|request| !request.has_ended())
    }
}

impl Shared {
    /// All options that concern a request of this session, the strongest last.
    pub(crate) fn layers<'a>(&'a self, request: &'a Options) -> Layers<'a> {
        let model = &self.model;
        Layers(vec![&model.recommended, model.runtime.options(), &model.options, &self.options, request])
    }

    fn give_place_back(&self) {
        if !self.place_given_back.swap(true, Ordering::AcqRel) {
            self.model.session_closed(self.id);
        }
    }

    /// Takes over what a request made of the session. A request that ended before its first token leaves no trace;
    /// one that was cut short later leaves none under `on_cancel = rollback`.
    pub(crate) fn commit(&self, content: Content, answer: &Answer, rollback: bool) {
        if answer.complete || (answer.generated > 0 && !rollback) {
            let mut state = self.state.lock();
            state.content = content;
            state.context_used = answer.tokens.len().min(self.model.ctx_size);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.give_place_back();
    }
}

impl Content {
    fn into_chat(self) -> Result<Chat> {
        match self {
            Content::New => Ok(Chat::default()),
            Content::Chat(chat) => Ok(chat),
            Content::Raw(_) => Err(mode("raw text", "a conversation")),
        }
    }

    fn into_raw(self) -> Result<Vec<Token>> {
        match self {
            Content::New => Ok(Vec::new()),
            Content::Raw(tokens) => Ok(tokens),
            Content::Chat(_) => Err(mode("a conversation", "raw text")),
        }
    }
}

fn mode(is: &str, not: &str) -> Error {
    Error::new(Reason::SessionMode, format!("the session holds {is}, not {not}; reset it, or use another session"))
}

fn not_empty(text: &str) -> Result<()> {
    if text.is_empty() { Err(Error::new(Reason::EmptyPrompt, "the text is empty")) } else { Ok(()) }
}

fn known_role(role: &str) -> Result<String> {
    match role {
        "system" | "user" | "assistant" => Ok(role.to_owned()),
        _ => {
            let message = format!("a role is system, user or assistant, not `{role}`");
            Err(Error::new(Reason::InvalidArgument, message).with("role", role))
        }
    }
}
