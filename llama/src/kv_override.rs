//! Values that are taken in the place of a model file's, as llama.cpp is told them.

use std::ffi::c_char;

use llama_cpp_sys_2 as sys;

use crate::{Error, KvOverride, KvValue};

/// Behind the last one is one with an empty key.
pub(crate) fn raw(overrides: &[KvOverride]) -> Result<Vec<sys::llama_model_kv_override>, Error> {
    // SAFETY: numbers and bytes, for which all zeros is a value: an empty key.
    let end: sys::llama_model_kv_override = unsafe { std::mem::zeroed() };
    let mut raw = Vec::with_capacity(overrides.len() + 1);
    for KvOverride { key, value } in overrides {
        let mut one = end;
        copy(&mut one.key, "key", key)?;
        if key.is_empty() {
            return Err(Error::input("override_kv", "a key is empty"));
        }
        match value {
            KvValue::Int(value) => {
                one.tag = sys::LLAMA_KV_OVERRIDE_TYPE_INT;
                one.__bindgen_anon_1.val_i64 = *value;
            }
            KvValue::Float(value) => {
                one.tag = sys::LLAMA_KV_OVERRIDE_TYPE_FLOAT;
                one.__bindgen_anon_1.val_f64 = *value;
            }
            KvValue::Bool(value) => {
                one.tag = sys::LLAMA_KV_OVERRIDE_TYPE_BOOL;
                one.__bindgen_anon_1.val_bool = *value;
            }
            KvValue::Str(value) => {
                one.tag = sys::LLAMA_KV_OVERRIDE_TYPE_STR;
                let mut text = [0; 128];
                copy(&mut text, "value", value)?;
                one.__bindgen_anon_1.val_str = text;
            }
        }
        raw.push(one);
    }
    raw.push(end);
    Ok(raw)
}

/// Copies a text, behind which at least one zero stays.
fn copy(to: &mut [c_char; 128], what: &str, text: &str) -> Result<(), Error> {
    if text.len() >= to.len() || text.contains('\0') {
        let message = format!("a {what} has at most {} bytes, none of which is NUL", to.len() - 1);
        return Err(Error::input("override_kv", message));
    }
    to.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte as c_char);
    Ok(())
}
