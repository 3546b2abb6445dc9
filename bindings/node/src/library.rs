//! What was built, what it runs on, and the table of options.

use chaku_abi::OptionKind;

use crate::napi::bindgen_prelude::Object;
use crate::napi::{self, Error, napi};

/// Refuses to be loaded over a library with another interface.
#[napi(module_exports)]
pub fn check(_exports: Object<'_>) -> napi::Result<()> {
    chaku_abi::check_abi().map_err(|error| Error::from_reason(error.message))
}

/// The version of chaku.
#[napi]
pub fn version() -> String {
    chaku_abi::version()
}

/// Versions and build settings, for bug reports.
#[napi]
pub fn build_info() -> String {
    chaku_abi::build_info()
}

/// The names of the backends that are compiled in.
#[napi]
pub fn backends() -> Vec<String> {
    chaku_abi::backends()
}

/// Something that computes.
#[napi(object, object_from_js = false)]
pub struct Device {
    pub name: String,
    pub description: String,
    pub backend: String,
    pub kind: String,
    /// In bytes; 0 = not known.
    pub memory_total: f64,
    pub memory_free: f64,
}

/// The devices of this machine.
#[napi]
pub fn devices() -> Vec<Device> {
    let device = |device: chaku_abi::Device| Device {
        name: device.name,
        description: device.description,
        backend: device.backend,
        kind: device.kind.to_owned(),
        memory_total: device.memory_total as f64,
        memory_free: device.memory_free as f64,
    };
    chaku_abi::devices().into_iter().map(device).collect()
}

/// A row of the table of options.
#[napi(object, object_from_js = false)]
pub struct OptionInfo {
    pub key: String,
    /// `integer`, `number`, `boolean`, `string` or `string[]`.
    #[napi(js_name = "type")]
    pub kind: String,
    pub scope: String,
    pub unit: String,
    pub doc: String,
    #[napi(js_name = "default")]
    pub default_value: Option<String>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub choices: Vec<String>,
    pub soft: bool,
    pub aliases: Vec<String>,
}

/// All options there are.
#[napi]
pub fn option_table() -> Vec<OptionInfo> {
    let row = |row: chaku_abi::OptionInfo| OptionInfo {
        key: row.key,
        kind: type_name(row.kind).to_owned(),
        scope: row.scope,
        unit: row.unit,
        doc: row.doc,
        default_value: row.default,
        min: row.min,
        max: row.max,
        choices: row.choices,
        soft: row.soft,
        aliases: row.aliases,
    };
    chaku_abi::option_table().into_iter().map(row).collect()
}

fn type_name(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::I64 => "integer",
        OptionKind::F64 => "number",
        OptionKind::Bool => "boolean",
        OptionKind::Str => "string",
        OptionKind::List => "string[]",
    }
}
