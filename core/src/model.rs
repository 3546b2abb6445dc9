//! A loaded model: weights, tokenizer, chat template, and the engine that computes for its sessions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chaku_llama::{ChatTemplates, TemplateLimits, Token};
use parking_lot::Mutex;

use crate::chat::{self, ControlNames};
use crate::clock::until;
use crate::constraint::Compiler;
use crate::content::Content;
use crate::error::{Error, Reason, Result};
use crate::facts::Facts;
use crate::fingerprint::Fingerprint;
use crate::message::{self, ChatMessage, Role};
use crate::options::{Layers, Options, Scope};
use crate::places::Places;
use crate::request::Request;
use crate::runtime::budget::Share;
use crate::runtime::worker::Worker;
use crate::runtime::{Metrics, Runtime};
use crate::sampling;
use crate::session::Session;

/// How long a load waits for the threads of an idle model that it unloads.
const UNLOAD_TIME: Duration = Duration::from_secs(5);

/// Saves that may be under way at once in one model.
const MOST_SAVES: usize = 16;

/// A handle to a loaded model. Cloning is cheap; the model is freed, in the background, when its last handle, session
/// and request are gone.
#[derive(Clone)]
pub struct Model(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    /// Taken away when the model is unloaded to make room for another, whatever handles there are.
    weights: Mutex<Option<Weights>>,
    pub(crate) facts: Facts,
    pub(crate) worker: Worker,
    pub(crate) runtime: Runtime,
    /// Where the log lines of the model and its requests go: what the runtime had when it was loaded.
    pub(crate) dispatch: Option<tracing::Dispatch>,
    /// What the GGUF recommends, and what the caller gave: layers below a session's and a request's options.
    pub(crate) recommended: Options,
    pub(crate) options: Options,
    pub(crate) ctx_size: usize,
    /// Parsed at the first chat, on the preparing thread: it is a program, and needs that thread's stack.
    templates: OnceLock<Result<ChatTemplates>>,
    /// In its place where there are tools, if it knows none.
    tool_templates: OnceLock<Result<ChatTemplates>>,
    /// Taken at the first chat: it looks at every token.
    control_names: OnceLock<Result<ControlNames>>,
    longest_token: OnceLock<usize>,
    /// Made for the first answer that must be something: it looks at every token.
    compiler: OnceLock<Result<Compiler>>,
    /// What a saved state must have been made with. Taken at the first save or restore: it looks at every token.
    pub(crate) fingerprint: OnceLock<Fingerprint>,
    sessions: Places,
    /// Saves under way: each is a thread, and may hold a copy of a part of the KV cache.
    pub(crate) saves: Places,
    next_session: AtomicU64,
}

struct Weights {
    llama: chaku_llama::Model,
    /// What they take of the runtime's budget. Last: given back when they are gone.
    _share: Option<Share>,
}

impl Model {
    pub(crate) fn new(
        (llama, share): (chaku_llama::Model, Option<Share>),
        worker: Worker,
        options: Options,
        runtime: Runtime,
        dispatch: Option<tracing::Dispatch>,
        max_sessions: usize,
        ctx_size: u32,
    ) -> Self {
        let recommended = sampling::recommended(&llama);
        recommended.warn_of_clamped("model file");
        Model(Arc::new(Shared {
            recommended,
            facts: Facts::new(&llama),
            weights: Mutex::new(Some(Weights { llama, _share: share })),
            worker,
            runtime,
            dispatch,
            options,
            ctx_size: ctx_size as usize,
            templates: OnceLock::new(),
            tool_templates: OnceLock::new(),
            control_names: OnceLock::new(),
            longest_token: OnceLock::new(),
            compiler: OnceLock::new(),
            fingerprint: OnceLock::new(),
            sessions: Places::new(max_sessions),
            saves: Places::new(MOST_SAVES),
            next_session: AtomicU64::new(1),
        }))
    }

    /// A new conversation, or a new raw text.
    pub fn session(&self, options: &Options) -> Result<Session> {
        options.accept(Scope::Session, self.0.dispatch.as_ref())?;
        self.0.new_session(options.clone(), Content::New)
    }

    /// Answers the last of these messages, which must be the user's or a tool's (or goes on with it, if it is the assistant's and the
    /// option `continue_final_message` is on), in a conversation that is given whole and kept by nobody. A system message that comes first stands in for the option `system_prompt`. Takes the options of a
    /// session and of a request, and no place of `max_sessions`: the queue's limit is the limit. What it computed may
    /// be found again by whoever begins in the same way.
    pub fn chat(&self, messages: &[ChatMessage], options: &Options) -> Result<Request> {
        options.accept(Scope::Session, self.0.dispatch.as_ref())?;
        let may_continue =
            Layers(vec![self.0.runtime.options(), &self.0.options, options]).bool("continue_final_message");
        message::check(messages, may_continue)?;
        let mut options = options.clone();
        let system = messages.first().filter(|message| message.role == Role::System);
        if let Some(system) = system {
            options.set_str("system_prompt", &system.content)?;
        }
        let session = self.0.passing_session(options, Content::New);
        session.chat_messages(&messages[usize::from(system.is_some())..], &Options::new())
    }

