//! What a model file says of itself, without loading it.

use std::path::Path;

use chaku_llama::gguf::{File, Value};

use crate::error::{Error, Result};

/// Longest text of a value in the metadata. Templates are longer, and have a field of their own.
const LONGEST_VALUE: usize = 256;

/// A model file up to its weights: checked as a load checks it, and read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelFile {
    /// The version of the GGUF format.
    pub format_version: u32,
    /// `general.architecture`: `llama`, `qwen3`, …
    pub architecture: String,
    /// `general.name`.
    pub name: Option<String>,
    /// Keys and values in the file's order. Of an array its length is told, of a long text the beginning.
    pub metadata: Vec<(String, String)>,
    /// Tensors in this file.
    pub tensor_count: usize,
    /// Numbers in them.
    pub parameter_count: u64,
    /// Bytes of them.
    pub tensor_bytes: u64,
    /// The number format that takes the most bytes, as ggml calls it: `q4_K`, …
    pub main_type: Option<&'static str>,
    /// The window it was trained with, in tokens.
    pub training_context: Option<u64>,
    /// Tokens in its vocabulary.
    pub vocab_size: Option<u64>,
    /// Length of an embedding vector.
    pub embedding_size: Option<u64>,
    /// Number of layers.
    pub layer_count: Option<u64>,
    /// Files that the model consists of.
    pub parts: u64,
    /// The Jinja source of its chat template.
    pub chat_template: Option<String>,
}

impl ModelFile {
    /// Reads a GGUF file up to its weights. What no model can be loaded from is an error: `model_corrupt`,
    /// `model_unsupported`, or what is wrong with the file as a file.
    pub fn open(path: &Path) -> Result<Self> {
        let named = |error: chaku_llama::Error| Error::from(error).with("path", path.display());
        let file = chaku_llama::gguf::check(path, false).map_err(named)?;
        Ok(Self::read(&file))
    }

    fn read(file: &File) -> Self {
        let text = |key: &str| file.metadata.str(key).ok().flatten().map(str::to_owned);
        let number = |key: &str| match file.metadata.get(key) {
            Some(Value::Unsigned(_, number)) => Some(*number),
            Some(Value::Signed(_, number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let architecture = file.architecture().unwrap_or_default().to_owned();
        let of_architecture = |key: &str| number(&format!("{architecture}.{key}"));
        let tokens = file.metadata.array("tokenizer.ggml.tokens").ok().flatten().map(|tokens| tokens.len() as u64);
        ModelFile {
            format_version: file.version,
            name: text("general.name"),
            metadata: file.metadata.iter().map(|(key, value)| (key.to_owned(), shown(value))).collect(),
            tensor_count: file.tensors.len(),
            parameter_count: file.tensors.iter().map(|tensor| tensor.shape.iter().product::<u64>()).sum(),
            tensor_bytes: file.tensors.iter().map(|tensor| tensor.size).sum(),
            main_type: main_type(file),
            training_context: of_architecture("context_length"),
            vocab_size: tokens.or_else(|| of_architecture("vocab_size")),
            embedding_size: of_architecture("embedding_length"),
            layer_count: of_architecture("block_count"),
            parts: number("split.count").unwrap_or(1).max(1),
            chat_template: text("tokenizer.chat_template"),
            architecture,
        }
    }
}

fn main_type(file: &File) -> Option<&'static str> {
    let mut bytes: Vec<(&'static str, u64)> = Vec::new();
    for tensor in &file.tensors {
        match bytes.iter_mut().find(|(name, _)| *name == tensor.kind.name) {
            Some((_, sum)) => *sum += tensor.size,
            None => bytes.push((tensor.kind.name, tensor.size)),
        }
    }
    bytes.into_iter().max_by_key(|(_, sum)| *sum).map(|(name, _)| name)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Unsigned(_, number) => number.to_string(),
        Value::Signed(_, number) => number.to_string(),
        Value::Float(_, number) => number.to_string(),
        Value::Bool(state) => state.to_string(),
        Value::String(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            match text.char_indices().nth(LONGEST_VALUE) {
                Some((at, _)) => format!("{}…", &text[..at]),
                None => text.into_owned(),
            }
        }
        Value::Array(array) => format!("[{} of {}]", array.len(), array.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    fn open(name: &str) -> Result<ModelFile> {
        ModelFile::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name))
    }

    #[test]
    fn a_file_tells_what_a_loaded_model_would() {
        let file = open("SmolLM2-135M-Instruct.Q4_1.gguf").unwrap();
        assert_eq!((file.architecture.as_str(), file.layer_count, file.parts), ("llama", Some(30), 1));
        assert_eq!((file.training_context, file.embedding_size), (Some(8192), Some(576)));
        assert_eq!((file.vocab_size, file.main_type), (Some(49152), Some("q4_1")));
        assert!(file.chat_template.is_some_and(|template| template.contains("<|im_start|>")));
        assert!(file.parameter_count > 130_000_000 && file.tensor_bytes > 50 << 20);
        let value = |key: &str| file.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        assert_eq!(value("tokenizer.ggml.tokens"), Some("[49152 of string]"));
        assert!(value("tokenizer.chat_template").is_some_and(|text| text.chars().count() <= LONGEST_VALUE + 1));
        assert_eq!(open("tiny-nochat.gguf").unwrap().chat_template, None);
    }

    #[test]
    fn what_is_no_model_is_refused_as_a_load_does() {
        for (name, reason) in [
            ("nowhere.gguf", Reason::FileNotFound),
            ("not-a-gguf.bin", Reason::ModelCorrupt),
            ("truncated.gguf", Reason::ModelCorrupt),
            ("tiny-lora.gguf", Reason::ModelUnsupported),
        ] {
            let error = open(name).unwrap_err();
            assert_eq!(error.reason(), reason, "{name}");
            assert!(error.detail("path").is_some_and(|path| path.ends_with(name)));
        }
    }
}
