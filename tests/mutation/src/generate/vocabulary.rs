//! Edits of the vocabulary: its tokens, what belongs to each of them, its special ones, and who reads it.

use fastrand::Rng;

use super::{any, names, template};
use crate::edit::Edit;
use crate::gguf::{File, Value};
use crate::text::Bytes;

const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";
const SPECIAL: &[&str] = &[
    "bos",
    "eos",
    "eot",
    "eom",
    "unknown",
    "seperator",
    "padding",
    "cls",
    "mask",
    "fim_pre",
    "fim_suf",
    "fim_mid",
    "fim_pad",
    "fim_rep",
    "fim_sep",
    "prefix",
    "suffix",
    "middle",
];
const SWITCHES: &[&str] = &[
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.add_sep_token",
    "tokenizer.ggml.add_space_prefix",
    "tokenizer.ggml.remove_extra_whitespaces",
    "tokenizer.ggml.normalizer.lowercase",
    "tokenizer.ggml.normalizer.strip_accents",
];

pub(super) fn edits(rng: &mut Rng, file: &File) -> Vec<Edit> {
    let count = length(file, TOKENS);
    match rng.u32(0..17) {
        0..=2 => vec![token(rng, count)],
        3 => (0..rng.usize(1..20)).map(|_| token(rng, count)).collect(),
        4 => vec![Edit::Resize { key: TOKENS.into(), len: other_length(rng, count) }],
        5 => {
            let key = any(rng, &[TYPES, SCORES, MERGES]);
            vec![Edit::Resize { key: (*key).into(), len: other_length(rng, length(file, key)) }]
        }
        6 => vec![Edit::Set { key: SCORES.into(), value: scores(rng, count) }],
        7 => vec![Edit::Element { key: TYPES.into(), index: index(rng, count), value: Value::I32(kind(rng)) }],
        8 => vec![merge(rng, length(file, MERGES))],
        9 => vec![Edit::Drop { key: (*any(rng, &[TOKENS, TYPES, MERGES, "tokenizer.ggml.model"])).into() }],
        10 | 11 => vec![special(rng, count)],
        12 => no_bos(rng),
        13 => vec![Edit::Set { key: (*any(rng, SWITCHES)).into(), value: Value::Bool(rng.u8(0..3)) }],
        14 => another_tokenizer(rng, file, count),
        15 => vec![Edit::Set {
            key: "tokenizer.ggml.pre".into(),
            value: Value::Str(names::any(rng, names::PRE_TOKENIZERS).into()),
        }],
        _ => vec![Edit::Set {
            key: "tokenizer.chat_template".into(),
            value: Value::Str(template::any(rng).as_str().into()),
        }],
    }
}

fn length(file: &File, key: &str) -> usize {
    match file.get(key) {
        Some(Value::Array(_, items)) => items.len(),
        _ => 0,
    }
}

fn index(rng: &mut Rng, count: usize) -> usize {
    if count == 0 { 0 } else { rng.usize(0..count) }
}

fn other_length(rng: &mut Rng, len: usize) -> usize {
    *any(rng, &[0, 1, len / 2, len.saturating_sub(1), len + 1, len * 2 + 1])
}

fn token(rng: &mut Rng, count: usize) -> Edit {
    let text: Bytes = match rng.u32(0..7) {
        0 => "a".into(), // which there is already
        1 => "".into(),
        2 => "x".repeat(1 << rng.u32(4..20)).as_str().into(),
        3 => vec![rng.u8(128..), rng.u8(..)].into(),
        4 => "\0".into(),
        5 => "<0x41>".into(),
        _ => {
            (*any(rng, &["<|eot_id|>", "<s>", "</s>", "<unk>", "\n", " ", "\u{2581}", "\u{010a}", "<|im_end|>"])).into()
        }
    };
    Edit::Element { key: TOKENS.into(), index: index(rng, count), value: Value::Str(text) }
}

fn kind(rng: &mut Rng) -> i32 {
    *any(rng, &[0, 1, 2, 3, 4, 5, 6, 7, -1, i32::MAX, i32::MIN])
}

fn scores(rng: &mut Rng, count: usize) -> Value {
    let len = *any(rng, &[count, count, count, count.saturating_sub(1), count + 1, 0]);
    let score = *any(rng, &[0.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX]);
    Value::Array(6, vec![Value::F32(score); len])
}

fn merge(rng: &mut Rng, count: usize) -> Edit {
    let text: Bytes = match rng.u32(0..6) {
        0 => "th".into(),
        1 => "".into(),
        2 => " ".into(),
        3 => "t h e".into(),
        4 => vec![0xff, b' ', 0xc3].into(),
        _ => "a  ".into(),
    };
    Edit::Element { key: MERGES.into(), index: index(rng, count), value: Value::Str(text) }
}

fn special(rng: &mut Rng, count: usize) -> Edit {
    let key = format!("tokenizer.ggml.{}_token_id", any(rng, SPECIAL));
    let id = *any(rng, &[0, 1, count as u32 - u32::from(count > 0), count as u32, 0x7fff_ffff, u32::MAX]);
    let value = *any(rng, &[0, 0, 0, 1, 2]);
    Edit::Set {
        key,
        value: match value {
            0 => Value::U32(id),
            1 => Value::I32(-1),
            _ => Value::Str("1".into()),
        },
    }
}

/// A tokenizer that must begin with a token that is none.
fn no_bos(rng: &mut Rng) -> Vec<Edit> {
    let which = *any(rng, &["bos", "eos", "seperator"]);
    let switch = format!("tokenizer.ggml.add_{}_token", &which[..3]);
    let none = match rng.bool() {
        true => Edit::Set { key: format!("tokenizer.ggml.{which}_token_id"), value: Value::U32(u32::MAX) },
        false => Edit::Drop { key: format!("tokenizer.ggml.{which}_token_id") },
    };
    vec![Edit::Set { key: switch, value: Value::Bool(1) }, none]
}

/// Another tokenizer over the same tokens, with what it needs, or not.
fn another_tokenizer(rng: &mut Rng, file: &File, count: usize) -> Vec<Edit> {
    let model = *any(rng, names::TOKENIZERS);
    let mut edits = vec![Edit::Set { key: "tokenizer.ggml.model".into(), value: Value::Str(model.into()) }];
    if rng.u32(0..3) > 0 {
        edits.push(Edit::Set { key: SCORES.into(), value: scores(rng, count) });
    }
    if model == "t5" && rng.bool() {
        edits.push(Edit::Set { key: "tokenizer.ggml.precompiled_charsmap".into(), value: charsmap(rng) });
    }
    if model == "llama" && rng.bool() && length(file, TOKENS) > 256 {
        // Byte tokens, as such a vocabulary must have.
        edits.extend((0..=255).flat_map(|byte: usize| {
            let token = Value::Str(format!("<0x{byte:02X}>").as_str().into());
            [
                Edit::Element { key: TOKENS.into(), index: byte, value: token },
                Edit::Element { key: TYPES.into(), index: byte, value: Value::I32(6) },
            ]
        }));
    }
    edits
}

/// A size, a table of that size, texts: all of it at random.
fn charsmap(rng: &mut Rng) -> Value {
    let len = *any(rng, &[0usize, 3, 4, 5, 8, 64, 1024]);
    let mut bytes: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
    let size = *any(rng, &[0, 1, 4, len as u32 / 2, len as u32, u32::MAX]);
    for (place, byte) in bytes.iter_mut().zip(size.to_le_bytes()) {
        *place = byte;
    }
    Value::Array(0, bytes.into_iter().map(Value::U8).collect())
}
