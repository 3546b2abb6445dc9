//! Backslashes in texts of the command line, as llama.app reads them.

/// `\n`, `\r`, `\t`, `\\`, `\'`, `\"` and `\xHH` as what they stand for; another backslash is itself.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let after = &rest[at + 1..];
        let (byte, length) = match after.bytes().next() {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(same @ (b'\\' | b'\'' | b'"')) => (same, 1),
            Some(b'x') => match after.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => (byte, 3),
                None => (b'\\', 0),
            },
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    // Bytes may make up characters together.
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn what_stands_for_something_is_read_and_the_rest_is_left() {
        for (text, expected) in [
            (r"a\nb\tc", "a\nb\tc"),
            (r#"\\n \" \'"#, "\\n \" '"),
            (r"\x41\xc3\xa9", "Aé"),
            (r"\q \x4 \xzz ü\", r"\q \x4 \xzz ü\"),
            ("", ""),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }
}
