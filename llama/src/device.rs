//! What ggml can compute on.

use crate::{Error, backend, ffi};

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The processor itself.
    Cpu,
    /// A GPU with memory of its own.
    Gpu,
    /// A GPU that shares the host's memory.
    IntegratedGpu,
    /// A library that helps the CPU, such as BLAS.
    Accelerator,
}

impl DeviceKind {
    /// From a `ggml_backend_dev_type`.
    pub(crate) fn from_raw(kind: i32) -> Option<Self> {
        match kind {
            0 => Some(DeviceKind::Cpu),
            1 => Some(DeviceKind::Gpu),
            2 => Some(DeviceKind::IntegratedGpu),
            3 => Some(DeviceKind::Accelerator),
            _ => None,
        }
    }
}

/// A device as ggml describes it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Short and unique, such as `CPU` or `CUDA0`.
    pub name: String,
    /// The product's name.
    pub description: String,
    /// The backend that drives it.
    pub backend: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Bytes free at the moment.
    pub memory_free: u64,
    /// Bytes in all.
    pub memory_total: u64,
}

/// The devices of this machine that the build can use.
pub fn devices() -> Result<Vec<Device>, Error> {
    backend::init()?;
    // SAFETY: llama.cpp is initialised.
    let count = unsafe { ffi::chaku_llama_device_count() };
    let mut devices = Vec::with_capacity(count);
    for index in 0..count {
        devices.extend(device(index)?);
    }
    Ok(devices)
}

fn device(index: usize) -> Result<Option<Device>, Error> {
    let mut raw = ffi::Device {
        name: std::ptr::null(),
        description: std::ptr::null(),
        backend: std::ptr::null(),
        kind: 0,
        memory_free: 0,
        memory_total: 0,
    };
    // SAFETY: `index` is below the device count, which ggml checks with an assert, and devices are never unregistered.
    ffi::run("ggml_backend_dev_get", |error| unsafe { ffi::chaku_llama_device_get(index, &raw mut raw, error) })?;
    // A group of other devices has none.
    let Some(kind) = DeviceKind::from_raw(raw.kind) else { return Ok(None) };
    // SAFETY: the strings belong to the device and live as long as the process.
    let (name, description, backend) =
        unsafe { (backend::text(raw.name), backend::text(raw.description), backend::text(raw.backend)) };
    Ok(Some(Device { name, description, backend, kind, memory_free: raw.memory_free, memory_total: raw.memory_total }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_cpu() {
        let devices = devices().unwrap();
        let cpu = devices.iter().find(|device| device.kind == DeviceKind::Cpu).expect("a CPU device");
        assert!(!cpu.name.is_empty() && !cpu.backend.is_empty());
        assert!(cpu.memory_total >= cpu.memory_free && cpu.memory_total > 0);
    }
}
