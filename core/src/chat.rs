//! From messages to the tokens of a prompt, through the model's own template.
//!
//! Text of a message never becomes a control token. The template engine flattens all text into one string, so the names of
//! control tokens in a message, in the result of a tool or in what a tool is described with are replaced by placeholders while
//! the template runs, and these are then tokenized by themselves, as plain text. (What a model calls a user-defined token is no
//! control token: llama.cpp reads it in plain text too.)

use aho_corasick::{AhoCorasick, MatchKind};
use chaku_llama::{ChatTemplates, TemplateLimits, Token, Vocab};
use serde_json::{Map, Value, json};

use crate::constraint;
use crate::error::{Error, Reason, Result};
use crate::message::ChatMessage;
use crate::options::Layers;
use crate::tools::Tools;

/// A template for tools, for models whose own knows none but is otherwise like it.
pub(crate) const TOOLS_TEMPLATE: &str = include_str!("tools.jinja");

/// What such a template has in it.
const CHATML: &str = "<|im_start|>";

/// A rendered conversation.
pub(crate) struct Rendered {
    pub(crate) tokens: Vec<Token>,
    /// Stop strings the template's family needs.
    pub(crate) stops: Vec<String>,
    /// How the answer is to be read; `None` = it is plain text.
    pub(crate) format: Option<String>,
}

/// What comes after the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing of the assistant's.
    Nothing,
    /// The beginning of an answer.
    Answer,
    /// The rest of the last message, which is the beginning of an answer.
    Continuation,
}

/// What a request asks of the template.
#[derive(Debug, Clone, Default)]
pub(crate) struct Style {
    pub(crate) tools: Tools,
    /// `reasoning_format`: none, auto, deepseek.
    reasoning_format: String,
    /// Whether the model may think first, where its template lets one choose.
    thinks: bool,
    /// The answer is held to something, once the model has thought.
    pub(crate) constrained: bool,
    /// Variables of the template.
    kwargs: Map<String, Value>,
}

impl Style {
    pub(crate) fn asked(layers: &Layers<'_>) -> Result<Self> {
        let mut kwargs = match layers.str("chat_template_kwargs") {
            None => Map::new(),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                let message = format!("chat_template_kwargs is not a JSON object: {error}");
                Error::new(Reason::InvalidOption, message).with("key", "chat_template_kwargs")
            })?,
        };
        // The templates' names for them, as llama.app has them.
        kwargs.entry("preserve_reasoning").or_insert_with(|| layers.bool("reasoning_preserve").into());
        if let Some(effort) = layers.str("reasoning_effort").filter(|&effort| effort != "default") {
            kwargs.entry("reasoning_effort").or_insert_with(|| effort.into());
        }
        Ok(Style {
            tools: Tools::asked(layers)?,
            reasoning_format: layers.str("reasoning_format").unwrap_or("auto").to_owned(),
            thinks: layers.str("reasoning") != Some("off"),
            constrained: constraint::is_asked(layers),
            kwargs,
        })
    }
}

/// Whether a template may be replaced by [`TOOLS_TEMPLATE`].
pub(crate) fn is_chatml(templates: &ChatTemplates) -> bool {
    templates.source().contains(CHATML)
}

/// The control tokens of a vocabulary, by name.
pub(crate) struct ControlNames(AhoCorasick);

impl ControlNames {
    pub(crate) fn new(vocab: Vocab<'_>) -> Result<Self> {
        let mut names = Vec::new();
        for token in (0..vocab.n_tokens() as Token).filter(|&token| vocab.is_control(token)) {
            let mut name = Vec::new();
            vocab.token_bytes(token, true, &mut name)?;
            if !name.is_empty() {
                names.push(name);
            }
        }
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(names);
        finder.map(ControlNames).map_err(|error| Error::new(Reason::Internal, error.to_string()))
    }

