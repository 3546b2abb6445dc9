//! `chaku._chaku`, the native half of the Python package: handles, calls that wait without the GIL, the values of
//! options, and the wake of event loops. What the package looks like is written in Python, in `python/chaku`.
//!
//! Two rules hold everywhere. Whatever waits does so in [`wait`], detached from the interpreter and with an eye on
//! signals. And no thread of chaku ever attaches to the interpreter, which may be ending: hooks and log lines go through
//! plain Rust memory, from where Python fetches them.

#![forbid(unsafe_code)]

mod build;
mod error;
mod event;
mod model;
mod options;
mod request;
mod runtime;
mod session;
mod text;
mod wait;
mod wake;

use pyo3::prelude::*;

/// What the package chaku is made of; not for direct use.
#[pymodule]
mod _chaku {
    use pyo3::exceptions::PyImportError;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::build::{backends, build_info, devices, options, version};
    #[pymodule_export]
    use crate::model::download;
    #[pymodule_export]
    use crate::runtime::{Runtime, metrics, plan};
    #[pymodule_export]
    use crate::{event::Event, model::Model, request::Request, session::Session, wake::Wake};

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        chaku_abi::check_abi().map_err(|error| PyImportError::new_err(error.message))
    }
}

/// A class or function of the package's Python half.
fn python<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("chaku._types")?.getattr(name)
}
