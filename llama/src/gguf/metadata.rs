//! Keys and values.

use std::collections::HashMap;
use std::io::Read;

use super::reader::{Reader, out_of_memory};
use super::{broken, shown};
use crate::Error;

/// More keys than any file has: a large one has fewer than a hundred.
const MAX_KEYS: u64 = 1 << 20;
/// llama.cpp's own bound.
const MAX_ELEMENTS: u64 = 1 << 30;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        use Kind::*;
        [U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64]
            .into_iter()
            .find(|kind| *kind as u32 == number)
    }

    /// The bytes a number takes. Nothing for texts and arrays.
    fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::String | Self::Array => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Array => "array",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        })
    }
}

/// One value.
#[derive(Clone, Debug)]
pub enum Value {
    /// An integer without sign, of the kind's size.
    Unsigned(Kind, u64),
    /// An integer with sign.
    Signed(Kind, i64),
    /// A floating-point number.
    Float(Kind, f64),
    /// True or false.
    Bool(bool),
    /// A text, which need not be UTF-8.
    String(Vec<u8>),
    /// Many values of one kind.
    Array(Array),
}

impl Value {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unsigned(kind, _) | Self::Signed(kind, _) | Self::Float(kind, _) => *kind,
            Self::Bool(_) => Kind::Bool,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
        }
    }

    fn from_bytes(kind: Kind, bytes: &[u8]) -> Self {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(whole);
        match kind {
            Kind::I8 => Self::Signed(kind, i64::from(bits as u8 as i8)),
            Kind::I16 => Self::Signed(kind, i64::from(bits as u16 as i16)),
            Kind::I32 => Self::Signed(kind, i64::from(bits as u32 as i32)),
            Kind::I64 => Self::Signed(kind, bits as i64),
            Kind::F32 => Self::Float(kind, f64::from(f32::from_bits(bits as u32))),
            Kind::F64 => Self::Float(kind, f64::from_bits(bits)),
            Kind::Bool => Self::Bool(bits != 0),
            _ => Self::Unsigned(kind, bits),
        }
    }
}

/// An array. GGUF allows arrays of arrays; llama.cpp does not, and so neither does this.
#[derive(Clone, Debug)]
pub enum Array {
    /// Numbers or booleans, as they are in the file: little-endian.
    Numbers(Kind, Vec<u8>),
    /// Texts.
    Strings(Strings),
}

impl Array {
    /// The type of its elements.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Numbers(kind, _) => *kind,
            Self::Strings(_) => Kind::String,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(kind, bytes) => bytes.len() / kind.size().unwrap_or(1),
            Self::Strings(strings) => strings.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of its numbers. Nothing for texts.
    pub fn number(&self, index: usize) -> Option<Value> {
        let Self::Numbers(kind, bytes) = self else { return None };
        Some(Value::from_bytes(*kind, bytes.chunks_exact(kind.size()?).nth(index)?))
    }

    /// Its numbers. Nothing for texts.
    pub fn numbers(&self) -> impl Iterator<Item = Value> + '_ {
        (0..self.len()).map_while(|index| self.number(index))
    }
}

/// Many texts in one piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    bytes: Vec<u8>,
    /// Invariant: ascending, the last one is the length of `bytes`.
    ends: Vec<usize>,
}

impl Strings {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts in order. They need not be UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.bytes[start..end])
    }
}

/// All keys with their values, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    entries: Vec<(String, Value)>,
    index: HashMap<String, usize>,
}

impl Metadata {
    pub(super) fn read<R: Read>(reader: &mut Reader<R>, count: u64) -> Result<Self, Error> {
        if count > MAX_KEYS {
            return Err(broken("header", format!("it announces {count} keys, expected at most {MAX_KEYS}")));
        }
        let mut metadata = Self::default();
        for number in 0..count {
            let key = reader.name(&format!("key number {number}"))?;
            if key.is_empty() {
                return Err(broken(format!("key number {number}"), "its name is empty"));
            }
            let value = value(reader, &key)?;
            if metadata.index.insert(key.clone(), metadata.entries.len()).is_some() {
                return Err(broken(key, "the key is there twice"));
            }
            metadata.entries.push((key, value));
        }
        Ok(metadata)
    }

