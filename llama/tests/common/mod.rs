//! What the tests of this crate share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::PathBuf;

use chaku_llama::{Batch, Context, ContextParams, Decoded, Model, ModelParams, TemplateLimits, Token};

/// A real chat model of 98 MB.
pub(crate) const SMOLLM2: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
/// Random weights, a byte-level vocabulary and a ChatML template.
pub(crate) const TINY: &str = "tiny-random.gguf";
/// The same as a recurrent model.
pub(crate) const MAMBA: &str = "tiny-mamba.gguf";
/// Recurrent blocks, and one with a KV cache.
pub(crate) const HYBRID: &str = "tiny-hybrid.gguf";
/// A KV cache of which some blocks see the last 32 positions only.
pub(crate) const GEMMA3: &str = "tiny-gemma3.gguf";

pub(crate) fn model_path(name: &str) -> PathBuf {
    let folder = std::env::var_os("CHAKU_TEST_MODELS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/models")), PathBuf::from);
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: run `make models`", path.display());
    path
}

pub(crate) fn load(name: &str) -> Model {
    Model::load(&model_path(name), &ModelParams::default(), &mut |_| true).unwrap()
}

/// More than any sound template needs.
pub(crate) const LIMITS: TemplateLimits<'static> = TemplateLimits { bytes: 64 << 20, stack: 1 << 20, stop: &|| false };

/// A conversation to render, of roles and texts.
pub(crate) fn ask(messages: &[(&str, &str)], reply: bool) -> String {
    let message = |(role, content): &(&str, &str)| serde_json::json!({ "role": role, "content": content });
    let messages: Vec<_> = messages.iter().map(message).collect();
    serde_json::json!({ "messages": messages, "add_generation_prompt": reply }).to_string()
}

pub(crate) fn params() -> ContextParams {
    ContextParams {
        n_ctx: 512,
        n_batch: 128,
        n_ubatch: 64,
        n_seq_max: 4,
        threads: 1,
        threads_batch: 1,
        ..ContextParams::default()
    }
}

/// A batch of one sequence whose last token has logits.
pub(crate) fn batch_of(tokens: &[Token], first: i32) -> Batch {
    let mut batch = Batch::new(tokens.len() as u32, 1);
    for (i, &token) in tokens.iter().enumerate() {
        batch.push(token, first + i as i32, 0, i + 1 == tokens.len()).unwrap();
    }
    batch
}

pub(crate) fn decode(context: &mut Context, batch: &Batch) -> Decoded {
    context.decode(batch, &|| false).unwrap()
}
