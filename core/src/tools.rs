//! Tools that the model may call: their definitions, as OpenAI has them, and which of them it must call.

use serde_json::{Map, Value};

use crate::error::{Error, Reason, Result};
use crate::message::check_name;
use crate::options::Layers;

/// Most tools, and most bytes of their definitions: llama.cpp makes grammars and parsers from them in one go.
const MOST_TOOLS: usize = 128;
const MOST_JSON: usize = 64 << 10;

/// Most properties of one object that may be left out: a grammar has a rule for each of them that may come next.
const MOST_OPTIONAL: usize = 64;

/// Longest pattern, deepest group in it, and most repetitions.
const LONGEST_PATTERN: usize = 256;
const DEEPEST_GROUP: usize = 16;
const MOST_REPEATED: u32 = 1000;

const EXAMPLE: &str = r#"{"type": "function", "function": {"name": "add", "description": "Adds two numbers", "parameters": {"type": "object", …}}}"#;

/// What a request says of tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tools {
    /// Definitions, checked. Of a call that is asked for by name only that one.
    pub(crate) definitions: Vec<Value>,
    /// A call must come, and nothing else.
    pub(crate) required: bool,
    /// Several calls may come in one answer.
    pub(crate) parallel: bool,
}

impl Tools {
    /// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
    pub(crate) fn asked(layers: &Layers<'_>) -> Result<Self> {
        let choice = layers.str("tool_choice").unwrap_or("auto");
        let definitions = layers.str("tools").map(parse).transpose()?.unwrap_or_default();
        let mut tools = Tools { definitions, required: false, parallel: layers.bool("parallel_tool_calls") };
        match choice {
            "auto" => {}
            "none" => tools.definitions.clear(),
            _ if tools.definitions.is_empty() => {
                let message = format!("tool_choice is `{choice}`, and there are no tools to call; give some as tools");
                return Err(invalid(message));
            }
            "required" => tools.required = true,
            name => {
                tools.definitions.retain(|tool| name_of(tool) == Some(name));
                if tools.definitions.is_empty() {
                    let message = format!("tool_choice is auto, none, required or the name of a tool, not `{name}`");
                    return Err(invalid(message).with("tool_choice", name));
                }
                tools.required = true;
            }
        }
        Ok(tools)
    }

    /// What a template is told of the choice.
    pub(crate) fn choice(&self) -> &'static str {
        if self.required { "required" } else { "auto" }
    }
}

fn parse(json: &str) -> Result<Vec<Value>> {
    if json.len() > MOST_JSON {
        let message = format!("the tools are {} bytes of JSON; at most {MOST_JSON} are read", json.len());
        return Err(invalid(message).with("limit", MOST_JSON));
    }
    let read: Value = serde_json::from_str(json).map_err(|error| invalid(format!("the tools are no JSON: {error}")))?;
    let Value::Array(tools) = read else {
        return Err(invalid(format!("the tools are not a list such as [{EXAMPLE}]")));
    };
    if tools.len() > MOST_TOOLS {
        return Err(invalid(format!("{} tools are more than {MOST_TOOLS}", tools.len())).with("limit", MOST_TOOLS));
    }
    for (index, tool) in tools.iter().enumerate() {
        let wrong =
            |words: &str| invalid(format!("tool {index}: {words}; it must be like {EXAMPLE}")).with("index", index);
        check(tool).map_err(wrong)?;
        if tools[..index].iter().any(|other| name_of(other) == name_of(tool)) {
            return Err(wrong("there is another one of this name"));
        }
    }
    Ok(tools)
}

