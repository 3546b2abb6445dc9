//! Edits of metadata: numbers that are divided by, allocated from or indexed with, and their types.

use fastrand::Rng;

use super::{any, names};
use crate::edit::Edit;
use crate::gguf::{File, Value};
use crate::text::Bytes;

const INTEGERS: &[i64] = &[
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    31,
    32,
    33,
    64,
    127,
    128,
    255,
    256,
    257,
    511,
    512,
    513,
    1000,
    65535,
    65536,
    1 << 20,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    -1,
    -2,
    i64::MIN,
    i64::MAX,
];
const FLOATS: &[f32] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-45,
    1e-30,
    1e30,
    f32::MAX,
    f32::MIN,
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    10000.0,
];
const TEXTS: &[&str] =
    &["", "none", "linear", "yarn", "longrope", "linearr", "\u{0}", "llama", "mean", "rank", "0", "%s%n"];

pub(super) fn edits(rng: &mut Rng, file: &File) -> Vec<Edit> {
    let key = key_of(rng, file);
    vec![match rng.u32(0..20) {
        0..=8 => Edit::Set { value: like(rng, file.get(&key)), key },
        9..=12 => {
            let key = known_key(rng, file);
            Edit::Set { value: like(rng, file.get(&key)), key }
        }
        13 => Edit::Set { value: scalar(rng), key },
        14 => Edit::Code { key, code: rng.u32(0..15) },
        15 => Edit::Drop { key },
        16 => Edit::Double { key },
        17 => Edit::Rename { to: new_name(rng, file), key },
        18 => Edit::Architecture { to: names::any(rng, names::ARCHITECTURES).to_owned() },
        _ => return together(rng, file),
    }]
}

/// Values that belong together, so that a file gets past the first check.
fn together(rng: &mut Rng, file: &File) -> Vec<Edit> {
    let architecture = file.architecture().unwrap_or("llama");
    let set = |key: &str, value| Edit::Set { key: format!("{architecture}.{key}"), value };
    let number = |rng: &mut Rng| Value::U32(*any(rng, INTEGERS) as u32);
    match rng.u32(0..8) {
        0 => {
            let heads = number(rng);
            vec![set("attention.head_count", heads.clone()), set("attention.head_count_kv", heads)]
        }
        1 => vec![set("expert_count", number(rng)), set("expert_used_count", number(rng))],
        2 => vec![set("attention.key_length", number(rng)), set("attention.value_length", number(rng))],
        3 => {
            let kind = Value::Str((*any(rng, TEXTS)).into());
            vec![set("rope.scaling.type", kind), set("rope.scaling.factor", Value::F32(*any(rng, FLOATS)))]
        }
        4 => {
            let window = number(rng);
            vec![set("attention.sliding_window", window), set("attention.sliding_window_pattern", number(rng))]
        }
        5 => {
            let part = |number: i64| Value::U16(number as u16);
            vec![
                Edit::Set { key: "split.count".into(), value: part(*any(rng, INTEGERS)) },
                Edit::Set { key: "split.no".into(), value: part(*any(rng, INTEGERS)) },
                Edit::Set { key: "split.tensors.count".into(), value: Value::I32(*any(rng, INTEGERS) as i32) },
            ]
        }
        6 => vec![
            Edit::Architecture { to: names::any(rng, names::ARCHITECTURES).to_owned() },
            Edit::Set { key: known_key(rng, file), value: number(rng) },
        ],
        // A number for each layer, not always as many as there are layers.
        _ => {
            let layers = (0..*any(rng, &[0, 1, 2, 2, 2, 3, 513])).map(|_| number(rng)).collect();
            let key = any(rng, &["attention.head_count", "attention.head_count_kv", "feed_forward_length"]);
            vec![set(key, Value::Array(4, layers))]
        }
    }
}

/// A key the file has, mostly one of its architecture.
fn key_of(rng: &mut Rng, file: &File) -> String {
    let prefix = format!("{}.", file.architecture().unwrap_or_default());
    let keys: Vec<&str> =
        file.entries.iter().filter_map(|entry| std::str::from_utf8(entry.key.as_slice()).ok()).collect();
    let own: Vec<&str> = keys.iter().copied().filter(|key| key.starts_with(&prefix)).collect();
    let from = if own.is_empty() || rng.u32(0..3) == 0 { &keys } else { &own };
    (*any(rng, from)).to_owned()
}

/// A key llama.cpp knows.
fn known_key(rng: &mut Rng, file: &File) -> String {
    names::any(rng, names::KEYS).replace("%s", file.architecture().unwrap_or("llama"))
}

fn new_name(rng: &mut Rng, file: &File) -> Bytes {
    match rng.u32(0..4) {
        0 => "".into(),
        1 => vec![0xff, 0xfe, 0].into(),
        2 => "x".repeat(1 << rng.u32(1..17)).as_str().into(),
        _ => known_key(rng, file).as_str().into(),
    }
}

/// Another value, mostly of the type that is there.
fn like(rng: &mut Rng, value: Option<&Value>) -> Value {
    let number = *any(rng, INTEGERS);
    match value {
        Some(Value::Str(_)) => text(rng),
        Some(Value::Bool(_)) => Value::Bool(*any(rng, &[0, 1, 2, 255])),
        Some(Value::F32(_)) => Value::F32(*any(rng, FLOATS)),
        Some(Value::U32(old)) if rng.u32(0..3) == 0 => Value::U32(near(rng, *old)),
        Some(Value::U32(_)) => Value::U32(number as u32),
        Some(Value::Array(of, items)) => array(rng, *of, items),
        _ => scalar(rng),
    }
}

/// A number that some divisions leave a rest of.
fn near(rng: &mut Rng, old: u32) -> u32 {
    *any(rng, &[old.wrapping_add(1), old.wrapping_sub(1), old / 2, old.wrapping_mul(2), old / 3])
}

fn text(rng: &mut Rng) -> Value {
    Value::Str(match rng.u32(0..4) {
        0 => vec![0xf0, 0x9f, rng.u8(..), 0xff].into(),
        1 => "x".repeat(1 << rng.u32(1..20)).as_str().into(),
        _ => (*any(rng, TEXTS)).into(),
    })
}

fn array(rng: &mut Rng, of: u32, items: &[Value]) -> Value {
    match rng.u32(0..5) {
        0 => Value::Array(of, Vec::new()),
        1 => Value::Array(ARRAYS, vec![Value::Array(of, items.to_vec())]),
        2 => Value::Array(of, items[..items.len() / 2].to_vec()),
        3 => Value::Array(5, items.iter().map(|_| Value::I32(*any(rng, INTEGERS) as i32)).collect()),
        _ => scalar(rng),
    }
}

const ARRAYS: u32 = 9;

fn scalar(rng: &mut Rng) -> Value {
    let number = *any(rng, INTEGERS);
    match rng.u32(0..13) {
        0 => Value::U8(number as u8),
        1 => Value::I8(number as i8),
        2 => Value::U16(number as u16),
        3 => Value::I16(number as i16),
        4 => Value::U32(number as u32),
        5 => Value::I32(number as i32),
        6 => Value::U64(number as u64),
        7 => Value::I64(number),
        8 => Value::F32(*any(rng, FLOATS)),
        9 => Value::F64(f64::from(*any(rng, FLOATS))),
        10 => Value::Bool(number as u8),
        11 => text(rng),
        _ => Value::Array(4, (0..rng.u32(0..6)).map(Value::U32).collect()),
    }
}
