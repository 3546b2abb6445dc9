//! The devices that can compute, and the backends compiled in.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use chaku::{DeviceKind, Result};
use once_cell::race::OnceBox;

use crate::text::c_string;
use crate::{fork, guard};

/// The processor.
pub const CHAKU_DEVICE_CPU: i32 = 1;
/// A graphics processor with memory of its own.
pub const CHAKU_DEVICE_GPU: i32 = 2;
/// A graphics processor that shares the processor's memory.
pub const CHAKU_DEVICE_INTEGRATED_GPU: i32 = 3;
/// Something else that computes.
pub const CHAKU_DEVICE_ACCELERATOR: i32 = 4;

struct DeviceRow {
    name: CString,
    description: CString,
    backend: CString,
    kind: i32,
    memory_total: i64,
}

/// Devices do not come and go while a program runs: llama.cpp lists them once. Not in a forked child, though.
fn devices() -> Result<&'static [DeviceRow]> {
    static DEVICES: OnceLock<Vec<DeviceRow>> = OnceLock::new();
    fork::watch();
    fork::refuse_child()?;
    Ok(DEVICES.get_or_init(|| {
        let found = chaku::devices().unwrap_or_default();
        let row = |device: &chaku::Device| DeviceRow {
            name: c_string(&device.name),
            description: c_string(&device.description),
            backend: c_string(&device.backend),
            kind: match device.kind {
                DeviceKind::Cpu => CHAKU_DEVICE_CPU,
                DeviceKind::Gpu => CHAKU_DEVICE_GPU,
                DeviceKind::IntegratedGpu => CHAKU_DEVICE_INTEGRATED_GPU,
                _ => CHAKU_DEVICE_ACCELERATOR,
            },
            memory_total: memory(device.memory_total),
        };
        found.iter().map(row).collect()
    }))
}

/// llama.cpp says 0 for memory it knows nothing of.
fn memory(bytes: u64) -> i64 {
    if bytes == 0 { -1 } else { bytes.try_into().unwrap_or(i64::MAX) }
}

fn backends() -> &'static [CString] {
    // Made without a lock, which a forked child might find locked for ever.
    static BACKENDS: OnceBox<Vec<CString>> = OnceBox::new();
    BACKENDS.get_or_init(|| Box::new(chaku::backends().iter().map(|name| c_string(name)).collect()))
}

fn field<R>(index: i64, neutral: R, read: impl FnOnce(&DeviceRow) -> R) -> Result<R> {
    let devices = devices()?;
    Ok(usize::try_from(index).ok().and_then(|index| devices.get(index)).map_or(neutral, read))
}

/// How many backends are compiled in.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_backend_count() -> i64 {
    guard::value(0, || Ok(backends().len() as i64))
}

/// The name of a compiled-in backend, for instance "cpu" or "cuda", by position from 0.
///
/// - Returns: valid until the library is unloaded. NULL past the last backend.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_backend_name(index: i64) -> *const c_char {
    guard::value(ptr::null(), || {
        let name = usize::try_from(index).ok().and_then(|index| backends().get(index));
        Ok(name.map_or(ptr::null(), |name| name.as_ptr()))
    })
}

/// How many devices can compute. 0 when this machine cannot run this build, which a load then explains.
///
/// Thread class: shared, callback-safe. The first call may take some milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_count() -> i64 {
    guard::value(0, || Ok(devices()?.len() as i64))
}

/// The short name of a device, for instance "CPU" or "CUDA0", by position from 0.
///
/// - Returns: valid until the library is unloaded. NULL past the last device.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_name(index: i64) -> *const c_char {
    guard::value(ptr::null(), || field(index, ptr::null(), |device| device.name.as_ptr()))
}

/// The maker's name of a device, by position from 0.
///
/// - Returns: valid until the library is unloaded. NULL past the last device.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_description(index: i64) -> *const c_char {
    guard::value(ptr::null(), || field(index, ptr::null(), |device| device.description.as_ptr()))
}

/// The backend that drives a device, by position from 0.
///
/// - Returns: valid until the library is unloaded. NULL past the last device.
///
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_backend(index: i64) -> *const c_char {
    guard::value(ptr::null(), || field(index, ptr::null(), |device| device.backend.as_ptr()))
}

/// What a device is: one of the CHAKU_DEVICE_ kinds, by position from 0.
///
/// Returns 0 past the last device.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_kind(index: i64) -> i32 {
    guard::value(0, || field(index, 0, |device| device.kind))
}

/// A device's memory in bytes, by position from 0.
///
/// Returns -1 past the last device, and when it is not known.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_memory_total(index: i64) -> i64 {
    guard::value(-1, || field(index, -1, |device| device.memory_total))
}

/// A device's free memory in bytes at this moment, by position from 0.
///
/// Returns -1 past the last device, and when it is not known.
/// Thread class: shared, callback-safe.
#[unsafe(no_mangle)]
pub extern "C" fn chaku_device_memory_free(index: i64) -> i64 {
    guard::value(-1, || {
        // A device whose memory is not known at all has none that is free.
        if field(index, -1, |device| device.memory_total)? == -1 {
            return Ok(-1);
        }
        let devices = chaku::devices()?;
        let device = usize::try_from(index).ok().and_then(|index| devices.get(index));
        Ok(device.map_or(-1, |device| device.memory_free.try_into().unwrap_or(i64::MAX)))
    })
}
