//! Options: one table of keys, and a container of set values. *Unset* is not the default: it lets a lower layer speak.

mod aliases;
mod config;
mod foreign;
mod host;
mod ini;
mod layers;
mod table;
mod text;

use std::collections::BTreeMap;
use std::fmt;

pub use aliases::resolve;
pub use config::{Config, Ignored, MAY_BE_REMOTE, Settings, Source};
pub use foreign::{Foreign, foreign};
pub use host::{HostKey, HostValue};
pub(crate) use layers::Layers;
pub use table::{Kind, Scope, Spec, find, table};

use crate::error::{Error, Reason, Result};

/// A set value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    I64(i64),
    F64(f64),
    Bool(bool),
    Str(String),
    List(Vec<String>),
}

/// A value that lay outside a soft range, and was taken as the nearest one inside.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Clamped {
    /// The option.
    pub key: &'static str,
    /// What was asked for.
    pub given: f64,
    /// What counts.
    pub taken: f64,
}

/// Values by key, checked against the table when they are set. A setter that fails changes nothing.
#[derive(Clone, Default, PartialEq)]
pub struct Options {
    /// Invariant: each key is in the table and its value passed the key's check.
    values: BTreeMap<&'static str, Value>,
    /// What was asked for instead of a value that was clamped. Invariant: its keys are among those of `values`.
    clamped: BTreeMap<&'static str, f64>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in &self.values {
            match find(key).is_some_and(Spec::is_secret) {
                true => map.entry(key, &text::SECRET),
                false => map.entry(key, value),
            };
        }
        map.finish()
    }
}

impl Options {
    /// No key is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an integer key, or a number key from an integer. Outside a soft range it is clamped ([`Options::clamped`]).
    pub fn set_i64(&mut self, key: &str, value: i64) -> Result<()> {
        let spec = known(key)?;
        match spec.kind {
            Kind::I64 { min, max, .. } if (min..=max).contains(&value) => {
                self.put(spec, Value::I64(value));
                Ok(())
            }
            Kind::I64 { min, max, soft: true, .. } => {
                self.put(spec, Value::I64(value.clamp(min, max)));
                self.clamped.insert(spec.key, value as f64);
                Ok(())
            }
            Kind::I64 { min, max, .. } => Err(out_of_range(spec, value, min, max)),
            Kind::F64 { .. } => self.set_f64(key, value as f64),
            _ => Err(wrong_type(spec, "an integer")),
        }
    }

    /// Sets a number key. Outside a soft range it is clamped ([`Options::clamped`]); NaN and infinities are refused.
    pub fn set_f64(&mut self, key: &str, value: f64) -> Result<()> {
        let spec = known(key)?;
        match spec.kind {
            Kind::F64 { min, max, .. } if (min..=max).contains(&value) => {
                self.put(spec, Value::F64(value));
                Ok(())
            }
            Kind::F64 { min, max, soft: true, .. } if value.is_finite() => {
                self.put(spec, Value::F64(value.clamp(min, max)));
                self.clamped.insert(spec.key, value);
                Ok(())
            }
            Kind::F64 { min, max, .. } => Err(out_of_range(spec, value, min, max)),
            _ => Err(wrong_type(spec, "a number")),
        }
    }

    /// Sets a switch.
    pub fn set_bool(&mut self, key: &str, value: bool) -> Result<()> {
        let spec = known(key)?;
        match spec.kind {
            Kind::Bool { .. } => {
                self.put(spec, Value::Bool(value));
                Ok(())
            }
            _ => Err(wrong_type(spec, "a switch (true or false)")),
        }
    }

    /// Sets a text key; for a list key, the list with this one element, and of none if the text is empty.
    pub fn set_str(&mut self, key: &str, value: &str) -> Result<()> {
        let spec = known(key)?;
        match spec.kind {
            Kind::Str { choices, .. } if choices.is_empty() || choices.contains(&value) => {
                self.put(spec, Value::Str(value.to_owned()));
                Ok(())
            }
            Kind::Str { choices, .. } => {
                Err(invalid(spec, format!("option `{key}` is one of {}, not `{value}`", choices.join(", "))))
            }
            Kind::List { .. } if value.is_empty() => {
                self.put(spec, Value::List(Vec::new()));
                Ok(())
            }
            Kind::List { .. } => {
                let before = self.values.remove(spec.key);
                self.add_str(key, value).inspect_err(|_| {
                    // A setter that fails changes nothing.
                    before.map(|before| self.values.insert(spec.key, before));
                })
            }
            _ => Err(wrong_type(spec, "text")),
        }
    }

