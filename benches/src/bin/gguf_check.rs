//! Seconds that checking a model file takes, and that loading it takes in all: one JSON line a turn.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints its figure")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use chaku_llama::{Model, ModelParams, gguf};

fn main() -> Result<(), Box<dyn Error>> {
    let [path, turns] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: chaku-bench-gguf-check MODEL TURNS")?;
    let path = Path::new(&path);
    // The first turn fills the page cache.
    for turn in 0..=turns.parse::<u32>()? {
        let began = Instant::now();
        let file = gguf::check(path, false)?;
        let check = began.elapsed().as_secs_f64();
        drop(file);
        let began = Instant::now();
        let model = Model::load(path, &ModelParams::default(), &mut |_| true)?;
        let load = began.elapsed().as_secs_f64();
        drop(model);
        if turn > 0 {
            println!("{{\"check\": {check:.6}, \"load\": {load:.6}}}");
        }
    }
    Ok(())
}
