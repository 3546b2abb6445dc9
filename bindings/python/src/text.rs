//! Text from Python.

use chaku_abi::Error;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error::Result;

/// The text of a `str`. A lone surrogate, which Python allows and UTF-8 does not, is refused like broken UTF-8 in C.
pub(crate) fn text<'a>(value: &'a Bound<'_, PyString>) -> Result<&'a str> {
    match value.to_str() {
        Ok(text) => Ok(text),
        Err(_) => {
            let bytes = value.call_method1("encode", ("utf-8", "surrogatepass"))?;
            let bytes: &[u8] = bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
            let offset = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
            Err(not_utf8(offset).into())
        }
    }
}

fn not_utf8(offset: usize) -> Error {
    let mut error =
        Error::invalid_argument("text", "must not contain lone surrogates: it could not be written as UTF-8");
    error.reason = "invalid_utf8".to_owned();
    error.details.push(("offset".to_owned(), offset.to_string()));
    error
}
