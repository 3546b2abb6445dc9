//! What llama.cpp takes on trust in the tokenizer's part of a file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::metadata::{Array, Kind, Strings, Value};
use super::{File, broken, shown, unsupported};
use crate::Error;

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const MERGES: &str = "tokenizer.ggml.merges";
const TYPES: &str = "tokenizer.ggml.token_type";

/// `LLAMA_TOKEN_TYPE_BYTE`.
const BYTE: i64 = 6;
/// More tokens than any model has, and more merges. llama.cpp takes a few hundred bytes for each.
const MAX_TOKENS: u32 = 1 << 22;
/// Some tokenizers keep their tokens in a tree, which they build and drop by recursion.
const LONGEST_TOKEN_IN_TREE: usize = 4096;
/// PLaMo-2's tokenizer makes every suffix of every token: this many bytes together.
const MAX_SUFFIXES: usize = 1 << 30;

pub(super) fn check(file: &File) -> Result<(), Error> {
    match file.metadata.str(MODEL)? {
        // llama.cpp says cleanly that there is no tokenizer.
        None => return Ok(()),
        Some("no_vocab" | "none") => return check_dummies(file),
        Some("test") => return Err(unsupported(MODEL, "`test` is not a tokenizer for text")),
        Some(_) => {}
    }
    let Some(tokens) = file.metadata.strings(TOKENS)? else {
        return Err(broken(TOKENS, "the key is missing"));
    };
    if tokens.is_empty() {
        return Err(broken(TOKENS, "there are no tokens"));
    }
    check_count(TOKENS, tokens)?;
    check_different(tokens)?;
    numbers(file, "tokenizer.ggml.scores", &[Kind::F32, Kind::I32], tokens.len())?;
    let types = numbers(file, TYPES, &[Kind::I32], tokens.len())?;
    let is_byte = |index: usize| types.is_some_and(|types| matches!(types.number(index), Some(Value::Signed(_, BYTE))));
    match file.metadata.str(MODEL)? {
        Some("bert") => check_has_no_bytes(tokens, is_byte),
        Some("rwkv") => {
            check_fits_tree(tokens)?;
            check_every_begin_is_a_token(tokens)
        }
        Some("t5") => {
            check_fits_tree(tokens)?;
            check_bytes_are_spelled_out(tokens, is_byte)?;
            check_charsmap(file)
        }
        Some("plamo2") => check_suffixes(tokens),
        Some("gpt2" | "hybriddna" | "whitespace" | "gemma4") => {
            if let Some(merges) = file.metadata.strings(MERGES)? {
                check_count(MERGES, merges)?;
            }
            check_bytes_are_spelled_out(tokens, is_byte)
        }
        _ => check_bytes_are_spelled_out(tokens, is_byte),
    }
}

fn check_count(key: &str, strings: &Strings) -> Result<(), Error> {
    if strings.len() > MAX_TOKENS as usize {
        return Err(broken(key, format!("it has {} elements, expected at most {MAX_TOKENS}", strings.len())));
    }
    Ok(())
}

/// A model without tokenizer gets as many tokens as the file says, in memory.
fn check_dummies(file: &File) -> Result<(), Error> {
    let key = format!("{}.vocab_size", file.architecture().unwrap_or_default());
    let rows = file.tensors.iter().find(|tensor| tensor.name == "token_embd.weight").map(|tensor| tensor.shape[1]);
    match file.metadata.u32(&key)? {
        Some(size) if rows.is_some_and(|rows| rows != u64::from(size)) => {
            Err(broken(key, format!("it is {size}, expected {}, as token_embd.weight has rows", rows.unwrap_or(0))))
        }
        Some(size) if size > MAX_TOKENS => Err(broken(key, format!("it is {size}, expected at most {MAX_TOKENS}"))),
        _ => Ok(()),
    }
}

/// llama.cpp asserts that no token is there twice. It ends them at a NUL, and gives empty ones a name.
fn check_different(tokens: &Strings) -> Result<(), Error> {
    if have_different_hashes(tokens) {
        return Ok(());
    }
    let mut seen = HashMap::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let text = as_llama_cpp_sees(index, token);
        if let Some(first) = seen.insert(text.clone(), index) {
            let message = format!("token {index} is the same as token {first}, {}", shown(&text));
            return Err(broken(TOKENS, message));
        }
    }
    Ok(())
}

/// Nearly always enough, and several times faster than a map of a large vocabulary. The hash function has random keys,
/// so no file can be made that always takes the slow way.
fn have_different_hashes(tokens: &Strings) -> bool {
    let state = RandomState::new();
    let numbered = tokens.iter().enumerate();
    let mut hashes: Vec<u64> = numbered.map(|(index, token)| state.hash_one(as_llama_cpp_sees(index, token))).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|pair| pair[0] != pair[1])
}

