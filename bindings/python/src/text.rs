//! Text from Python.

use chaku_abi::Error;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error::Result;

/// The text of a `str`. A lone surrogate, which Python allows and UTF-8 does not, is refused like broken UTF-8 in C.
pub(crate) fn text<'a>(value: &'a Bound<'_, PyString>) -> Result<&'a str> {
    match value.to_str() {
        Ok(text) => Ok(text),
        Err(error) => {
            let at: usize = error.value(value.py()).getattr("start")?.extract()?;
            let before = value.as_any().get_item(pyo3::types::PySlice::new(value.py(), 0, at as isize, 1))?;
            let offset = before.cast::<PyString>().map_err(PyErr::from)?.to_str()?.len();
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
