//! Sessions.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::Result;
use crate::model::Model;
use crate::options::options;
use crate::request::{Request, Work};
use crate::text::text;
use crate::wait;

/// A conversation, or a raw text that grows.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Session {
    session: chaku_abi::Session,
    /// The last request. Kept here, not in Python code: there an interrupt may come before it has a name.
    last: Mutex<Option<Arc<Work>>>,
}

#[pymethods]
impl Session {
    #[new]
    fn new(py: Python<'_>, model: &Model, keywords: &Bound<'_, PyDict>) -> Result<Self> {
        let options = options(keywords)?;
        Ok(Session::from(py.detach(|| model.0.session(&options))?))
    }

    fn chat(&self, py: Python<'_>, value: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let (text, options) = (text(value)?, options(keywords)?);
        self.start(py, |session| session.chat(text, &options))
    }

    /// Several messages, as a JSON list.
    fn chat_messages(
        &self,
        py: Python<'_>,
        messages: &Bound<'_, PyString>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (messages, options) = (text(messages)?, options(keywords)?);
        self.start(py, |session| session.chat_messages(messages, &options))
    }

    fn generate(&self, py: Python<'_>, value: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let (text, options) = (text(value)?, options(keywords)?);
        self.start(py, |session| session.generate(text, &options))
    }

    fn ingest(
        &self,
        py: Python<'_>,
        role: Option<&Bound<'_, PyString>>,
        value: &Bound<'_, PyString>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (role, text, options) = (role.map(text).transpose()?, text(value)?, options(keywords)?);
        self.start(py, |session| session.ingest(role, text, &options))
    }

    fn continue_answer(&self, py: Python<'_>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let options = options(keywords)?;
        self.start(py, |session| session.continue_answer(&options))
    }

    fn fork(&self, py: Python<'_>, keywords: &Bound<'_, PyDict>) -> Result<Session> {
        let options = options(keywords)?;
        self.settle(py)?;
        Ok(Session::from(py.detach(|| self.session.fork(&options))?))
    }

    fn rewind(&self, py: Python<'_>, length: i64) -> Result<()> {
        self.settle(py)?;
        Ok(py.detach(|| self.session.rewind(length))?)
    }

    /// To a file, or to memory without a path.
    fn save(
        &self,
        py: Python<'_>,
        path: Option<&Bound<'_, PyString>>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (path, options) = (path.map(text).transpose()?, options(keywords)?);
        self.start(py, |session| session.save(path, &options))
    }

    fn reset(&self, py: Python<'_>) -> Result<()> {
        self.settle(py)?;
        Ok(py.detach(|| self.session.reset())?)
    }

    /// Cancels the request under way, if any.
    fn cancel(&self) {
        if let Some(last) = self.last() {
            last.cancel();
        }
    }

    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        wait::close(py, timeout, |timeout| self.session.close(timeout))
    }

    #[getter]
    fn context_used(&self) -> i64 {
        self.session.context_used()
    }

    #[getter]
    fn message_count(&self) -> i64 {
        self.session.message_count()
    }
}

impl From<chaku_abi::Session> for Session {
    fn from(session: chaku_abi::Session) -> Self {
        Session { session, last: Mutex::default() }
    }
}

impl Session {
    fn start(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&chaku_abi::Session) -> chaku_abi::Result<chaku_abi::Request> + Send,
    ) -> Result<Request> {
        self.settle(py)?;
        let request = start(py, || verb(&self.session))?;
        *self.last.lock() = Some(request.work());
        Ok(request)
    }

    /// Waits for the end of a request that was cancelled, or that nobody refers to any more.
    fn settle(&self, py: Python<'_>) -> Result<()> {
        match self.last() {
            Some(last) if last.is_cancelled() => last.close(py, None),
            _ => Ok(()),
        }
    }

    fn last(&self) -> Option<Arc<Work>> {
        self.last.lock().clone()
    }
}

/// Starting may wait a moment for the session's lock.
pub(crate) fn start(
    py: Python<'_>,
    verb: impl FnOnce() -> chaku_abi::Result<chaku_abi::Request> + Send,
) -> Result<Request> {
    Ok(Request::new(py.detach(verb)?))
}
