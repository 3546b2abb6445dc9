//! What a session is about. The KV cache is only a copy of it: the engine computes again what it lost. Cloning is cheap,
//! because every request and every fork does.

use std::sync::Arc;

use chaku_llama::Token;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Result};
use crate::message::{ChatMessage, Role, ToolCall};
use crate::runtime::job::Answer;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    #[default]
    New,
    Chat(Arc<Chat>),
    /// A raw text, as tokens.
    Raw(Arc<Vec<Token>>),
}

/// A conversation without its system message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) said: Vec<Said>,
    /// Prompt and answer of the last turn, token for token, if they still are what is `said`.
    pub(crate) last_turn: Option<Vec<Token>>,
}

/// A message, and how long the conversation was with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    #[serde(with = "Plain")]
    pub(crate) message: ChatMessage,
    /// Tokens of the window in use when it was the newest message; 0 = not known.
    pub(crate) used: u32,
}

/// A message without what JSON makes of it: saved sessions are in postcard, which wants all fields.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ChatMessage")]
struct Plain {
    role: Role,
    content: String,
    reasoning_content: String,
    tool_calls: Vec<ToolCall>,
    tool_call_id: String,
    name: String,
}

impl Said {
    pub(crate) fn new(message: ChatMessage) -> Self {
        Said { message, used: 0 }
    }
}

impl Chat {
    /// An answer came, or what one `continues` with.
    pub(crate) fn answered(&mut self, answer: &Answer, continues: bool) {
        let plain = || ChatMessage::new(Role::Assistant, answer.text.clone());
        let message = answer.message.clone().unwrap_or_else(plain);
        let used = answer.tokens.len() as u32;
        match self.said.last_mut() {
            Some(last) if continues => {
                last.message.content.push_str(&message.content);
                last.message.reasoning_content.push_str(&message.reasoning_content);
                last.message.tool_calls.extend(message.tool_calls);
                last.used = used;
            }
            _ => self.said.push(Said { message, used }),
        }
        self.last_turn = answer.exact.then(|| answer.tokens.clone());
    }

    /// The conversation up to its first `length` messages.
    fn rewound(&self, length: usize) -> Self {
        let whole = length == self.said.len();
        Chat { said: self.said[..length].to_vec(), last_turn: self.last_turn.clone().filter(|_| whole) }
    }
}

impl Content {
    /// The conversation, or the beginning of one.
    pub(crate) fn chat(self) -> Result<Arc<Chat>> {
        match self {
            Content::New => Ok(Arc::default()),
            Content::Chat(chat) => Ok(chat),
            Content::Raw(_) => Err(mode("raw text", "a conversation")),
        }
    }

    /// The raw text, or the beginning of one.
    pub(crate) fn raw(self) -> Result<Arc<Vec<Token>>> {
        match self {
            Content::New => Ok(Arc::default()),
            Content::Raw(tokens) => Ok(tokens),
            Content::Chat(_) => Err(mode("a conversation", "raw text")),
        }
    }

    /// Its first `length` messages or tokens. Of none it is new again.
    pub(crate) fn rewound(&self, length: usize) -> Result<Self> {
        let (most, unit) = match self {
            Content::New => (0, "messages or tokens"),
            Content::Chat(chat) => (chat.said.len(), "messages"),
            Content::Raw(tokens) => (tokens.len(), "tokens"),
        };
        if length > most {
            let message = format!("the session has {most} {unit}, fewer than the {length} to keep");
            return Err(Error::new(Reason::InvalidArgument, message).with("length", length).with("most", most));
        }
        Ok(match self {
            _ if length == 0 => Content::New,
            Content::New => Content::New,
            Content::Chat(chat) => Content::Chat(Arc::new(chat.rewound(length))),
            Content::Raw(tokens) => Content::Raw(Arc::new(tokens[..length].to_vec())),
        })
    }

    /// The same under another system message: a conversation is then made of other tokens.
    pub(crate) fn under_another_system_message(&self) -> Self {
        let Content::Chat(chat) = self else { return self.clone() };
        let said = chat.said.iter().map(|said| Said::new(said.message.clone())).collect();
        Content::Chat(Arc::new(Chat { said, last_turn: None }))
    }

    /// Tokens of the window in use; 0 = none, or not known.
    pub(crate) fn context_used(&self) -> usize {
        match self {
            Content::New => 0,
            Content::Chat(chat) => chat.said.last().map_or(0, |said| said.used as usize),
            Content::Raw(tokens) => tokens.len(),
        }
    }

    /// All tokens it holds.
    pub(crate) fn tokens(&self) -> &[Token] {
        match self {
            Content::New => &[],
            Content::Chat(chat) => chat.last_turn.as_deref().unwrap_or_default(),
            Content::Raw(tokens) => tokens,
        }
    }
}

fn mode(is: &str, not: &str) -> Error {
    Error::new(Reason::SessionMode, format!("the session holds {is}, not {not}; reset it, or use another session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Content {
        let said = |role, used| Said { message: ChatMessage::new(role, "x"), used };
        let said = vec![said(Role::User, 5), said(Role::Assistant, 9), said(Role::User, 14), said(Role::Assistant, 20)];
        Content::Chat(Arc::new(Chat { said, last_turn: Some(vec![1; 20]) }))
    }

    #[test]
    fn a_rewound_conversation_knows_how_long_it_was() {
        let content = conversation();
        for (length, used) in [(0, 0), (1, 5), (2, 9), (3, 14), (4, 20)] {
            let rewound = content.rewound(length).unwrap();
            assert_eq!(rewound.context_used(), used);
            // Only the whole of it is what the tokens of the last turn say.
            assert_eq!(rewound.tokens().len(), if length == 4 { 20 } else { 0 });
        }
        assert_eq!(content.rewound(4).unwrap(), content);
        assert_eq!(content.rewound(0).unwrap(), Content::New);
    }

    #[test]
    fn nothing_can_be_rewound_beyond_its_end() {
        for (content, most) in [(Content::New, 0), (conversation(), 4), (Content::Raw(Arc::new(vec![1; 3])), 3)] {
            let error = content.rewound(most + 1).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidArgument);
            assert_eq!(error.detail("most"), Some(most.to_string().as_str()));
            assert_eq!(error.detail("length"), Some((most + 1).to_string().as_str()));
        }
    }

    #[test]
    fn raw_text_is_cut_at_a_token() {
        let content = Content::Raw(Arc::new(vec![4, 5, 6]));
        assert_eq!(content.rewound(2).unwrap(), Content::Raw(Arc::new(vec![4, 5])));
        assert_eq!(content.rewound(2).unwrap().context_used(), 2);
    }

    #[test]
    fn another_system_message_makes_other_tokens_of_the_same_words() {
        let Content::Chat(chat) = conversation().under_another_system_message() else { panic!("a conversation") };
        assert_eq!((chat.said.len(), chat.last_turn.is_none()), (4, true));
        assert!(chat.said.iter().all(|said| said.used == 0));
    }
}
