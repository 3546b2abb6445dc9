//! Reads a key through layers of options: the last layer that sets it wins, and the table's default speaks when none does.

use super::{Kind, Options, Value, find};

/// Lowest layer first: the GGUF's own, the runtime's, the model's, the session's, the request's.
pub(crate) struct Layers<'a>(pub(crate) Vec<&'a Options>);

impl<'a> Layers<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        debug_assert!(find(key).is_some(), "`{key}` is not in the table");
        self.0.iter().rev().find_map(|options| options.get(key))
    }

    /// Whether a layer sets the key, and none above it the other one.
    pub(crate) fn is_set_above(&self, key: &str, other: &str) -> bool {
        let highest = |key: &str| self.0.iter().rposition(|options| options.get(key).is_some());
        highest(key) >= highest(other) && highest(key).is_some()
    }

    /// Whether a layer sets the key.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// An integer key; `None` when it is unset and has no default.
    pub(crate) fn i64(&self, key: &str) -> Option<i64> {
        match (self.get(key), find(key)?.kind) {
            (Some(Value::I64(value)), _) => Some(*value),
            (_, Kind::I64 { default, .. }) => default,
            _ => None,
        }
    }

    /// A number key; every number key has a default.
    pub(crate) fn f32(&self, key: &str) -> f32 {
        match (self.get(key), find(key).map(|spec| spec.kind)) {
            (Some(Value::F64(value)), _) => *value as f32,
            (_, Some(Kind::F64 { default, .. })) => default as f32,
            _ => 0.0,
        }
    }

    /// A switch.
    pub(crate) fn bool(&self, key: &str) -> bool {
        match (self.get(key), find(key).map(|spec| spec.kind)) {
            (Some(Value::Bool(value)), _) => *value,
            (_, Some(Kind::Bool { default })) => default,
            _ => false,
        }
    }

    /// A text key; `None` when it is unset and has no default, or when the strongest layer wants none: an empty text.
    pub(crate) fn str(&self, key: &str) -> Option<&'a str> {
        match (self.get(key), find(key)?.kind) {
            (Some(Value::Str(value)), _) => Some(value.as_str()).filter(|value| !value.is_empty()),
            (_, Kind::Str { default, .. }) => default,
            _ => None,
        }
    }

    /// A list key; empty when unset.
    pub(crate) fn list(&self, key: &str) -> &[String] {
        match self.get(key) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_layer_that_sets_a_key_wins_and_unset_is_not_the_default() {
        let (mut model, mut request) = (Options::new(), Options::new());
        assert_eq!(Layers(vec![&model, &request]).f32("temperature"), 0.8);
        model.set_f64("temperature", 0.2).unwrap();
        assert_eq!(Layers(vec![&model, &request]).f32("temperature"), 0.2);
        request.set_f64("temperature", 0.8).unwrap();
        assert_eq!(Layers(vec![&model, &request]).f32("temperature"), 0.8);
    }

    #[test]
    fn of_two_ways_to_say_one_thing_the_one_set_above_counts() {
        let (mut model, mut request) = (Options::new(), Options::new());
        let is_above =
            |model: &Options, request: &Options| Layers(vec![model, request]).is_set_above("sampler_seq", "samplers");
        assert!(!is_above(&model, &request));
        model.set_str("sampler_seq", "kt").unwrap();
        assert!(is_above(&model, &request));
        request.set_str("samplers", "top_k").unwrap();
        assert!(!is_above(&model, &request));
        request.set_str("sampler_seq", "t").unwrap();
        assert!(is_above(&model, &request));
    }

    #[test]
    fn an_empty_text_is_none_and_hides_what_lies_below() {
        let (mut session, mut request) = (Options::new(), Options::new());
        session.set_str("grammar", "root ::= \"a\"").unwrap();
        request.set_str("grammar", "").unwrap();
        assert_eq!(Layers(vec![&session, &request]).str("grammar"), None);
        request.unset("grammar").unwrap();
        assert!(Layers(vec![&session, &request]).str("grammar").is_some());
    }
}
