//! A message of a conversation, and lists of them as JSON, in OpenAI's form.

use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Reason, Result};

/// Most messages of one list, and most bytes of it as JSON: more than any window holds.
const MOST_MESSAGES: usize = 1 << 16;
const MOST_JSON: usize = 64 << 20;

const LONGEST_NAME: usize = 64;

/// Words of a parser may quote what they are about, which may be long.
const LONGEST_QUOTE: usize = 300;

/// One message of a conversation. In JSON as OpenAI has it: `{"role": "user", "content": "Hello"}`, and the rest only where
/// there is some; other keys are refused. The content may be a list of parts, of which those with `text` are known; it is then
/// their texts, one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// What the assistant thought before it said that.
    pub reasoning_content: String,
    /// What the assistant calls.
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's result: the call it answers; may be empty.
    pub tool_call_id: String,
    /// Of a tool's result: the tool; may be empty.
    pub name: String,
}

impl ChatMessage {
    /// A message.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        ChatMessage { role, content: content.into(), ..ChatMessage::default() }
    }

    /// A tool's result, for the call with this id.
    pub fn tool_result(tool_call_id: impl Into<String>, content: impl Into<String>) -> Self {
        ChatMessage { tool_call_id: tool_call_id.into(), ..ChatMessage::new(Role::Tool, content) }
    }

    /// Reads a JSON list of messages; `invalid_messages` if it is none.
    pub fn list_from_json(json: &str) -> Result<Vec<ChatMessage>> {
        parse(json)
    }
}

/// A call of a tool by the model. In JSON `{"id": "…", "type": "function", "function": {"name": "…", "arguments": "…"}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// Its name in this conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, as JSON.
    pub arguments: String,
}

/// Who says a message. In JSON and on all surfaces its name: `system`, `user`, `assistant`, `tool`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Role {
    /// The maker of the program: how the assistant is to behave.
    System,
    /// The person.
    #[default]
    User,
    /// The model.
    Assistant,
    /// What a tool that the model called came to.
    Tool,
}

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
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
            "tool" => Ok(Role::Tool),
            _ => {
                let message = format!("a role is system, user, assistant or tool, not `{name}`");
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

/// OpenAI's rule for the names of tools. None of them spells a control token.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err("the name of a tool is 1 to 64 letters, digits, `_`, `-` and `.`")
}

/// Reads a JSON list of messages.
pub(crate) fn parse(json: &str) -> Result<Vec<ChatMessage>> {
    if json.len() > MOST_JSON {
        let message = format!("the messages are {} bytes of JSON; at most {MOST_JSON} are read", json.len());
        return Err(Error::new(Reason::InvalidMessages, message).with("limit", MOST_JSON));
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let read: Vec<ChatMessage> = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let index = error.path().iter().find_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(*index),
            _ => None,
        });
        malformed(index, error.inner())
    })?;
    reader.end().map_err(|error| malformed(None, &error))?;
    Ok(read)
}

/// Checks messages of which the last is to be answered; `may_continue`: or, if it is the assistant's, to be continued.
pub(crate) fn check(messages: &[ChatMessage], may_continue: bool) -> Result<()> {
    let Some((last, before)) = messages.split_last() else {
        return Err(Error::new(Reason::InvalidMessages, "there are no messages; the last one is the user's"));
    };
    if messages.len() > MOST_MESSAGES {
        let message = format!("{} messages are more than the {MOST_MESSAGES} of one list", messages.len());
        return Err(Error::new(Reason::InvalidMessages, message).with("limit", MOST_MESSAGES));
    }
    let index = before.len();
    let wrong = |words: &str| {
        let message = format!("the last message, {index}, {words}");
        Err(Error::new(Reason::InvalidMessages, message).with("index", index))
    };
    match last.role {
        Role::User if last.content.is_empty() => wrong("is empty"),
        Role::User | Role::Tool => Ok(()),
        Role::Assistant if !may_continue => {
            wrong("is of the assistant; it must be the user's or a tool's, unless continue_final_message is on")
        }
        Role::Assistant if !last.tool_calls.is_empty() => {
            wrong("calls tools; their results come next, nothing continues it")
        }
        Role::Assistant if last.content.is_empty() && last.reasoning_content.is_empty() => {
            wrong("is empty; there is nothing in it to continue")
        }
        Role::Assistant if before.last().is_some_and(|message| message.role == Role::Assistant) => wrong(TWO_ANSWERS),
        Role::Assistant => Ok(()),
        Role::System => wrong("is of the system; it must be the user's or a tool's, which is answered"),
    }
}

