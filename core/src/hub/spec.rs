//! What a model is called: a repository of the hub, with a tag or a file, or a URL.

use crate::error::{Error, Reason, Result};

/// Longest name of a repository, and longest URL, that is one.
const LONGEST_REPO: usize = 256;
const LONGEST_URL: usize = 8192;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spec {
    Repo {
        /// `user/repo`. Invariant: [`is_repo`].
        repo: String,
        which: Which,
    },
    Url(String),
}

/// Which model of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// The usual one.
    Any,
    /// The first whose path has this in it.
    Tag(String),
    /// This file. Invariant: [`is_path`].
    File(String),
}

impl Spec {
    pub(super) fn parse(text: &str) -> Result<Spec> {
        if text.starts_with("https://") || text.starts_with("http://") {
            return match text.len() <= LONGEST_URL && text.bytes().all(|byte| byte.is_ascii_graphic()) {
                true => Ok(Spec::Url(text.to_owned())),
                false => Err(wrong(text, "a URL has no spaces and is ASCII; write other characters as %XX")),
            };
        }
        let Some(name) = text.strip_prefix("hf:") else {
            return Err(wrong(text, "it is hf:user/repo, hf:user/repo:tag, hf:user/repo/file, or a URL"));
        };
        let Some((user, rest)) = name.split_once('/') else {
            return Err(wrong(text, "a repository is user/repo"));
        };
        let end = rest.find([':', '/']).unwrap_or(rest.len());
        let (repo, which) = (format!("{user}/{}", &rest[..end]), &rest[end..]);
        if !is_repo(&repo) {
            return Err(wrong(text, "a repository is user/repo, of letters, digits, `_`, `-` and `.`"));
        }
        let which = match (which.get(..1), which.get(1..)) {
            (None, _) => Which::Any,
            (Some(":"), Some(tag)) if is_tag(tag) => Which::Tag(tag.to_owned()),
            (Some("/"), Some(file)) if is_path(file) => Which::File(file.to_owned()),
            (Some(":"), _) => return Err(wrong(text, "a tag is of letters, digits, `_`, `-` and `.`, such as Q4_K_M")),
            _ => return Err(wrong(text, "a file is a path inside the repository")),
        };
        Ok(Spec::Repo { repo, which })
    }
}

fn wrong(text: &str, why: &str) -> Error {
    let shown: String = super::shown(text).chars().take(LONGEST_REPO).collect();
    Error::new(Reason::InvalidArgument, format!("`{shown}` names no model: {why}")).with("parameter", "spec")
}

/// `user/repo`, as the hub has it: `/`, `.` and `-` stand between other characters.
pub(super) fn is_repo(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.len() <= LONGEST_REPO && text.matches('/').count() == 1 && text.split(['/', '.', '-']).all(word)
}

fn is_tag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_REPO && text.bytes().all(allowed)
}

/// A path that leads to a place below where it begins, on every system. Whoever runs a hub, or stands between, chooses
/// these names.
pub(super) fn is_path(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| !c.is_control() && !"\\:*?\"<>|".contains(c);
        !part.is_empty()
            && part.len() <= 255
            && part.chars().all(plain)
            && !part.ends_with(['.', ' '])
            && !is_device(part)
    };
    text.len() <= 1024 && text.split('/').all(part)
}

/// A name that Windows takes for a device wherever it stands.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    ["con", "prn", "aux", "nul"].contains(&stem.as_str())
        || numbered.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The name of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

/// The name of a blob: what git or git LFS computed of it.
pub(super) fn is_oid(text: &str) -> bool {
    [40, 64].contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(which: Which) -> Spec {
        Spec::Repo { repo: "ggml-org/gemma-3.GGUF".to_owned(), which }
    }

    #[test]
    fn every_form_is_read() {
        let name = "hf:ggml-org/gemma-3.GGUF";
        assert_eq!(Spec::parse(name).unwrap(), repo(Which::Any));
        assert_eq!(Spec::parse(&format!("{name}:Q8_0")).unwrap(), repo(Which::Tag("Q8_0".to_owned())));
        assert_eq!(Spec::parse(&format!("{name}/a b/c.gguf")).unwrap(), repo(Which::File("a b/c.gguf".to_owned())));
        let url = "https://example.com/a.gguf?b=c";
        assert_eq!(Spec::parse(url).unwrap(), Spec::Url(url.to_owned()));
    }

    #[test]
    fn what_is_no_spec_is_refused() {
        for text in [
            "",
            "a",
            "hf:",
            "hf:a",
            "hf:a/",
            "hf:/a",
            "hf:a/b:",
            "hf:a/b/",
            "hf:../b",
            "hf:a/..",
            "hf:a/b:c/d",
            "hf:a/b:c d",
            "hf:a/b/../c",
            "hf:a/b//c",
            "hf:a/b/c\\d",
            "hf:a/b/c:d",
            "hf:-a/b",
            "hf:a--b/c",
            "hf:a b/c",
            "hf:ä/b",
            "hf:a/b:.*\n",
            "https://a b",
            "http://ä",
            "file:///etc/passwd",
        ] {
            let error = Spec::parse(text).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_path_never_leads_out() {
        for path in ["a", "a/b.gguf", "..a/b..c", "ä ö/-x", "comma.gguf"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/.",
            "C:/a",
            "a\\b",
            "\\\\host\\a",
            "a\0b",
            "a\nb",
            "nul",
            "a/CON.gguf",
            "com1",
            "a.",
            "a ",
        ] {
            assert!(!is_path(path), "{path}");
        }
        assert!(!is_path(&"x".repeat(256)) && !is_path(&"x/".repeat(600)));
    }
}
