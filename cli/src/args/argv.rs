//! llama.app's way to write flags, made clap's: `-ngl 9` is `--gpu-layers 9`, and whatever follows a flag with a value is that
//! value, `-n -1` too.

use chaku::options::foreign;

use super::elsewhere::elsewhere;
use super::flags::Flag;
use crate::failure::{Failure, Result};

/// A command line that clap understands: long flags, each value with `=` behind its flag.
pub(super) fn normalise(flags: &[Flag], argv: impl IntoIterator<Item = String>) -> Result<Vec<String>> {
    let mut read = Vec::new();
    let mut argv = argv.into_iter();
    while let Some(word) = argv.next() {
        if word == "--" {
            read.push(word);
            read.extend(argv);
            break;
        }
        if !word.starts_with('-') || word == "-" {
            read.push(word);
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word.clone(), None),
        };
        if ["--help", "-h", "--version", "-V"].contains(&name.as_str()) {
            read.push(word);
            continue;
        }
        let Some(flag) = find(flags, &name) else {
            if foreign(&name).is_some_and(|it| it.always_so) {
                continue;
            }
            return Err(unknown(flags, &name));
        };
        read.push(match (value, &flag.value) {
            (Some(value), _) => format!("--{}={value}", flag.long),
            (None, None) => format!("--{}", flag.long),
            (None, Some(placeholder)) => {
                let value = argv.next();
                let missing = || Failure::usage(format!("`{name}` needs a value: {name} {placeholder}"));
                format!("--{}={}", flag.long, value.ok_or_else(missing)?)
            }
        });
    }
    Ok(read)
}

fn find<'a>(flags: &'a [Flag], name: &str) -> Option<&'a Flag> {
    let is = |name: &str| flags.iter().find(|flag| flag.names().any(|known| known == name));
    // llama.app takes `--ctx_size` too.
    is(name).or_else(|| is(&name.strip_prefix("--").map(|rest| format!("--{}", rest.replace('_', "-")))?))
}

fn unknown(flags: &[Flag], name: &str) -> Failure {
    if let Some(why) = elsewhere(name).or_else(|| foreign(name).map(|it| it.why)) {
        return Failure::usage(format!("llama.app's `{name}` is not here: {why}"));
    }
    let nearest = flags
        .iter()
        .flat_map(|flag| flag.names().collect::<Vec<_>>())
        .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    let hint = nearest.map_or(String::new(), |nearest| format!("; did you mean `{nearest}`?"));
    Failure::usage(format!("there is no flag `{name}`{hint}"))
}

#[cfg(test)]
mod tests {
    use super::super::flags::flags_of;
    use super::*;

    fn read(line: &str) -> Result<Vec<String>> {
        normalise(&flags_of("cli"), line.split(' ').map(str::to_owned))
    }

    #[test]
    fn names_of_several_letters_become_long_ones_and_values_stay_as_they_are() {
        for (line, expected) in [
            ("-ngl 9 -c 512", "--n-gpu-layers=9 --ctx-size=512"),
            ("-n -1 -p -st -st", "--predict=-1 --prompt=-st --single-turn"),
            ("--ctx_size 5 --temp=0.5", "--ctx-size=5 --temp=0.5"),
            ("--no-context-shift --ignore-eos", "--no-context-shift --ignore-eos"),
            ("-fa on --no-mmap x -- -n", "--flash-attn=on --no-mmap x -- -n"),
            ("--jinja -no-cnv -cb", ""),
        ] {
            assert_eq!(read(line).unwrap().join(" "), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_flag_is_told_with_what_was_meant() {
        let message = |line| read(line).unwrap_err().message().unwrap().to_owned();
        assert!(message("--temprature 1").contains("`--temperature`"));
        assert!(message("-nlg 1").contains("`-ngl`"));
        assert!(message("--host x").contains("HTTP server"));
        assert!(message("-cl").contains("`chaku models`"));
        assert!(message("-p").contains("needs a value"));
        assert_eq!(read("-xyz").unwrap_err().code(), 2);
    }
}
