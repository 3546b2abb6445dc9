//! Reads a GGUF file, and checks it before llama.cpp sees it.
//!
//! llama.cpp takes much of a file on trust: numbers it divides by, lengths it allocates, tokens it asserts to be
//! different. Here is what it would die of, checked in safe code, with an error that names the key or tensor. What
//! llama.cpp refuses cleanly by itself may pass, and nothing is refused that it can run.
//!
//! [`File::open`] and [`File::read`] check the structure alone, so they take adapters, projectors and vocabularies too.
//! [`check`] also asks whether a model can be loaded from the file.
//!
//! These modules depend on nothing but the error type of this crate, so that they can be fuzzed without llama.cpp.

mod families;
mod hyperparameters;
mod metadata;
mod overrides;
mod parts;
mod reader;
mod tensors;
mod vocabulary;

use std::io::{Read, Seek};
use std::path::Path;

use crate::Error;
use reader::Reader;

pub use metadata::{Array, Kind, Metadata, Strings, Value};
pub use overrides::{KvOverride, KvValue};
pub use tensors::{Tensor, TensorKind};

/// What llama.cpp assumes where the file says nothing.
const DEFAULT_ALIGNMENT: u64 = 32;
/// What llama.cpp asserts of the tensors it maps (`TENSOR_ALIGNMENT`).
const MAP_ALIGNMENT: u64 = 32;

/// Everything in a GGUF file but the weights themselves.
#[derive(Clone, Debug)]
pub struct File {
    /// The version of the format, 2 or 3.
    pub version: u32,
    /// Where a tensor may begin: at multiples of this, counted from the file's begin. A power of two.
    pub alignment: u64,
    /// Keys and values.
    pub metadata: Metadata,
    /// Names, shapes and places of the weights, in the file's order. Invariant: all lie inside the file.
    pub tensors: Vec<Tensor>,
}

impl File {
    /// Reads the file and checks its structure.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name_it = |error: Error| match error {
            Error::Unreadable(error) => {
                std::io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
            }
            other => other,
        };
        Self::read(open_regular(path).map_err(name_it)?).map_err(name_it)
    }

    /// The same from any source.
    pub fn read(source: impl Read + Seek) -> Result<Self, Error> {
        let mut reader = Reader::new(source)?;
        let (version, tensor_count, key_count) = header(&mut reader)?;
        let metadata = Metadata::read(&mut reader, key_count)?;
        let alignment = alignment(&metadata)?;
        let tensors = tensors::read(&mut reader, tensor_count, alignment)?;
        Ok(Self { version, alignment, metadata, tensors })
    }

    /// The value of `general.architecture`.
    pub fn architecture(&self) -> Option<&str> {
        self.metadata.str("general.architecture").ok().flatten()
    }

    /// Whether a model can be loaded from it, or its vocabulary at least, as far as this one file tells.
    pub fn check_model(&self, vocab_only: bool) -> Result<(), Error> {
        // llama.cpp does not read this key.
        if matches!(self.metadata.str("general.type"), Ok(Some("adapter"))) {
            return Err(unsupported("general.type", "it is an adapter; load the model it was made for"));
        }
        match self.metadata.str("general.architecture")? {
            None => return Err(broken("general.architecture", "the key is missing")),
            Some("clip") => {
                let message = "it is `clip`, an encoder of images or sound; load the model it belongs to";
                return Err(unsupported("general.architecture", message));
            }
            Some(_) => {}
        }
        vocabulary::check(self)?;
        if vocab_only {
            return Ok(());
        }
        hyperparameters::check(self)?;
        tensors::check_weights(&self.tensors)
    }

    /// Whether llama.cpp may map the file into memory instead of reading it.
    pub(crate) fn may_be_mapped(&self) -> bool {
        self.alignment >= MAP_ALIGNMENT || self.tensors.is_empty()
    }
}

/// Checks that a model can be loaded from a file, or its vocabulary at least. The other parts of a model in several
/// files are checked too. What comes back is the first part.
pub fn check(path: &Path, vocab_only: bool) -> Result<File, Error> {
    check_with(path, vocab_only, &[])
}

/// The same, when some values are taken in the place of the file's.
pub fn check_with(path: &Path, vocab_only: bool, overrides: &[KvOverride]) -> Result<File, Error> {
    let mut file = File::open(path)?;
    // First, because a part that is not the first has no architecture either, and this says why.
    let others = parts::others(path, &file)?;
    overrides.iter().try_for_each(|one| one.put(&mut file.metadata))?;
    file.check_model(vocab_only).map_err(|error| match error {
        Error::BadFile { what, message } if overrides.iter().any(|one| one.key == what) => {
            Error::input("override_kv", format!("`{what}` cannot be overridden so: {message}"))
        }
        other => other,
    })?;
    for part in others {
        tensors::check_weights(&part?.tensors)?;
    }
    Ok(file)
}

/// Opening a pipe would wait for somebody who writes into it.
fn open_regular(path: &Path) -> Result<std::fs::File, Error> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a regular file").into());
    }
    Ok(std::fs::File::open(path)?)
}

fn header<R: Read>(reader: &mut Reader<R>) -> Result<(u32, u64, u64), Error> {
    if reader.array::<4>().ok() != Some(*b"GGUF") {
        return Err(broken("header", "it is not a GGUF file: it does not begin with `GGUF`"));
    }
    let version = reader.u32("header")?;
    match version {
        2 | 3 => {}
        0 => return Err(broken("header", "the version is 0, expected 2 or 3")),
        1 => return Err(unsupported("header", "version 1 of GGUF is no longer read; convert the model again")),
        _ if version & 0xFFFF == 0 => {
            return Err(unsupported("header", "the file was written for a big-endian machine"));
        }
        _ => {
            return Err(unsupported(
                "header",
                format!("version {version} of GGUF is newer than this build, which reads 2 and 3"),
            ));
        }
    }
    let tensor_count = reader.u64("header")?;
    let key_count = reader.u64("header")?;
    Ok((version, tensor_count, key_count))
}

fn alignment(metadata: &Metadata) -> Result<u64, Error> {
    let key = "general.alignment";
    let alignment = metadata.u32(key)?.map_or(DEFAULT_ALIGNMENT, u64::from);
    if !alignment.is_power_of_two() {
        return Err(broken(key, format!("it is {alignment}, expected a power of two")));
    }
    Ok(alignment)
}

fn broken(what: impl Into<String>, message: impl Into<String>) -> Error {
    Error::BadFile { what: what.into(), message: message.into() }
}

fn unsupported(what: impl Into<String>, message: impl Into<String>) -> Error {
    Error::UnsupportedFile { what: what.into(), message: message.into() }
}

/// Text of a file for an error message: short, and on one line.
fn shown(text: &[u8]) -> String {
    const LONGEST: usize = 64;
    let start = String::from_utf8_lossy(&text[..text.len().min(LONGEST)]);
    format!("`{}{}`", start.escape_debug(), if text.len() > LONGEST { "…" } else { "" })
}
