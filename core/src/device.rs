//! What computes: the backends compiled in, and the devices they see.

use crate::error::Result;

pub use chaku_llama::{Device, DeviceKind};

/// Names of the compute backends in this build: `cpu`, and those whose cargo feature is on (`cuda`, `metal`,
/// `vulkan`, `opencl`, `rocm`, `mkl`).
pub fn backends() -> Vec<&'static str> {
    chaku_llama::backend::compiled_backends()
}

/// The devices this machine offers to this build, the CPU included.
pub fn devices() -> Result<Vec<Device>> {
    crate::log::init()?;
    Ok(chaku_llama::devices()?)
}
