//! Any bytes as a model file: a file or an error, without panic, and without more memory than the bytes are worth.
#![no_main]
#![allow(dead_code, reason = "a part of the crate's sources, whose other parts use the rest")]

#[path = "../../llama/src/error.rs"]
mod error;
#[path = "../../llama/src/gguf/mod.rs"]
mod gguf;

use error::Error;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = gguf::File::read(std::io::Cursor::new(bytes)) {
        let length = bytes.len() as u64;
        assert!(file.tensors.iter().all(|tensor| tensor.position + tensor.size <= length));
        let _ = file.check_model(true);
        let _ = file.check_model(false);
    }
});
