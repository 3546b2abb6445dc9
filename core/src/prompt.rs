//! Prepares a request, on the preparing thread: renders, tokenizes, checks that it fits, makes the sampler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chaku_llama::{TemplateLimits, Token};

use crate::answer::{Answering, Format};
use crate::chat::{self, Next, Rendered, Style};
use crate::constraint;
use crate::content::{Chat, Content, Said};
use crate::error::{Error, Reason, Result};
use crate::message::{ChatMessage, Role};
use crate::model;
use crate::options::{Layers, Options};
use crate::request::{self, Ticket};
use crate::runtime::engine::overflow;
use crate::runtime::job::{Answer, Job, Overflow};
use crate::runtime::memory;
use crate::runtime::worker::PREPARE_STACK;
use crate::sampling::Sampler;
use crate::session;

/// Where an answer ends that nothing else ends: a window that shifts has no end of its own.
const LONGEST_ANSWER: usize = 1 << 20;

/// How long the chat template of one request may run. A long conversation takes some milliseconds.
const TEMPLATE_TIME: Duration = Duration::from_secs(10);

/// What it may make, besides its share of the messages' size, and how deep it may recurse: a quarter of the preparing
/// thread's stack, since what it made is freed recursively, too.
const TEMPLATE_BYTES: u64 = 256 << 20;
const TEMPLATE_STACK: usize = PREPARE_STACK / 4;

/// Texts up to this many bytes are tokenized in milliseconds, whatever they say.
const LONG_TEXT: usize = 32 << 10;

/// A request before it is prepared.
pub(crate) struct Prompt {
    pub(crate) request: Arc<request::Shared>,
    pub(crate) session: Arc<session::Shared>,
    pub(crate) options: Options,
    pub(crate) ask: Ask,
}

/// What is asked of the session.
pub(crate) enum Ask {
    /// Append messages to the conversation, and answer them, or go on with the last one if it is an answer.
    Chat(Arc<Chat>, Vec<ChatMessage>),
    /// Go on with the last message, which is an answer.
    Continue(Arc<Chat>),
    /// Append the message to the conversation.
    IngestChat(Arc<Chat>, ChatMessage),
    /// Append the text to the tokens, and go on.
    Generate(Arc<Vec<Token>>, String),
    /// Append the text to the tokens.
    IngestRaw(Arc<Vec<Token>>, String),
}

/// The tokens to compute, and what the session becomes when they and an answer are there.
struct Plan {
    tokens: Vec<Token>,
    /// Tokens of the system message.
    keep: usize,
    /// Stop strings the template needs, besides the caller's.
    stops: Vec<String>,
    /// How the answer is to be read; `None` = it is plain text.
    format: Option<String>,
    generates: bool,
    /// Old tokens were left out, so that they are not what the session's messages say.
    shifted: bool,
    outcome: Box<dyn FnOnce(&Answer) -> Content + Send>,
}

impl Prompt {
    pub(crate) fn prepare(self) -> Result<Job<Sampler>> {
        let began = Instant::now();
        memory::check_room()?;
        let Prompt { request, session, options, ask } = self;
        let model = session.model.clone();
        let layers = session.layers(&options);
        let overflow = match layers.str("overflow") {
            Some("shift") => Overflow::Shift,
            Some("stop") => Overflow::Stop,
            _ => Overflow::Error,
        };
        let stop = || {
            let now = Instant::now();
            now >= began + TEMPLATE_TIME || request.has_ended() || request.must_stop(now).is_some()
        };
        let limits = TemplateLimits { bytes: TEMPLATE_BYTES, stack: TEMPLATE_STACK, stop: &stop };
        let style = Style::asked(&layers)?;
        let plan = Planner { session: &session, layers: &layers, style: &style, overflow, limits }.plan(ask);
        let stopped = request.must_stop(Instant::now());
        stopped.map_or(Ok(()), Err)?;
        let plan = plan?;
        let mut sampler = None;
        let mut answering = None;
        if plan.generates {
            let constraint = constraint::asked(&layers)?.map(|asked| model.compiler()?.compile(asked)).transpose()?;
            if !style.tools.definitions.is_empty() && (constraint.is_some() || layers.str("grammar").is_some()) {
                let message = "tools and a constraint cannot be given together: the calls have a grammar of their own";
                return Err(Error::new(Reason::InvalidOption, message).with("key", "tools"));
            }
            let format = plan.format.as_deref();
            sampler = Some(Sampler::new(&model.llama()?, &layers, constraint, format, &plan.tokens)?);
            answering = format.map(Answering::new).transpose()?;
        }
        let max_tokens = layers.i64("max_tokens").filter(|&max| max > 0).map_or(LONGEST_ANSWER, |max| max as usize);
        let rollback = layers.str("on_cancel") == Some("rollback");
        tracing::debug!(target: "chaku::prompt", tokens = plan.tokens.len(), "prepared");
        Ok(Job {
            request: Ticket::new(request),
            session: session.id,
            group: 0,
            prompt_tokens: plan.tokens.len(),
            tokens: plan.tokens,
            keep: plan.keep,
            sampler,
            preserved: plan.format.as_deref().map(|format| preserved(&model, format)).transpose()?.unwrap_or_default(),
            answering,
            stops: layers.list("stop").iter().chain(&plan.stops).filter(|stop| !stop.is_empty()).cloned().collect(),
            max_tokens,
            overflow,
            shifted: plan.shifted,
            prepare_time: began.elapsed(),
            prepared_at: Instant::now(),
            commit: Box::new(move |answer| session.commit((plan.outcome)(&answer), &answer, rollback)),
        })
    }
}

