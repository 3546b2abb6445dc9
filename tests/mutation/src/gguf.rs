//! A GGUF file in pieces. What is read and written again is the same, byte for byte, if the file is a sound one.
//!
//! An own reader and writer on purpose: what is tested must not decide what the tests can write.

use serde::{Deserialize, Serialize};

use crate::text::{Bytes, float};

const ALIGNMENT: usize = 32;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A metadata value, named after its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    #[serde(with = "float")]
    F32(f32),
    #[serde(with = "float")]
    F64(f64),
    /// A byte, because a file may say 7.
    Bool(u8),
    Str(Bytes),
    /// Type of the elements, elements. The two may disagree.
    Array(u32, Vec<Value>),
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) key: Bytes,
    pub(crate) value: Value,
    /// Written instead of the value's own type code.
    pub(crate) code: Option<u32>,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: Bytes,
    pub(crate) dims: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
    /// Written instead of where the data is.
    pub(crate) offset: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct File {
    version: u32,
    pub(crate) entries: Vec<Entry>,
    pub(crate) tensors: Vec<Tensor>,
}

impl Value {
    fn code(&self) -> u32 {
        match self {
            Value::U8(_) => 0,
            Value::I8(_) => 1,
            Value::U16(_) => 2,
            Value::I16(_) => 3,
            Value::U32(_) => 4,
            Value::I32(_) => 5,
            Value::F32(_) => 6,
            Value::Bool(_) => 7,
            Value::Str(_) => STRING,
            Value::Array(..) => ARRAY,
            Value::U64(_) => 10,
            Value::I64(_) => 11,
            Value::F64(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::U8(value) | Value::Bool(value) => out.push(*value),
            Value::I8(value) => out.extend(value.to_le_bytes()),
            Value::U16(value) => out.extend(value.to_le_bytes()),
            Value::I16(value) => out.extend(value.to_le_bytes()),
            Value::U32(value) => out.extend(value.to_le_bytes()),
            Value::I32(value) => out.extend(value.to_le_bytes()),
            Value::U64(value) => out.extend(value.to_le_bytes()),
            Value::I64(value) => out.extend(value.to_le_bytes()),
            Value::F32(value) => out.extend(value.to_le_bytes()),
            Value::F64(value) => out.extend(value.to_le_bytes()),
            Value::Str(text) => string(out, text),
            Value::Array(of, items) => {
                out.extend(of.to_le_bytes());
                out.extend((items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| item.write(out));
            }
        }
    }
}

fn string(out: &mut Vec<u8>, text: &Bytes) {
    out.extend((text.as_slice().len() as u64).to_le_bytes());
    out.extend(text.as_slice());
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}

impl File {
    /// Reads a sound file; `None` if it is not one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take(4)? != b"GGUF" {
            return None;
        }
        let version = reader.u32()?;
        let (tensors, entries) = (reader.u64()?, reader.u64()?);
        let entries: Vec<Entry> = (0..entries).map(|_| reader.entry()).collect::<Option<_>>()?;
        let mut tensors: Vec<Tensor> = (0..tensors).map(|_| reader.tensor()).collect::<Option<_>>()?;
        let data = bytes.get((bytes.len() - reader.0.len()).next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        for tensor in &mut tensors {
            let start = usize::try_from(tensor.offset.take()?).ok()?;
            tensor.data = data.get(start..start.checked_add(size_of(tensor.kind, &tensor.dims)?)?)?.to_vec();
        }
        Some(File { version, entries, tensors })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            string(&mut out, &entry.key);
            out.extend(entry.code.unwrap_or(entry.value.code()).to_le_bytes());
            entry.value.write(&mut out);
        }
        let mut offset = 0u64;
        for tensor in &self.tensors {
            string(&mut out, &tensor.name);
            out.extend((tensor.dims.len() as u32).to_le_bytes());
            tensor.dims.iter().for_each(|dim| out.extend(dim.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(offset).to_le_bytes());
            offset += tensor.data.len().next_multiple_of(ALIGNMENT) as u64;
        }
        pad(&mut out);
        for tensor in &self.tensors {
            out.extend(&tensor.data);
            pad(&mut out);
        }
        out
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|entry| entry.key.is(key)).map(|entry| &entry.value)
    }

