//! Header, keys, shapes and places; and that no bytes at all make the checker panic.

use std::io::Cursor;

use crate::builder::{Gguf, array, raw, text, u32};
use crate::common::{TINY, model_path};
use crate::{accepted, refused};
use chaku_llama::gguf::{File, TensorKind};
use llama_cpp_sys_2 as sys;

#[test]
fn broken_headers_are_refused() {
    refused(&[
        ("header", "does not begin with `GGUF`", &|f| f.with(|f| f.magic = *b"GGML")),
        ("header", "version is 0", &|f| f.with(|f| f.version = 0)),
        ("header", "version 1", &|f| f.with(|f| f.version = 1)),
        ("header", "version 4", &|f| f.with(|f| f.version = 4)),
        ("header", "big-endian", &|f| f.with(|f| f.version = 3_u32.swap_bytes())),
        ("header", "announces 18446744073709551615 keys", &|f| f.with(|f| f.key_count = Some(u64::MAX))),
        ("header", "announces 18446744073709551615 tensors", &|f| f.with(|f| f.tensor_count = Some(u64::MAX))),
    ]);
    accepted(&[("version 2", &|f| f.with(|f| f.version = 2))]);
}

#[test]
fn broken_keys_are_refused() {
    refused(&[
        ("a", "there is no value type 13", &|f| f.set("a", raw(13, vec![0; 8]))),
        ("a", "array of arrays", &|f| f.set("a", array(9, 1, vec![0; 32]))),
        ("a", "there is no value type 99", &|f| f.set("a", array(99, 1, vec![0; 32]))),
        ("a", "9223372036854775807 bytes should follow", &|f| {
            f.set("a", raw(8, (i64::MAX as u64).to_le_bytes().to_vec()))
        }),
        ("a", "bytes should follow", &|f| f.set("a", array(12, 1 << 29, vec![]))),
        ("a", "expected at most 1073741824", &|f| f.set("a", array(0, usize::MAX, vec![]))),
        ("general.architecture", "twice", &|f| {
            f.with(|f| f.keys.push((b"general.architecture".to_vec(), text("llama"))))
        }),
        ("key number 12", "is empty", &|f| f.with(|f| f.keys.push((Vec::new(), u32(1))))),
        ("key number 12", "contains a NUL", &|f| f.with(|f| f.keys.push((b"llama.block_count\0".to_vec(), u32(1))))),
        ("key number 12", "not UTF-8", &|f| f.with(|f| f.keys.push((b"\xff".to_vec(), u32(1))))),
        ("general.alignment", "it is 0, expected a power of two", &|f| f.set("general.alignment", u32(0))),
        ("general.alignment", "it is 24", &|f| f.set("general.alignment", u32(24))),
        ("general.alignment", "is of type string", &|f| f.set("general.alignment", text("32"))),
    ]);
}

#[test]
fn broken_tensors_are_refused() {
    let norm = "output_norm.weight";
    let long = "x".repeat(64);
    refused(&[
        ("tensor number 11", "64 bytes, expected at most 63", &|f| f.tensor(&long, &[1], 0)),
        ("tensor number 11", "contains a NUL", &|f| f.tensor("a\0b", &[1], 0)),
        (norm, "twice", &|f| f.tensor("output_norm.weight", &[1], 0)),
        (norm, "5 dimensions", &|f| f.with(|f| f.find(norm).shape = vec![1; 5])),
        (norm, "too large", &|f| f.with(|f| f.find(norm).shape = vec![1 << 62, 2])),
        (norm, "too large", &|f| f.with(|f| f.find(norm).shape = vec![u64::MAX])),
        (norm, "too large", &|f| f.with(|f| f.find(norm).shape = vec![1 << 61, 1])),
        (norm, "too large", &|f| f.with(|f| f.find(norm).shape = vec![0, 1 << 62, 2])),
        (norm, "tensor type 4 is not known", &|f| f.with(|f| f.find(norm).kind = 4)),
        (norm, "tensor type 4294967295", &|f| f.with(|f| f.find(norm).kind = u32::MAX)),
        (norm, "31 elements, expected a multiple of 32, the block of q8_0", &|f| {
            f.find(norm).shape = vec![31];
            f.find(norm).kind = 8;
            f
        }),
        (norm, "its data begins at 0, expected 512", &|f| f.with(|f| f.find(norm).offset = 0)),
        (norm, "its data begins at 513", &|f| f.with(|f| f.find(norm).offset += 1)),
        (norm, "18446744073709551584", &|f| f.with(|f| f.find(norm).offset = u64::MAX - 31)),
        ("blk.0.attn_norm.weight", "its data begins at 640, expected 544", &|f| {
            f.with(|f| f.find(norm).shape = vec![1])
        }),
        ("blk.0.ffn_down.weight", "end behind the file", &|f| f.with(|f| f.data -= 32)),
    ]);
}

/// The table of types is llama.cpp's own.
#[test]
fn tensor_types_have_the_sizes_of_ggml() {
    for number in 0..sys::GGML_TYPE_COUNT {
        // SAFETY: both only read a table, and the number is below its length.
        let (block, bytes) = unsafe { (sys::ggml_blck_size(number), sys::ggml_type_size(number)) };
        let ours = TensorKind::from_number(number).map_or((0, 0), |kind| (kind.block, kind.bytes));
        assert_eq!(ours, (block as u64, bytes as u64), "type {number}");
    }
    assert!(TensorKind::from_number(sys::GGML_TYPE_COUNT).is_none());
}

#[test]
fn every_beginning_of_a_file_is_refused() {
    let bytes = Gguf::sound().bytes();
    for length in 0..bytes.len() {
        let error = File::read(Cursor::new(&bytes[..length])).unwrap_err().to_string();
        assert!(error.contains("the file is broken"), "{length}: {error}");
    }
}

#[test]
fn changed_bytes_never_make_it_panic() {
    let whole = std::fs::read(model_path(TINY)).unwrap();
    // The first tensors begin there. What is behind them does not matter to the checker.
    let header = 9_500;
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let (mut refused, mut bytes) = (0, whole.clone());
    for _ in 0..600 {
        bytes.copy_from_slice(&whole);
        for _ in 0..=next(4) {
            let at = next(header);
            bytes[at] = [next(256) as u8, 0, 0xFF, bytes[at] ^ (1 << next(8))][next(4)];
        }
        let end = if next(4) == 0 { next(header) } else { bytes.len() };
        refused +=
            usize::from(File::read(Cursor::new(&bytes[..end])).and_then(|file| file.check_model(false)).is_err());
    }
    // Most changes hit a length, a type or a token that becomes the same as another.
    assert!((100..600).contains(&refused), "{refused} of 600 were refused");
}
