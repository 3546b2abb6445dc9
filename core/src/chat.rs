//! From messages to the tokens of a prompt, through the model's own template.
//!
//! Text of a message never becomes a control token. The template engine flattens all text into one string, so a
//! message that spells a control token is replaced by a placeholder while the template runs, and its text is then
//! tokenized by itself, as plain text. (What a model calls a user-defined token is no control token: llama.cpp reads it
//! in plain text too.)

use chaku_llama::{ChatTemplates, Message, TemplateLimits, Token, Vocab};

use crate::error::{Error, Reason, Result};

/// A rendered conversation.
pub(crate) struct Rendered {
    pub(crate) tokens: Vec<Token>,
    /// Stop strings the template's family needs.
    pub(crate) stops: Vec<String>,
}

/// The tokens of a conversation; with `reply`, up to where the assistant's answer begins.
pub(crate) fn render(
    vocab: Vocab<'_>,
    templates: &ChatTemplates,
    messages: &[Message],
    reply: bool,
    limits: &TemplateLimits<'_>,
) -> Result<Rendered> {
    let mark = unused_mark(messages);
    let mut masked = messages.to_vec();
    let mut texts = Vec::new();
    for message in &mut masked {
        if spells_control(vocab, &message.content)? {
            let placeholder = format!("{mark}{}{mark}", texts.len());
            texts.push(std::mem::replace(&mut message.content, placeholder));
        }
    }
    let rendered = templates.render(&masked, reply, limits)?;
    let tokens = join(vocab, &rendered.prompt, &mark, &texts)?;
    Ok(Rendered { tokens, stops: rendered.additional_stops })
}

/// Whether a text, read carelessly, would become a control token.
fn spells_control(vocab: Vocab<'_>, text: &str) -> Result<bool> {
    let tokens = vocab.tokenize(text, false, true)?;
    Ok(tokens.iter().any(|&token| vocab.is_control(token)))
}

/// Tokenizes the template's own text with control tokens, and the texts behind the placeholders without.
fn join(vocab: Vocab<'_>, prompt: &str, mark: &str, texts: &[String]) -> Result<Vec<Token>> {
    if texts.is_empty() {
        return Ok(vocab.tokenize(prompt, true, true)?);
    }
    let mut tokens: Vec<Token> = vocab.bos().filter(|_| vocab.add_bos()).into_iter().collect();
    let mut found = 0;
    // Split at the marks, the parts alternate: template text, placeholder number, template text, …
    for (i, part) in prompt.split(mark).enumerate() {
        if i % 2 == 0 {
            tokens.extend(vocab.tokenize(part, false, true)?);
        } else if let Some(text) = part.parse().ok().and_then(|number: usize| texts.get(number)) {
            tokens.extend(vocab.tokenize(text, false, false)?);
            found += 1;
        }
    }
    if found < texts.len() {
        let message = "a message spells a control token, and the chat template changes or drops that message's text";
        return Err(Error::new(Reason::TemplateFailed, message));
    }
    tokens.extend(vocab.eos().filter(|_| vocab.add_eos()));
    Ok(tokens)
}

/// A string that occurs in no message.
fn unused_mark(messages: &[Message]) -> String {
    let occurs = |mark: &String| messages.iter().any(|message| message.content.contains(mark));
    let mut marks = (0u64..).map(|n| format!("\u{E000}{n}\u{E001}"));
    marks.find(|mark| !occurs(mark)).unwrap_or_default()
}
