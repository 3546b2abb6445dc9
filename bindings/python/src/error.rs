//! Errors, as exceptions.

use chaku_abi::Error;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What a function of this module returns.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a function failed.
pub(crate) enum Failure {
    /// chaku says so.
    Chaku(Error),
    /// Python does: an argument of a wrong type, or an exception that a signal handler raised.
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Chaku(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Failure::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Chaku(error) => Python::attach(|py| exception(py, &error).map_or_else(|e| e, PyErr::from_value)),
        }
    }
}

/// The exception of an error: an instance of the class of its code.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let details = PyDict::new(py);
    for (key, value) in &error.details {
        details.set_item(key, value)?;
    }
    let make = py.import("chaku._errors")?.getattr("of_code")?;
    make.call1((error.code_name(), &error.message, &error.reason, details))
}
