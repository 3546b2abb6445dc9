//! Which files of a repository are the model that is asked for: llama.app's rules. Pure data.

use super::spec::Which;
use crate::error::{Error, Reason, Result};

/// Taken, in this order, when no tag is given.
const USUAL: [&str; 2] = ["Q4_K_M", "Q8_0"];

/// What is in the names of files that are no models of their own.
const COMPANIONS: [&str; 6] = ["mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"];

/// More tags are not told of.
const MOST_TAGS: usize = 64;

/// So many parts no model has.
const MOST_PARTS: u32 = 1000;

/// Positions of the files of the model, its first part first. `names` are in the hub's order.
pub(super) fn choose(names: &[&str], which: &Which) -> Result<Vec<usize>> {
    let first = match which {
        Which::File(file) => names.iter().position(|name| name == file),
        Which::Tag(tag) => tagged(names, tag),
        Which::Any => {
            USUAL.iter().find_map(|tag| tagged(names, tag)).or_else(|| models(names).next().map(|(at, _)| at))
        }
    };
    parts(names, first.ok_or_else(|| absent(names, which))?)
}

/// A model's name in a list: its tag, in capitals.
pub(super) fn tag(name: &str) -> Option<String> {
    let stem = Part::of(name).stem;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let (_, tag) = stem.rsplit_once(['-', '.'])?;
    (!tag.is_empty() && tag.bytes().all(word)).then(|| tag.to_ascii_uppercase())
}

/// The models there are: positions and names of their first parts.
pub(super) fn models<'a>(names: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    let first = |name: &str| is_model(name) && Part::of(name).index == 1;
    names.iter().copied().enumerate().filter(move |(_, name)| first(name))
}

fn tagged(names: &[&str], tag: &str) -> Option<usize> {
    let tag = tag.to_ascii_lowercase();
    let has = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.match_indices(&tag).any(|(at, _)| name[at + tag.len()..].starts_with(['.', '-']))
    };
    models(names).find(|(_, name)| has(name)).map(|(at, _)| at)
}

fn is_model(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".gguf") && !COMPANIONS.iter().any(|companion| name.contains(companion))
}

/// All parts of the model that this file is a part of.
pub(super) fn parts(names: &[&str], file: usize) -> Result<Vec<usize>> {
    let part = Part::of(names[file]);
    if part.count == 1 {
        return Ok(vec![file]);
    }
    let place = |index| {
        let is = |name: &&str| Part::of(name) == Part { index, ..part };
        names.iter().position(is).ok_or(index)
    };
    (1..=part.count).map(place).collect::<Result<_, _>>().map_err(|missing| {
        let message = format!("part {missing} of {} of {}.gguf is not in the repository", part.count, part.stem);
        Error::new(Reason::HubNotFound, message)
    })
}

/// Where a file stands among the parts of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part<'a> {
    /// The path without number and ending.
    stem: &'a str,
    index: u32,
    count: u32,
}

impl<'a> Part<'a> {
    fn of(path: &'a str) -> Self {
        let stem = path.strip_suffix(".gguf").unwrap_or(path);
        Self::numbered(stem).unwrap_or(Part { stem, index: 1, count: 1 })
    }