fn check(tool: &Value) -> Result<(), &'static str> {
    let object = |value: &'_ Value| value.as_object().cloned();
    let known = |object: &Map<String, Value>, keys: &[&str]| object.keys().all(|key| keys.contains(&key.as_str()));
    let tool = object(tool).ok_or("it is not an object")?;
    if !known(&tool, &["type", "function"]) || tool.get("type").is_some_and(|kind| kind != "function") {
        return Err("it is not of the type `function`, or has an unknown key");
    }
    let function = tool.get("function").and_then(object).ok_or("it has no `function`")?;
    if !known(&function, &["name", "description", "parameters", "strict"]) {
        return Err("its function has an unknown key");
    }
    check_name(function.get("name").and_then(Value::as_str).ok_or("its function has no `name`")?)?;
    if function.get("description").is_some_and(|text| !text.is_string()) {
        return Err("its description is not a text");
    }
    match function.get("parameters") {
        None => Ok(()),
        Some(schema @ Value::Object(_)) => check_schema(schema),
        Some(_) => Err("its parameters are not a JSON Schema of an object"),
    }
}

/// Refuses what llama.cpp would take long over, follow only in part and say so on stderr, or look for elsewhere.
fn check_schema(schema: &Value) -> Result<(), &'static str> {
    match schema {
        Value::Object(object) => {
            if object.get("$ref").is_some_and(|to| !to.as_str().is_some_and(|to| to.starts_with("#/"))) {
                return Err("its parameters refer to something outside of them");
            }
            let properties = object.get("properties").and_then(Value::as_object).map_or(0, Map::len);
            let required = object.get("required").and_then(Value::as_array).map_or(0, Vec::len);
            if properties.saturating_sub(required) > MOST_OPTIONAL {
                return Err("its parameters have an object with more than 64 properties that may be left out");
            }
            if let Some(Value::String(pattern)) = object.get("pattern")
                && !is_simple(pattern)
            {
                return Err(
                    "its parameters have a pattern that cannot be followed: it must begin with ^, end with $, and be \
                            made of letters, digits, classes, groups, `|`, `.`, `*`, `+`, `?` and `{m,n}`, without escapes",
                );
            }
            object.values().try_for_each(check_schema)
        }
        Value::Array(items) => items.iter().try_for_each(check_schema),
        _ => Ok(()),
    }
}

/// Whether llama.cpp can surely make a grammar of a pattern. Where it cannot, it takes any text instead.
fn is_simple(pattern: &str) -> bool {
    let Some(inner) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')) else { return false };
    if pattern.len() > LONGEST_PATTERN {
        return false;
    }
    let literal = |c: char| c.is_ascii_alphanumeric() || " _-,:;/@#%&=!~<>".contains(c);
    let (mut depth, mut repeatable) = (0, false);
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        repeatable = match c {
            '(' if depth < DEEPEST_GROUP => {
                depth += 1;
                false
            }
            ')' if depth > 0 => {
                depth -= 1;
                true
            }
            '[' => {
                let class: String = rest.by_ref().take_while(|&c| c != ']').collect();
                let chars = class.strip_prefix('^').unwrap_or(&class);
                // The closing bracket was there if something is left, or if the pattern ends in it.
                let closed = !rest.as_str().is_empty() || inner.ends_with(']');
                if chars.is_empty() || !closed || !chars.chars().all(|c| literal(c) || c == '.') {
                    return false;
                }
                true
            }
            '{' if repeatable => {
                let Some((count, after)) = rest.as_str().split_once('}') else { return false };
                let number = |text: &str| text.parse().is_ok_and(|n: u32| n <= MOST_REPEATED);
                if !count.split_once(',').map_or(number(count), |(least, most)| number(least) && number(most)) {
                    return false;
                }
                rest = after.chars();
                false
            }
            '*' | '+' | '?' if repeatable => false,
            '|' => false,
            '.' => true,
            c if literal(c) => true,
            _ => return false,
        };
    }
    depth == 0
}

fn name_of(tool: &Value) -> Option<&str> {
    tool.get("function")?.get("name")?.as_str()
}

