//! The options as a JSON Schema, for programs and editors.

use chaku::options::{Kind, Spec, table};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

pub(crate) fn text() -> String {
    serde_json::to_string_pretty(&Schema).expect("maps of text are JSON") + "\n"
}

struct Schema;

/// In the order of the table.
struct Properties;

/// In the order in which a reader wants it.
struct Property(&'static Spec);

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("$schema", "https://json-schema.org/draft/2020-12/schema")?;
        map.serialize_entry("$comment", "Generated from core/src/options/ by `make options`. Do not edit.")?;
        map.serialize_entry("title", "Options of chaku")?;
        map.serialize_entry("type", "object")?;
        map.serialize_entry("properties", &Properties)?;
        map.serialize_entry("additionalProperties", &false)?;
        map.end()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(table().iter().map(|spec| (spec.key, Property(spec))))
    }
}

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spec = self.0;
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in kind(spec.kind) {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("description", spec.doc)?;
        map.end()
    }
}

fn kind(kind: Kind) -> Vec<(&'static str, Value)> {
    let default = |default: Option<Value>| default.map(|default| ("default", default));
    match kind {
        Kind::I64 { min, max, default: value, .. } => {
            let mut all = vec![("type", json!("integer")), ("minimum", json!(min)), ("maximum", json!(max))];
            all.extend(default(value.map(Value::from)));
            all
        }
        Kind::F64 { min, max, default: value, .. } => {
            vec![("type", json!("number")), ("minimum", json!(min)), ("maximum", json!(max)), ("default", json!(value))]
        }
        Kind::Bool { default: value } => vec![("type", json!("boolean")), ("default", json!(value))],
        Kind::Str { default: value, choices } => {
            let mut all = vec![("type", json!("string"))];
            if !choices.is_empty() {
                all.push(("enum", json!(choices)));
            }
            all.extend(default(value.map(Value::from)));
            all
        }
        Kind::List { max_items, max_bytes } => vec![
            ("type", json!("array")),
            ("items", json!({ "type": "string", "minLength": 1, "maxLength": max_bytes })),
            ("maxItems", json!(max_items)),
        ],
        _ => unreachable!("a kind this schema knows nothing of"),
    }
}
