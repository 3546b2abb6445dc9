//! Saved sessions: changed anywhere, or in their head under a checksum that is right again.

use fastrand::Rng;

use super::{any, bytes, messages};
use crate::case::{Case, Said, Step};

/// About as long as the head of a short conversation, or with what surrounds it.
const LENGTHS: &[usize] = &[40, 300, 700];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let text = *any(rng, messages::TEXTS);
    let first = if rng.u32(0..4) == 0 { Step::Generate(Said::once(text)) } else { Step::Chat(Said::once(text)) };
    let edits = (0..rng.usize(1..4)).flat_map(|_| {
        let length = *any(rng, LENGTHS);
        bytes::edits(rng, length)
    });
    let restore = Step::Restore { edits: edits.collect(), sealed: rng.bool() };
    let last = if rng.bool() { Step::Chat(Said::once("Go.")) } else { Step::Continue };
    case.steps = vec![first, restore, last];
}
