//! The sound files that are mutated.

use std::path::PathBuf;

/// Models that chat, then files of other kinds.
pub(crate) const BASES: &[&str] = &[
    "tiny-random.gguf",
    "tiny-script.gguf",
    "tiny-q8.gguf",
    "tiny-mamba.gguf",
    "tiny-hybrid.gguf",
    "tiny-gemma3.gguf",
    "tiny-vocab.gguf",
    "tiny-bert.gguf",
    "tiny-rank.gguf",
    "tiny-mmproj.gguf",
    "tiny-lora.gguf",
];

/// Where a test model is: in `CHAKU_TEST_MODELS`, or where `make models` puts it.
pub(crate) fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("CHAKU_TEST_MODELS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/models")), PathBuf::from);
    folder.join(name)
}
