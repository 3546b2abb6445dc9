//! Conversations as JSON: sound ones, others that are JSON, and what is no JSON any more.

use fastrand::Rng;

use super::{any, messages};
use crate::case::{Case, Said, Step};
use crate::text::Bytes;

const KEYS: &[&str] = &["role", "content", "Role", "name", "tool_calls", "", "content\u{0}", "__proto__"];
const VALUES: &[&str] =
    &["null", "true", "0", "-1e999", "1e400", "{}", "[]", "[[\"a\"]]", "\"\\ud800\"", "\"\\u0000\"", "{\"user\":null}"];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let mut json = match rng.u32(0..12) {
        0 => (*any(rng, &["[", "{\"role\":", "[{\"role\":{\"a\":"])).repeat(1 << rng.u32(0..16)),
        _ => {
            let count = *any(rng, &[0, 1, 1, 2, 3, 5, 100]);
            let mut messages: Vec<String> = (0..count).map(|_| message(rng)).collect();
            if rng.u32(0..4) != 0 {
                messages.push(r#"{"role":"user","content":"Go."}"#.to_owned());
            }
            format!("[{}]", messages.join(","))
        }
    }
    .into_bytes();
    if rng.u32(0..3) == 0 && !json.is_empty() {
        let at = rng.usize(0..json.len());
        match rng.u32(0..4) {
            0 => json.truncate(at),
            1 => json[at] = rng.u8(..),
            2 => drop(json.remove(at)),
            _ => json.insert(at, *any(rng, b"[]{}\",:\\0e ")),
        }
    }
    case.steps = vec![Step::Conversation(Said { text: Bytes::from(json), times: 1 })];
}

fn message(rng: &mut Rng) -> String {
    let mut fields = vec![("role", role(rng)), ("content", text(rng))];
    if rng.u32(0..12) == 0 {
        let value = if rng.bool() { (*any(rng, VALUES)).to_owned() } else { text(rng) };
        let field = (*any(rng, KEYS), value);
        match rng.u32(0..3) {
            0 => fields.push(field),
            1 => fields[rng.usize(0..2)] = field,
            _ => drop(fields.pop()),
        }
    }
    if rng.bool() {
        fields.reverse();
    }
    let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
    format!("{{{}}}", fields.join(","))
}

fn role(rng: &mut Rng) -> String {
    let roles: &[&str] = if rng.u32(0..24) == 0 { messages::ROLES } else { &["user", "user", "assistant", "system"] };
    let role = *any(rng, roles);
    quoted(role)
}

fn text(rng: &mut Rng) -> String {
    quoted(&any(rng, messages::TEXTS).repeat(*any(rng, &[1, 1, 1, 100])))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
