//! Edits of bytes, most of them in the front part, where the lengths and types are.

use fastrand::Rng;

use super::any;
use crate::edit::Edit;

const FRONT: usize = 8 << 10;
const EDGES: &[u64] =
    &[0, 1, 2, 7, 8, 9, 255, 1 << 16, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 62, 1 << 63, u64::MAX];

pub(super) fn edits(rng: &mut Rng, len: usize) -> Vec<Edit> {
    let at = place(rng, len);
    vec![match rng.u32(0..9) {
        0 | 1 => Edit::Put { at, bytes: vec![rng.u8(..)] },
        2 => Edit::Put { at: at & !7, bytes: any(rng, EDGES).to_le_bytes().to_vec() },
        3 => Edit::Put { at: at & !3, bytes: (*any(rng, EDGES) as u32).to_le_bytes().to_vec() },
        4 => Edit::Insert { at, bytes: (0..rng.usize(1..40)).map(|_| rng.u8(..)).collect() },
        5 => Edit::Delete { at, len: rng.usize(1..64) },
        6 => Edit::Zero { at, len: 1 << rng.usize(0..12) },
        7 => Edit::Truncate { len: at },
        _ => Edit::Copy { from: place(rng, len), len: rng.usize(1..256), to: at },
    }]
}

fn place(rng: &mut Rng, len: usize) -> usize {
    match rng.u32(0..10) {
        0 => rng.usize(0..24.min(len)), // magic, version, counts
        1 | 2 => rng.usize(0..len),
        _ => rng.usize(0..FRONT.min(len)),
    }
}
