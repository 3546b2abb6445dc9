//! A loaded model file.

use std::any::Any;
use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use crate::model_params::{Lists, LoadMode};
use crate::{Error, ModelParams, Vocab, backend, ffi, gguf};

/// A loaded model: immutable, shared by reference count, usable from every thread.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    /// Invariant: from `llama_model_load_from_file`, freed when the last handle goes.
    raw: NonNull<ffi::llama_model>,
    vocab_only: bool,
}

// SAFETY: after loading, every function this crate calls on a model only reads it. The one that writes,
// llama_init_from_model, does so for what it takes for YaRN, which the shim names otherwise.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours by the invariant, and contexts and samplers hold a handle while they live.
        unsafe { sys::llama_model_free(self.raw.as_ptr()) }
    }
}

impl Model {
    /// Checks a GGUF file and loads it. `progress` is called on this thread with 0.0 to 1.0, tensor by tensor; when it
    /// returns `false` the load ends with [`Error::Cancelled`].
    pub fn load(path: &Path, params: &ModelParams, progress: &mut dyn FnMut(f32) -> bool) -> Result<Self, Error> {
        Self::load_all_or_sizes(path, params, false, progress)
    }

    /// The same with `sizes_only`: everything but the numbers in the tensors. Such a model must not compute.
    pub(crate) fn load_all_or_sizes(
        path: &Path,
        params: &ModelParams,
        sizes_only: bool,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, Error> {
        backend::init()?;
        let raw_path = c_path(path)?;
        params.check()?;
        let file = gguf::check_with(path, params.vocab_only, &params.kv_overrides)?;
        let load_mode = match params.load_mode {
            // llama.cpp asserts that what has no memory is not mapped either.
            _ if sizes_only => LoadMode::Read,
            LoadMode::Auto | LoadMode::Map if !file.may_be_mapped() => LoadMode::Read,
            LoadMode::MapLock if !file.may_be_mapped() => LoadMode::Lock,
            asked => asked,
        };
        let lists = Lists::of(params)?;
        let raw_params = lists.raw(params, load_mode, sizes_only);
        // Its metadata takes as much memory as llama.cpp's own copy.
        drop(file);
        let mut state = Progress { callback: progress, cancelled: false, panic: None };
        let mut raw = std::ptr::null_mut();
        let result = ffi::call("llama_model_load_from_file", |error| {
            // SAFETY: raw_path, params and the lists they point to outlive the call, and were checked; llama.cpp calls on_progress only during it, on this thread,
            // with the pointer to `state`, which nothing else uses meanwhile.
            unsafe {
                ffi::chaku_llama_model_load(
                    raw_path.as_ptr(),
                    &raw const raw_params,
                    on_progress,
                    (&raw mut state).cast(),
                    &raw mut raw,
                    error,
                )
            }
        });
        if let Some(panic) = state.panic {
            resume_unwind(panic);
        }
        match (result?, NonNull::new(raw)) {
            (ffi::Outcome::Done, Some(raw)) => Ok(Self(Arc::new(Inner { raw, vocab_only: params.vocab_only }))),
            _ if state.cancelled => Err(Error::Cancelled),
            (ffi::Outcome::Refused(message), _) if !message.is_empty() => Err(Error::LoadFailed { message }),
            _ => Err(Error::LoadFailed { message: "llama.cpp gave no reason".to_owned() }),
        }
    }

    /// The vocabulary.
    pub fn vocab(&self) -> Vocab<'_> {
        // SAFETY: the vocabulary is a part of the model, and never null.
        let raw = unsafe { NonNull::new_unchecked(sys::llama_model_get_vocab(self.raw()).cast_mut()) };
        Vocab::new(raw)
    }

    /// The window size that the model was trained with.
    pub fn n_ctx_train(&self) -> u32 {
        // SAFETY: reads a number of a loaded model. So do the functions below.
        unsafe { sys::llama_model_n_ctx_train(self.raw()) }.cast_unsigned()
    }

