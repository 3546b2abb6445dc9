//! Sessions.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::Result;
use crate::model::Model;
use crate::options::options;
use crate::request::Request;
use crate::text::text;
use crate::wait;

/// A conversation, or a raw text that grows.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Session(pub(crate) chaku_abi::Session);

#[pymethods]
impl Session {
    #[new]
    fn new(py: Python<'_>, model: &Model, keywords: &Bound<'_, PyDict>) -> Result<Self> {
        let options = options(keywords)?;
        Ok(Session(py.detach(|| model.0.session(&options))?))
    }

    fn chat(&self, py: Python<'_>, value: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let (text, options) = (text(value)?, options(keywords)?);
        start(py, || self.0.chat(text, &options))
    }

    fn generate(&self, py: Python<'_>, value: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let (text, options) = (text(value)?, options(keywords)?);
        start(py, || self.0.generate(text, &options))
    }

    fn ingest(
        &self,
        py: Python<'_>,
        role: Option<&Bound<'_, PyString>>,
        value: &Bound<'_, PyString>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (role, text, options) = (role.map(text).transpose()?, text(value)?, options(keywords)?);
        start(py, || self.0.ingest(role, text, &options))
    }

    fn continue_answer(&self, py: Python<'_>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let options = options(keywords)?;
        start(py, || self.0.continue_answer(&options))
    }

    fn fork(&self, py: Python<'_>, keywords: &Bound<'_, PyDict>) -> Result<Session> {
        let options = options(keywords)?;
        Ok(Session(py.detach(|| self.0.fork(&options))?))
    }

    fn rewind(&self, py: Python<'_>, length: i64) -> Result<()> {
        Ok(py.detach(|| self.0.rewind(length))?)
    }

    /// To a file, or to memory without a path.
    fn save(
        &self,
        py: Python<'_>,
        path: Option<&Bound<'_, PyString>>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (path, options) = (path.map(text).transpose()?, options(keywords)?);
        start(py, || self.0.save(path, &options))
    }

    fn reset(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.0.reset())?)
    }

    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        wait::close(py, timeout, |timeout| self.0.close(timeout))
    }

    #[getter]
    fn context_used(&self) -> i64 {
        self.0.context_used()
    }

    #[getter]
    fn message_count(&self) -> i64 {
        self.0.message_count()
    }
}

/// Starting may wait a moment for the session's lock.
pub(crate) fn start(
    py: Python<'_>,
    verb: impl FnOnce() -> chaku_abi::Result<chaku_abi::Request> + Send,
) -> Result<Request> {
    Ok(Request::new(py.detach(verb)?))
}