    /// The same with the messages as JSON: `[{"role": "user", "content": "Hello"}]`.
    pub fn chat_json(&self, messages: &str, options: &Options) -> Result<Request> {
        self.chat(&message::parse(messages)?, options)
    }

    /// The tokens of a text. `add_special` lets the tokenizer add BOS and EOS as the model wants; `parse_special`
    /// reads the names of control tokens in the text as these tokens, so never set it for text from users.
    pub fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<Token>> {
        Ok(self.0.llama()?.vocab().tokenize(text, add_special, parse_special)?)
    }

    /// The bytes of tokens, which may end inside a character. `special` shows control tokens by name.
    pub fn detokenize(&self, tokens: &[Token], special: bool) -> Result<Vec<u8>> {
        let count = self.vocab_size();
        if let Some(token) = tokens.iter().find(|&&token| token < 0 || token as u32 >= count) {
            let message = format!("{token} is not a token of this model, which has 0 to {}", count.saturating_sub(1));
            return Err(Error::new(Reason::InvalidToken, message).with("token", token));
        }
        Ok(self.0.llama()?.vocab().detokenize(tokens, false, special)?)
    }

    /// What it has done and is doing.
    pub fn metrics(&self) -> Metrics {
        self.0.worker.control.metrics.snapshot()
    }

    /// One line about the model: architecture, size, number format.
    pub fn description(&self) -> String {
        self.0.facts.description.clone()
    }

    /// The GGUF's metadata, arrays left out, in the file's order.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.0.facts.metadata
    }

    /// The Jinja source of the model's chat template, as the file has it.
    pub fn chat_template(&self) -> Option<String> {
        self.0.facts.chat_template.clone()
    }

    /// Number of weights.
    pub fn parameter_count(&self) -> u64 {
        self.0.facts.parameters
    }

    /// Size of the weights, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.0.facts.size
    }

    /// The window the model was trained with, in tokens.
    pub fn training_context(&self) -> u32 {
        self.0.facts.training_context
    }

    /// The window of each session, in tokens: `ctx_size`, rounded up to what llama.cpp makes of it.
    pub fn context_size(&self) -> u32 {
        self.0.ctx_size as u32
    }

    /// Number of tokens in the vocabulary.
    pub fn vocab_size(&self) -> u32 {
        self.0.facts.vocab_size
    }

    /// Length of an embedding vector.
    pub fn embedding_size(&self) -> u32 {
        self.0.facts.embedding_size
    }

    /// Number of layers.
    pub fn layer_count(&self) -> u32 {
        self.0.facts.layers
    }

    /// A special token, if the model has it.
    pub fn special_token(&self, which: SpecialToken) -> Option<Token> {
        let facts = &self.0.facts;
        match which {
            SpecialToken::Bos => facts.bos,
            SpecialToken::Eos => facts.eos,
            SpecialToken::Eot => facts.eot,
            SpecialToken::Pad => facts.pad,
        }
    }

    /// Whether a token ends an answer. None does when the model was unloaded to make room.
    pub fn is_end_of_generation(&self, token: Token) -> bool {
        let is_token = token >= 0 && (token as u32) < self.vocab_size();
        is_token && self.0.llama().is_ok_and(|llama| llama.vocab().is_eog(token))
    }

    /// Cancels all requests of the model, lets no new one in, and waits until its threads have ended (`None` = for
    /// ever). The weights are freed with the last handle.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        self.0.worker.close();
        if self.0.worker.control.wait_gone(until(timeout)) {
            return Ok(());
        }
        Err(Error::new(Reason::CloseTimeout, "the model is still ending its work; it goes on doing so"))
    }
}

/// Tokens with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecialToken {
    /// Beginning of a text.
    Bos,
    /// End of a text.
    Eos,
    /// End of a turn.
    Eot,
    /// Padding.
    Pad,
}

impl Shared {
    /// Says whether there is a chat template at all.
    pub(crate) fn check_template(&self) -> Result<()> {
        if self.given_template().is_some() || self.facts.chat_template.is_some() {
            return Ok(());
        }
        let message = "the model has no chat template; give one as chat_template, or use raw text (generate)";
        Err(Error::new(Reason::NoChatTemplate, message))
    }

