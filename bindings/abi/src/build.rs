//! What was built, and what it runs on.

use crate::c;
use crate::error::{Error, Result};
use crate::text::{c_string, copy};

/// Says whether the library that runs has the interface this crate was compiled against. A binding asks first thing.
pub fn check_abi() -> Result<()> {
    let (ours, theirs) = (c::CHAKU_ABI_VERSION, c::chaku_abi_version());
    if ours == theirs {
        return Ok(());
    }
    Err(Error {
        code: c::CHAKU_FAILED_PRECONDITION,
        reason: "abi_version".to_owned(),
        message: format!("this module needs ABI {ours} of chaku, the library has {theirs}; install both anew"),
        details: Vec::new(),
    })
}

/// The library's version.
pub fn version() -> String {
    // SAFETY: valid until the library is unloaded, which never happens.
    unsafe { copy(c::chaku_version()) }.unwrap_or_default()
}

/// Versions and build settings, for bug reports.
pub fn build_info() -> String {
    // SAFETY: as above.
    unsafe { copy(c::chaku_build_info()) }.unwrap_or_default()
}

/// Whether this build has a feature, for instance the backend `cuda`.
pub fn has_feature(name: &str) -> bool {
    // SAFETY: the name is NUL-terminated and outlives the call.
    c_string(name, "name").is_ok_and(|name| unsafe { c::chaku_has_feature(name.as_ptr()) } == 1)
}

/// The names of the backends that are compiled in.
pub fn backends() -> Vec<String> {
    // SAFETY: as for the version.
    (0..c::chaku_backend_count()).filter_map(|index| unsafe { copy(c::chaku_backend_name(index)) }).collect()
}

/// Something that computes.
#[derive(Debug, Clone)]
pub struct Device {
    /// Short name, for instance `CPU`.
    pub name: String,
    /// The maker's name.
    pub description: String,
    /// The backend that drives it.
    pub backend: String,
    /// `cpu`, `gpu`, `integrated_gpu` or `accelerator`.
    pub kind: &'static str,
    /// Memory in bytes; -1 = not known.
    pub memory_total: i64,
    /// Memory that was free when asked, in bytes.
    pub memory_free: i64,
}

/// The devices of this machine.
pub fn devices() -> Vec<Device> {
    // SAFETY: as for the version.
    let text = |pointer| unsafe { copy(pointer) }.unwrap_or_default();
    let device = |index| Device {
        name: text(c::chaku_device_name(index)),
        description: text(c::chaku_device_description(index)),
        backend: text(c::chaku_device_backend(index)),
        kind: match c::chaku_device_kind(index) {
            c::CHAKU_DEVICE_CPU => "cpu",
            c::CHAKU_DEVICE_GPU => "gpu",
            c::CHAKU_DEVICE_INTEGRATED_GPU => "integrated_gpu",
            _ => "accelerator",
        },
        memory_total: c::chaku_device_memory_total(index),
        memory_free: c::chaku_device_memory_free(index),
    };
    (0..c::chaku_device_count()).map(device).collect()
}
