//! Models.

use std::collections::BTreeMap;

use chaku_abi::SpecialToken;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::error::Result;
use crate::options::options;
use crate::request::Request;
use crate::runtime::Runtime;
use crate::session::{Session, start};
use crate::text::text;
use crate::wait;

/// Starts to download a model.
#[pyfunction]
#[pyo3(signature = (spec, runtime, keywords))]
pub(crate) fn download(
    py: Python<'_>,
    spec: &Bound<'_, PyString>,
    runtime: Option<&Runtime>,
    keywords: &Bound<'_, PyDict>,
) -> Result<Request> {
    let (spec, options, runtime) = (text(spec)?, options(keywords)?, runtime.map(Runtime::get));
    start(py, || chaku_abi::Model::download(runtime, spec, &options))
}

/// A loaded model.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Model(pub(crate) chaku_abi::Model);

#[pymethods]
impl Model {
    /// The model that a finished load made.
    #[new]
    fn new(load: &Request) -> Result<Self> {
        load.model().map(Model)
    }

    /// Starts to load a file.
    #[staticmethod]
    fn load(
        py: Python<'_>,
        path: &Bound<'_, PyString>,
        runtime: Option<&Runtime>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Request> {
        let (path, options, runtime) = (text(path)?, options(keywords)?, runtime.map(Runtime::get));
        start(py, || chaku_abi::Model::load(runtime, path, &options))
    }

    /// Answers a conversation, a list of messages as JSON, without a session.
    fn chat(&self, py: Python<'_>, messages: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Request> {
        let (messages, options) = (text(messages)?, options(keywords)?);
        start(py, || self.0.chat(messages, &options))
    }

    /// A session that was saved to a file.
    fn restore(&self, py: Python<'_>, path: &Bound<'_, PyString>, keywords: &Bound<'_, PyDict>) -> Result<Session> {
        let (path, options) = (text(path)?, options(keywords)?);
        Ok(Session::from(py.detach(|| self.0.restore(path, &options))?))
    }

    /// A session that was saved to memory.
    fn restore_bytes(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyBytes>,
        keywords: &Bound<'_, PyDict>,
    ) -> Result<Session> {
        let (bytes, options) = (data.as_bytes(), options(keywords)?);
        Ok(Session::from(py.detach(|| self.0.restore_bytes(bytes, &options))?))
    }

    /// Its numbers, as JSON.
    fn metrics(&self, py: Python<'_>) -> Result<String> {
        Ok(py.detach(|| self.0.metrics())?)
    }

    /// What the file says about the model: metadata, description, chat template.
    fn texts(&self) -> (BTreeMap<String, String>, String, Option<String>) {
        (self.0.metadata().into_iter().collect(), self.0.description(), self.0.chat_template())
    }

    /// Window, training window, vocabulary, bytes, parameters.
    fn sizes(&self) -> [i64; 5] {
        let model = &self.0;
        let (window, vocabulary) = ([model.context_size(), model.training_context()], model.vocab_size());
        [window[0], window[1], vocabulary, model.size_bytes(), model.parameter_count()]
    }

    /// The tokens BOS, EOS, EOT and PAD.
    fn special_tokens(&self) -> [Option<i32>; 4] {
        use SpecialToken::{Bos, Eos, Eot, Pad};
        [Bos, Eos, Eot, Pad].map(|which| self.0.special_token(which))
    }

    /// Whether an answer ends with this token.
    fn is_end_token(&self, token: i32) -> bool {
        self.0.is_end_token(token)
    }

    /// The tokens of a text.
    fn tokenize(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyString>,
        add_special: bool,
        parse_special: bool,
    ) -> Result<Vec<i32>> {
        let text = text(value)?;
        Ok(py.detach(|| self.0.tokenize(text, add_special, parse_special))?)
    }

    /// The bytes tokens stand for.
    fn detokenize<'py>(&self, py: Python<'py>, tokens: Vec<i32>, special: bool) -> Result<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.0.detokenize(&tokens, special))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Ends all work and waits until it is over.
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        wait::close(py, timeout, |timeout| self.0.close(timeout))
    }
}
