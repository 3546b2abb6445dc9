//! Models: loading, and what a model says about itself.

use std::ffi::{CString, c_char};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

use chaku::{Model, Result};

use crate::out::Out;
use crate::text::{c_str, c_string};
use crate::time::timeout;
use crate::types::{chaku_code, chaku_error, chaku_model, chaku_options, chaku_request, chaku_runtime};
use crate::{callback, guard, handle, options, runtime};

/// The model behind a handle, its texts in C's form once someone asks for them.
pub(crate) struct ModelObject {
    pub(crate) model: Model,
    texts: OnceLock<Texts>,
}

struct Texts {
    description: CString,
    chat_template: Option<CString>,
    metadata: Vec<(CString, CString)>,
}

impl ModelObject {
    pub(crate) fn new(model: Model) -> Self {
        ModelObject { model, texts: OnceLock::new() }
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| Texts {
            description: c_string(&self.model.description()),
            chat_template: self.model.chat_template().as_deref().map(c_string),
            metadata: self.model.metadata().iter().map(|(key, value)| (c_string(key), c_string(value))).collect(),
        })
    }
}

/// Loads a GGUF file and waits for it.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `path`: copied. NUL-terminated UTF-8, on every system. May be a spec: see chaku_model_download.
/// - `options`: copied. Model keys, and defaults for its sessions and requests; NULL = none.
/// - `out_model`: returns owned (free with chaku_model_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: NOT_FOUND `file_not_found`; PERMISSION_DENIED `file_permission`; UNAVAILABLE `file_unreadable`; DATA_LOSS
/// `model_corrupt` (not a GGUF, or a broken one); UNIMPLEMENTED `model_unsupported`; INVALID_ARGUMENT `invalid_option`
/// (an option this model cannot have); RESOURCE_EXHAUSTED `memory_budget`, `queue_full` (16 loads are under way),
/// `no_thread`; FAILED_PRECONDITION `cpu_unsupported`; DEADLINE_EXCEEDED `deadline`. For a spec also those of
/// chaku_model_download.
/// Thread class: shared. Waits; chaku_model_load_async does not, shows progress and can be cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_load(
    runtime: *mut chaku_runtime,
    path: *const c_char,
    options: *const chaku_options,
    out_model: *mut *mut chaku_model,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_load", out_error, || {
            let out = Out::handle(out_model, "out_model")?;
            callback::refuse_inside()?;
            let path = Path::new(c_str(path, "path")?);
            let model = runtime::or_default(runtime)?.load_blocking(path, &options::values(options)?)?;
            out.put(ModelObject::new(model))
        })
    }
}

/// Starts to load a GGUF file and returns at once. The request's events are progress and the final event; then
/// chaku_request_model gives the model.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `path`: copied. NUL-terminated UTF-8, on every system. May be a spec: see chaku_model_download.
/// - `options`: copied. Model keys, and defaults for its sessions and requests; NULL = none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: those of the file arrive in the final event; see chaku_model_load.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_load_async(
    runtime: *mut chaku_runtime,
    path: *const c_char,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_load_async", out_error, || {
            let out = Out::handle(out_request, "out_request")?;
            callback::refuse_inside()?;
            let path = Path::new(c_str(path, "path")?);
            out.put(runtime::or_default(runtime)?.load(path, &options::values(options)?)?)
        })
    }
}

/// Starts to download a model of the Hugging Face hub, or what is missing of it in the cache that tools for the hub share,
/// and returns at once. The request's events are progress, in bytes, and the final event; then chaku_request_path gives the
/// files. chaku_model_load and chaku_model_load_async do the same by themselves when their path is such a spec, before they load.
/// The library reads HF_TOKEN and the other variables that its options name, unless these are set.
///
/// - `runtime`: borrowed. NULL = the default runtime.
/// - `spec`: copied. NUL-terminated UTF-8: "hf:user/repo", "hf:user/repo:tag" (a quantization, for instance Q4_K_M),
///   "hf:user/repo/file", or a URL.
/// - `options`: copied. Model keys, of which `offline`, `cache_dir`, `hub_endpoint`, `hub_token` and the deadline matter; NULL =
///   none.
/// - `out_request`: returns owned (free with chaku_request_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: UNIMPLEMENTED `unimplemented`: this library was built without downloads, which chaku_has_feature("hub") says;
/// INVALID_ARGUMENT `invalid_argument` for what is no spec, `invalid_option`; RESOURCE_EXHAUSTED `queue_full` (16 loads and downloads
/// are under way), `no_thread`. The rest arrives in the final event: UNAUTHENTICATED `hub_unauthorized`; PERMISSION_DENIED
/// `hub_forbidden`; NOT_FOUND `hub_not_found`; UNAVAILABLE `hub_unavailable`, `file_unwritable`; DATA_LOSS
/// `checksum_mismatch`; RESOURCE_EXHAUSTED `disk_full`; FAILED_PRECONDITION `offline`; DEADLINE_EXCEEDED `deadline`.
/// Thread class: shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_download(
    runtime: *mut chaku_runtime,
    spec: *const c_char,
    options: *const chaku_options,
    out_request: *mut *mut chaku_request,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_download", out_error, || {
            let out = Out::handle(out_request, "out_request")?;
            callback::refuse_inside()?;
            let spec = c_str(spec, "spec")?;
            out.put(runtime::or_default(runtime)?.download(spec, &options::values(options)?)?)
        })
    }
}

