//! Options from text, as flags, environments and files have it, under any of their names; and back.

use std::borrow::Cow;

use super::aliases::{Name, Word, lookup};
use super::{Kind, Options, Value, invalid, unknown, wrong_type};
use crate::error::Result;

impl Options {
    /// Sets an option from text, under its key or a name of llama.app's: `("temperature", "0.5")`, `("--temp", "0.5")`.
    /// A switch is on, enabled, true, 1 or off, disabled, false, 0. A list key gets a further element, an empty text
    /// empties it. What llama.app writes otherwise, it may: `("threads", "-1")` leaves the option unset.
    pub fn set_text(&mut self, name: &str, text: &str) -> Result<()> {
        let name = lookup(name).ok_or_else(|| unknown(name))?;
        let spec = name.spec;
        match spec.word(text) {
            Some(Word::Is(text)) => self.set_read(name, text),
            Some(Word::Unset) => self.unset(spec.key),
            Some(Word::Refused(why)) if name.foreign => {
                Err(invalid(spec, format!("option `{}` cannot be llama.app's {text}: {why}", spec.key)))
            }
            _ => self.set_read(name, text),
        }
    }

    fn set_read(&mut self, name: Name, text: &str) -> Result<()> {
        let key = name.spec.key;
        let state = switch(text).map(|state| state != name.negated);
        if let (Some((on, off)), Some(state)) = (name.spec.switch(), state) {
            return self.set_str(key, if state { on } else { off });
        }
        let wrong = || wrong_type(name.spec, &format!("`{text}`"));
        match name.spec.kind {
            _ if name.negated && state.is_none() => Err(wrong()),
            Kind::I64 { .. } => self.set_i64(key, text.parse().map_err(|_| wrong())?),
            Kind::F64 { .. } => self.set_f64(key, text.parse().map_err(|_| wrong())?),
            Kind::Bool { .. } => self.set_bool(key, state.ok_or_else(wrong)?),
            Kind::List { .. } if !text.is_empty() => self.add_str(key, &list_entry(key, text)),
            Kind::Str { .. } | Kind::List { .. } => self.set_str(key, text),
        }
    }

    /// The value of a key as text, one for each element of a list; `None` when it is unset. Of a secret only that it is set.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        if self.is_set(key) && super::find(key).is_some_and(super::Spec::is_secret) {
            return Some(vec![SECRET.to_owned()]);
        }
        Some(match self.get(key)? {
            Value::I64(value) => vec![value.to_string()],
            Value::F64(value) => vec![value.to_string()],
            Value::Bool(value) => vec![if *value { "on" } else { "off" }.to_owned()],
            Value::Str(value) => vec![value.clone()],
            Value::List(items) => items.clone(),
        })
    }
}

/// Shown in place of what nobody should see.
pub(super) const SECRET: &str = "(secret)";

/// llama.app writes `15043+1` and `15043-1` for a bias.
fn list_entry<'a>(key: &str, text: &'a str) -> Cow<'a, str> {
    let (token, bias) = text.split_at(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    if key == "logit_bias" && !token.is_empty() && bias.starts_with(['+', '-']) && !bias.contains('=') {
        return Cow::Owned(format!("{token}={bias}"));
    }
    Cow::Borrowed(text)
}

