//! The command line.

use std::path::PathBuf;

use crate::case::Kind;

pub(crate) const USAGE: &str = "\
usage: chaku-mutation [--cases N] [--seed S] [--kind KIND]   regressions, then N cases
       chaku-mutation --seed S --only CASE                   one case, and its recipe
       chaku-mutation --replay FILE                          a recipe
       chaku-mutation [--seed S] --minimize CASE|FILE        what of a failing case is needed
       chaku-mutation --cases N --seed S --write FOLDER      the mutated models, to be read by others
   and --log FILE                                            every outcome, one a line
kinds: model other_gguf template grammar constraint options messages state conversation";

pub(crate) struct Arguments {
    pub(crate) cases: u64,
    pub(crate) seed: u64,
    pub(crate) kind: Option<Kind>,
    pub(crate) mode: Mode,
    pub(crate) log: Option<PathBuf>,
}

pub(crate) enum Mode {
    Run,
    Only(u64),
    Replay(PathBuf),
    Minimize(String),
    Write(PathBuf),
}

impl Arguments {
    /// `None` = show the usage.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Arguments { cases: 2000, seed: 1, kind: None, mode: Mode::Run, log: None };
        while let Some(word) = words.next() {
            let value = words.next()?;
            match word.as_str() {
                "--cases" => parsed.cases = value.parse().ok()?,
                "--seed" => parsed.seed = value.parse().ok()?,
                "--kind" => parsed.kind = Some(serde_json::from_value(value.into()).ok()?),
                "--only" => parsed.mode = Mode::Only(value.parse().ok()?),
                "--replay" => parsed.mode = Mode::Replay(value.into()),
                "--minimize" => parsed.mode = Mode::Minimize(value),
                "--write" => parsed.mode = Mode::Write(value.into()),
                "--log" => parsed.log = Some(value.into()),
                _ => return None,
            }
        }
        Some(parsed)
    }
}
