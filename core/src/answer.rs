//! Tells apart what an answer is made of: content, reasoning, tool calls. llama.cpp's parsers of its template do it, which
//! read the whole text each time.

use std::sync::Arc;

use chaku_llama::AnswerReader;
use serde::Deserialize;

use crate::error::{Error, Reason, Result};
use crate::event::{Event, Text, ToolCallArguments, ToolCallStart};
use crate::message::{ChatMessage, Role, ToolCall};

/// The text is read again when it has grown by this part of it, so that reading a long one takes no time in its square.
const GROWTH: usize = 64;

/// The parsers recurse where the text nests; this deep takes a part of the engine's stack. Deeper text is plain text.
const DEEPEST: usize = 64;

/// What a template says of its answers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Format {
    /// GBNF; empty = none.
    pub(crate) grammar: String,
    /// It waits until the answer has the mark of a call.
    pub(crate) lazy: bool,
    /// It describes the answer with what the prompt has begun of it.
    pub(crate) begun: bool,
    /// Control tokens that belong to the text.
    pub(crate) preserved: Vec<String>,
    /// `begun` by the prompt, `possible`, or `none`.
    pub(crate) thinking: String,
    pub(crate) think_start: String,
    pub(crate) think_ends: Vec<String>,
    /// What stands between the end of the thinking and the content; of an answer that is held to something.
    pub(crate) lead: String,
}

impl Format {
    /// A call must come, and begins where its grammar does.
    pub(crate) fn is_held(&self) -> bool {
        !self.grammar.is_empty() && !self.lazy && !self.begun
    }

    pub(crate) fn parse(format: &str) -> Result<Self> {
        serde_json::from_str(format).map_err(|error| Error::new(Reason::Internal, error.to_string()))
    }
}

/// Reads one answer.
pub(crate) struct Answering {
    reader: AnswerReader,
    think_ends: Vec<String>,
    /// All that was generated.
    raw: String,
    /// Bytes of `raw` when it is read next.
    read_at: usize,
    nesting: usize,
    message: ChatMessage,
    /// It does not fit the format: what comes is plain text.
    given_up: bool,
}

/// Something that the parser found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    reasoning: String,
    content: String,
    call: Option<CallDelta>,
}

/// More of a call.
#[derive(Debug, Deserialize)]
struct CallDelta {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

impl Answering {
    pub(crate) fn new(format: &str) -> Result<Self> {
        Ok(Answering {
            reader: AnswerReader::new(format)?,
            think_ends: Format::parse(format)?.think_ends,
            raw: String::new(),
            read_at: 0,
            nesting: 0,
            message: ChatMessage::new(Role::Assistant, ""),
            given_up: false,
        })
    }

    /// The events of a token: one that has the token, and those of calls.
    pub(crate) fn push(&mut self, text: Text) -> Vec<Event> {
        self.raw.push_str(&text.text);
        self.nest(&text.text);
        if self.given_up {
            self.message.content.push_str(&text.text);
            return vec![Event::Text(Arc::new(text))];
        }
        if self.raw.len() < self.read_at {
            return vec![Event::Text(Arc::new(piece(String::new(), Some(text))))];
        }
        self.read_at = self.raw.len() + self.raw.len() / GROWTH + 1;
        let deltas = if self.nesting > DEEPEST { self.give_up() } else { self.read(true).unwrap_or_default() };
        self.events(deltas, Some(text))
    }

    /// The answer is over, `complete` or cut short: the rest of its events, without a token.
    pub(crate) fn finish(&mut self, complete: bool) -> Vec<Event> {
        if self.given_up {
            return Vec::new();
        }
        let deltas = match self.read(!complete) {
            Ok(deltas) => deltas,
            Err(error) if complete => {
                tracing::warn!(target: "chaku::chat", "the answer does not fit its template's format, and is taken as text: {error}");
                self.give_up()
            }
            Err(_) => Vec::new(),
        };
        self.events(deltas, None)
    }

