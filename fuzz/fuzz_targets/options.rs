//! Any keys and values: set or refused, and a setter that fails changes nothing. Any text as a configuration file.
#![no_main]
#![allow(dead_code, reason = "a part of the crate's sources, whose other parts use the rest")]

extern crate self as chaku_llama;
/// What `core/src/error.rs` converts from.
#[path = "../../llama/src/error.rs"]
mod llama_error;
pub use llama_error::Error;

#[path = "../../core/src/error.rs"]
mod error;
#[path = "../../core/src/options/mod.rs"]
mod options;

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use options::{Config, Options, table};
use std::path::Path;

#[derive(Arbitrary, Debug)]
enum Key {
    /// One of the table's.
    Known(u8),
    Any(String),
}

#[derive(Arbitrary, Debug)]
enum Step {
    I64(Key, i64),
    F64(Key, f64),
    Bool(Key, bool),
    Str(Key, String),
    Add(Key, String),
    Text(Key, String),
    Unset(Key),
}

fuzz_target!(|input: (Vec<Step>, String)| {
    let (steps, file) = &input;
    let name = |key: &Key| match key {
        Key::Known(number) => table()[usize::from(*number) % table().len()].key.to_owned(),
        Key::Any(text) => text.clone(),
    };
    let mut options = Options::new();
    for step in steps {
        let before = options.clone();
        let result = match step {
            Step::I64(key, value) => options.set_i64(&name(key), *value),
            Step::F64(key, value) => options.set_f64(&name(key), *value),
            Step::Bool(key, value) => options.set_bool(&name(key), *value),
            Step::Str(key, value) => options.set_str(&name(key), value),
            Step::Add(key, value) => options.add_str(&name(key), value),
            Step::Text(key, value) => options.set_text(&name(key), value),
            Step::Unset(key) => options.unset(&name(key)),
        };
        if result.is_err() {
            assert!(options == before, "{step:?}");
        }
    }
    let mut config = Config::new();
    if config.add_text(file, Path::new("fuzz.ini")).is_err() {
        assert!(config.presets().is_empty());
    }
    config.settings(None).expect("what was read can be put together");
});