    /// Appends to a list key.
    pub fn add_str(&mut self, key: &str, value: &str) -> Result<()> {
        let spec = known(key)?;
        let Kind::List { max_items, max_bytes } = spec.kind else {
            return Err(wrong_type(spec, "a list"));
        };
        if value.is_empty() || value.len() > max_bytes {
            return Err(invalid(
                spec,
                format!("each element of `{key}` has 1 to {max_bytes} bytes, this one {}", value.len()),
            ));
        }
        match self.values.entry(spec.key).or_insert_with(|| Value::List(Vec::new())) {
            Value::List(items) if items.len() < max_items => items.push(value.to_owned()),
            _ => return Err(invalid(spec, format!("`{key}` has at most {max_items} elements"))),
        }
        Ok(())
    }

    /// Makes a key unset again.
    pub fn unset(&mut self, key: &str) -> Result<()> {
        let spec = known(key)?;
        self.values.remove(spec.key);
        self.clamped.remove(spec.key);
        Ok(())
    }

    /// Whether a key is set.
    pub fn is_set(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// What was asked for outside a soft range, and what counts instead.
    pub fn clamped(&self) -> impl Iterator<Item = Clamped> + '_ {
        self.clamped.iter().filter_map(|(key, given)| {
            let taken = match self.values.get(key)? {
                Value::I64(value) => *value as f64,
                Value::F64(value) => *value,
                _ => return None,
            };
            Some(Clamped { key, given: *given, taken })
        })
    }

    /// Says in the log what was clamped. `whose`: who gave these values.
    pub(crate) fn warn_of_clamped(&self, whose: &str) {
        for Clamped { key, given, taken } in self.clamped() {
            tracing::warn!(target: "chaku::options", key, given, taken, "an option of the {whose} lies outside its range and is clamped");
        }
    }

    /// Takes them for this kind of object: fails if a key is set that means nothing for it, and says in its log what was
    /// clamped.
    pub(crate) fn accept(&self, scope: Scope, log: Option<&tracing::Dispatch>) -> Result<()> {
        self.check_scope(scope)?;
        if !self.clamped.is_empty() {
            let warn = || self.warn_of_clamped(scope.name());
            log.map_or_else(warn, |log| tracing::dispatcher::with_default(log, warn));
        }
        Ok(())
    }

    /// Fails if a key is set that means nothing for this kind of object.
    pub(crate) fn check_scope(&self, scope: Scope) -> Result<()> {
        match self.values.keys().filter_map(|key| find(key)).find(|spec| spec.scope < scope) {
            None => Ok(()),
            Some(spec) => Err(invalid(
                spec,
                format!(
                    "option `{}` belongs to the {}, it cannot be given to a {}",
                    spec.key,
                    spec.scope.name(),
                    scope.name()
                ),
            )),
        }
    }

    /// These values, and those of `above` where it has its own.
    pub(crate) fn under(&self, above: &Options) -> Options {
        let mut under = self.clone();
        for (key, value) in &above.values {
            under.values.insert(key, value.clone());
            under.clamped.remove(key);
        }
        under.clamped.extend(&above.clamped);
        under
    }

    fn put(&mut self, spec: &'static Spec, value: Value) {
        self.values.insert(spec.key, value);
        self.clamped.remove(spec.key);
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }
}

fn known(key: &str) -> Result<&'static Spec> {
    find(key).ok_or_else(|| unknown(key))
}

fn unknown(name: &str) -> Error {
    if let Some(Foreign { why, .. }) = foreign(name) {
        let error = Error::new(Reason::UnknownOption, format!("llama.app's `{name}` is no option here: {why}"));
        return error.with("key", name).with("nearest", table::nearest(name));
    }
    let nearest = table::nearest(name);
    Error::new(Reason::UnknownOption, format!("there is no option `{name}`; did you mean `{nearest}`?"))
        .with("key", name)
        .with("nearest", nearest)
}

fn invalid(spec: &Spec, message: String) -> Error {
    Error::new(Reason::InvalidOption, message).with("key", spec.key)
}

fn wrong_type(spec: &Spec, got: &str) -> Error {
    invalid(spec, format!("option `{}` is {}, not {got}", spec.key, spec.kind.name()))
}