/// The position of a switch, in the words of llama.app's INI files.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "enabled" | "true" | "1" => Some(true),
        "off" | "disabled" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;
    use crate::options::table;

    fn read(name: &str, text: &str) -> Vec<String> {
        let mut options = Options::new();
        options.set_text(name, text).unwrap();
        options.texts(crate::options::resolve(name).unwrap().key).unwrap_or_default()
    }

    #[test]
    fn every_kind_is_read_and_written_back() {
        for (name, text) in [("--seed", "7"), ("temp", "0.25"), ("mmap", "off"), ("flash-attn", "auto"), ("-r", "end")]
        {
            assert_eq!(read(name, text), [text], "{name}");
        }
        let mut options = Options::new();
        options.set_text("stop", "a").unwrap();
        options.set_text("reverse-prompt", "b; c").unwrap();
        assert_eq!(options.texts("stop"), Some(vec!["a".to_owned(), "b; c".to_owned()]));
        options.set_text("stop", "").unwrap();
        assert_eq!(options.texts("stop"), Some(vec![]));
    }

    #[test]
    fn a_switch_has_four_words_for_each_position() {
        for word in ["on", "enabled", "true", "1"] {
            assert_eq!(read("ignore-eos", word), ["on"]);
            assert_eq!(read("context-shift", word), ["shift"]);
            assert_eq!(read("no-context-shift", word), ["stop"]);
        }
        for word in ["off", "disabled", "false", "0"] {
            assert_eq!(read("ignore-eos", word), ["off"]);
            assert_eq!(read("no-context-shift", word), ["shift"]);
            assert_eq!(read("fa", word), ["off"]);
        }
        assert!(Options::new().set_text("ignore-eos", "yes").is_err());
        assert!(Options::new().set_text("no-context-shift", "error").is_err());
        assert_eq!(read("overflow", "error"), ["error"]);
    }

    #[test]
    fn what_llama_app_writes_otherwise_is_translated() {
        assert_eq!(read("n-predict", "-1"), ["0"]);
        assert_eq!(read("seed", "-1"), ["4294967295"]);
        assert_eq!(read("ngl", "all"), ["-1"]);
        assert_eq!(read("prio", "2"), ["high"]);
        for (text, entry) in [("15043+1", "15043=+1"), ("7-0.5", "7=-0.5"), ("7-inf", "7=-inf")] {
            assert_eq!(read("logit-bias", text), [entry]);
        }
        for same in ["15043=1", "7=-1", "a-b=1", "\"7\"=-2", "+1", "-1", "7+1=2"] {
            assert_eq!(read("logit-bias", same), [same]);
        }
        assert_eq!(read("threads", "-1"), Vec::<String>::new());
        let refused = Options::new().set_text("sm", "tensor").unwrap_err();
        assert!(refused.message().contains("experiment"), "{refused}");
        // Its 0 is no answer, ours no limit.
        assert_eq!(Options::new().set_text("n", "0").unwrap_err().reason(), Reason::InvalidOption);
        assert_eq!(read("max_tokens", "0"), ["0"]);
    }

    #[test]
    fn no_translated_word_is_a_value_of_ours_and_each_gives_one() {
        for spec in table() {
            for word in ["-1", "0", "1", "2", "auto", "all", "mmap", "none", "on", "off"] {
                match spec.word(word) {
                    Some(Word::Is(text)) => {
                        let plain = Name { spec, negated: false, foreign: false };
                        assert!(
                            Options::new().set_read(plain, word).is_err(),
                            "{} = {word} means two things",
                            spec.key
                        );
                        Options::new().set_read(plain, text).unwrap();
                    }
                    Some(Word::Unset) => assert!(Options::new().set_str(spec.key, word).is_err(), "{}", spec.key),
                    _ => {}
                }
            }
            if let Some((on, off)) = spec.switch() {
                Options::new().set_str(spec.key, on).unwrap();
                Options::new().set_str(spec.key, off).unwrap();
            }
        }
    }

    #[test]
    fn a_wrong_value_and_an_unknown_name_say_what_would_be_right() {
        let error = Options::new().set_text("top-k", "many").unwrap_err();
        assert_eq!((error.detail("key"), error.reason()), (Some("top_k"), Reason::InvalidOption));
        assert!(error.message().contains("an integer") && error.message().contains("`many`"), "{error}");
        let error = Options::new().set_text("temprature", "1").unwrap_err();
        assert_eq!((error.detail("nearest"), error.reason()), (Some("temperature"), Reason::UnknownOption));
        // A setter takes keys only, but knows what was meant.
        assert_eq!(Options::new().set_i64("n_predict", 1).unwrap_err().detail("nearest"), Some("max_tokens"));
    }
}
