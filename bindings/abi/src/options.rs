//! Options: values by key, and the table of what there is.

use std::ffi::CString;
use std::ptr;

use crate::c;
use crate::call::{call, call_for};
use crate::error::Result;
use crate::handle::owner;
use crate::text::{c_string, copy, length};

owner!(
    /// Values by key.
    Options owns chaku_options, freed by chaku_options_free
);

/// A value of any option.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Integer; a number key takes it too.
    I64(i64),
    /// Number.
    F64(f64),
    /// Switch.
    Bool(bool),
    /// Text; for a list key the list of this one element.
    Str(String),
    /// List of texts.
    List(Vec<String>),
}

impl Options {
    /// Options in which no key is set.
    pub fn new() -> Result<Self> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_options_new(out, error) }).map(Options::own)
    }

    /// Sets a key.
    pub fn set(&self, key: &str, value: &Value) -> Result<()> {
        let name = c_string(key, "key")?;
        let (raw, name) = (self.raw(), name.as_ptr());
        // SAFETY: key and text are NUL-terminated or have their length, and outlive the call; `error` is writable.
        call(|error| unsafe {
            match value {
                Value::I64(value) => c::chaku_options_set_i64(raw, name, *value, error),
                Value::F64(value) => c::chaku_options_set_f64(raw, name, *value, error),
                Value::Bool(value) => c::chaku_options_set_bool(raw, name, i32::from(*value), error),
                Value::Str(value) => c::chaku_options_set_str(raw, name, value.as_ptr().cast(), length(value), error),
                // An empty text makes the list empty, to begin with.
                Value::List(_) => c::chaku_options_set_str(raw, name, "".as_ptr().cast(), 0, error),
            }
        })?;
        let Value::List(elements) = value else { return Ok(()) };
        elements.iter().try_for_each(|element| {
            // SAFETY: as above.
            call(|error| unsafe {
                c::chaku_options_add_str(raw, name, element.as_ptr().cast(), length(element), error)
            })
        })
    }

    /// Makes a key unset again.
    pub fn unset(&self, key: &str) -> Result<()> {
        let key = c_string(key, "key")?;
        // SAFETY: the key is NUL-terminated and outlives the call; `error` is writable.
        call(|error| unsafe { c::chaku_options_unset(self.raw(), key.as_ptr(), error) })
    }

    /// Whether a key is set.
    pub fn is_set(&self, key: &str) -> bool {
        // SAFETY: the key is NUL-terminated and outlives the call.
        c_string(key, "key").is_ok_and(|key| unsafe { c::chaku_options_is_set(self.raw(), key.as_ptr()) } == 1)
    }
}

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// Integer.
    I64,
    /// Number.
    F64,
    /// Switch.
    Bool,
    /// Text.
    Str,
    /// List of texts.
    List,
}

/// A row of the table of options.
#[derive(Debug, Clone)]
pub struct OptionInfo {
    /// The key.
    pub key: String,
    /// The type of its value.
    pub kind: OptionKind,
    /// The object it belongs to: `runtime`, `model`, `session` or `request`.
    pub scope: String,
    /// The unit, or nothing.
    pub unit: String,
    /// One sentence.
    pub doc: String,
    /// The default, as text.
    pub default: Option<String>,
    /// The smallest value, as text.
    pub min: Option<String>,
    /// The largest value, as text.
    pub max: Option<String>,
    /// The values it may have.
    pub choices: Vec<String>,
    /// Whether a value outside the range is clamped, not refused.
    pub soft: bool,
    /// What llama.app calls it: flags and environment variables.
    pub aliases: Vec<String>,
}

/// All options.
pub fn option_table() -> Vec<OptionInfo> {
    // SAFETY: what the table returns is NULL or NUL-terminated, and valid until the library is unloaded.
    let key = |index| unsafe { copy(c::chaku_option_key(index)) };
    (0..c::chaku_option_count()).filter_map(|index| option_info(key(index)?)).collect()
}

/// The type of an option; `None` = there is no such option.
pub fn option_kind(key: &str) -> Option<OptionKind> {
    kind_of(&c_string(key, "key").ok()?)
}

fn kind_of(key: &CString) -> Option<OptionKind> {
    // SAFETY: the key is NUL-terminated and outlives the call.
    match unsafe { c::chaku_option_kind(key.as_ptr()) } {
        c::CHAKU_OPTION_KIND_I64 => Some(OptionKind::I64),
        c::CHAKU_OPTION_KIND_F64 => Some(OptionKind::F64),
        c::CHAKU_OPTION_KIND_BOOL => Some(OptionKind::Bool),
        c::CHAKU_OPTION_KIND_STR => Some(OptionKind::Str),
        c::CHAKU_OPTION_KIND_STR_LIST => Some(OptionKind::List),
        _ => None,
    }
}

fn option_info(key: String) -> Option<OptionInfo> {
    let name = c_string(&key, "key").ok()?;
    let kind = kind_of(&name)?;
    let pointer = name.as_ptr();
    // SAFETY: the key is NUL-terminated and outlives the calls; what they return is as in `option_table`.
    let [scope, unit, doc, default, min, max, choices] = unsafe {
        [
            c::chaku_option_scope(pointer),
            c::chaku_option_unit(pointer),
            c::chaku_option_doc(pointer),
            c::chaku_option_default(pointer),
            c::chaku_option_min(pointer),
            c::chaku_option_max(pointer),
            c::chaku_option_choices(pointer),
        ]
        .map(|text| copy(text))
    };
    // SAFETY: as above.
    let (soft, alias) =
        unsafe { (c::chaku_option_is_soft(pointer) == 1, |index| copy(c::chaku_option_alias(pointer, index))) };
    let aliases = (0..).map_while(alias).collect();
    let choices = choices.map_or_else(Vec::new, |all| all.split(',').map(|one| one.trim().to_owned()).collect());
    let text = Option::unwrap_or_default;
    let (scope, unit, doc) = (text(scope), text(unit), text(doc));
    Some(OptionInfo { key, kind, scope, unit, doc, default, min, max, choices, soft, aliases })
}
