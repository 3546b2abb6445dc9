//! A saved session: our own container. It is checked as a whole before any part of it is believed, so that changed bytes
//! reach neither this crate's parsers nor llama.cpp's.
//!
//! | bytes | what (numbers are little-endian) |
//! |---|---|
//! | 8 | magic |
//! | 4 | version |
//! | 8, 8 | length of the head, length of the KV state |
//! | … | head: a [`Saved`] without its KV state, in postcard |
//! | … | KV state, as llama.cpp writes it |
//! | 32 | BLAKE3 of all bytes before |
//!
//! This module depends on nothing but plain data of this crate, so that it can be fuzzed without llama.cpp.

use std::io::{ErrorKind, Read};

use chaku_llama::Token;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::error::{Error, Reason, Result};
use crate::fingerprint::{Fingerprint, Hash};

/// Not text, so that whoever converts line ends breaks it visibly.
const MAGIC: [u8; 8] = *b"\x93CHAKU\r\n";
/// Changes with [`Saved`], and with everything in it.
const VERSION: u32 = 2;
const FRONT: usize = 28;
const CHECKSUM: usize = 32;
/// What is written at once: between two such pieces a save can be cancelled.
const PIECE: usize = 1 << 20;

/// All there is of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) system_prompt: Option<String>,
    pub(crate) content: Content,
    pub(crate) cached: Option<Cached>,
}

/// What the KV cache held of it: a copy, which may be dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cached {
    /// Of all that the numbers in the state depend on.
    pub(crate) print: Hash,
    pub(crate) tokens: Vec<Token>,
    /// After the head, for it is large.
    #[serde(skip)]
    pub(crate) state: Vec<u8>,
}

/// A container about to be written.
pub(crate) struct Encoded<'a> {
    front: Vec<u8>,
    state: &'a [u8],
}

impl Saved {
    pub(crate) fn encode(&self) -> Result<Encoded<'_>> {
        let state = self.cached.as_ref().map_or(&[][..], |cached| &cached.state);
        let mut front = Vec::from(MAGIC);
        front.extend(VERSION.to_le_bytes());
        let head = postcard::to_stdvec(self)
            .map_err(|error| Error::new(Reason::Internal, format!("a session cannot be encoded: {error}")))?;
        front.extend((head.len() as u64).to_le_bytes());
        front.extend((state.len() as u64).to_le_bytes());
        front.extend(head);
        Ok(Encoded { front, state })
    }

    /// Reads a container of so many bytes. `may_take` is asked before memory for them is taken.
    pub(crate) fn read(mut input: impl Read, length: u64, may_take: impl FnOnce(u64) -> Result<()>) -> Result<Self> {
        let mut front = [0; FRONT];
        read_exact(&mut input, &mut front)?;
        let [head_length, state_length] = lengths(&front)?;
        let all =
            [head_length, state_length, (FRONT + CHECKSUM) as u64].iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
        if all != Some(length) {
            return Err(corrupt("it is truncated, or longer than it says"));
        }
        may_take(length)?;
        let head = read_vec(&mut input, head_length)?;
        let state = read_vec(&mut input, state_length)?;
        let mut checksum = [0; CHECKSUM];
        read_exact(&mut input, &mut checksum)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&front).update(&head).update(&state);
        if hasher.finalize() != checksum {
            return Err(corrupt("its checksum is wrong"));
        }
        let (mut saved, rest) = postcard::take_from_bytes::<Saved>(&head).map_err(|_| corrupt("its head is broken"))?;
        match &mut saved.cached {
            Some(cached) => cached.state = state,
            None if state.is_empty() => {}
            None => return Err(corrupt("it has a KV state of no tokens")),
        }
        if rest.is_empty() { Ok(saved) } else { Err(corrupt("its head is too long")) }
    }

    /// Refuses tokens that a vocabulary of this size does not have.
    pub(crate) fn check_tokens(&self, vocabulary_size: u32) -> Result<()> {
        let cached = self.cached.as_ref().map_or(&[][..], |cached| &cached.tokens);
        let is_token = |&token: &Token| u32::try_from(token).is_ok_and(|token| token < vocabulary_size);
        if self.content.tokens().iter().chain(cached).all(is_token) {
            return Ok(());
        }
        Err(corrupt("it has tokens that its model has not"))
    }
}

impl Encoded<'_> {
    /// Bytes of the container.
    pub(crate) fn length(&self) -> usize {
        self.front.len() + self.state.len() + CHECKSUM
    }

    /// Hands it over piece by piece, and ends with the first error.
    pub(crate) fn write(&self, mut put: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut hasher = blake3::Hasher::new();
        for piece in self.front.chunks(PIECE).chain(self.state.chunks(PIECE)) {
            hasher.update(piece);
            put(piece)?;
        }
        put(hasher.finalize().as_bytes())
    }
}

/// The two lengths in the front.
fn lengths(front: &[u8; FRONT]) -> Result<[u64; 2]> {
    if !front.starts_with(&MAGIC) {
        return Err(corrupt("it is not a session that chaku saved"));
    }
    let number = |at: usize| front[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let version = number(8) as u32;
    if version != VERSION {
        let words = format!("it has version {version} of the format, and this chaku reads version {VERSION}");
        return Err(corrupt(&words).with("version", version));
    }
    Ok([number(12), number(20)])
}

fn read_exact(input: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    input.read_exact(bytes).map_err(unreadable)
}

/// Reads so many bytes, which the input has if it is as long as it was said to be.
fn read_vec(input: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let taken = usize::try_from(length).ok().and_then(|length| bytes.try_reserve_exact(length).ok());
    if taken.is_none() {
        let message = format!("the state is too large for the memory: {} MiB", length >> 20);
        return Err(Error::new(Reason::MemoryBudget, message).with("wanted", length));
    }
    input.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(truncated()) }
}

fn unreadable(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => truncated(),
        _ => Error::new(Reason::FileUnreadable, format!("the state cannot be read: {error}")),
    }
}

fn truncated() -> Error {
    corrupt("it is truncated")
}

fn corrupt(words: &str) -> Error {
    Error::new(Reason::StateCorrupt, format!("this is no sound state: {words}"))
}

#[cfg(test)]
#[path = "saved_tests.rs"]
mod tests;