    /// The width of its embeddings.
    pub fn n_embd(&self) -> u32 {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_n_embd(self.raw()) }.cast_unsigned()
    }

    /// The number of its layers.
    pub fn n_layer(&self) -> u32 {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_n_layer(self.raw()) }.cast_unsigned()
    }

    /// The number of its parameters.
    pub fn n_params(&self) -> u64 {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_n_params(self.raw()) }
    }

    /// The size of its tensors.
    pub fn size_bytes(&self) -> u64 {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_size(self.raw()) }
    }

    /// Architecture, size and quantization in a few words.
    pub fn description(&self) -> String {
        read_text(|buffer, size| {
            // SAFETY: writes at most `size` bytes into the buffer.
            unsafe { sys::llama_model_desc(self.raw(), buffer, size) }
        })
        .unwrap_or_default()
    }

    /// The file's metadata as text. Arrays are shown as llama.cpp shows them; long ones are not listed.
    pub fn metadata(&self) -> Vec<(String, String)> {
        // SAFETY: as in n_ctx_train.
        let count = unsafe { sys::llama_model_meta_count(self.raw()) };
        (0..count)
            .filter_map(|i| {
                let key = read_text(|buffer, size| {
                    // SAFETY: writes at most `size` bytes into the buffer; `i` is below the count.
                    unsafe { sys::llama_model_meta_key_by_index(self.raw(), i, buffer, size) }
                })?;
                let value = read_text(|buffer, size| {
                    // SAFETY: as for the key.
                    unsafe { sys::llama_model_meta_val_str_by_index(self.raw(), i, buffer, size) }
                })?;
                Some((key, value))
            })
            .collect()
    }

    /// One metadata value as text.
    pub fn metadata_value(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        read_text(|buffer, size| {
            // SAFETY: writes at most `size` bytes into the buffer; the key is NUL-terminated.
            unsafe { sys::llama_model_meta_val_str(self.raw(), key.as_ptr(), buffer, size) }
        })
    }

    /// The chat template in the file, as written there.
    pub fn chat_template(&self) -> Option<String> {
        // SAFETY: a null name asks for the default template; the result is null or a C string that lives in the model.
        let text = unsafe { sys::llama_model_chat_template(self.raw(), std::ptr::null()) };
        // SAFETY: as above.
        (!text.is_null()).then(|| unsafe { backend::text(text) })
    }

    /// Whether it has an encoder, which must run before its decoder.
    pub fn has_encoder(&self) -> bool {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_has_encoder(self.raw()) }
    }

    /// Whether it can generate text.
    pub fn has_decoder(&self) -> bool {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_has_decoder(self.raw()) }
    }

    /// Whether its memory is a state per sequence (Mamba, RWKV), which cannot forget a part.
    pub fn is_recurrent(&self) -> bool {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_is_recurrent(self.raw()) }
    }

    /// Whether it mixes recurrent layers with attention.
    pub fn is_hybrid(&self) -> bool {
        // SAFETY: as in n_ctx_train.
        unsafe { sys::llama_model_is_hybrid(self.raw()) }
    }

    /// Whether only its vocabulary was loaded.
    pub fn is_vocab_only(&self) -> bool {
        self.0.vocab_only
    }

    pub(crate) fn raw(&self) -> *mut ffi::llama_model {
        self.0.raw.as_ptr()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({})", self.description())
    }
}

struct Progress<'a> {
    callback: &'a mut dyn FnMut(f32) -> bool,
    cancelled: bool,
    panic: Option<Box<dyn Any + Send>>,
}

extern "C" fn on_progress(progress: f32, user_data: *mut c_void) -> bool {
    // SAFETY: Model::load passes a pointer to its Progress, which outlives the load.
    let state = unsafe { &mut *user_data.cast::<Progress<'_>>() };
    // A panic must not cross the C++ frames: it waits until the load has been cancelled.
    match catch_unwind(AssertUnwindSafe(|| (state.callback)(progress))) {
        Ok(go_on) => state.cancelled |= !go_on,
        Err(panic) => state.panic = Some(panic),
    }
    !state.cancelled && state.panic.is_none()
}

/// Paths reach llama.cpp as bytes on Unix and as UTF-8 on Windows.
fn c_path(path: &Path) -> Result<CString, Error> {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    #[cfg(not(unix))]
    let bytes = path.to_str().ok_or_else(|| Error::input("path", "is not Unicode"))?.as_bytes();
    if bytes.is_empty() {
        // llama.cpp takes an empty path for "no file given", with words that help nobody.
        return Err(Error::input("path", "is empty"));
    }
    CString::new(bytes).map_err(|_| Error::input("path", "contains a NUL byte"))
}

/// Reads a text through one of llama.cpp's snprintf-like functions, which return the length it has in full.
fn read_text(read: impl Fn(*mut c_char, usize) -> i32) -> Option<String> {
    let mut buffer = vec![0_u8; 256];
    loop {
        let length = usize::try_from(read(buffer.as_mut_ptr().cast(), buffer.len())).ok()?;
        if length < buffer.len() {
            buffer.truncate(length);
            return Some(String::from_utf8_lossy(&buffer).into_owned());
        }
        buffer.resize(length + 1, 0);
    }
}
