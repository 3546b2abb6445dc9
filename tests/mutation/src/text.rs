//! Values in recipes: text that may be no UTF-8, numbers that JSON does not have.

use serde::{Deserialize, Serialize};

/// Text, or bytes that are no text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl Bytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Text(text) => text.as_bytes(),
            Bytes::Raw(bytes) => bytes,
        }
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.as_slice() == text.as_bytes()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Bytes::Raw(error.into_bytes()), Bytes::Text)
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Bytes::Text(text.to_owned())
    }
}

/// Floating-point numbers as text, for JSON has neither infinity nor not-a-number.
pub(crate) mod float {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("no number"))
    }
}