    fn occur(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The tokens of a conversation, up to where the model goes on.
pub(crate) fn render(
    vocab: Vocab<'_>,
    names: &ControlNames,
    templates: &ChatTemplates,
    messages: &[ChatMessage],
    (style, next): (&Style, Next),
    limits: &TemplateLimits<'_>,
) -> Result<Rendered> {
    let mut ask = ask(messages, style, next);
    let mut mask = Mask { names, mark: unused_mark(&ask), texts: Vec::new() };
    mask.ask(&mut ask)?;
    let rendered =
        templates.render(&ask.to_string(), limits).map_err(|error| about_tools(error, ask, templates, limits))?;
    let tokens = join(vocab, &rendered.prompt, &mask)?;
    Ok(Rendered { tokens, stops: rendered.additional_stops, format: rendered.format })
}

/// Whether it is the tools that a template cannot be rendered with: without them it can.
fn about_tools(
    error: chaku_llama::Error,
    mut ask: Value,
    templates: &ChatTemplates,
    limits: &TemplateLimits<'_>,
) -> Error {
    let chaku_llama::Error::Template { message } = &error else { return error.into() };
    let had_tools = ask.as_object_mut().and_then(|ask| ask.remove("tools")).is_some();
    if had_tools && templates.render(&ask.to_string(), limits).is_ok() {
        let message = format!(
            "the calls of these tools cannot be described to the model, or held to their parameters: {message}"
        );
        return Error::new(Reason::InvalidTools, message);
    }
    error.into()
}

fn ask(messages: &[ChatMessage], style: &Style, next: Next) -> Value {
    let mut ask = json!({
        "messages": messages,
        "add_generation_prompt": next == Next::Answer,
        "continue_final_message": next == Next::Continuation,
        "constrained": style.constrained,
        "reasoning_format": style.reasoning_format,
        "enable_thinking": style.thinks,
        "template_kwargs": style.kwargs,
    });
    if !style.tools.definitions.is_empty() {
        ask["tools"] = json!(style.tools.definitions);
        ask["tool_choice"] = json!(style.tools.choice());
        ask["parallel_tool_calls"] = json!(style.tools.parallel);
    }
    ask
}

/// Puts placeholders in the place of the names of control tokens.
struct Mask<'a> {
    names: &'a ControlNames,
    /// Stands on both sides of a placeholder's number.
    mark: String,
    /// What the placeholders stand for.
    texts: Vec<String>,
}

impl Mask<'_> {
    fn ask(&mut self, ask: &mut Value) -> Result<()> {
        for message in ask["messages"].as_array_mut().into_iter().flatten() {
            self.all(message);
        }
        let tools = ask.get_mut("tools").and_then(Value::as_array_mut);
        for (index, tool) in tools.into_iter().flatten().enumerate() {
            self.tool(tool, index)?;
        }
        if self.names.occur(&ask["template_kwargs"].to_string()) {
            let message = "chat_template_kwargs, or reasoning_effort, spells a control token";
            return Err(Error::new(Reason::InvalidOption, message).with("key", "chat_template_kwargs"));
        }
        Ok(())
    }

    /// Every text of a message.
    fn all(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.all(item)),
            Value::Object(object) => object.iter_mut().for_each(|(key, value)| match key.as_str() {
                "role" | "type" => {} // words of ours
                _ => self.all(value),
            }),
            _ => {}
        }
    }

    /// What a tool is described with. All else of its definition the model writes, too, so it has to stay as it is.
    fn tool(&mut self, value: &mut Value, index: usize) -> Result<()> {
        match value {
            Value::String(text) if self.names.occur(text) => {
                let message = format!("tool {index} spells a control token outside of a description");
                Err(Error::new(Reason::InvalidTools, message).with("index", index))
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.tool(item, index)),
            Value::Object(object) => object.iter_mut().try_for_each(|(key, value)| match value {
                Value::String(text) if key == "description" => {
                    self.text(text);
                    Ok(())
                }
                value => self.tool(&mut Value::String(key.clone()), index).and_then(|()| self.tool(value, index)),
            }),
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &mut String) {
        if !self.names.occur(text) {
            return;
        }
        let mut masked = String::new();
        let mut end = 0;
        for found in self.names.0.find_iter(text.as_str()) {
            // A name may end inside a character only where the vocabulary is broken.
            let (Some(before), Some(name)) = (text.get(end..found.start()), text.get(found.range())) else { continue };
            masked.push_str(before);
            masked.push_str(&format!("{}{}{}", self.mark, self.texts.len(), self.mark));
            self.texts.push(name.to_owned());
            end = found.end();
        }
        masked.push_str(&text[end..]);
        *text = masked;
    }
}

/// Tokenizes the template's own text and the messages' with control tokens, and what the placeholders stand for without.
fn join(vocab: Vocab<'_>, prompt: &str, mask: &Mask<'_>) -> Result<Vec<Token>> {
    if mask.texts.is_empty() {
        return Ok(vocab.tokenize(prompt, true, true)?);
    }
    let mut tokens: Vec<Token> = vocab.bos().filter(|_| vocab.add_bos()).into_iter().collect();
    // Split at the marks, the parts alternate: text, placeholder number, text, … A placeholder that is missing is of a message
    // that the template leaves out, such as what was thought long ago.
    for (i, part) in prompt.split(&mask.mark).enumerate() {
        if i % 2 == 0 {
            tokens.extend(vocab.tokenize(part, false, true)?);
        } else if let Some(text) = part.parse::<usize>().ok().and_then(|number| mask.texts.get(number)) {
            tokens.extend(vocab.tokenize(text, false, false)?);
        } else {
            let message = "a message spells a control token, and the chat template changes that message's text";
            return Err(Error::new(Reason::TemplateFailed, message));
        }
    }
    tokens.extend(vocab.eos().filter(|_| vocab.add_eos()));
    Ok(tokens)
}

/// A character that occurs nowhere in what is asked: one of those that mean nothing. A template that changes a text leaves it, and
/// so it is seen where it stands alone.
fn unused_mark(ask: &Value) -> String {
    let text = ask.to_string();
    let mut marks = ('\u{E000}'..='\u{F8FF}').chain('\u{F0000}'..='\u{FFFFD}');
    marks.find(|mark| !text.contains(*mark)).map_or_else(String::new, String::from)
}
