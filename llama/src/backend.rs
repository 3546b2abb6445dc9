//! Process-wide state of llama.cpp: set up once, by whoever comes first.

use std::sync::OnceLock;

pub use crate::log::{LogHandler, LogLevel};
use crate::{Error, ffi, log};

/// Prepares llama.cpp. Idempotent and thread-safe; everything in this crate calls it.
///
/// Checks first that this CPU has the instructions the build uses. Then it points llama.cpp's loggers at
/// [`set_log_handler`] (nothing is ever written to stdout or stderr) and takes over the message of an abort. It sets no
/// environment variable and no signal handler.
///
/// The host's `std::terminate` handler stays too: ggml replaces it in a static initialiser, but that is the only thing in
/// its object file, which linkers therefore leave out. Whoever links the static library with `--whole-archive` gets it, and
/// can keep it from acting with `GGML_NO_BACKTRACE` in the environment.
pub fn init() -> Result<(), Error> {
    static INIT: OnceLock<Result<(), (bool, String)>> = OnceLock::new();
    INIT.get_or_init(|| {
        let missing = missing_cpu_features();
        if !missing.is_empty() {
            return Err((true, missing));
        }
        // SAFETY: both callbacks are functions that live as long as the process; OnceLock makes this the only call.
        ffi::run("llama_backend_init", |error| unsafe {
            ffi::chaku_llama_backend_init(log::on_log, log::on_abort, error)
        })
        .map_err(|error| (false, error.to_string()))
    })
    .clone()
    .map_err(|(cpu, message)| match cpu {
        true => Error::CpuUnsupported { missing: message },
        false => Error::Threw { call: "llama_backend_init", message },
    })
}

/// Receives every line that llama.cpp and ggml log, on the thread that logged it, without its newline.
///
/// Set once, also before [`init`]; a later call changes nothing. The handler must not call into this crate.
pub fn set_log_handler(handler: LogHandler) {
    log::set_handler(handler);
}

/// The instructions and libraries that ggml found and uses, as it describes them.
pub fn system_info() -> String {
    // llama_print_system_info writes into a static string: it runs once.
    static INFO: OnceLock<String> = OnceLock::new();
    INFO.get_or_init(|| match init() {
        // SAFETY: llama.cpp is initialised, and OnceLock makes this the only call; it returns a static C string.
        Ok(()) => unsafe { text(llama_cpp_sys_2::llama_print_system_info()) },
        Err(error) => error.to_string(),
    })
    .clone()
}

/// The version of llama.cpp that this was built with.
pub fn llama_version() -> String {
    // SAFETY: returns a constant.
    unsafe { text(llama_cpp_sys_2::llama_version()) }
}

/// The backends in this build, under the names of the cargo features that chose them.
pub fn compiled_backends() -> Vec<&'static str> {
    let optional = [
        ("cuda", cfg!(feature = "cuda")),
        ("metal", cfg!(feature = "metal")),
        ("vulkan", cfg!(feature = "vulkan")),
        ("opencl", cfg!(feature = "opencl")),
        ("rocm", cfg!(feature = "rocm")),
        ("mkl", cfg!(feature = "mkl")),
    ];
    let chosen = optional.into_iter().filter_map(|(name, compiled)| compiled.then_some(name));
    std::iter::once("cpu").chain(chosen).collect()
}

/// The features this build of ggml uses without asking the CPU for them, as far as they are missing.
fn missing_cpu_features() -> String {
    #[cfg(target_arch = "x86_64")]
    let missing: Vec<&str> = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
    ]
    .into_iter()
    .filter_map(|(name, present)| (!present).then_some(name))
    .collect();
    #[cfg(not(target_arch = "x86_64"))]
    let missing: Vec<&str> = Vec::new();
    missing.join(", ")
}

/// Copies a C string; null is empty.
///
/// # Safety
/// `text` is null or NUL-terminated and stays valid during the call.
pub(crate) unsafe fn text(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as this function requires.
    unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_can_be_called_from_many_threads() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| init().unwrap());
            }
        });
    }

    #[test]
    fn the_build_describes_itself() {
        assert!(!llama_version().is_empty());
        assert!(system_info().contains("CPU"), "{}", system_info());
        assert_eq!(compiled_backends()[0], "cpu");
    }
}
