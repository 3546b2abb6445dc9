//! `devices`: what this build can compute on.

use chaku::DeviceKind;
use serde_json::json;

use crate::args::Settings;
use crate::failure::Result;
use crate::output::print_json;
use crate::terminal::print;

pub(super) fn run(settings: &Settings) -> Result<()> {
    let (backends, devices) = (chaku::backends(), chaku::devices()?);
    if settings.is_on("json") {
        let devices: Vec<_> = devices
            .iter()
            .map(|device| {
                json!({ "name": device.name, "description": device.description, "backend": device.backend,
                    "kind": kind(device.kind), "memory_free": device.memory_free, "memory_total": device.memory_total })
            })
            .collect();
        return Ok(print_json(&json!({ "backends": backends, "devices": devices }))?);
    }
    let mut text = format!("backends: {}\n", backends.join(", "));
    for device in &devices {
        text.push_str(&format!(
            "{:<8}{:<12}{} ({} MiB, {} MiB free)\n",
            device.name,
            kind(device.kind),
            device.description,
            device.memory_total >> 20,
            device.memory_free >> 20
        ));
    }
    Ok(print(&text)?)
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "cpu",
        DeviceKind::Gpu => "gpu",
        DeviceKind::IntegratedGpu => "igpu",
        _ => "accelerator",
    }
}
