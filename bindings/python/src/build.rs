//! What was built, what it runs on, and the table of options: plain values, which Python gives their names.

use chaku_abi::OptionKind;
use pyo3::prelude::*;

type DeviceRow = (String, String, String, &'static str, i64, i64);
type OptionRow = (String, &'static str, String, String, String, [Option<String>; 3], Vec<String>, bool, Vec<String>);

/// The version of chaku.
#[pyfunction]
pub(crate) fn version() -> String {
    chaku_abi::version()
}

/// Versions and build settings, for bug reports.
#[pyfunction]
pub(crate) fn build_info() -> String {
    chaku_abi::build_info()
}

/// The names of the backends that are compiled in.
#[pyfunction]
pub(crate) fn backends() -> Vec<String> {
    chaku_abi::backends()
}

/// The devices of this machine: name, description, backend, kind, memory and free memory.
#[pyfunction]
pub(crate) fn devices(py: Python<'_>) -> Vec<DeviceRow> {
    let devices = py.detach(chaku_abi::devices).into_iter();
    devices.map(|d| (d.name, d.description, d.backend, d.kind, d.memory_total, d.memory_free)).collect()
}

/// All options there are: key, type, scope, unit, doc, (default, min, max), choices, soft, aliases.
#[pyfunction]
pub(crate) fn options() -> Vec<OptionRow> {
    let rows = chaku_abi::option_table().into_iter();
    let row = |o: chaku_abi::OptionInfo| {
        let range = [o.default, o.min, o.max];
        (o.key, type_name(o.kind), o.scope, o.unit, o.doc, range, o.choices, o.soft, o.aliases)
    };
    rows.map(row).collect()
}

/// The name of the Python type of an option's value.
fn type_name(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::I64 => "int",
        OptionKind::F64 => "float",
        OptionKind::Bool => "bool",
        OptionKind::Str => "str",
        OptionKind::List => "list[str]",
    }
}