fn as_llama_cpp_sees(index: usize, token: &[u8]) -> Cow<'_, [u8]> {
    match until_nul(token) {
        [] => Cow::Owned(format!("[EMPTY_{index}]").into_bytes()),
        text => Cow::Borrowed(text),
    }
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.iter().position(|&byte| byte == 0).map_or(text, |end| &text[..end])
}

/// An array beside the tokens, of one of these kinds and at least as long.
fn numbers<'a>(file: &'a File, key: &str, kinds: &[Kind], tokens: usize) -> Result<Option<&'a Array>, Error> {
    let Some(array) = file.metadata.array(key)? else { return Ok(None) };
    if !kinds.contains(&array.kind()) {
        let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
        return Err(broken(key, format!("it is an array of {}, expected one of {}", array.kind(), kinds.join(" or "))));
    }
    if array.len() < tokens {
        return Err(broken(
            key,
            format!("it has {} elements, expected one for each of the {tokens} tokens", array.len()),
        ));
    }
    Ok(Some(array))
}

/// `token_to_byte` of BERT's kind is an abort.
fn check_has_no_bytes(tokens: &Strings, is_byte: impl Fn(usize) -> bool) -> Result<(), Error> {
    match (0..tokens.len()).find(|&index| is_byte(index)) {
        Some(index) => Err(broken(TYPES, format!("token {index} is a byte, which a BERT tokenizer does not have"))),
        None => Ok(()),
    }
}

/// llama.cpp reads the two digits of `<0x0A>` wherever a token is called a byte.
fn check_bytes_are_spelled_out(tokens: &Strings, is_byte: impl Fn(usize) -> bool) -> Result<(), Error> {
    match tokens.iter().enumerate().find(|(index, token)| is_byte(*index) && until_nul(token).len() < 3) {
        Some((index, token)) => {
            Err(broken(TYPES, format!("token {index}, {}, is a byte, expected a name like `<0x0A>`", shown(token))))
        }
        None => Ok(()),
    }
}

fn check_fits_tree(tokens: &Strings) -> Result<(), Error> {
    match tokens.iter().enumerate().find(|(_, token)| token.len() > LONGEST_TOKEN_IN_TREE) {
        Some((index, token)) => {
            let message = format!("token {index} has {} bytes, expected at most {LONGEST_TOKEN_IN_TREE}", token.len());
            Err(broken(TOKENS, message))
        }
        None => Ok(()),
    }
}

/// The RWKV tokenizer goes back to the begin of the text, for ever, when it meets the begin of a token, and none that
/// ends there or earlier.
fn check_every_begin_is_a_token(tokens: &Strings) -> Result<(), Error> {
    let unescaped: Vec<Vec<u8>> = tokens.iter().map(|token| unescape(until_nul(token))).collect();
    let mut single = [false; 256];
    for token in &unescaped {
        if let [byte] = token[..] {
            single[usize::from(byte)] = true;
        }
    }
    let lonely =
        unescaped.iter().enumerate().find(|(_, token)| token.first().is_some_and(|&first| !single[usize::from(first)]));
    match lonely {
        Some((index, token)) => {
            let message = format!("token {index} begins with byte {:#04x}, for which there is no token", token[0]);
            Err(broken(TOKENS, message))
        }
        None => Ok(()),
    }
}

/// As `llama_unescape_rwkv_token` does.
fn unescape(text: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.iter().copied());
    let digit = |c: u8| if c >= b'a' { c.wrapping_sub(b'a').wrapping_add(10) } else { c.wrapping_sub(b'0') };
    while let Some(c) = rest.next() {
        if c != b'\\' {
            bytes.push(c);
            continue;
        }
        match rest.next() {
            Some(b't') => bytes.push(b'\t'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b'x') => {
                if let (Some(high), Some(low)) = (rest.next(), rest.next()) {
                    bytes.push((digit(high) << 4).wrapping_add(digit(low)));
                }
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

/// The normalization rules of T5: a length, a table of that many bytes, then texts.
fn check_charsmap(file: &File) -> Result<(), Error> {
    let key = "tokenizer.ggml.precompiled_charsmap";
    let Some(array) = file.metadata.array(key)? else { return Ok(()) };
    let Array::Numbers(Kind::I8 | Kind::U8, bytes) = array else {
        return Err(broken(key, format!("it is an array of {}, expected one of u8", array.kind())));
    };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(broken(key, format!("it has {} bytes, expected at least four", bytes.len())));
    };
    let table = u32::from_le_bytes(*length) as usize;
    if table >= rest.len() {
        return Err(broken(key, format!("its table has {table} bytes, but only {} follow", rest.len())));
    }
    Ok(())
}

fn check_suffixes(tokens: &Strings) -> Result<(), Error> {
    let together =
        tokens.iter().fold(0_usize, |sum, token| sum.saturating_add(token.len().saturating_mul(token.len())));
    if together > MAX_SUFFIXES {
        return Err(broken(TOKENS, format!("their suffixes take {together} bytes, expected at most {MAX_SUFFIXES}")));
    }
    Ok(())
}