    pub(crate) fn architecture(&self) -> Option<&str> {
        match self.get("general.architecture")? {
            Value::Str(Bytes::Text(name)) => Some(name),
            _ => None,
        }
    }
}

/// Type number, elements in a block, bytes of a block.
pub(crate) const TENSOR_TYPES: &[(u32, u64, u64)] = &[
    (0, 1, 4),
    (1, 1, 2),
    (2, 32, 18),
    (3, 32, 20),
    (6, 32, 22),
    (7, 32, 24),
    (8, 32, 34),
    (9, 32, 36),
    (10, 256, 84),
    (11, 256, 110),
    (12, 256, 144),
    (13, 256, 176),
    (14, 256, 210),
    (15, 256, 292),
    (16, 256, 66),
    (17, 256, 74),
    (18, 256, 98),
    (19, 256, 50),
    (20, 32, 18),
    (21, 256, 110),
    (22, 256, 82),
    (23, 256, 136),
    (24, 1, 1),
    (25, 1, 2),
    (26, 1, 4),
    (27, 1, 8),
    (28, 1, 8),
    (29, 256, 56),
    (30, 1, 2),
    (34, 256, 54),
    (35, 256, 66),
    (39, 32, 17),
    (40, 64, 36),
];

/// The bytes a tensor takes; `None` for an unknown type and for sizes no file has.
pub(crate) fn size_of(kind: u32, dims: &[u64]) -> Option<usize> {
    let (_, block, bytes) = TENSOR_TYPES.iter().find(|(number, ..)| *number == kind)?;
    let elements = dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim))?;
    usize::try_from(elements.div_ceil(*block).checked_mul(*bytes)?).ok()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn string(&mut self) -> Option<Bytes> {
        let len = usize::try_from(self.u64()?).ok()?;
        Some(self.take(len)?.to_vec().into())
    }

    fn entry(&mut self) -> Option<Entry> {
        let key = self.string()?;
        let code = self.u32()?;
        Some(Entry { key, value: self.value(code)?, code: None })
    }

    fn value(&mut self, code: u32) -> Option<Value> {
        Some(match code {
            0 => Value::U8(self.array::<1>()?[0]),
            1 => Value::I8(i8::from_le_bytes(self.array()?)),
            2 => Value::U16(u16::from_le_bytes(self.array()?)),
            3 => Value::I16(i16::from_le_bytes(self.array()?)),
            4 => Value::U32(self.u32()?),
            5 => Value::I32(i32::from_le_bytes(self.array()?)),
            6 => Value::F32(f32::from_le_bytes(self.array()?)),
            7 => Value::Bool(self.array::<1>()?[0]),
            STRING => Value::Str(self.string()?),
            ARRAY => {
                let (of, len) = (self.u32()?, self.u64()?);
                Value::Array(of, (0..len).map(|_| self.value(of)).collect::<Option<_>>()?)
            }
            10 => Value::U64(self.u64()?),
            11 => Value::I64(i64::from_le_bytes(self.array()?)),
            12 => Value::F64(f64::from_le_bytes(self.array()?)),
            _ => return None,
        })
    }

    fn tensor(&mut self) -> Option<Tensor> {
        let name = self.string()?;
        let count = self.u32()?;
        let dims = (0..count).map(|_| self.u64()).collect::<Option<_>>()?;
        Some(Tensor { name, dims, kind: self.u32()?, offset: Some(self.u64()?), data: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    #[test]
    fn sound_files_come_back_byte_for_byte() {
        for name in models::BASES {
            let bytes = std::fs::read(models::path(name)).unwrap();
            let file = File::parse(&bytes).unwrap_or_else(|| panic!("{name} is not read"));
            assert!(file.to_bytes() == bytes, "{name}");
        }
    }

    #[test]
    fn every_value_survives_its_file() {
        let values = [Value::F64(f64::MIN), Value::I64(-1), Value::Bool(7), Value::Array(STRING, vec![])];
        let entry = |value: &Value| Entry { key: "a".into(), value: value.clone(), code: None };
        let file = File { version: 3, entries: values.iter().map(entry).collect(), tensors: Vec::new() };
        let read = File::parse(&file.to_bytes()).unwrap();
        assert!(read.entries.iter().map(|entry| &entry.value).eq(&values));
    }
}