fn out_of_range(spec: &Spec, value: impl ToString, min: impl ToString, max: impl ToString) -> Error {
    let (value, min, max) = (value.to_string(), min.to_string(), max.to_string());
    invalid(spec, format!("option `{}` is {value}, outside {min} to {max}", spec.key))
        .with("value", value)
        .with("min", min)
        .with("max", max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_names_the_nearest_key() {
        let error = Options::new().set_f64("temprature", 0.5).unwrap_err();
        assert_eq!(error.reason(), Reason::UnknownOption);
        assert_eq!(error.detail("nearest"), Some("temperature"));
    }

    #[test]
    fn a_setter_that_fails_leaves_a_list_as_it_was() {
        let mut options = Options::new();
        options.add_str("stop", "a").unwrap();
        options.add_str("stop", "b").unwrap();
        assert_eq!(options.set_str("stop", &"x".repeat(5000)).unwrap_err().reason(), Reason::InvalidOption);
        assert_eq!(Layers(vec![&options]).list("stop"), ["a", "b"]);
    }

    #[test]
    fn an_empty_list_is_a_value_and_hides_the_one_below() {
        let (mut below, mut above) = (Options::new(), Options::new());
        below.set_str("stop", "a").unwrap();
        above.set_str("stop", "").unwrap();
        assert!(above.is_set("stop"));
        assert!(Layers(vec![&below, &above]).list("stop").is_empty());
    }

    #[test]
    fn a_value_out_of_range_names_key_value_and_range_and_changes_nothing() {
        let mut options = Options::new();
        options.set_i64("max_tokens", 7).unwrap();
        let error = options.set_i64("max_tokens", -5).unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidOption);
        assert_eq!((error.detail("key"), error.detail("value")), (Some("max_tokens"), Some("-5")));
        assert_eq!(options.get("max_tokens"), Some(&Value::I64(7)));
    }

    #[test]
    fn outside_a_soft_range_a_value_is_clamped_and_that_is_known_as_long_as_it_counts() {
        let mut options = Options::new();
        options.set_f64("temperature", -0.5).unwrap();
        options.set_f64("top_p", 1.5).unwrap();
        options.set_i64("top_k", -1).unwrap();
        options.set_i64("min_p", 7).unwrap();
        assert_eq!(options.get("temperature"), Some(&Value::F64(0.0)));
        let clamped = |options: &Options| options.clamped().map(|c| (c.key, c.given, c.taken)).collect::<Vec<_>>();
        assert_eq!(
            clamped(&options),
            [("min_p", 7.0, 1.0), ("temperature", -0.5, 0.0), ("top_k", -1.0, 0.0), ("top_p", 1.5, 1.0)]
        );
        // Not a number is no value anywhere, and a hard range is one.
        assert!(options.set_f64("temperature", f64::NAN).is_err() && options.set_f64("top_p", f64::INFINITY).is_err());
        assert!(options.set_f64("typical_p", 1.5).is_err());
        assert_eq!(clamped(&options).len(), 4);
        options.set_f64("temperature", 0.5).unwrap();
        options.unset("top_k").unwrap();
        assert_eq!(clamped(&options), [("min_p", 7.0, 1.0), ("top_p", 1.5, 1.0)]);
        let mut above = Options::new();
        above.set_f64("top_p", 0.5).unwrap();
        above.set_f64("min_p", -1.0).unwrap();
        assert_eq!(clamped(&options.under(&above)), [("min_p", -1.0, 0.0)]);
    }

    #[test]
    fn types_are_checked_and_integers_become_numbers() {
        let mut options = Options::new();
        options.set_i64("temperature", 1).unwrap();
        assert_eq!(options.get("temperature"), Some(&Value::F64(1.0)));
        assert!(options.set_str("temperature", "hot").is_err());
        assert!(options.set_f64("temperature", f64::NAN).is_err());
        assert!(options.set_str("overflow", "explode").unwrap_err().message().contains("shift"));
    }

    #[test]
    fn lists_grow_and_are_bounded() {
        let mut options = Options::new();
        options.set_str("stop", "a").unwrap();
        options.add_str("stop", "b").unwrap();
        assert_eq!(options.get("stop"), Some(&Value::List(vec!["a".into(), "b".into()])));
        assert!(options.add_str("stop", "").is_err());
        while options.add_str("stop", "x").is_ok() {}
        let Some(Value::List(items)) = options.get("stop") else { panic!("a list") };
        assert_eq!(items.len(), 64);
    }

    #[test]
    fn a_model_option_does_not_pass_as_a_request_option() {
        let mut options = Options::new();
        options.set_i64("ctx_size", 512).unwrap();
        assert!(options.accept(Scope::Model, None).is_ok());
        let error = options.accept(Scope::Request, None).unwrap_err();
        assert_eq!(error.detail("key"), Some("ctx_size"));
    }
}