    /// `stem-00001-of-00003`.
    fn numbered(stem: &'a str) -> Option<Self> {
        let number =
            |text: &str| (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?;
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (stem, index) = rest.rsplit_once('-')?;
        let (index, count) = (number(index)?, number(count)?);
        (!stem.is_empty() && (1..=MOST_PARTS).contains(&count) && index >= 1).then_some(Part { stem, index, count })
    }
}

/// The names of all parts of a file that is one of several, in order.
pub(super) fn siblings(path: &str) -> Vec<String> {
    let part = Part::of(path);
    match part.count {
        1 => vec![path.to_owned()],
        count => (1..=count).map(|index| format!("{}-{index:05}-of-{count:05}.gguf", part.stem)).collect(),
    }
}

fn absent(names: &[&str], which: &Which) -> Error {
    let mut tags: Vec<String> = models(names).map(|(_, name)| tag(name).unwrap_or_else(|| name.to_owned())).collect();
    tags.sort();
    tags.dedup();
    tags.truncate(MOST_TAGS);
    let there = match tags.is_empty() {
        true => "it has no GGUF model".to_owned(),
        false => format!("it has {}", tags.join(", ")),
    };
    let message = match which {
        Which::Any => "the repository has no GGUF model".to_owned(),
        Which::Tag(tag) => format!("the repository has no model `{tag}`; {there}"),
        Which::File(file) => format!("the repository has no file `{file}`; {there}"),
    };
    Error::new(Reason::HubNotFound, message).with("available", tags.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(names: &[&'a str], which: Which) -> Vec<&'a str> {
        choose(names, &which).unwrap().into_iter().map(|at| names[at]).collect()
    }

    fn tagged(names: &[&'static str], tag: &str) -> Vec<&'static str> {
        chosen(names, Which::Tag(tag.to_owned()))
    }

    const NAMES: &[&str] = &[
        "README.md",
        "m-F16.gguf",
        "m-IQ4_K_M.gguf",
        "m-Q4_K_M.gguf",
        "m-Q8_0.gguf",
        "mmproj-m-Q4_K_M.gguf",
        "sub/m.q5_1.gguf",
    ];

    #[test]
    fn a_tag_is_the_first_model_with_it_in_its_path_before_a_dot_or_a_dash_in_any_case() {
        assert_eq!(tagged(NAMES, "q8_0"), ["m-Q8_0.gguf"]);
        assert_eq!(tagged(NAMES, "Q5_1"), ["sub/m.q5_1.gguf"]);
        // As there, what is before it does not matter; what comes behind it does.
        assert_eq!(tagged(NAMES, "Q4_K_M"), ["m-IQ4_K_M.gguf"]);
        assert_eq!(tagged(&["a-Q4_K_M.gguf", "a-Q4_K.gguf"], "Q4_K"), ["a-Q4_K.gguf"]);
        assert_eq!(tagged(&["Q4_K-x/a.gguf"], "q4_k"), ["Q4_K-x/a.gguf"]);
    }

    #[test]
    fn without_a_tag_there_is_an_order_and_then_the_first_model() {
        assert_eq!(chosen(&["a-Q2_K.gguf", "a-Q8_0.gguf", "a-Q4_K_M.gguf"], Which::Any), ["a-Q4_K_M.gguf"]);
        assert_eq!(chosen(&["a-Q2_K.gguf", "a-Q8_0.gguf"], Which::Any), ["a-Q8_0.gguf"]);
        assert_eq!(chosen(&["x.txt", "mmproj-a.gguf", "mtp-a.gguf", "a.gguf"], Which::Any), ["a.gguf"]);
    }

    #[test]
    fn companions_are_no_models_but_may_be_named() {
        let names = ["imatrix-Q4_0.gguf", "eagle3-Q4_0.gguf", "dflash-Q4_0.gguf", "dspark-Q4_0.gguf"];
        assert_eq!(choose(&names, &Which::Any).unwrap_err().reason(), Reason::HubNotFound);
        assert_eq!(chosen(&names, Which::File(names[0].to_owned())), [names[0]]);
    }

    #[test]
    fn an_absent_tag_names_those_there_are() {
        let error = choose(NAMES, &Which::Tag("Q2_K".to_owned())).unwrap_err();
        assert_eq!(
            (error.reason(), error.detail("available")),
            (Reason::HubNotFound, Some("F16, IQ4_K_M, Q4_K_M, Q5_1, Q8_0"))
        );
        assert!(error.message().contains("`Q2_K`") && error.message().contains("Q8_0"), "{error}");
        // What means something in a pattern means itself.
        assert!(choose(NAMES, &Which::Tag("Q...".to_owned())).is_err());
    }

    #[test]
    fn all_parts_come_in_order_whichever_was_met_and_a_missing_one_is_told() {
        let names = ["a-Q4_K_M-00002-of-00002.gguf", "a-Q4_K_M-00001-of-00002.gguf", "a-Q4_K_M-00001-of-00003.gguf"];
        assert_eq!(tagged(&names[..2], "Q4_K_M"), [names[1], names[0]]);
        assert_eq!(chosen(&names, Which::File(names[0].to_owned())), [names[1], names[0]]);
        let error = choose(&names, &Which::File(names[2].to_owned())).unwrap_err();
        assert!(error.message().contains("part 2 of 3"), "{error}");
    }

    #[test]
    fn tags_and_siblings_are_read_off_names() {
        assert_eq!(tag("x/a-b-q4_k_m.gguf").as_deref(), Some("Q4_K_M"));
        assert_eq!(tag("a.F16-00001-of-00009.gguf").as_deref(), Some("F16"));
        assert_eq!(tag("model.gguf"), None);
        assert_eq!(siblings("a.gguf"), ["a.gguf"]);
        assert_eq!(siblings("a-00002-of-00002.gguf"), ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"]);
        assert_eq!(siblings("a-00001-of-99999.gguf"), ["a-00001-of-99999.gguf"]);
    }
}