struct Planner<'a> {
    session: &'a session::Shared,
    layers: &'a Layers<'a>,
    style: &'a Style,
    overflow: Overflow,
    limits: TemplateLimits<'a>,
}

impl Planner<'_> {
    fn plan(&self, ask: Ask) -> Result<Plan> {
        match ask {
            Ask::Chat(chat, messages) => self.chat(&chat, messages, true),
            Ask::IngestChat(chat, message) => self.chat(&chat, vec![message], false),
            Ask::Continue(chat) => self.continue_chat(&chat),
            Ask::Generate(tokens, text) => self.raw(&tokens, &text, true),
            Ask::IngestRaw(tokens, text) => self.raw(&tokens, &text, false),
        }
    }

    fn chat(&self, chat: &Chat, messages: Vec<ChatMessage>, generates: bool) -> Result<Plan> {
        let said: Vec<Said> = chat.said.iter().cloned().chain(messages.into_iter().map(Said::new)).collect();
        self.system_prompt().map_or(Ok(()), |text| self.check_length(text))?;
        said.iter().try_for_each(|said| self.check_length(&said.message.content))?;
        let next = match said.last() {
            _ if !generates => Next::Nothing,
            Some(said) if said.message.role == Role::Assistant => Next::Continuation,
            _ => Next::Answer,
        };
        let (mut said, Rendered { tokens, stops, format }) = self.fit(said, next)?;
        if let Some(newest) = said.last_mut() {
            newest.used = tokens.len() as u32;
        }
        let keep = self.system_tokens(&tokens);
        let outcome = move |answer: &Answer| {
            let mut chat = Chat { said, last_turn: None };
            if generates {
                chat.answered(answer, next == Next::Continuation);
            }
            Content::Chat(Arc::new(chat))
        };
        Ok(Plan { tokens, keep, stops, format, generates, shifted: false, outcome: Box::new(outcome) })
    }

    /// The prompt is the last turn with its answer so far, token for token where these are known.
    fn continue_chat(&self, chat: &Chat) -> Result<Plan> {
        let (answer, before) = chat.said.split_last().ok_or_else(nothing_to_continue)?;
        let ChatMessage { content, reasoning_content, tool_calls, .. } = &answer.message;
        if !tool_calls.is_empty() {
            let message =
                "the last answer calls tools, which is its end; give their results as messages, or rewind the session";
            return Err(Error::new(Reason::NothingToContinue, message));
        }
        let Rendered { mut tokens, stops, format } = match content.is_empty() && reasoning_content.is_empty() {
            true => self.render(before, Next::Answer)?,
            false => self.render(&chat.said, Next::Continuation)?,
        };
        if let Some(last_turn) = &chat.last_turn {
            tokens.clone_from(last_turn);
        }
        let keep = self.system_tokens(&tokens);
        let old = tokens.len();
        let shifted = self.make_room(&mut tokens, keep, old);
        self.check_fits(&tokens)?;
        let mut chat = Chat { said: chat.said.clone(), last_turn: None };
        let outcome = move |answer: &Answer| {
            chat.answered(answer, true);
            Content::Chat(Arc::new(chat))
        };
        Ok(Plan { tokens, keep, stops, format, generates: true, shifted, outcome: Box::new(outcome) })
    }

    fn raw(&self, tokens: &[Token], text: &str, generates: bool) -> Result<Plan> {
        self.check_length(text)?;
        let mut tokens = tokens.to_vec();
        let old = tokens.len();
        let add_special = tokens.is_empty() && self.layers.bool("add_special");
        let parse_special = self.layers.bool("parse_special");
        tokens.extend(self.session.model.llama()?.vocab().tokenize(text, add_special, parse_special)?);
        let shifted = self.make_room(&mut tokens, 0, old);
        self.check_fits(&tokens)?;
        let outcome = |answer: &Answer| Content::Raw(Arc::new(answer.tokens.clone()));
        Ok(Plan { tokens, keep: 0, stops: Vec::new(), format: None, generates, shifted, outcome: Box::new(outcome) })
    }

    /// Renders the conversation. Under `overflow = shift` the oldest turns are left out until a quarter of the window
    /// is free, the newest message never.
    fn fit(&self, mut said: Vec<Said>, next: Next) -> Result<(Vec<Said>, Rendered)> {
        let window = self.session.model.ctx_size;
        let mut rendered = self.render(&said, next)?;
        let whole = rendered.tokens.len();
        if rendered.tokens.len() >= window && self.overflow == Overflow::Shift {
            while rendered.tokens.len() > window - window / 4 {
                let next_turn = said.iter().skip(1).position(|said| said.message.role == Role::User);
                let Some(turn) = next_turn else { break };
                said.drain(..=turn);
                rendered = self.render(&said, next)?;
            }
        }
        self.check_fits(&rendered.tokens)?;
        // What is left is so much nearer to the beginning.
        let left_out = whole.saturating_sub(rendered.tokens.len()) as u32;
        said.iter_mut().for_each(|said| said.used = said.used.saturating_sub(left_out));
        Ok((said, rendered))
    }

    /// Under `overflow = shift` drops the oldest of the first `old` tokens, after `keep`, until a quarter of the window
    /// is free. Says whether it did.
    fn make_room(&self, tokens: &mut Vec<Token>, keep: usize, old: usize) -> bool {
        let window = self.session.model.ctx_size;
        if self.overflow != Overflow::Shift || tokens.len() < window {
            return false;
        }
        let discard = (tokens.len() - (window - window / 4)).min(old.saturating_sub(keep));
        tokens.drain(keep..keep + discard);
        true
    }

    /// Refuses a text whose tokens cannot fit, however long they are, without making them: that takes time in the square
    /// of how many control tokens it names, and nothing can stop it.
    fn check_length(&self, text: &str) -> Result<()> {
        let model = &self.session.model;
        if text.len() <= LONG_TEXT {
            return Ok(());
        }
        let least = text.len() / model.longest_token()?;
        if least < model.ctx_size { Ok(()) } else { Err(overflow(least, model.ctx_size)) }
    }

    fn check_fits(&self, tokens: &[Token]) -> Result<()> {
        let window = self.session.model.ctx_size;
        if tokens.is_empty() {
            return Err(Error::new(Reason::EmptyPrompt, "the text makes no token"));
        }
        // One place is for the first token of the answer.
        if tokens.len() >= window { Err(overflow(tokens.len(), window)) } else { Ok(()) }
    }

    fn render(&self, said: &[Said], next: Next) -> Result<Rendered> {
        let model = &self.session.model;
        let system = self.system_prompt().map(|content| ChatMessage::new(Role::System, content));
        let all: Vec<ChatMessage> = system.into_iter().chain(said.iter().map(|said| said.message.clone())).collect();
        let calls = all.iter().any(|message| message.role == Role::Tool || !message.tool_calls.is_empty());
        let templates = if calls || !self.style.tools.definitions.is_empty() {
            model.tool_templates(&self.limits)?
        } else {
            model.templates(&self.limits)?
        };
        let names = model.control_names()?;
        chat::render(model.llama()?.vocab(), names, templates, &all, (self.style, next), &self.limits)
    }

    fn system_prompt(&self) -> Option<&str> {
        // Empty means none, so that a session can do without its model's.
        self.layers.str("system_prompt")
    }

    /// How many tokens at the beginning are the system message. A template that cannot render it alone makes it none.
    fn system_tokens(&self, prompt: &[Token]) -> usize {
        if self.overflow != Overflow::Shift || self.system_prompt().is_none() {
            return 0;
        }
        let alone = self.render(&[], Next::Nothing).map_or_else(|_| Vec::new(), |rendered| rendered.tokens);
        alone.iter().zip(prompt).take_while(|(a, b)| a == b).count()
    }
}

/// The control tokens that belong to the text of an answer.
fn preserved(model: &model::Shared, format: &str) -> Result<Vec<Token>> {
    let format = Format::parse(format)?;
    let llama = model.llama()?;
    let tokens = format.preserved.iter().map(|text| Ok(llama.vocab().tokenize(text, false, true)?));
    let tokens = tokens.collect::<Result<Vec<_>>>()?;
    Ok(tokens.into_iter().filter_map(|tokens| if let [token] = tokens[..] { Some(token) } else { None }).collect())
}

fn nothing_to_continue() -> Error {
    Error::new(Reason::NothingToContinue, "there is no answer to continue; ask something first")
}
