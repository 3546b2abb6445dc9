//! Any bytes as a saved session, or as the head of one under a right checksum: a session or an error, without panic, and
//! without more memory than the bytes are worth. What is read is written and read again.
#![no_main]
#![allow(dead_code, reason = "a part of the crate's sources, whose other parts use the rest")]

extern crate self as chaku_llama;
/// What the sources use of the crate below.
#[path = "../../llama/src/error.rs"]
mod llama_error;
pub use llama_error::Error;
pub type Token = i32;

#[path = "../../core/src/content.rs"]
mod content;
#[path = "../../core/src/error.rs"]
mod error;
#[path = "../../core/src/fingerprint.rs"]
mod fingerprint;
#[path = "../../core/src/message.rs"]
mod message;
#[path = "../../core/src/saved.rs"]
mod saved;

use error::Reason;
use libfuzzer_sys::fuzz_target;
use saved::Saved;

fn read(bytes: &[u8]) -> Option<Saved> {
    let read = Saved::read(bytes, bytes.len() as u64, |_| Ok(()));
    read.inspect_err(|error| assert_eq!(error.reason(), Reason::StateCorrupt)).ok()
}

fn write(saved: &Saved) -> Vec<u8> {
    let mut bytes = Vec::new();
    let put = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    saved.encode().and_then(|encoded| encoded.write(put)).unwrap();
    bytes
}

/// The front as it is written, the head, some bytes of state or none, and the checksum of these.
fn sealed(input: &[u8]) -> Vec<u8> {
    let (state, head) = input.split_at(input.first().map_or(0, |first| usize::from(*first)).min(input.len()));
    let mut bytes = b"\x93CHAKU\r\n\x01\0\0\0".to_vec();
    bytes.extend((head.len() as u64).to_le_bytes());
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend([head, state].concat());
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    if let Some(saved) = read(&sealed(bytes)) {
        let _ = saved.check_tokens(1000);
        let _ = saved.fingerprint.check(&saved.fingerprint);
        let half = saved.content.context_used() / 2;
        let _ = saved.content.rewound(half);
        assert!(read(&write(&saved)).is_some_and(|again| again == saved));
    }
});
