//! The error every call may return.

use std::fmt;

use crate::c;
use crate::text::copy;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: a copy of the error object's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One of gRPC's codes; never OK.
    pub code: i32,
    /// The stable word, for instance `queue_full`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Details by key.
    pub details: Vec<(String, String)>,
}

impl Error {
    /// An argument that cannot even be passed on.
    pub fn invalid_argument(parameter: &str, problem: &str) -> Self {
        Error {
            code: c::CHAKU_INVALID_ARGUMENT,
            reason: "invalid_argument".to_owned(),
            message: format!("`{parameter}` {problem}"),
            details: vec![("parameter".to_owned(), parameter.to_owned())],
        }
    }

    /// An object was closed, and its handle freed: there is nothing left to call.
    pub fn closed(what: &str) -> Self {
        Error {
            code: c::CHAKU_FAILED_PRECONDITION,
            reason: "closed".to_owned(),
            message: format!("the {what} was closed; make a new one"),
            details: Vec::new(),
        }
    }

    /// The code's name, for instance `INVALID_ARGUMENT`.
    pub fn code_name(&self) -> String {
        // SAFETY: code names are NUL-terminated and never go away.
        unsafe { copy(c::chaku_code_name(self.code)) }.unwrap_or_default()
    }

    /// One detail.
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.details.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Copies an error object and frees it. Without one the code alone speaks.
    pub(crate) fn take(code: c::chaku_code, error: *mut c::chaku_error) -> Self {
        // SAFETY: the texts are valid until the error is freed, below.
        let (reason, message, details) =
            unsafe { (copy(c::chaku_error_reason(error)), copy(c::chaku_error_message(error)), details(error)) };
        c::chaku_error_free(error);
        Error { code, reason: reason.unwrap_or_default(), message: message.unwrap_or_default(), details }
    }
}

/// # Safety
/// Nobody frees `error` during the call.
unsafe fn details(error: *const c::chaku_error) -> Vec<(String, String)> {
    let count = c::chaku_error_detail_count(error);
    let detail = |index| {
        let key = c::chaku_error_detail_key(error, index);
        // SAFETY: a detail's key and value are NULL or NUL-terminated, and valid until the error is freed.
        unsafe { Some((copy(key)?, copy(c::chaku_error_detail(error, key))?)) }
    };
    (0..count).filter_map(detail).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code_name(), self.reason, self.message)
    }
}

impl std::error::Error for Error {}
