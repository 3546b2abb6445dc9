//! Events.

use std::sync::Arc;

use chaku_abi::{EventKind, FinishReason, TopLogprob};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString, PyTuple};

use crate::error::exception;
use crate::python;

/// What a request tells its reader: progress, text, reasoning, calls of tools, or its end.
#[pyclass(frozen, module = "chaku")]
pub(crate) struct Event(pub(crate) Arc<chaku_abi::Event>);

#[pymethods]
impl Event {
    /// What happened: "progress", "prompt", "text", "reasoning", "tool_call", "tool_call_arguments", "logits" or "final".
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.0.kind() {
            EventKind::Text => intern!(py, "text"),
            EventKind::Progress => intern!(py, "progress"),
            EventKind::Final => intern!(py, "final"),
            EventKind::Reasoning => intern!(py, "reasoning"),
            EventKind::ToolCall => intern!(py, "tool_call"),
            EventKind::ToolCallArguments => intern!(py, "tool_call_arguments"),
            EventKind::Prompt => intern!(py, "prompt"),
            EventKind::Logits => intern!(py, "logits"),
            _ => intern!(py, "unknown"),
        }
    }

    /// The text of a text event: whole characters. Empty for other events.
    #[getter]
    fn text(&self) -> &str {
        self.text_of(EventKind::Text)
    }

    /// The text of a reasoning event. Empty for other events.
    #[getter]
    fn reasoning(&self) -> &str {
        self.text_of(EventKind::Reasoning)
    }

    /// The text of a prompt event. Empty for other events.
    #[getter]
    fn prompt(&self) -> &str {
        self.text_of(EventKind::Prompt)
    }

    /// The logits of a logits event, as floats. Empty for other events.
    #[getter]
    fn logits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes: Vec<u8> = self.0.logits().iter().flat_map(|logit| logit.to_ne_bytes()).collect();
        PyMemoryView::from(PyBytes::new(py, &bytes).as_any())?.call_method1(intern!(py, "cast"), ("f",))
    }

    /// Tokens before the one that a logits event is about; None for other events.
    #[getter]
    fn position(&self) -> Option<i64> {
        self.0.position()
    }

    /// A piece of a call's arguments. Empty for other events.
    #[getter]
    fn arguments(&self) -> &str {
        self.text_of(EventKind::ToolCallArguments)
    }

    /// Which call of the answer the event is about, from 0 on.
    #[getter]
    fn tool_call_index(&self) -> Option<u32> {
        self.0.tool_call_index()
    }

    /// What the result of a call that begins has to name it by.
    #[getter]
    fn tool_call_id(&self) -> Option<&str> {
        self.0.tool_call().map(|(id, _)| id)
    }

    /// The tool of a call that begins.
    #[getter]
    fn tool_call_name(&self) -> Option<&str> {
        self.0.tool_call().map(|(_, name)| name)
    }

    /// The token of a text, reasoning or prompt event.
    #[getter]
    fn token(&self) -> Option<i32> {
        self.0.token()
    }

    /// The bytes of a text event's token, perhaps a part of a character. Empty for other events.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.bytes())
    }

    /// Whether the text ends in a character that never became whole, shown as U+FFFD.
    #[getter]
    fn replaced(&self) -> bool {
        self.0.replaced()
    }

    /// Natural logarithm of the probability of a text or prompt event's token, if the request asked for it.
    #[getter]
    fn logprob(&self) -> Option<f64> {
        self.0.logprob()
    }

    /// The likeliest tokens in its place, the likeliest first.
    #[getter]
    fn top_logprobs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        top_logprobs(py, self.0.top_logprobs())
    }

    /// What a progress event is about: "load", "prefill" or "download"; None for other events.
    #[getter]
    fn phase(&self) -> Option<&'static str> {
        self.0.phase()
    }

    /// How much of it is done: tokens, bytes, or thousandths of a load.
    #[getter]
    fn progress_done(&self) -> i64 {
        self.0.progress_done()
    }

    /// How much there is in all; 0 = that is not known.
    #[getter]
    fn progress_total(&self) -> i64 {
        self.0.progress_total()
    }

    /// How far the work is, from 0 to 1; -1 = that is not known.
    #[getter]
    fn progress(&self) -> f64 {
        self.0.progress()
    }

    /// Why the request ended; None before the final event.
    #[getter]
    pub(crate) fn finish_reason(&self) -> Option<&'static str> {
        self.0.finish_reason().map(FinishReason::as_str)
    }

    /// The tokens the request used; None before the final event.
    #[getter]
    pub(crate) fn usage<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.of_end(|| {
            let usage = self.0.usage();
            let chaku_abi::Usage { prompt_tokens, cached_tokens, completion_tokens, context_used } = usage;
            python(py, "Usage")?.call1((prompt_tokens, cached_tokens, completion_tokens, context_used))
        })
    }

    /// Where the time went; None before the final event.
    #[getter]
    pub(crate) fn timings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.of_end(|| {
            let chaku_abi::Timings { queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms } = self.0.timings();
            python(py, "Timings")?.call1((queue_ms, prepare_ms, prefill_ms, decode_ms, total_ms))
        })
    }

    /// Why the request failed, if this is the final event of one that did.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.error().map(|error| exception(py, &error)).transpose()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let detail = match (self.0.token(), self.finish_reason()) {
            (Some(token), _) => format!("text={}, token={token}", PyString::new(py, self.0.text()).repr()?),
            (_, Some(reason)) => format!("finish_reason='{reason}'"),
            _ if self.0.tool_call_index().is_some() => {
                let (_, name) = self.0.tool_call().unwrap_or_default();
                format!("name='{name}', arguments={}", PyString::new(py, self.0.text()).repr()?)
            }
            _ => format!("progress={:.3}", self.0.progress()),
        };
        Ok(format!("Event(kind='{}', {detail})", self.kind(py)))
    }
}

pub(crate) fn top_logprobs(py: Python<'_>, top: Vec<TopLogprob>) -> PyResult<Bound<'_, PyTuple>> {
    let class = python(py, "TopLogprob")?;
    let one = |top: TopLogprob| class.call1((top.token, top.logprob, PyBytes::new(py, &top.bytes)));
    PyTuple::new(py, top.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)
}

impl Event {
    fn text_of(&self, kind: EventKind) -> &str {
        if self.0.kind() == kind { self.0.text() } else { "" }
    }

    pub(crate) fn is_logits(&self) -> bool {
        self.0.kind() == EventKind::Logits
    }

    fn of_end<T>(&self, value: impl FnOnce() -> PyResult<T>) -> PyResult<Option<T>> {
        self.0.finish_reason().map(|_| value()).transpose()
    }
}
