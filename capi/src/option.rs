//! The table of options, for programs that want to list or explain them.

use std::ffi::{CString, c_char};
use std::ptr;

use chaku::options::{Kind, Spec, resolve, table};
use chaku::{Error, Reason, Result};
use once_cell::race::OnceBox;

use crate::guard;
use crate::text::{c_str, c_string};

/// Integer option.
pub const CHAKU_OPTION_KIND_I64: i32 = 1;
/// Number option.
pub const CHAKU_OPTION_KIND_F64: i32 = 2;
/// Switch option.
pub const CHAKU_OPTION_KIND_BOOL: i32 = 3;
/// Text option.
pub const CHAKU_OPTION_KIND_STR: i32 = 4;
/// Option that is a list of texts.
pub const CHAKU_OPTION_KIND_STR_LIST: i32 = 5;

/// One row of the table, its texts in C's form.
struct Row {
    key: CString,
    kind: i32,
    scope: CString,
    unit: CString,
    doc: CString,
    default: Option<CString>,
    min: Option<CString>,
    max: Option<CString>,
    choices: Option<CString>,
    soft: bool,
    aliases: Vec<CString>,
}

impl Row {
    fn new(spec: &Spec) -> Self {
        let (kind, default, min, max) = describe(spec.kind);
        let choices = match spec.kind {
            Kind::Str { choices, .. } if !choices.is_empty() => Some(choices.join(",")),
            _ => None,
        };
        let text = |text: Option<String>| text.map(|text| c_string(&text));
        Row {
            key: c_string(spec.key),
            kind,
            scope: c_string(spec.scope.name()),
            unit: c_string(spec.unit),
            doc: c_string(spec.doc),
            default: text(default),
            min: text(min),
            max: text(max),
            choices: text(choices),
            soft: matches!(spec.kind, Kind::I64 { soft: true, .. } | Kind::F64 { soft: true, .. }),
            aliases: spec.aliases().map(c_string).collect(),
        }
    }
}

type Described = (i32, Option<String>, Option<String>, Option<String>);

fn describe(kind: Kind) -> Described {
    let some = |value: &dyn ToString| Some(value.to_string());
    match kind {
        Kind::I64 { min, max, default, .. } => {
            (CHAKU_OPTION_KIND_I64, default.map(|value| value.to_string()), some(&min), some(&max))
        }
        Kind::F64 { min, max, default, .. } => (CHAKU_OPTION_KIND_F64, some(&default), some(&min), some(&max)),
        Kind::Bool { default } => (CHAKU_OPTION_KIND_BOOL, some(&i32::from(default)), None, None),
        Kind::Str { default, .. } => (CHAKU_OPTION_KIND_STR, default.map(str::to_owned), None, None),
        Kind::List { .. } => (CHAKU_OPTION_KIND_STR_LIST, None, None, None),
        _ => (0, None, None, None),
    }
}

fn rows() -> &'static [Row] {
    static ROWS: OnceBox<Vec<Row>> = OnceBox::new();
    // Made without a lock, which a forked child might find locked for ever.
    ROWS.get_or_init(|| Box::new(table().iter().map(Row::new).collect()))
}

/// # Safety
/// `key` is NULL or NUL-terminated.
unsafe fn row(key: *const c_char) -> Result<&'static Row> {
    // SAFETY: the same contract.
    let key = unsafe { c_str(key, "key")? };
    rows()
        .iter()
        .find(|row| row.key.as_bytes() == key.as_bytes())
        .ok_or_else(|| Error::new(Reason::UnknownOption, "no such option"))
}

fn or_null(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// How many options there are.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_option_count() -> i64 {
    guard::value(0, || Ok(rows().len() as i64))
}

/// The key of an option, by position from 0.
///
/// - Returns: valid until the library is unloaded. NULL past the last option.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_option_key(index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        let row = usize::try_from(index).ok().and_then(|index| rows().get(index));
        Ok(or_null(row.map(|row| &row.key)))
    })
}

/// The type of an option's value: one of CHAKU_OPTION_KIND_I64, _F64, _BOOL, _STR, _STR_LIST.
///
/// - `key`: borrowed. NUL-terminated.
///
/// Returns 0 for an unknown key.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_kind(key: *const c_char) -> i32 {
    // SAFETY: `key` is as the header asks.
    guard::value(0, || Ok(unsafe { row(key)? }.kind))
}

/// The object an option belongs to: "runtime", "model", "session" or "request". It may also be given to an object above,
/// as a default for all below.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_scope(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(unsafe { row(key)? }.scope.as_ptr()))
}

/// The unit of an option's value, for instance "ms"; empty when it has none.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_unit(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(unsafe { row(key)? }.unit.as_ptr()))
}

/// One sentence about an option.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_doc(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(unsafe { row(key)? }.doc.as_ptr()))
}

/// The default of an option, as text; a switch is "0" or "1".
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key and for an option without a fixed default.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_default(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(or_null(unsafe { row(key)? }.default.as_ref())))
}

