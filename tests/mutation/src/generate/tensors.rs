//! Edits of tensors: what the file says of them, and what is in them.

use fastrand::Rng;

use super::{any, names};
use crate::edit::Edit;
use crate::gguf::{File, TENSOR_TYPES, Tensor};
use crate::text::Bytes;

const LENGTHS: &[u64] =
    &[0, 1, 2, 3, 16, 31, 32, 33, 64, 65, 128, 256, 1 << 16, 1 << 31, 1 << 32, 1 << 33, 1 << 62, 1 << 63, u64::MAX];
const OFFSETS: &[u64] =
    &[0, 1, 16, 31, 32, 64, 4096, 1 << 20, 1 << 31, 1 << 32, 1 << 40, 1 << 63, u64::MAX, u64::MAX - 31];

pub(super) fn edits(rng: &mut Rng, file: &File) -> Vec<Edit> {
    if file.tensors.is_empty() {
        return vec![Edit::Rebuild { name: "output.weight".into(), kind: any_type(rng), dims: dims(rng, &[64, 64]) }];
    }
    let tensor = any(rng, &file.tensors);
    let name = String::from_utf8_lossy(tensor.name.as_slice()).into_owned();
    vec![match rng.u32(0..15) {
        0 => Edit::DropTensor { name },
        1 => Edit::DoubleTensor { name },
        2 => Edit::RenameTensor { name, to: new_name(rng) },
        3 => Edit::TensorType {
            name,
            kind: if rng.bool() { any_type(rng) } else { *any(rng, &[4, 5, 41, 43, 99, u32::MAX]) },
        },
        4 => Edit::TensorShape { name, dims: dims(rng, &tensor.dims) },
        5 => Edit::TensorOffset { name, offset: *any(rng, OFFSETS) },
        6..=8 => Edit::Rebuild { name, kind: tensor.kind, dims: dims(rng, &tensor.dims) },
        9 | 10 => Edit::Rebuild { name, kind: any_type(rng), dims: tensor.dims.clone() },
        11 => added(rng, tensor),
        12 | 13 => Edit::Fill { name, with: pattern(rng) },
        // Every weight of a kind, in every block.
        _ => return everywhere(rng, file, &name),
    }]
}

fn any_type(rng: &mut Rng) -> u32 {
    any(rng, TENSOR_TYPES).0
}

/// A tensor that llama.cpp looks for, and that was not there.
fn added(rng: &mut Rng, like: &Tensor) -> Edit {
    let name = names::any(rng, names::TENSORS).replace("%d", if rng.bool() { "0" } else { "1" });
    let name = format!("{name}{}", any(rng, &[".weight", ".bias", ""]));
    Edit::Rebuild { name, kind: like.kind, dims: like.dims.clone() }
}

fn everywhere(rng: &mut Rng, file: &File, name: &str) -> Vec<Edit> {
    let last = |name: &str| name.splitn(3, '.').nth(2).map(str::to_owned);
    let (part, with) = (last(name), pattern(rng));
    let kind = any_type(rng);
    let alike = file.tensors.iter().filter(|tensor| last(&String::from_utf8_lossy(tensor.name.as_slice())) == part);
    let alike = alike.map(|tensor| (String::from_utf8_lossy(tensor.name.as_slice()).into_owned(), tensor));
    match rng.bool() {
        true => alike.map(|(name, _)| Edit::Fill { name, with: with.clone() }).collect(),
        false => alike.map(|(name, tensor)| Edit::Rebuild { name, kind, dims: tensor.dims.clone() }).collect(),
    }
}

fn dims(rng: &mut Rng, old: &[u64]) -> Vec<u64> {
    let mut dims = old.to_vec();
    match rng.u32(0..8) {
        0 => dims.reverse(),
        1 => dims.push(*any(rng, LENGTHS)),
        2 => {
            dims.pop();
        }
        3 => dims = vec![1 << 32; 2 + rng.usize(0..3)],
        4 => dims = vec![1; *any(rng, &[0, 1, 4, 5, 64])],
        5 => {
            if let Some(first) = dims.first_mut() {
                *first = any(rng, &[*first / 2, *first * 2, *first + 32, *first - 1]).to_owned();
            }
        }
        _ => {
            if !dims.is_empty() {
                let at = rng.usize(0..dims.len());
                dims[at] = *any(rng, LENGTHS);
            }
        }
    }
    dims
}

fn new_name(rng: &mut Rng) -> Bytes {
    match rng.u32(0..5) {
        0 => "".into(),
        1 => "output.weight".into(),
        2 => "t".repeat(*any(rng, &[63, 64, 65, 4096])).as_str().into(),
        3 => vec![0xff, 0, b'a'].into(),
        _ => format!("blk.{}.attn_q.weight", any(rng, &["0", "2", "511", "99999999999", "-1"])).as_str().into(),
    }
}

/// Numbers in single or half precision that are none, or far too large.
fn pattern(rng: &mut Rng) -> Vec<u8> {
    match rng.u32(0..8) {
        0 => f32::NAN.to_le_bytes().to_vec(),
        1 => f32::INFINITY.to_le_bytes().to_vec(),
        2 => f32::NEG_INFINITY.to_le_bytes().to_vec(),
        3 => f32::MAX.to_le_bytes().to_vec(),
        4 => vec![0],
        5 => vec![0xff],
        6 => vec![0x00, 0x7e],
        _ => (0..rng.usize(1..64)).map(|_| rng.u8(..)).collect(),
    }
}
