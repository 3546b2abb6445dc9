//! A message of a conversation, and lists of them as JSON.

use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Reason, Result};

/// Most messages of one list, and most bytes of it as JSON: more than any window holds.
const MOST_MESSAGES: usize = 1 << 16;
const MOST_JSON: usize = 64 << 20;

/// Words of a parser may quote what they are about, which may be long.
const LONGEST_QUOTE: usize = 300;

/// One message of a conversation. In JSON `{"role": "user", "content": "Hello"}`; other keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ChatMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A message.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        ChatMessage { role, content: content.into() }
    }
}

/// Who says a message. In JSON and on all surfaces its name: `system`, `user`, `assistant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Role {
    /// The maker of the program: how the assistant is to behave.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "system" => Ok(Role::System),
            "user" => Ok(Role::User),
            "assistant" => Ok(Role::Assistant),
            _ => {
                let message = format!("a role is system, user or assistant, not `{name}`");
                Err(Error::new(Reason::InvalidArgument, message).with("role", name))
            }
        }
    }
}

impl TryFrom<String> for Role {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<Role> for &'static str {
    fn from(role: Role) -> Self {
        role.as_str()
    }
}

/// Reads a JSON list of messages.
pub(crate) fn parse(json: &str) -> Result<Vec<ChatMessage>> {
    if json.len() > MOST_JSON {
        let message = format!("the messages are {} bytes of JSON; at most {MOST_JSON} are read", json.len());
        return Err(Error::new(Reason::InvalidMessages, message).with("limit", MOST_JSON));
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let read: Vec<Object> = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let index = error.path().iter().find_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(*index),
            _ => None,
        });
        malformed(index, error.inner())
    })?;
    reader.end().map_err(|error| malformed(None, &error))?;
    Ok(read.into_iter().map(|Object(message)| message).collect())
}

/// Checks a conversation that is to be answered.
pub(crate) fn check(messages: &[ChatMessage]) -> Result<()> {
    let Some((last, before)) = messages.split_last() else {
        return Err(Error::new(Reason::InvalidMessages, "there are no messages; the last one is the user's"));
    };
    if messages.len() > MOST_MESSAGES {
        let message = format!("{} messages are more than the {MOST_MESSAGES} of one list", messages.len());
        return Err(Error::new(Reason::InvalidMessages, message).with("limit", MOST_MESSAGES));
    }
    let index = before.len();
    if last.role != Role::User {
        let role = last.role.as_str();
        let message = format!("the last message, {index}, is of the {role}; it must be the user's, which is answered");
        return Err(Error::new(Reason::InvalidMessages, message).with("index", index));
    }
    if last.content.is_empty() {
        let message = format!("the last message, {index}, is empty");
        return Err(Error::new(Reason::InvalidMessages, message).with("index", index));
    }
    Ok(())
}

fn malformed(index: Option<usize>, error: &serde_json::Error) -> Error {
    let words: String = error.to_string().chars().take(LONGEST_QUOTE).collect();
    match index {
        None => {
            let message = format!("the messages are not a JSON list such as [{EXAMPLE}]: {words}");
            Error::new(Reason::InvalidMessages, message)
        }
        Some(index) => {
            let message = format!("message {index} is not like {EXAMPLE}: {words}");
            Error::new(Reason::InvalidMessages, message).with("index", index)
        }
    }
}

const EXAMPLE: &str = r#"{"role": "user", "content": "Hello"}"#;

/// A message that is a JSON object: what is derived would take a list of two texts as well.
struct Object(ChatMessage);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `role` and `content`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
                ChatMessage::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_order() {
        let json = r#" [{"role": "system", "content": "Be \u00e9"}, {"content": "Hi\n", "role": "user"}] "#;
        let expected = [ChatMessage::new(Role::System, "Be é"), ChatMessage::new(Role::User, "Hi\n")];
        assert_eq!(parse(json).unwrap(), expected);
        assert_eq!(serde_json::to_string(&expected[1]).unwrap(), r#"{"role":"user","content":"Hi\n"}"#);
        assert_eq!(parse("[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_message_is_named_by_its_place_and_what_is_wrong() {
        let good = r#"{"role":"user","content":"x"}"#;
        let cases = [
            (r#"{"role":"user","content":"x","name":"me"}"#, "unknown field `name`"),
            (r#"{"role":"user"}"#, "missing field `content`"),
            (r#"{"role":"user","content":"x","content":"y"}"#, "duplicate field `content`"),
            (r#"{"role":"tool","content":"x"}"#, "a role is system, user or assistant, not `tool`"),
            (r#"{"role":{"user":null},"content":"x"}"#, "expected a string"),
            (r#"{"role":"user","content":null}"#, "expected a string"),
            (r#"{"role":"user","content":[{"type":"text"}]}"#, "expected a string"),
            (r#"["user","x"]"#, "expected an object with `role` and `content`"),
            (r#"{"role":"user","content":"\ud800"}"#, "hex escape"),
            ("7", "expected an object"),
        ];
        for (bad, words) in cases {
            let error = parse(&format!("[{good},{bad},{good}]")).unwrap_err();
            assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidMessages, Some("1")), "{bad}");
            assert!(error.message().contains(words), "{bad}: {}", error.message());
        }
    }

    #[test]
    fn what_is_no_list_is_refused_however_deep_or_long() {
        let deep = "[".repeat(1 << 20);
        let long = format!(r#"[{{"{}":1}}]"#, "k".repeat(1 << 20));
        for bad in ["", "{}", "null", "[", "[]]", "[] []", "{\"role\":\"user\",\"content\":\"x\"}", &deep, &long] {
            let error = parse(bad).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidMessages);
            assert!(error.message().len() < 1000);
        }
        let error = parse(&" ".repeat(MOST_JSON + 1)).unwrap_err();
        assert_eq!(error.detail("limit"), Some("67108864"));
    }

    #[test]
    fn the_user_speaks_last_and_says_something() {
        let says = |role, text| ChatMessage::new(role, text);
        assert!(check(&[says(Role::Assistant, ""), says(Role::User, "x")]).is_ok());
        for (last, at) in
            [(says(Role::Assistant, "x"), "1"), (says(Role::System, "x"), "1"), (says(Role::User, ""), "1")]
        {
            let error = check(&[says(Role::User, "x"), last]).unwrap_err();
            assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidMessages, Some(at)));
        }
        assert_eq!(check(&[]).unwrap_err().reason(), Reason::InvalidMessages);
        let many = vec![says(Role::User, "x"); MOST_MESSAGES + 1];
        assert_eq!(check(&many).unwrap_err().reason(), Reason::InvalidMessages);
    }
}
