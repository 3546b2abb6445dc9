//! Makes cases: the same seed and number, the same case.

mod bytes;
mod constraint;
mod conversation;
mod grammar;
mod messages;
mod metadata;
mod names;
mod options;
mod state;
mod template;
mod tensors;
mod tools;
mod vocabulary;

use std::collections::HashMap;

use fastrand::Rng;

use crate::case::{Case, Given, Kind, Object, OptionValue, Said, Step};
use crate::gguf::File;
use crate::models;

/// The sound files, read once.
pub(crate) struct Generator {
    files: HashMap<&'static str, (Vec<u8>, File)>,
}

const MODELS: &[(&str, u32)] = &[
    ("tiny-random.gguf", 5),
    ("tiny-q8.gguf", 3),
    ("tiny-mamba.gguf", 2),
    ("tiny-hybrid.gguf", 2),
    ("tiny-gemma3.gguf", 2),
    ("tiny-script.gguf", 1),
];
const OTHERS: &[(&str, u32)] = &[
    ("tiny-vocab.gguf", 3),
    ("tiny-bert.gguf", 3),
    ("tiny-rank.gguf", 1),
    ("tiny-mmproj.gguf", 2),
    ("tiny-lora.gguf", 2),
];
/// Loads the fastest: for what is not about files.
const PLAIN: &str = "tiny-q8.gguf";

impl Generator {
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut files = HashMap::new();
        for name in models::BASES {
            let bytes = std::fs::read(models::path(name))?;
            let file = File::parse(&bytes)
                .ok_or_else(|| std::io::Error::other(format!("{name} is not a sound GGUF; run `make models`")))?;
            files.insert(*name, (bytes, file));
        }
        Ok(Generator { files })
    }

    /// The bytes of a sound file.
    pub(crate) fn base(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|(bytes, _)| bytes.as_slice())
    }

    pub(crate) fn case(&self, seed: u64, number: u64) -> Case {
        let rng = &mut Rng::with_seed(mix(seed ^ mix(number)));
        let kind = *weighted(rng, &Kind::ALL);
        let hello = vec![Step::Chat(Said::once("Hi there"))];
        let mut case = Case { kind, base: PLAIN.to_owned(), edits: Vec::new(), options: Vec::new(), steps: hello };
        match kind {
            Kind::Model => self.gguf(rng, &mut case, MODELS),
            Kind::OtherGguf => self.gguf(rng, &mut case, OTHERS),
            Kind::Template => template::fill(rng, &mut case),
            Kind::Grammar => grammar::fill(rng, &mut case),
            Kind::Constraint => constraint::fill(rng, &mut case),
            Kind::Options => options::fill(rng, &mut case),
            Kind::Messages => messages::fill(rng, &mut case),
            Kind::State => state::fill(rng, &mut case),
            Kind::Conversation => conversation::fill(rng, &mut case),
            Kind::Tools => tools::fill(rng, &mut case),
        }
        case
    }

    /// One to four edits. Most of them alone: a second one often hides what the first one does.
    fn gguf(&self, rng: &mut Rng, case: &mut Case, bases: &[(&'static str, u32)]) {
        let base = *weighted(rng, bases);
        let (bytes, file) = &self.files[base];
        case.base = base.to_owned();
        for _ in 0..*weighted(rng, &[(1, 5), (2, 3), (3, 1), (4, 1)]) {
            let edits = match *weighted(rng, &[("metadata", 5), ("vocabulary", 3), ("tensors", 3), ("bytes", 3)]) {
                "metadata" => metadata::edits(rng, file),
                "vocabulary" => vocabulary::edits(rng, file),
                "tensors" => tensors::edits(rng, file),
                _ => bytes::edits(rng, bytes.len()),
            };
            case.edits.extend(edits);
        }
        // The ways in which a file is read differ.
        for (key, odds) in [("mmap", 0.3), ("check_tensors", 0.1)] {
            if rng.f64() < odds {
                let value = OptionValue::Bool(key != "mmap");
                case.options.push(Given { to: Object::Model, key: key.to_owned(), value });
            }
        }
    }
}

/// One of several, by weight.
fn weighted<'a, T>(rng: &mut Rng, choices: &'a [(T, u32)]) -> &'a T {
    let mut left = rng.u32(0..choices.iter().map(|(_, weight)| weight).sum());
    for (choice, weight) in choices {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return choice,
        }
    }
    &choices[0].0
}

/// One of several.
fn any<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(0..choices.len())]
}

/// Neighbouring numbers to distant ones (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::edit;

    #[test]
    fn the_same_seed_makes_the_same_case() {
        let (first, second) = (Generator::new().unwrap(), Generator::new().unwrap());
        for number in 0..300 {
            // As text: a number may be none, and then it equals nothing.
            assert_eq!(format!("{:?}", first.case(7, number)), format!("{:?}", second.case(7, number)));
        }
        let cases = |seed| (0..50).map(|number| format!("{:?}", first.case(seed, number))).collect::<HashSet<_>>();
        assert!(cases(1).is_disjoint(&cases(2)));
    }

    #[test]
    fn a_recipe_survives_json_and_nearly_all_change_their_file() {
        let generator = Generator::new().unwrap();
        let mut unchanged = 0;
        for number in 0..600 {
            let case = generator.case(11, number);
            let json = serde_json::to_string(&case).unwrap();
            let read: Case = serde_json::from_str(&json).unwrap();
            let base = generator.base(&case.base).unwrap();
            let file = edit::apply(base, &case.edits);
            assert!(file == edit::apply(base, &read.edits), "{number}: {json}");
            unchanged += usize::from(!case.edits.is_empty() && file == base);
        }
        assert!(unchanged < 30, "{unchanged} of 600 edit nothing");
    }
}
