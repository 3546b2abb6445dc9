//! Processors as text: `0-3,6`.

use crate::error::{Error, Reason, Result};

/// More than any machine has.
const MOST: usize = 65_536;

/// The numbers in a list of processors, each once, in order.
pub(super) fn parse(text: &str) -> Result<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first, text)?, number(last, text)?);
        if first > last {
            return Err(invalid(text, format!("{first} is behind {last}")));
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}

fn number(part: &str, text: &str) -> Result<usize> {
    match part.trim().parse() {
        Ok(number) if number < MOST => Ok(number),
        _ => Err(invalid(text, format!("`{}` is not the number of a processor", part.trim()))),
    }
}

fn invalid(text: &str, why: String) -> Error {
    let message = format!("cpu_affinity is `{text}`, a list of processors is expected, such as 0-3,6: {why}");
    Error::new(Reason::InvalidOption, message).with("key", "cpu_affinity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_numbers_become_one_list() {
        assert_eq!(parse("2").unwrap(), [2]);
        assert_eq!(parse("0-3,6").unwrap(), [0, 1, 2, 3, 6]);
        assert_eq!(parse(" 6 , 1 - 2,2-3,6").unwrap(), [1, 2, 3, 6]);
    }

    #[test]
    fn what_is_no_list_says_where() {
        for (text, why) in [
            ("a", "`a`"),
            ("", "``"),
            ("1,,2", "``"),
            ("3-1", "3 is behind 1"),
            ("-1", "``"),
            ("1-2-3", "`2-3`"),
            ("1-70000", "`70000`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message().contains(why), "{error}");
            assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some("cpu_affinity")));
        }
    }
}
