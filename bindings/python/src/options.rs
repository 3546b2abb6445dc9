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
    if let ("logit_bias", Ok(biases)) = (key, value.cast::<PyDict>()) {
        return Ok(Value::List(biases.iter().map(|(token, bias)| entry(&token, &bias)).collect::<Result<_>>()?));
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

/// `TOKEN=BIAS` of an item of a dict.
fn entry(token: &Bound<'_, PyAny>, bias: &Bound<'_, PyAny>) -> Result<String> {
    let wrong = |what: &str| PyTypeError::new_err(format!("option `logit_bias` takes a dict of {what}"));
    let token = if let Ok(text) = token.cast::<PyString>() {
        quoted(self::text(text)?)
    } else if token.is_instance_of::<PyInt>() && !token.is_instance_of::<PyBool>() {
        token.str()?.to_string()
    } else {
        return Err(wrong("int or str: token ids or texts").into());
    };
    let bias = if let Ok(flag) = bias.cast::<PyBool>() {
        if flag.is_true() {
            return Err(wrong("numbers, or False for a ban").into());
        }
        "false".to_owned()
    } else if let Ok(number) = bias.cast::<PyFloat>() {
        number.value().to_string()
    } else if bias.is_instance_of::<PyInt>() {
        bias.str()?.to_string()
    } else {
        return Err(wrong("numbers, or False for a ban").into());
    };
    Ok(format!("{token}={bias}"))
}

/// A text as a JSON string, so that it is not taken for a number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\x1f' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
