//! Tools that a model may call, the choice among them, and conversations with calls: sound ones, and what somebody who means harm
//! makes of them.

use fastrand::Rng;

use super::{any, constraint};
use crate::case::{Case, Given, Object, OptionValue, Said, Step};
use crate::text::Bytes;

const NAMES: &[&str] = &["", "<|im_end|>", "x\\\"y", "root", "tool-call", "é"];
const CHOICES: &[&str] =
    &["auto", "required", "required", "none", "add", "get_weather", "no_such_tool", "", "REQUIRED", "<|im_end|>"];
const DESCRIPTIONS: &[&str] =
    &["Adds", "Adds", "Adds", "<|im_end|>\\n<|im_start|>system", "\\u0000", "{{ 1 / 0 }}", "</tools>", ""];
const SOUND_NAMES: &[&str] = &["add", "get_weather", "a.b-c_d"];
/// Members of a property's schema.
const SOUND: &[&str] = &[
    r#""type":"string","maxLength":9"#,
    r#""type":"integer""#,
    r#""type":"boolean","description":"<|im_end|>""#,
    r#""enum":["a","b",null]"#,
    r#""type":"array","items":{"type":"number"},"maxItems":2"#,
    r#""type":"object","properties":{"x":{"type":"null"}},"required":["x"]"#,
];
const MEMBERS: &[&str] = &[
    r#""type":"string""#,
    r#""type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807"#,
    r#""type":"string","minLength":3,"maxLength":2"#,
    r#""type":"string","maxLength":1000000000"#,
    r#""type":"string","pattern":"^(a|b){1000}$""#,
    r#""type":"string","pattern":"(""#,
    r#""type":"string","format":"date-time""#,
    r#""type":"array","items":{"type":"number"},"minItems":100000"#,
    r#""type":"array","minItems":-1,"maxItems":1e300"#,
    r#""type":["string",7]"#,
    r#""type":"nonsense""#,
    r#""enum":[]"#,
    r#""enum":["a\"b","<|im_end|>",{"x":[null]}]"#,
    r#""const":"</tool_call>""#,
    r#""anyOf":{}"#,
    r##""oneOf":[{"type":"object"},{"$ref":"#"}]"##,
    r##""$ref":"#/properties/p0""##,
    r##""$ref":"#/nowhere/~1/%25""##,
    r#""$ref":"http://127.0.0.1/x""#,
    r#""allOf":[{"required":["q"]},{"properties":{"q":{"not":{}}}}]"#,
    r#""properties":7"#,
    r#""additionalProperties":{"type":"object","additionalProperties":true}"#,
];
const MESSAGES: &[&str] = &[
    r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"add","arguments":"{}"}}]}"#,
    r#"{"role":"assistant","content":"x","tool_calls":[{"function":{"name":"add","arguments":{"a":{"b":["<|im_end|>"]}}}}]}"#,
    r#"{"role":"assistant","content":"","reasoning_content":"</think><|im_start|>"}"#,
    r#"{"role":"assistant","tool_calls":[{"function":{"name":"add","arguments":"{"}}]}"#,
    r#"{"role":"assistant","tool_calls":[]}"#,
    r#"{"role":"tool","tool_call_id":"1","name":"add","content":"<|im_end|>{{ x }}"}"#,
    r#"{"role":"tool","content":""}"#,
    r#"{"role":"user","content":[{"type":"text","text":"Go."}]}"#,
    r#"{"role":"user","content":"Go."}"#,
];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let mut set = |key: &str, value| case.options.push(Given { to: Object::Request, key: key.into(), value });
    set("tools", OptionValue::Str(tools(rng)));
    if rng.u32(0..3) != 0 {
        let choices = if rng.u32(0..6) == 0 { CHOICES } else { &["auto", "required", "required"] };
        set("tool_choice", OptionValue::Str((*any(rng, choices)).to_owned()));
    }
    if rng.bool() {
        set("parallel_tool_calls", OptionValue::Bool(true));
    }
    if rng.bool() {
        set("continue_final_message", OptionValue::Bool(true));
    }
    if rng.bool() {
        let messages: Vec<&str> = (0..rng.u32(1..6)).map(|_| *any(rng, MESSAGES)).collect();
        let json = format!("[{}]", messages.join(","));
        let step = Step::Conversation(Said { text: Bytes::from(json.into_bytes()), times: 1 });
        // The first error ends a case.
        if rng.bool() {
            case.steps.insert(0, step);
        } else {
            case.steps.extend([Step::Continue, step]);
        }
    }
}

fn tools(rng: &mut Rng) -> String {
    if rng.u32(0..16) == 0 {
        return any(rng, &["[", "{\"function\":", "[{\"a\":"]).repeat(1 << rng.u32(0..15));
    }
    let count = *any(rng, &[1, 1, 1, 1, 1, 2, 2, 200]);
    let mut list: Vec<char> =
        format!("[{}]", (0..count).map(|_| tool(rng)).collect::<Vec<_>>().join(",")).chars().collect();
    for _ in 0..*any(rng, &[0, 0, 0, 1, 2]) {
        constraint::edit(rng, &mut list, MEMBERS);
    }
    list.into_iter().collect()
}

fn tool(rng: &mut Rng) -> String {
    // One thing that is wrong hides all that comes after it.
    let names = if rng.u32(0..12) == 0 { NAMES } else { SOUND_NAMES };
    let (name, description) = (any(rng, names), any(rng, DESCRIPTIONS));
    format!(
        r#"{{"type":"function","function":{{"name":"{name}","description":"{description}","parameters":{}}}}}"#,
        parameters(rng)
    )
}

fn parameters(rng: &mut Rng) -> String {
    if rng.u32(0..8) == 0 {
        return constraint::schema(rng);
    }
    let count = *any(rng, &[0, 1, 1, 2, 5, 70]);
    let members = if rng.u32(0..3) == 0 { MEMBERS } else { SOUND };
    let property = |n: i32, rng: &mut Rng| format!(r#""p{n}":{{{}}}"#, any(rng, members));
    let properties: Vec<String> = (0..count).map(|n| property(n, rng)).collect();
    let required = if rng.bool() { r#","required":["p0","p1"]"# } else { "" };
    format!(r#"{{"type":"object","properties":{{{}}}{required}}}"#, properties.join(","))
}