/// Makes one more handle to a model, to be freed on its own.
///
/// - `model`: borrowed.
/// - `out_model`: returns owned (free with chaku_model_free).
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_retain(
    model: *const chaku_model,
    out_model: *mut *mut chaku_model,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_retain", out_error, || {
            let out = Out::handle(out_model, "out_model")?;
            out.put_shared(handle::get(model, "model")?.share())
        })
    }
}

/// Ends all work of a model and waits until it is over: running and waiting requests end with `closed_while_running`,
/// new ones are refused with `closed`. Their callbacks may still be under way: chaku_request_close waits for those. The
/// weights are given back once the model, its sessions and its requests are freed.
///
/// - `model`: borrowed.
/// - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
/// - `out_error`: returns owned (free with chaku_error_free); may be NULL.
///
/// Errors: DEADLINE_EXCEEDED `close_timeout`: the model goes on closing.
/// Thread class: shared. Waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_close(
    model: *mut chaku_model,
    timeout_ms: i64,
    out_error: *mut *mut chaku_error,
) -> chaku_code {
    // SAFETY: the pointers are as the header asks.
    unsafe {
        guard::call("chaku_model_close", out_error, || {
            callback::refuse_inside()?;
            handle::get(model, "model")?.model.close(timeout(timeout_ms)?)
        })
    }
}

/// Frees a model's handle. Sessions keep the model itself as long as they need it.
///
/// - `model`: consumed. NULL does nothing.
///
/// Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live model.
/// Thread class: shared, callback-safe. Never waits.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_free(model: *mut chaku_model) -> chaku_code {
    guard::control(|| handle::take(model, "model").map(drop))
}

/// The size of a session's context window, in tokens.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_context_size(model: *const chaku_model) -> i64 {
    guard::value(0, || number(model, |model| i64::from(model.context_size())))
}

/// The context window the model was trained for, in tokens.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_training_context(model: *const chaku_model) -> i64 {
    guard::value(0, || number(model, |model| i64::from(model.training_context())))
}

/// How many tokens the vocabulary has.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_vocab_size(model: *const chaku_model) -> i64 {
    guard::value(0, || number(model, |model| i64::from(model.vocab_size())))
}

/// The size of the model's tensors, in bytes.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_size_bytes(model: *const chaku_model) -> i64 {
    guard::value(0, || number(model, |model| model.size_bytes() as i64))
}

/// How many parameters the model has.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_parameter_count(model: *const chaku_model) -> i64 {
    guard::value(0, || number(model, |model| model.parameter_count() as i64))
}

/// The model in a few words, for instance "llama 135M Q4_1".
///
/// - `model`: borrowed.
/// - Returns: valid until `model` is freed. NULL for a handle that is no live model.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_description(model: *const chaku_model) -> *const c_char {
    guard::value(ptr::null(), || text(model, |texts| Some(&texts.description)))
}

/// The Jinja source of the file's chat template.
///
/// - `model`: borrowed.
/// - Returns: valid until `model` is freed. NULL when there is none, and for a handle that is no live model.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_chat_template(model: *const chaku_model) -> *const c_char {
    guard::value(ptr::null(), || text(model, |texts| texts.chat_template.as_ref()))
}

/// How many metadata entries the file has.
///
/// - `model`: borrowed.
///
/// Returns 0 for a handle that is no live model.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_metadata_count(model: *const chaku_model) -> i64 {
    guard::value(0, || Ok(handle::get(model, "model")?.texts().metadata.len() as i64))
}

/// The key of a metadata entry, by position from 0.
///
/// - `model`: borrowed.
/// - Returns: valid until `model` is freed. NULL past the last entry.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_metadata_key(model: *const chaku_model, index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        text(model, |texts| texts.metadata.get(usize::try_from(index).ok()?).map(|(key, _)| key))
    })
}

/// The value of a metadata entry, as text, by position from 0.
///
/// - `model`: borrowed.
/// - Returns: valid until `model` is freed. NULL past the last entry.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_model_metadata_value(model: *const chaku_model, index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        text(model, |texts| texts.metadata.get(usize::try_from(index).ok()?).map(|(_, value)| value))
    })
}

/// The value of the metadata entry with this key, for instance "general.name", as text.
///
/// - `model`: borrowed.
/// - `key`: borrowed. NUL-terminated.
/// - Returns: valid until `model` is freed. NULL when there is no such entry.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_model_metadata(model: *const chaku_model, key: *const c_char) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: `key` is NULL or NUL-terminated, as the header asks.
        let key = unsafe { c_str(key, "key")? };
        let object = handle::get(model, "model")?;
        let found = object.texts().metadata.iter().find(|(name, _)| name.as_bytes() == key.as_bytes());
        Ok(found.map_or(ptr::null(), |(_, value)| value.as_ptr()))
    })
}

fn number(model: *const chaku_model, read: impl FnOnce(&Model) -> i64) -> Result<i64> {
    Ok(read(&handle::get(model, "model")?.model))
}

/// A text that lives as long as the object, which lives at least as long as its handle.
fn text(model: *const chaku_model, read: impl FnOnce(&Texts) -> Option<&CString>) -> Result<*const c_char> {
    let object = handle::get(model, "model")?;
    Ok(read(object.texts()).map_or(ptr::null(), |text| text.as_ptr()))
}
