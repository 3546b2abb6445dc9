//! What this library is.

use std::ffi::{CString, c_char};

use once_cell::race::OnceBox;

use crate::guard;
use crate::text::{c_str, c_string};

/// The version of the binary interface: the number in the shared library's name. Code compiled against one number works
/// with every library of the same number; under 0 it works with the very same version only, so compare
/// CHAKU_VERSION_NUMBER as well.
pub const CHAKU_ABI_VERSION: u32 = 0;

/// The binary interface of the library that runs. A program, and above all a language binding, checks first thing that
/// it is CHAKU_ABI_VERSION.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_abi_version() -> u32 {
    guard::value(CHAKU_ABI_VERSION, || Ok(CHAKU_ABI_VERSION))
}

/// The version of the library that runs, in the form of CHAKU_VERSION_NUMBER: major * 1000000 + minor * 1000 + patch.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_version_number() -> u32 {
    guard::value(0, || {
        let part = |text: &str| text.parse::<u32>().unwrap_or(0);
        let (major, minor, patch) =
            (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"));
        Ok(part(major) * 1_000_000 + part(minor) * 1_000 + part(patch))
    })
}

/// The version of the library that runs, as text.
///
/// - Returns: valid until the library is unloaded. Never NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    guard::value(c"".as_ptr(), || Ok(VERSION.as_ptr().cast()))
}

/// Whether this build has a feature. Features are the compiled-in backends: "cpu", "cuda", "metal", "vulkan", "opencl",
/// "rocm", "mkl"; and "hub": it can download models.
///
/// - `name`: borrowed. NUL-terminated.
///
/// Returns 1 or 0; 0 for an unknown name.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chaku_has_feature(name: *const c_char) -> i32 {
    guard::value(0, || {
        // SAFETY: `name` is NULL or NUL-terminated, as the header asks.
        let name = unsafe { c_str(name, "name")? };
        Ok(i32::from(chaku::backends().contains(&name) || name == "hub" && cfg!(feature = "hub")))
    })
}

/// Versions and build settings of chaku and llama.cpp, for bug reports.
///
/// - Returns: valid until the library is unloaded. Never NULL.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_build_info() -> *const c_char {
    // Made without a lock, which a forked child might find locked for ever.
    static INFO: OnceBox<CString> = OnceBox::new();
    guard::value(c"".as_ptr(), || Ok(INFO.get_or_init(|| Box::new(build_info())).as_ptr()))
}

fn build_info() -> CString {
    let (version, backends) = (env!("CARGO_PKG_VERSION"), chaku::backends().join(", "));
    c_string(&format!("chaku {version}; backends: {backends}; llama.cpp {}", chaku::llama_info()))
}
