//! A session: a conversation, or a raw text that grows. It runs one request at a time.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::until;
use crate::content::Content;
use crate::error::{Error, Reason, Result};
use crate::message::{self, ChatMessage, Role};
use crate::model;
use crate::options::{Layers, Options, Scope};
use crate::prompt::{Ask, Prompt};
use crate::request::{self, Request};
use crate::runtime::job::Answer;
use crate::runtime::queue::Prepare;
use crate::runtime::save::{self, Save};
use crate::terms::Terms;

/// A handle to a session. Dropping it while a request runs lets the request finish.
pub struct Session(Arc<Shared>);

impl Drop for Session {
    fn drop(&mut self) {
        // Work that nobody waits for any more, such as a cancelled request still being prepared, keeps no place taken.
        let state = self.0.state.lock();
        let (is_busy, was_asked) = (state.is_busy(), state.active.is_some());
        drop(state);
        if !is_busy {
            self.0.give_place_back(was_asked);
        }
    }
}

pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) model: Arc<model::Shared>,
    pub(crate) options: Options,
    /// It counts against the model's `max_sessions`.
    has_place: bool,
    /// It no longer does, and the engine knows that it is gone.
    place_given_back: AtomicBool,
    /// Lock order: before a request's queue.
    state: Mutex<State>,
}

struct State {
    content: Content,
    /// The newest request. The session is busy until it ends.
    active: Option<Arc<request::Shared>>,
    /// How often it was cancelled.
    cancels: u64,
    closed: bool,
}

impl Session {
    pub(crate) fn new(model: Arc<model::Shared>, id: u64, options: Options, content: Content, has_place: bool) -> Self {
        let state = Mutex::new(State { content, active: None, cancels: 0, closed: false });
        Session(Arc::new(Shared { id, model, options, has_place, place_given_back: AtomicBool::new(false), state }))
    }

    /// Says something to the model as the user, and lets it answer.
    pub fn chat(&self, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        self.chat_messages(&[ChatMessage::new(Role::User, text)], options)
    }

    /// Says several things at once, such as the results of the tools that the model called, and lets it answer. The last
    /// message must be the user's or a tool's; or, with the option `continue_final_message`, the assistant's, which the model then
    /// goes on with.
    pub fn chat_messages(&self, messages: &[ChatMessage], options: &Options) -> Result<Request> {
        message::check(messages, self.0.layers(options).bool("continue_final_message"))?;
        self.0.model.check_template()?;
        self.start("chat", options, |content| {
            let chat = content.chat()?;
            let is_answer = |message: &ChatMessage| message.role == Role::Assistant;
            if let [answer] = messages
                && is_answer(answer)
                && chat.said.last().is_some_and(|said| is_answer(&said.message))
            {
                let message = format!("the last message, 0, {}", message::TWO_ANSWERS);
                return Err(Error::new(Reason::InvalidMessages, message).with("index", 0));
            }
            Ok(Ask::Chat(chat, messages.to_vec()))
        })
    }

    /// The same with the messages as JSON: `[{"role": "tool", "tool_call_id": "…", "content": "7"}]`.
    pub fn chat_json(&self, messages: &str, options: &Options) -> Result<Request> {
        self.chat_messages(&message::parse(messages)?, options)
    }

    /// Appends raw text, and lets the model go on from there.
    pub fn generate(&self, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        self.start("generate", options, |content| Ok(Ask::Generate(content.raw()?, text.to_owned())))
    }

    /// Computes text ahead, without an answer: raw text, or a message of the conversation if `role` is given
    /// (`system`, `user`, `assistant` or `tool`).
    pub fn ingest(&self, role: Option<&str>, text: &str, options: &Options) -> Result<Request> {
        not_empty(text)?;
        let role = role.map(Role::from_str).transpose()?;
        if role.is_some() {
            self.0.model.check_template()?;
        }
        self.start("ingest", options, |content| {
            Ok(match role {
                Some(role) => Ask::IngestChat(content.chat()?, ChatMessage::new(role, text)),
                None => Ask::IngestRaw(content.raw()?, text.to_owned()),
            })
        })
    }

