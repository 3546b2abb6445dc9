//! The words llama.cpp knows, one a line: see src/llama-arch.cpp and src/llama-vocab.cpp there.

use fastrand::Rng;

pub(super) const ARCHITECTURES: &str = include_str!("names/architectures.txt");
/// `%s` stands for the architecture.
pub(super) const KEYS: &str = include_str!("names/keys.txt");
pub(super) const PRE_TOKENIZERS: &str = include_str!("names/pre_tokenizers.txt");
/// Without `.weight`; `%d` stands for the block.
pub(super) const TENSORS: &str = include_str!("names/tensors.txt");
pub(super) const TOKENIZERS: &[&str] = &[
    "llama",
    "bert",
    "gpt2",
    "t5",
    "rwkv",
    "plamo2",
    "gemma4",
    "hybriddna",
    "whitespace",
    "test",
    "none",
    "no_vocab",
    "",
];

/// One line of a list.
pub(super) fn any(rng: &mut Rng, list: &'static str) -> &'static str {
    let lines = list.lines().count();
    list.lines().nth(rng.usize(0..lines)).unwrap_or_default()
}
