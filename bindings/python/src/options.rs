//! The values of options.

use chaku_abi::{Options, Value};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PySequence, PyString};

use crate::error::Result;
use crate::text::text;

/// Keyword arguments as options; None leaves a key unset.
pub(crate) fn options(keywords: &Bound<'_, PyDict>) -> Result<Options> {
    let options = Options::new()?;
    for (key, value) in keywords.iter() {
        let key: String = key.extract()?;
        if value.is_none() {
            options.unset(&key)?; // which knows whether there is such a key
        } else {
            options.set(&key, &convert(&key, &value)?)?;
        }
    }
    Ok(options)
}

/// Whether the key takes the value is for the table to say.
fn convert(key: &str, value: &Bound<'_, PyAny>) -> Result<Value> {
    // Before the integers, of which Python's booleans are a kind.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Value::Bool(value.is_true()));
    }
    if let Ok(value) = value.cast::<PyString>() {
        return Ok(Value::Str(text(value)?.to_owned()));
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Ok(Value::F64(value.value()));
    }
    if let Ok(value) = value.cast::<PyInt>() {
        // Beyond 64 bits it is out of any range, as the largest number is.
        let largest = if value.lt(0)? { i64::MIN } else { i64::MAX };
        return Ok(Value::I64(value.extract().unwrap_or(largest)));
    }
    let wrong = || {
        let found = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("option `{key}` must be an int, float, bool, str or list of str, not {found}"))
    };
    // Not whatever yields elements: the keys of a dict, say, are no list.
    let elements = value.cast::<PySequence>().map_err(|_| wrong())?.try_iter()?;
    let elements = elements.map(|element| Ok(text(element?.cast::<PyString>().map_err(|_| wrong())?)?.to_owned()));
    Ok(Value::List(elements.collect::<Result<_>>()?))
}