    /// Puts a value in the place of the one that is there, if one is.
    pub(super) fn set(&mut self, key: &str, value: Value) {
        match self.index.get(key) {
            Some(&at) => self.entries[at].1 = value,
            None => {
                self.index.insert(key.to_owned(), self.entries.len());
                self.entries.push((key.to_owned(), value));
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// One value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.index.get(key).map(|&at| &self.entries[at].1)
    }

    /// A text. An error if the value is none.
    pub fn str(&self, key: &str) -> Result<Option<&str>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => str::from_utf8(text)
                .map(Some)
                .map_err(|_| broken(key, format!("the text {} is not UTF-8", shown(text)))),
            Some(other) => Err(wrong_kind(key, other.kind(), Kind::String)),
        }
    }

    /// A `u32`. An error if the value is something else: llama.cpp converts nothing.
    pub fn u32(&self, key: &str) -> Result<Option<u32>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Unsigned(Kind::U32, number)) => Ok(Some(*number as u32)),
            Some(other) => Err(wrong_kind(key, other.kind(), Kind::U32)),
        }
    }

    /// An array. An error if the value is something else.
    pub fn array(&self, key: &str) -> Result<Option<&Array>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(array)) => Ok(Some(array)),
            Some(other) => Err(wrong_kind(key, other.kind(), Kind::Array)),
        }
    }

    /// An array of texts. An error if the value is something else.
    pub fn strings(&self, key: &str) -> Result<Option<&Strings>, Error> {
        match self.array(key)? {
            None => Ok(None),
            Some(Array::Strings(strings)) => Ok(Some(strings)),
            Some(Array::Numbers(kind, _)) => {
                Err(broken(key, format!("it is an array of {kind}, expected one of string")))
            }
        }
    }
}

pub(super) fn wrong_kind(key: &str, found: Kind, expected: Kind) -> Error {
    broken(key, format!("it is of type {found}, expected {expected}"))
}

fn value<R: Read>(reader: &mut Reader<R>, key: &str) -> Result<Value, Error> {
    match kind(reader, key)? {
        Kind::String => Ok(Value::String(reader.string(key)?)),
        Kind::Array => Ok(Value::Array(array(reader, key)?)),
        number => {
            let mut bytes = Vec::new();
            reader.append(&mut bytes, number.size().unwrap_or(0) as u64, key)?;
            Ok(Value::from_bytes(number, &bytes))
        }
    }
}

fn kind<R: Read>(reader: &mut Reader<R>, key: &str) -> Result<Kind, Error> {
    let number = reader.u32(key)?;
    Kind::from_number(number).ok_or_else(|| broken(key, format!("there is no value type {number}, expected 0 to 12")))
}

fn array<R: Read>(reader: &mut Reader<R>, key: &str) -> Result<Array, Error> {
    let kind = kind(reader, key)?;
    let count = reader.u64(key)?;
    if count > MAX_ELEMENTS {
        return Err(broken(key, format!("it announces {count} elements, expected at most {MAX_ELEMENTS}")));
    }
    match kind.size() {
        Some(size) => {
            let mut bytes = Vec::new();
            reader.append(&mut bytes, count * size as u64, key)?;
            Ok(Array::Numbers(kind, bytes))
        }
        None if kind == Kind::String => Ok(Array::Strings(strings(reader, key, count)?)),
        None => Err(broken(key, "it is an array of arrays, which llama.cpp does not read")),
    }
}

fn strings<R: Read>(reader: &mut Reader<R>, key: &str, count: u64) -> Result<Strings, Error> {
    let mut strings = Strings::default();
    for _ in 0..count {
        let length = reader.u64(key)?;
        reader.append(&mut strings.bytes, length, key)?;
        strings.ends.try_reserve(1).map_err(|_| out_of_memory())?;
        strings.ends.push(strings.bytes.len());
    }
    Ok(strings)
}