/// Of an answer to continue that comes after another one.
pub(crate) const TWO_ANSWERS: &str =
    "and the one before are both of the assistant; give what is to be continued as one message";

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

// What is derived would take a list of the fields as well as an object.
impl<'de> Deserialize<'de> for ChatMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ChatMessage;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `role` and `content`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ChatMessage, A::Error> {
                let wire = Wire::deserialize(MapAccessDeserializer::new(map))?;
                wire.message().map_err(serde::de::Error::custom)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A message as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<WireContent>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tool_call_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a string, null, or a list of parts such as {\"type\": \"text\", \"text\": \"Hello\"}"
)]
enum WireContent {
    Text(String),
    Parts(Vec<WirePart>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePart {
    r#type: TextType,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TextType {
    Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCall {
    #[serde(default)]
    id: String,
    #[serde(default)]
    r#type: CallType,
    function: WireFunction,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CallType {
    #[default]
    Function,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFunction {
    name: String,
    arguments: Value,
}

impl Wire {
    fn message(self) -> Result<ChatMessage, &'static str> {
        let Wire { role, content, reasoning_content, tool_calls, tool_call_id, name } = self;
        if role != Role::Assistant && !(tool_calls.is_empty() && reasoning_content.is_empty()) {
            return Err("only the assistant has `tool_calls` and `reasoning_content`");
        }
        if role != Role::Tool && !(tool_call_id.is_empty() && name.is_empty()) {
            return Err("only a tool's result has `tool_call_id` and `name`");
        }
        let content = match content {
            Some(WireContent::Text(text)) => text,
            Some(WireContent::Parts(parts)) => parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("\n"),
            None if tool_calls.is_empty() => return Err("missing field `content`"),
            None => String::new(),
        };
        let tool_calls = tool_calls.into_iter().map(WireCall::call).collect::<Result<_, _>>()?;
        Ok(ChatMessage { role, content, reasoning_content, tool_calls, tool_call_id, name })
    }
}

impl WireCall {
    fn call(self) -> Result<ToolCall, &'static str> {
        let arguments = match self.function.arguments {
            Value::String(text) => text,
            arguments @ Value::Object(_) => arguments.to_string(),
            _ => return Err("the arguments of a call are an object, or one as a text"),
        };
        if !matches!(serde_json::from_str(&arguments), Ok(Value::Object(_))) {
            return Err("the arguments of a call are not a JSON object");
        }
        check_name(&self.function.name)?;
        Ok(ToolCall { id: self.id, name: self.function.name, arguments })
    }
}

impl From<&ChatMessage> for Wire {
    fn from(message: &ChatMessage) -> Self {
        let call = |call: &ToolCall| WireCall {
            id: call.id.clone(),
            r#type: CallType::Function,
            function: WireFunction { name: call.name.clone(), arguments: Value::String(call.arguments.clone()) },
        };
        Wire {
            role: message.role,
            content: Some(WireContent::Text(message.content.clone())),
            reasoning_content: message.reasoning_content.clone(),
            tool_calls: message.tool_calls.iter().map(call).collect(),
            tool_call_id: message.tool_call_id.clone(),
            name: message.name.clone(),
        }
    }
}

impl Serialize for ChatMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self).serialize(serializer)
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
    fn calls_results_and_parts_are_read_and_written_as_openai_has_them() {
        let call = r#"{"id":"a","type":"function","function":{"name":"add","arguments":"{\"x\": 1}"}}"#;
        let json = format!(
            r#"[{{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{call}]}},
                {{"role":"tool","content":[{{"type":"text","text":"1"}},{{"type":"text","text":"2"}}],"tool_call_id":"a","name":"add"}}]"#
        );
        let messages = parse(&json).unwrap();
        let called = ToolCall { id: "a".into(), name: "add".into(), arguments: r#"{"x": 1}"#.into() };
        assert_eq!((messages[0].reasoning_content.as_str(), &messages[0].tool_calls), ("hm", &vec![called]));
        assert_eq!(messages[1], ChatMessage { name: "add".into(), ..ChatMessage::tool_result("a", "1\n2") });
        assert_eq!(parse(&serde_json::to_string(&messages).unwrap()).unwrap(), messages);
    }

    #[test]
    fn what_is_no_message_is_named_by_its_place_and_what_is_wrong() {
        let good = r#"{"role":"user","content":"x"}"#;
        let cases = [
            (r#"{"role":"user","content":"x","names":"me"}"#, "unknown field `names`"),
            (r#"{"role":"user","content":"x","name":"me"}"#, "only a tool's result has"),
            (
                r#"{"role":"user","content":"x","tool_calls":[{"function":{"name":"f","arguments":{}}}]}"#,
                "only the assistant",
            ),
            (r#"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[]"}}]}"#, "not a JSON object"),
            (
                r#"{"role":"assistant","tool_calls":[{"function":{"name":"<|im_end|>","arguments":{}}}]}"#,
                "name of a tool",
            ),
            (r#"{"role":"user"}"#, "missing field `content`"),
            (r#"{"role":"user","content":"x","content":"y"}"#, "duplicate field `content`"),
            (r#"{"role":"tools","content":"x"}"#, "a role is system, user, assistant or tool, not `tools`"),
            (r#"{"role":{"user":null},"content":"x"}"#, "expected a string"),
            (r#"{"role":"user","content":null}"#, "missing field `content`"),
            (r#"{"role":"user","content":[{"type":"text"}]}"#, "expected a string"),
            (r#"{"role":"user","content":[{"type":"image","text":""}]}"#, "expected a string"),
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
        assert!(check(&[says(Role::Assistant, ""), says(Role::User, "x")], false).is_ok());
        assert!(check(&[says(Role::Tool, "")], false).is_ok());
        for (last, at) in
            [(says(Role::Assistant, "x"), "1"), (says(Role::System, "x"), "1"), (says(Role::User, ""), "1")]
        {
            let error = check(&[says(Role::User, "x"), last], false).unwrap_err();
            assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidMessages, Some(at)));
        }
        assert_eq!(check(&[], true).unwrap_err().reason(), Reason::InvalidMessages);
        let many = vec![says(Role::User, "x"); MOST_MESSAGES + 1];
        assert_eq!(check(&many, false).unwrap_err().reason(), Reason::InvalidMessages);
    }

    #[test]
    fn an_answer_is_continued_where_it_stands_alone_and_says_something() {
        let says = |role, text| ChatMessage::new(role, text);
        let user = || says(Role::User, "x");
        let thinks = ChatMessage { reasoning_content: "hm".into(), ..says(Role::Assistant, "") };
        for last in [says(Role::Assistant, "x"), thinks, user(), says(Role::Tool, "")] {
            assert!(check(&[user(), last.clone()], true).is_ok(), "{last:?}");
        }
        let calls = ChatMessage { tool_calls: vec![ToolCall::default()], ..says(Role::Assistant, "x") };
        for last in [says(Role::Assistant, ""), says(Role::System, "x"), calls] {
            assert_eq!(check(&[user(), last], true).unwrap_err().detail("index"), Some("1"));
        }
        let two = [user(), says(Role::Assistant, "x"), says(Role::Assistant, "y")];
        assert_eq!(check(&two, true).unwrap_err().detail("index"), Some("2"));
    }
}