    /// What the session keeps, and whether it says all that was generated. Calls that are not complete are left out, and so is
    /// a mark that was begun.
    pub(crate) fn into_message(self) -> (ChatMessage, bool) {
        let mut message = self.message;
        message.tool_calls.retain(|call| {
            !call.name.is_empty() && serde_json::from_str::<serde_json::Map<_, _>>(&call.arguments).is_ok()
        });
        let last = if message.content.is_empty() { &message.reasoning_content } else { &message.content };
        let whole = match message.tool_calls.is_empty() {
            true if last.is_empty() => self.raw.trim().is_empty(),
            true => self.raw.trim_end().ends_with(last.trim_end()),
            false => true,
        };
        (message, whole)
    }

    fn nest(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                b'[' | b'{' | b'(' => self.nesting += 1,
                b']' | b'}' | b')' => self.nesting = self.nesting.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn read(&mut self, partial: bool) -> Result<Vec<Delta>> {
        let deltas = self.reader.read(&self.raw, partial)?;
        if deltas.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(&deltas).map_err(|error| Error::new(Reason::Internal, error.to_string()))
    }

    /// From here on it is plain text, what was read of it and not shown first.
    fn give_up(&mut self) -> Vec<Delta> {
        self.given_up = true;
        // Calls that were told of already stand, incomplete.
        let told = self.message.tool_calls.iter().any(|call| !call.arguments.is_empty());
        let rest = if told { String::new() } else { self.not_shown().to_owned() };
        vec![Delta { content: rest, ..Delta::default() }]
    }

    /// What comes after all that was shown, and after the mark that ends the thinking.
    fn not_shown(&self) -> &str {
        let after = |text: &'_ str, shown: &str| text.find(shown).map(|at| at + shown.len());
        let mut rest = self.raw.as_str();
        let ChatMessage { reasoning_content, content, .. } = &self.message;
        if !reasoning_content.is_empty() {
            rest = &rest[after(rest, reasoning_content).unwrap_or(rest.len())..];
            let end = self.think_ends.iter().find_map(|end| rest.trim_start().strip_prefix(end.as_str()));
            rest = end.unwrap_or(rest);
        }
        if content.is_empty() { rest } else { &rest[after(rest, content).unwrap_or(rest.len())..] }
    }

    /// Notes what was found, and says it. The token goes with the first piece of text, or alone.
    fn events(&mut self, deltas: Vec<Delta>, token: Option<Text>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut token = token;
        for Delta { reasoning, content, call } in deltas {
            if !reasoning.is_empty() {
                self.message.reasoning_content.push_str(&reasoning);
                events.push(Event::Reasoning(Arc::new(piece(reasoning, token.take()))));
            }
            if !content.is_empty() {
                self.message.content.push_str(&content);
                events.push(Event::Text(Arc::new(piece(content, token.take()))));
            }
            if let Some(call) = call {
                self.call(call, &mut events);
            }
        }
        if token.is_some() {
            events.push(Event::Text(Arc::new(piece(String::new(), token))));
        }
        events
    }

    fn call(&mut self, CallDelta { index, id, name, arguments }: CallDelta, events: &mut Vec<Event>) {
        let calls = &mut self.message.tool_calls;
        while calls.len() <= index as usize {
            calls.push(ToolCall::default());
        }
        let call = &mut calls[index as usize];
        // The name may come in pieces; the call is told of when the first argument shows that it is whole.
        if !name.is_empty() {
            (call.id, call.name) = (id, name);
        }
        if arguments.is_empty() {
            return;
        }
        if call.arguments.is_empty() {
            let start = ToolCallStart { index, id: call.id.clone(), name: call.name.clone() };
            events.push(Event::ToolCall(Arc::new(start)));
        }
        call.arguments.push_str(&arguments);
        events.push(Event::ToolCallArguments(Arc::new(ToolCallArguments { index, delta: arguments })));
    }
}

/// A text that was found, with what there is of the token that completed it.
fn piece(text: String, token: Option<Text>) -> Text {
    let bytes = text.clone().into_bytes();
    match token {
        Some(token) => Text { text, bytes, ..token },
        None => Text { text, token: None, bytes, replaced: false, logprob: None, top_logprobs: Vec::new() },
    }
}