fn invalid(message: String) -> Error {
    Error::new(Reason::InvalidTools, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn asked(tools: &str, choice: &str) -> Result<Tools> {
        let mut options = Options::new();
        options.set_str("tools", tools).unwrap();
        options.set_str("tool_choice", choice).unwrap();
        Tools::asked(&Layers(vec![&options]))
    }

    fn tool(name: &str) -> String {
        format!(r#"{{"type": "function", "function": {{"name": "{name}"}}}}"#)
    }

    #[test]
    fn a_choice_says_which_tools_there_are_and_whether_one_must_be_called() {
        let two = format!("[{}, {}]", tool("add"), tool("sub"));
        for (choice, count, required) in
            [("", 2, false), ("auto", 2, false), ("none", 0, false), ("required", 2, true), ("sub", 1, true)]
        {
            let tools = asked(&two, choice).unwrap();
            assert_eq!((tools.definitions.len(), tools.required), (count, required), "{choice}");
        }
        assert_eq!(asked("[]", "auto").unwrap(), Tools::default());
        for (tools, choice) in [(two.as_str(), "mul"), ("[]", "required"), ("[]", "add")] {
            assert_eq!(asked(tools, choice).unwrap_err().reason(), Reason::InvalidTools, "{choice}");
        }
    }

    #[test]
    fn what_is_no_tool_is_named_by_its_place_and_what_is_wrong() {
        let cases = [
            ("7", "not an object"),
            ("{}", "no `function`"),
            (r#"{"type": "code", "function": {"name": "x"}}"#, "type"),
            (r#"{"function": {"name": "x", "more": 1}}"#, "unknown key"),
            (r#"{"function": {"name": "<|im_end|>"}}"#, "name of a tool"),
            (r#"{"function": {"name": ""}}"#, "name of a tool"),
            (r#"{"function": {"name": "x", "description": 1}}"#, "description"),
            (r#"{"function": {"name": "x", "parameters": []}}"#, "parameters"),
            (r#"{"function": {"name": "x", "parameters": {"properties": {"a": {"$ref": "http://x"}}}}}"#, "outside"),
            (r#"{"function": {"name": "x", "parameters": {"properties": {"a": {"pattern": "a+"}}}}}"#, "pattern"),
            (r#"{"function": {"name": "add"}}"#, "another one"),
        ];
        for (bad, words) in cases {
            let error = asked(&format!("[{}, {bad}]", tool("add")), "").unwrap_err();
            assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidTools, Some("1")), "{bad}");
            assert!(error.message().contains(words), "{bad}: {}", error.message());
        }
        for bad in ["", "{}", "[", &format!("[{}]", "[".repeat(1000)), &" ".repeat(MOST_JSON + 1)] {
            if !bad.is_empty() {
                assert_eq!(asked(bad, "").unwrap_err().reason(), Reason::InvalidTools);
            }
        }
        let optional: Vec<String> = (0..=MOST_OPTIONAL).map(|n| format!(r#""p{n}": {{}}"#)).collect();
        let wide =
            format!(r#"[{{"function": {{"name": "x", "parameters": {{"properties": {{{}}}}}}}}}]"#, optional.join(","));
        assert!(asked(&wide, "").unwrap_err().message().contains("64 properties"));
        let many: Vec<String> = (0..=MOST_TOOLS).map(|n| tool(&format!("t{n}"))).collect();
        assert_eq!(asked(&format!("[{}]", many.join(",")), "").unwrap_err().detail("limit"), Some("128"));
    }

    #[test]
    fn a_pattern_is_one_that_llama_cpp_follows() {
        for good in ["^$", "^[a-z]{2,3}-[0-9]+$", "^(yes|no), (a|[^b]?c)*$", "^a{3}.b$", "^[A-Z][a-z ]*$"] {
            assert!(is_simple(good), "{good}");
        }
        let deep = format!("^{}a{}$", "(".repeat(20), ")".repeat(20));
        let long = format!("^{}$", "a".repeat(LONGEST_PATTERN));
        for bad in [
            "",
            "^",
            "$",
            "a",
            "^a",
            "a$",
            "^(a$",
            "^a)$",
            "^[a$",
            "^[]$",
            "^*a$",
            "^a**$",
            "^(|*)$",
            "^a{2$",
            "^a{1,}$",
            "^a{9999}$",
            "^{2}$",
            "^\\d$",
            "^(?=a)$",
            "^a^$",
            "^\"$",
            "^[\\w]$",
            "^é$",
            &deep,
            &long,
        ] {
            assert!(!is_simple(bad), "{bad}");
        }
    }
}