    /// Lets the model go on with its last answer, or with the raw text. Not with an answer that calls tools.
    pub fn continue_answer(&self, options: &Options) -> Result<Request> {
        self.start("continue", options, |content| match content {
            Content::Chat(chat) if chat.said.last().is_some_and(|said| said.message.role == Role::Assistant) => {
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
        Ok(())
    }

    /// Forgets all but the first `length` messages of the conversation, the system message not counted, or tokens of the
    /// raw text. More than there are is an `invalid_argument`. What is left need not be computed again.
    pub fn rewind(&self, length: u32) -> Result<()> {
        let mut state = self.0.state.lock();
        state.check_idle()?;
        state.content = state.content.rewound(length as usize)?;
        Ok(())
    }

    /// A new session that goes on from here by itself: with the content of this one, that of the last request that ended
    /// if one is under way, and with its options, `options` going first. It takes a place of `max_sessions`. What both
    /// have in common is kept in the KV cache once.
    pub fn fork(&self, options: &Options) -> Result<Session> {
        options.accept(Scope::Session, self.0.model.dispatch.as_ref())?;
        let content = {
            let state = self.0.state.lock();
            state.check_open()?;
            state.content.clone()
        };
        let fork = self.0.model.new_session(self.0.options.under(options), content)?;
        Ok(fork.made_under(self.0.system_prompt()))
    }

    /// Writes all there is of the session, with its system message and what the KV cache holds of it, to a file that only
    /// the user may read, or to memory, from where [`Request::data`] takes it; see [`crate::Model::restore`]. The
    /// session is busy meanwhile. A file appears under its name when it is complete. Of `options` the deadline matters.
    pub fn save(&self, path: Option<&Path>, options: &Options) -> Result<Request> {
        let request = self.begin("save", options, |content, request| {
            save::start(Save { request, session: self.0.clone(), content, path: path.map(Path::to_owned) })
        })?;
        Ok(Request::new(request, self.0.model.runtime.clone()))
    }

    /// Tokens of the window in use. Not known, and 0, in a fork or restored session that was given another system message,
    /// and in a conversation that was rewound to before that, until the next request.
    pub fn context_used(&self) -> u32 {
        self.0.state.lock().content.context_used().min(self.0.model.ctx_size) as u32
    }

    /// Messages in the conversation, the system message not counted; 0 for a raw text.
    pub fn message_count(&self) -> u32 {
        match &self.0.state.lock().content {
            Content::Chat(chat) => chat.said.len() as u32,
            _ => 0,
        }
    }

    /// The conversation, without its system message; nothing for a raw text.
    pub fn messages(&self) -> Vec<ChatMessage> {
        match &self.0.state.lock().content {
            Content::Chat(chat) => chat.said.iter().map(|said| said.message.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Cancels the request under way, if any, and [`Session::run_tools`].
    pub fn cancel(&self) {
        let active = {
            let mut state = self.0.state.lock();
            state.cancels += 1;
            state.active.clone()
        };
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

    /// How often it was cancelled.
    pub(crate) fn cancels(&self) -> u64 {
        self.0.state.lock().cancels
    }

    /// All options that concern a request of it.
    pub(crate) fn layers<'a>(&'a self, request: &'a Options) -> Layers<'a> {
        self.0.layers(request)
    }

    /// Starts a request that the engine computes.
    fn start(
        &self,
        kind: &'static str,
        options: &Options,
        ask: impl FnOnce(Content) -> Result<Ask>,
    ) -> Result<Request> {
        let session = &self.0;
        let worker = &session.model.worker;
        let request = self.begin(kind, options, |content, request| {
            let ask = ask(content)?;
            let prompt = Prompt { request: request.clone(), session: session.clone(), options: options.clone(), ask };
            let prepare = Prepare { run: Box::new(move || prompt.prepare()), owner: session.clone() };
            worker.submit(request, prepare)
        })?;
        Ok(Request::queued(request, session.model.runtime.clone(), &worker.control))
    }

    /// Makes the session busy with a request, if that can be sent on its way.
    fn begin(
        &self,
        kind: &'static str,
        options: &Options,
        send: impl FnOnce(Content, Arc<request::Shared>) -> Result<()>,
    ) -> Result<Arc<request::Shared>> {
        let model = &self.0.model;
        options.accept(Scope::Request, model.dispatch.as_ref())?;
        let control = &model.worker.control;
        control.check_open()?;
        let mut state = self.0.state.lock();
        state.check_idle()?;
        let terms = Terms::read(&self.0.layers(options));
        let request = request::Shared::new(kind, &terms, control.signal.clone(), model.dispatch.as_ref());
        request.keeps(control.usage.begin().ok_or_else(|| control.refusal())?);
        send(state.content.clone(), request.clone())?;
        let before = state.active.replace(request.clone());
        drop(state);
        // Not under the lock: it may be the last to hold a log sink, whose end runs the host's code.
        drop(before);
        Ok(request)
    }

    /// Given the content of a session under this system message, which its own options may have changed.
    pub(crate) fn made_under(self, system_prompt: Option<&str>) -> Self {
        if self.0.system_prompt() != system_prompt {
            let mut state = self.0.state.lock();
            state.content = state.content.under_another_system_message();
        }
        self
    }
}

impl State {
    fn check_open(&self) -> Result<()> {
        if self.closed {
            return Err(Error::new(Reason::Closed, "the session was closed; make a new one"));
        }
        Ok(())
    }

    fn check_idle(&self) -> Result<()> {
        self.check_open()?;
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

    /// The system message of its conversation.
    pub(crate) fn system_prompt(&self) -> Option<&str> {
        let model = &self.model;
        Layers(vec![model.runtime.options(), &model.options, &self.options]).str("system_prompt")
    }

    fn give_place_back(&self, was_asked: bool) {
        if !self.place_given_back.swap(true, Ordering::AcqRel) {
            self.model.session_closed(was_asked.then_some(self.id), self.has_place);
        }
    }

    /// Takes over what a request made of the session. A request that ended before its first token leaves no trace;
    /// one that was cut short later leaves none under `on_cancel = rollback`.
    pub(crate) fn commit(&self, content: Content, answer: &Answer, rollback: bool) {
        if answer.complete || (answer.generated > 0 && !rollback) {
            self.state.lock().content = content;
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let was_asked = self.state.get_mut().active.is_some();
        self.give_place_back(was_asked);
    }
}

fn not_empty(text: &str) -> Result<()> {
    if text.is_empty() { Err(Error::new(Reason::EmptyPrompt, "the text is empty")) } else { Ok(()) }
}
