#![allow(warnings)]
mod common; use common::*; use std::time::Instant;
#[test] fn long() {
    for name in [SMOLLM2, TINY] { let m = load(name); for c in ["a", "1", " ", "\n", "é", "日", "'s ", "a1 ", "🦙", "\u{301}"] {
        for n in [10_000, 300_000] { let t = Instant::now(); let r = m.vocab().tokenize(&c.repeat(n), false, true).unwrap().len(); eprintln!("{name} {c:?} {n}: {r} {:?}", t.elapsed()); } } }
}