    /// The chat template, parsed once. Call it on the preparing thread. When it is stopped, the next one tries again.
    pub(crate) fn templates(&self, limits: &TemplateLimits<'_>) -> Result<&ChatTemplates> {
        self.parse_template(&self.templates, self.given_template(), limits)
    }

    /// The chat template that knows tools: the same, or where that knows none, ours of the same family.
    pub(crate) fn tool_templates(&self, limits: &TemplateLimits<'_>) -> Result<&ChatTemplates> {
        let own = self.templates(limits)?;
        if own.know_tools() {
            return Ok(own);
        }
        if !chat::is_chatml(own) {
            let message = "the model's chat template knows no tools; give one that does as chat_template";
            return Err(Error::new(Reason::ToolsUnsupported, message));
        }
        self.parse_template(&self.tool_templates, Some(chat::TOOLS_TEMPLATE), limits)
    }

    fn parse_template<'a>(
        &self,
        kept: &'a OnceLock<Result<ChatTemplates>>,
        source: Option<&str>,
        limits: &TemplateLimits<'_>,
    ) -> Result<&'a ChatTemplates> {
        if kept.get().is_none() {
            let parsed = match ChatTemplates::new(&self.llama()?, source, limits) {
                Err(stopped @ chaku_llama::Error::TemplateStopped) => return Err(stopped.into()),
                parsed => parsed.map_err(Error::from),
            };
            let _ = kept.set(parsed);
        }
        match kept.get() {
            Some(templates) => templates.as_ref().map_err(Clone::clone),
            None => Err(Error::new(Reason::Internal, "the chat template was not kept")),
        }
    }

    /// What no message may spell. Takes some milliseconds the first time.
    pub(crate) fn control_names(&self) -> Result<&ControlNames> {
        let llama = self.llama()?;
        self.control_names.get_or_init(|| ControlNames::new(llama.vocab())).as_ref().map_err(Error::clone)
    }

    /// Takes some milliseconds the first time.
    pub(crate) fn compiler(&self) -> Result<&Compiler> {
        let llama = self.llama()?;
        self.compiler.get_or_init(|| Compiler::new(llama.vocab())).as_ref().map_err(Error::clone)
    }

    /// The bytes of the longest token, at least 1.
    pub(crate) fn longest_token(&self) -> Result<usize> {
        let llama = self.llama()?;
        Ok(*self.longest_token.get_or_init(|| llama.vocab().longest_token().max(1)))
    }

    /// The weights, and the vocabulary with them. They stay until this is dropped, whatever happens to the model.
    pub(crate) fn llama(&self) -> Result<chaku_llama::Model> {
        let llama = self.weights.lock().as_ref().map(|weights| weights.llama.clone());
        llama.ok_or_else(|| self.worker.control.refusal())
    }

    /// Makes room for another model, if nobody asks this one anything: all of it goes, and its handles say so. Says whether
    /// it did.
    pub(crate) fn unload(&self) -> bool {
        if !self.worker.control.close_to_make_room() {
            return false;
        }
        // It has nothing to end, so this is short; and the budget would wait for it, not the host.
        self.worker.control.wait_gone(until(Some(UNLOAD_TIME)));
        drop(self.weights.lock().take());
        tracing::info!(target: "chaku::load", model = self.facts.description, "unloaded to make room");
        true
    }

    /// A session that counts against `max_sessions`.
    pub(crate) fn new_session(self: &Arc<Self>, options: Options, content: Content) -> Result<Session> {
        self.worker.control.check_open()?;
        if !self.sessions.take() {
            let limit = self.sessions.most();
            let message = format!("the model has {limit} sessions already, its max_sessions; free one first");
            return Err(Error::new(Reason::SessionLimit, message).with("limit", limit));
        }
        self.worker.control.metrics.session_opened();
        Ok(Session::new(self.clone(), self.session_id(), options, content, true))
    }

    /// A session that lives as long as its one request.
    fn passing_session(self: &Arc<Self>, options: Options, content: Content) -> Session {
        Session::new(self.clone(), self.session_id(), options, content, false)
    }

    fn session_id(&self) -> u64 {
        self.next_session.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn given_template(&self) -> Option<&str> {
        Layers(vec![self.runtime.options(), &self.options]).str("chat_template")
    }

    /// A session is gone, of which the engine may know by this id.
    pub(crate) fn session_closed(&self, id: Option<u64>, has_place: bool) {
        // The sequence is given back before the place, so that a new session finds one.
        if let Some(id) = id {
            self.worker.control.session_closed(id);
        }
        if has_place {
            self.sessions.give_back();
            self.worker.control.metrics.session_closed();
        }
    }
}
