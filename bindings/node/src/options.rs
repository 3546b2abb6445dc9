//! Options: from an object to values by key.

use chaku_abi::{Options, Result, Value};

use crate::napi::bindgen_prelude::{Either4, JsObjectValue, Object};
use crate::napi::{self, napi};

/// A value as JavaScript has it.
type Given = Either4<bool, f64, String, Vec<String>>;

/// Keys and values of an object as options. The outer error is a value of no possible type.
pub(crate) fn options(object: Option<Object<'_>>) -> napi::Result<Result<Options>> {
    let mut given = Vec::new();
    if let Some(object) = object {
        for key in Object::keys(&object)? {
            let value = object.get_named_property::<Given>(&key)?;
            given.push((key, value));
        }
    }
    Ok(set(given))
}

fn set(given: Vec<(String, Given)>) -> Result<Options> {
    let options = Options::new()?;
    for (key, value) in given {
        options.set(&key, &value_of(value))?;
    }
    Ok(options)
}

fn value_of(given: Given) -> Value {
    match given {
        Either4::A(flag) => Value::Bool(flag),
        // JavaScript has one kind of number; a whole one is an integer, which number keys take too.
        Either4::B(number) if number.fract() == 0.0 && number.abs() < i64::MAX as f64 => Value::I64(number as i64),
        Either4::B(number) => Value::F64(number),
        Either4::C(text) => Value::Str(text),
        Either4::D(texts) => Value::List(texts),
    }
}

/// The option whose name is most like this one, which is none.
#[napi]
pub fn nearest_option(key: String) -> Option<String> {
    let error = Options::new().and_then(|options| options.unset(&key)).err()?;
    error.detail("nearest").map(str::to_owned)
}