/// The smallest value of an integer or number option, as text.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key and for an option of another kind.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_min(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(or_null(unsafe { row(key)? }.min.as_ref())))
}

/// The largest value of an integer or number option, as text.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key and for an option of another kind.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_max(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(or_null(unsafe { row(key)? }.max.as_ref())))
}

/// Whether a value outside the range of an option is taken as the nearest one inside (see chaku_options_is_clamped), and
/// not refused.
///
/// - `key`: borrowed. NUL-terminated.
///
/// Returns 1 or 0; 0 also for an unknown key.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_is_soft(key: *const c_char) -> i32 {
    // SAFETY: `key` is as the header asks.
    guard::value(0, || Ok(i32::from(unsafe { row(key)? }.soft)))
}

/// The values a text option may have, separated by commas.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key and for an option that takes any text.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_choices(key: *const c_char) -> *const c_char {
    // SAFETY: `key` is as the header asks.
    guard::value(ptr::null(), || Ok(or_null(unsafe { row(key)? }.choices.as_ref())))
}

/// Another name of an option, by position from 0: what llama.app calls it. A flag, with its dashes, or an environment
/// variable, in capitals.
///
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown key and past the last name.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_alias(key: *const c_char, index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: `key` is as the header asks.
        let aliases = &unsafe { row(key)? }.aliases;
        Ok(or_null(usize::try_from(index).ok().and_then(|index| aliases.get(index))))
    })
}

/// The key of the option that a name stands for: a key, with `_` or `-`; a flag of llama.app, with or without its dashes;
/// an environment variable, CHAKU_ and the key in capitals, or llama.app's. Setters take keys alone.
///
/// - `name`: borrowed. NUL-terminated.
/// - Returns: valid until the library is unloaded. NULL for an unknown name.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_option_find(name: *const c_char) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: `name` is as the header asks.
        let spec = resolve(unsafe { c_str(name, "name")? });
        let row = spec.and_then(|spec| rows().iter().find(|row| row.key.as_bytes() == spec.key.as_bytes()));
        Ok(or_null(row.map(|row| &row.key)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn text(pointer: *const c_char) -> Option<&'static str> {
        // SAFETY: the getters return NULL or texts that live as long as the program.
        (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap())
    }

    #[test]
    fn every_option_is_described() {
        for index in 0..chaku_option_count() {
            let key = chaku_option_key(index);
            // SAFETY: `key` is one of the table's.
            unsafe {
                assert!((CHAKU_OPTION_KIND_I64..=CHAKU_OPTION_KIND_STR_LIST).contains(&chaku_option_kind(key)));
                assert!(text(chaku_option_doc(key)).unwrap().ends_with('.'));
                assert!(["runtime", "model", "session", "request"].contains(&text(chaku_option_scope(key)).unwrap()));
                assert!(text(chaku_option_unit(key)).is_some());
            }
        }
        assert!(chaku_option_key(chaku_option_count()).is_null() && chaku_option_key(-1).is_null());
    }

    #[test]
    fn ranges_defaults_and_choices_are_text() {
        // SAFETY: the keys are literals.
        unsafe {
            let key = c"top_p".as_ptr();
            assert_eq!(text(chaku_option_default(key)), Some("0.95"));
            assert_eq!((text(chaku_option_min(key)), text(chaku_option_max(key))), (Some("0"), Some("1")));
            assert_eq!(text(chaku_option_choices(c"flash_attn".as_ptr())), Some("auto,on,off"));
            assert_eq!(text(chaku_option_default(c"mmap".as_ptr())), Some("1"));
            assert_eq!(text(chaku_option_default(c"threads".as_ptr())), None);
            assert_eq!(text(chaku_option_doc(c"no_such_key".as_ptr())), None);
            assert_eq!(chaku_option_kind(ptr::null()), 0);
            assert_eq!((chaku_option_is_soft(key), chaku_option_is_soft(c"typical_p".as_ptr())), (1, 0));
        }
    }

    #[test]
    fn every_alias_leads_back_to_its_key() {
        for index in 0..chaku_option_count() {
            let key = chaku_option_key(index);
            for index in 0.. {
                // SAFETY: `key` is one of the table's, and so are its aliases.
                unsafe {
                    let alias = chaku_option_alias(key, index);
                    if alias.is_null() {
                        break;
                    }
                    assert_eq!(text(chaku_option_find(alias)), text(key), "{:?}", text(alias));
                }
            }
        }
        // SAFETY: the names are literals.
        unsafe {
            let key = c"temperature".as_ptr();
            assert_eq!(text(chaku_option_alias(key, 0)), Some("--temp"));
            assert_eq!(text(chaku_option_find(c"max-tokens".as_ptr())), Some("max_tokens"));
            assert!(chaku_option_alias(key, -1).is_null() && chaku_option_alias(ptr::null(), 0).is_null());
            assert!(chaku_option_find(c"no-such-name".as_ptr()).is_null() && chaku_option_find(ptr::null()).is_null());
        }
    }
}
