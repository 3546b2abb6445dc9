//! Values that are taken in the place of the file's, and checked as if they stood there.

use super::metadata::{Kind, Metadata, Value};
use crate::Error;

/// A value of the types that llama.cpp overrides.
#[derive(Clone, Debug, PartialEq)]
pub enum KvValue {
    /// For all integers.
    Int(i64),
    /// For all floating-point numbers.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text of at most 127 bytes.
    Str(String),
}

/// A key with the value to take.
#[derive(Clone, Debug, PartialEq)]
pub struct KvOverride {
    /// At most 127 bytes.
    pub key: String,
    /// Of the type that the file has, if the key is there.
    pub value: KvValue,
}

impl KvOverride {
    /// Puts it into what was read. An error if llama.cpp would not take it there.
    pub(super) fn put(&self, metadata: &mut Metadata) -> Result<(), Error> {
        let Self { key, value } = self;
        // llama.cpp reads these before, or without, what it is told in their place.
        if key == "general.alignment" || key.starts_with("split.") {
            return Err(refused(key, "it says how the file is laid out, which nothing can override"));
        }
        let value = match (value, metadata.get(key).map(Value::kind)) {
            (KvValue::Int(number), kind) => integer(key, *number, kind.unwrap_or(Kind::U32))?,
            (KvValue::Float(number), None | Some(Kind::F32)) => Value::Float(Kind::F32, f64::from(*number as f32)),
            (KvValue::Float(number), Some(Kind::F64)) => Value::Float(Kind::F64, *number),
            (KvValue::Bool(value), None | Some(Kind::Bool)) => Value::Bool(*value),
            (KvValue::Str(text), None | Some(Kind::String)) => Value::String(text.clone().into_bytes()),
            (_, Some(kind)) => return Err(of_other_type(key, kind)),
        };
        metadata.set(key, value);
        Ok(())
    }
}

fn integer(key: &str, number: i64, kind: Kind) -> Result<Value, Error> {
    let (least, most) = match kind {
        Kind::U8 => (0, i64::from(u8::MAX)),
        Kind::U16 => (0, i64::from(u16::MAX)),
        Kind::U32 => (0, i64::from(u32::MAX)),
        Kind::U64 => (0, i64::MAX),
        Kind::I8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Kind::I16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Kind::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Kind::I64 => (i64::MIN, i64::MAX),
        other => return Err(of_other_type(key, other)),
    };
    if !(least..=most).contains(&number) {
        return Err(refused(key, format!("{number} is not between {least} and {most}, which {kind} has room for")));
    }
    Ok(match kind {
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => Value::Unsigned(kind, number.cast_unsigned()),
        _ => Value::Signed(kind, number),
    })
}

fn of_other_type(key: &str, kind: Kind) -> Error {
    refused(key, format!("the file has a value of type {kind} there, and it has to stay of that type"))
}

fn refused(key: &str, message: impl std::fmt::Display) -> Error {
    Error::input("override_kv", format!("`{key}` cannot be overridden so: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_type_and_fits_it() {
        let mut metadata = Metadata::default();
        metadata.set("small", Value::Unsigned(Kind::U8, 1));
        metadata.set("half", Value::Float(Kind::F32, 0.5));
        let mut put = |key: &str, value| KvOverride { key: key.to_owned(), value }.put(&mut metadata);
        put("small", KvValue::Int(255)).unwrap();
        put("half", KvValue::Float(0.25)).unwrap();
        put("new", KvValue::Bool(true)).unwrap();
        put("name", KvValue::Str("x".to_owned())).unwrap();
        for (key, value) in [
            ("small", KvValue::Int(256)),
            ("small", KvValue::Bool(true)),
            ("half", KvValue::Int(1)),
            ("name", KvValue::Float(1.0)),
            ("number", KvValue::Int(-1)),
            ("general.alignment", KvValue::Int(64)),
            ("split.count", KvValue::Int(2)),
        ] {
            assert!(put(key, value.clone()).is_err(), "{key} {value:?}");
        }
        assert!(matches!(metadata.get("small"), Some(Value::Unsigned(Kind::U8, 255))));
        assert!(matches!(metadata.get("new"), Some(Value::Bool(true))));
        assert_eq!(metadata.iter().count(), 4);
    }
}
