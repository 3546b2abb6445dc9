//! A case: a sound file, edits of it, options, and what is said to the model then. All of it can be kept as JSON.

use chaku_abi::{Options, Value};
use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::text::{Bytes, float};

/// What is mutated. A new kind of input is a row here and one in `generate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A model that chats.
    Model,
    /// A GGUF of another kind: vocabulary, encoder, projector, adapter.
    OtherGguf,
    Template,
    Grammar,
    /// A JSON Schema, a regular expression, a Lark grammar.
    Constraint,
    Options,
    Messages,
    /// A saved session.
    State,
    /// A conversation as JSON.
    Conversation,
    /// Tools, which of them to call, and calls.
    Tools,
}

impl Kind {
    /// Each kind, and how often it comes in a hundred.
    pub(crate) const ALL: [(Kind, u32); 10] = [
        (Kind::Model, 42),
        (Kind::OtherGguf, 14),
        (Kind::Template, 9),
        (Kind::Grammar, 6),
        (Kind::Constraint, 5),
        (Kind::Options, 8),
        (Kind::Messages, 6),
        (Kind::State, 4),
        (Kind::Conversation, 2),
        (Kind::Tools, 4),
    ];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    /// The sound file.
    pub(crate) base: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) edits: Vec<Edit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) options: Vec<Given>,
    pub(crate) steps: Vec<Step>,
}

/// An option, and what it is given to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) to: Object,
    pub(crate) key: String,
    pub(crate) value: OptionValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Object {
    Model,
    Session,
    Request,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum OptionValue {
    I64(i64),
    #[serde(with = "float")]
    F64(f64),
    Bool(bool),
    Str(String),
    List(Vec<String>),
}

impl OptionValue {
    pub(crate) fn set(&self, options: &Options, key: &str) -> chaku_abi::Result<()> {
        let value = match self {
            OptionValue::I64(value) => Value::I64(*value),
            OptionValue::F64(value) => Value::F64(*value),
            OptionValue::Bool(value) => Value::Bool(*value),
            OptionValue::Str(value) => Value::Str(value.clone()),
            OptionValue::List(value) => Value::List(value.clone()),
        };
        options.set(key, &value)
    }
}

/// What is done with the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    Chat(Said),
    Generate(Said),
    Ingest {
        role: Option<String>,
        said: Said,
    },
    Continue,
    Reset,
    /// Saves the session, and goes on with what these edits leave of it. `sealed`: they are of its head, and lengths and
    /// checksum are made right again, as by somebody who means harm.
    Restore {
        edits: Vec<Edit>,
        sealed: bool,
    },
    /// Asks the model for an answer to this JSON.
    Conversation(Said),
}

/// A text, so many times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) text: Bytes,
    pub(crate) times: usize,
}

impl Said {
    pub(crate) fn once(text: &str) -> Self {
        Said { text: text.into(), times: 1 }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.text.as_slice().repeat(self.times)
    }
}
