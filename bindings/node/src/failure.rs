//! Errors, on their way to JavaScript.

use crate::napi::bindgen_prelude::Either;
use crate::napi::{self, napi};

/// What a function returns that can fail.
pub(crate) type Outcome<T> = Either<T, Failure>;

/// Why a function failed. JavaScript knows it by its `reason`, which no other result has, and makes an error of it.
///
/// Not a class: one whose module is loaded a second time would not be known any more.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// The code's name.
    pub code: String,
    pub reason: String,
    pub message: String,
    /// Keys and values.
    pub details: Vec<Vec<String>>,
}

impl From<chaku_abi::Error> for Failure {
    fn from(error: chaku_abi::Error) -> Self {
        let code = error.code_name();
        let chaku_abi::Error { reason, message, details, .. } = error;
        Failure { code, reason, message, details: pairs(details) }
    }
}

/// A result as JavaScript gets it.
pub(crate) fn outcome<T>(result: chaku_abi::Result<T>) -> Outcome<T> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

/// What `Object.fromEntries` takes.
pub(crate) fn pairs(entries: Vec<(String, String)>) -> Vec<Vec<String>> {
    entries.into_iter().map(|(key, value)| vec![key, value]).collect()
}
