//! Reads INI text: `key = value` lines in sections, with line numbers, and values that may be quoted. No crate does both:
//! rust-ini and configparser forget the lines of what they read.
//!
//! It is llama.app's format but for two things: a value may stand in quotes, and a `;` or `#` begins a comment only at the
//! beginning of a value or after a space, so that `samplers = top_k;temperature` is what it looks like.

use std::borrow::Cow;

/// A value of a key.
#[derive(Debug, PartialEq)]
pub(super) struct Setting<'a> {
    /// Counted from 1.
    pub(super) line: usize,
    /// Before the first section it is `None`.
    pub(super) section: Option<&'a str>,
    pub(super) key: &'a str,
    pub(super) value: Cow<'a, str>,
}

/// A line that is no setting.
#[derive(Debug, PartialEq)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

pub(super) fn parse(text: &str) -> Result<Vec<Setting<'_>>, Mistake> {
    let mut settings = Vec::new();
    let mut section = None;
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        let mistake = |what| Mistake { line: number, what };
        if let Some(rest) = line.strip_prefix('[') {
            section = Some(header(rest).map_err(mistake)?);
        } else if !is_comment(line) {
            let (key, value) = line.split_once('=').ok_or(mistake("a line is `key = value` or `[section]`"))?;
            let (key, value) = (key.trim_end(), value.trim_start());
            if !is_key(key) {
                return Err(mistake("a key has letters, digits, `_`, `-` and `.`, and begins with a letter or `_`"));
            }
            settings.push(Setting { line: number, section, key, value: read(value).map_err(mistake)? });
        }
    }
    Ok(settings)
}

/// Nothing, or nothing but a comment.
fn is_comment(text: &str) -> bool {
    text.is_empty() || text.starts_with([';', '#'])
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.bytes().all(allowed)
}

fn header(rest: &str) -> Result<&str, &'static str> {
    let (name, after) = rest.split_once(']').ok_or("a section is `[name]`")?;
    match name.trim() {
        "" => Err("a section has a name"),
        name if is_comment(after.trim_start()) => Ok(name),
        _ => Err("only a comment may follow a section"),
    }
}

fn read(value: &str) -> Result<Cow<'_, str>, &'static str> {
    let (read, after) = match value.chars().next() {
        Some('\'') => {
            let (text, after) = value[1..].split_once('\'').ok_or(UNCLOSED)?;
            (Cow::Borrowed(text), after)
        }
        Some('"') => {
            let (text, after) = escaped(&value[1..])?;
            (Cow::Owned(text), after)
        }
        _ => return Ok(Cow::Borrowed(plain(value))),
    };
    match after.trim_start() {
        after if is_comment(after) => Ok(read),
        _ => Err("only a comment may follow a quoted value; a value that begins with a quote is quoted as a whole"),
    }
}

const UNCLOSED: &str = "a quoted value ends with its quote, on the same line";

/// Up to a comment.
fn plain(value: &str) -> &str {
    let begins_comment = |(at, _): &(usize, &str)| *at == 0 || value[..*at].ends_with(char::is_whitespace);
    let comment = value.match_indices([';', '#']).find(begins_comment);
    value[..comment.map_or(value.len(), |(at, _)| at)].trim_end()
}

/// Text in double quotes, without the first, and what comes after it.
fn escaped(value: &str) -> Result<(String, &str), &'static str> {
    let mut text = String::new();
    let mut rest = value.chars();
    loop {
        match rest.next().ok_or(UNCLOSED)? {
            '"' => return Ok((text, rest.as_str())),
            '\\' => text.push(match rest.next().ok_or(UNCLOSED)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                same @ ('"' | '\\') => same,
                _ => {
                    return Err(r#"in double quotes a backslash is `\\`, and else only `\"`, `\n`, `\r` and `\t` are known; in single quotes it is itself"#);
                }
            }),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, &'static str> {
        let text = format!("k = {text}");
        parse(&text).map(|settings| settings[0].value.clone().into_owned()).map_err(|mistake| mistake.what)
    }

    #[test]
    fn lines_sections_and_comments() {
        let text = "\u{feff}; first\r\na=1\r\n\n [ * ] # all\n  b-c = 2 ; two\n[user/repo:Q4_K_M]\n\tLLAMA_ARG_X.y =\n";
        let setting = |line, section, key, value: &'static str| Setting { line, section, key, value: value.into() };
        assert_eq!(
            parse(text).unwrap(),
            [
                setting(2, None, "a", "1"),
                setting(5, Some("*"), "b-c", "2"),
                setting(7, Some("user/repo:Q4_K_M"), "LLAMA_ARG_X.y", ""),
            ]
        );
    }

    #[test]
    fn quotes_keep_what_would_begin_a_comment() {
        for (text, read) in [
            ("top_k;temperature", "top_k;temperature"),
            ("a ; b", "a"),
            ("a #b", "a"),
            ("#b", ""),
            (r#"" a ; b # c " ; d"#, " a ; b # c "),
            (r#""say \"a\"\n\\""#, "say \"a\"\n\\"),
            (r#"'root ::= "a" \n # b'"#, r#"root ::= "a" \n # b"#),
            (r#"{"type": "object"}"#, r#"{"type": "object"}"#),
            ("\"\"", ""),
            ("a = b", "a = b"),
            ("ä ; ö", "ä"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused_with_its_line() {
        for text in ["a = 1\nb", "\n[x", "\n[]", "\n[x] y", "\n= 1", "\n1a = 1", "\na b = 1", "\na = \"x", "\na = 'x"] {
            assert_eq!(parse(text).unwrap_err().line, 2, "{text}");
        }
        for text in ["\"a\" | \"b\"", "\"a\\", "\"\\q\"", "'a' b"] {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
