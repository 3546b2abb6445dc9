//! Requests: work under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chaku_abi::{EventKind, TopLogprob};
use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::{Failure, Result};
use crate::event::{Event, top_logprobs};
use crate::python;
use crate::wait::{self, left, until, wait};
use crate::wake::{Signal, Wake};

/// How long an interrupted wait stays to see its cancelled request end. It takes some milliseconds.
const GRACE: Duration = Duration::from_secs(1);

/// A request. Freeing it cancels it.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Request {
    work: Arc<Work>,
    /// Taken by the thread that reads; whether one ever did.
    turn: Mutex<bool>,
    /// Invariant: while it is locked nothing of Python is called, so that nobody waits for the GIL with it.
    answer: Mutex<Answer>,
    /// The final event, once it was read.
    end: OnceLock<Arc<chaku_abi::Event>>,
    /// The wake of the loop that reads, and this request's token there.
    waker: Mutex<Option<(Arc<Signal>, u64)>>,
}

/// What its session, too, knows of a request.
pub(crate) struct Work {
    request: chaku_abi::Request,
    /// Somebody asked for its end, or nobody refers to it any more.
    cancelled: AtomicBool,
}

impl Work {
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.request.cancel();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Cancels, and waits until the request has ended.
    pub(crate) fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        self.cancel();
        wait::close(py, timeout, |timeout| self.request.close(timeout))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.work.cancel();
    }
}

/// What was read so far.
#[derive(Default, Clone)]
struct Answer {
    text: String,
    reasoning: String,
    /// Id, tool and arguments.
    calls: Vec<(String, String, String)>,
    tokens: Vec<i32>,
    /// Empty unless the request asked for them.
    logprobs: Vec<Logprob>,
    /// The same of the prompt.
    prompt_logprobs: Vec<Logprob>,
}

/// How likely a token was.
#[derive(Clone)]
struct Logprob {
    token: i32,
    /// `None` = nothing came before it.
    logprob: Option<f64>,
    bytes: Vec<u8>,
    top: Vec<TopLogprob>,
}

impl Logprob {
    fn of(event: &chaku_abi::Event, token: i32) -> Self {
        let (logprob, bytes, top) = (event.logprob(), event.bytes().to_vec(), event.top_logprobs());
        Logprob { token, logprob, bytes, top }
    }

    fn into_python<'py>(self, py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
        let Logprob { token, logprob, bytes, top } = self;
        let top = top_logprobs(py, top)?;
        python(py, class)?.call1((token, logprob, PyBytes::new(py, &bytes), top))
    }
}

#[pymethods]
impl Request {
    /// The next event; None = nothing came in time, or the final event was read.
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Option<Event>> {
        self.waiting(py, timeout, |until| self.read(py, until))
    }

    /// Reads all events; says whether the final one came in time.
    fn run(&self, py: Python<'_>, timeout: Option<f64>) -> Result<bool> {
        self.waiting(py, timeout, |until| self.read_all(py, until))
    }

    /// Lets it go on after a logits event, with these floats or, when there are none, with the event's.
    fn resume(&self, logits: &[u8]) -> Result<()> {
        let floats = logits.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect::<Vec<f32>>();
        Ok(self.work.request.resume(&floats)?)
    }

    /// Cancels: the final event follows promptly.
    fn cancel(&self) {
        self.work.cancel();
    }

    /// Cancels, and waits until the request has ended.
    #[pyo3(signature = (timeout=None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        let closed = self.work.close(py, timeout);
        self.wake_reader();
        closed
    }

    /// Whether somebody reads it, or did.
    #[getter]
    fn touched(&self) -> bool {
        self.turn.try_lock().is_none_or(|read| *read)
    }

    /// Whether somebody asked for its end.
    #[getter]
    fn cancelled(&self) -> bool {
        self.work.is_cancelled()
    }

    /// Whether the final event exists, read or not.
    #[getter]
    fn finished(&self) -> bool {
        self.work.request.is_finished()
    }

    /// How many waiting requests go before it; None = it does not wait.
    #[getter]
    fn queue_position(&self) -> Option<i64> {
        self.work.request.queue_position()
    }

    /// When it got how far, as JSON.
    fn timeline(&self) -> Result<String> {
        Ok(self.work.request.timeline()?)
    }

    /// The files of a download, once it has ended.
    fn paths(&self) -> Result<Vec<String>> {
        Ok(self.work.request.paths()?)
    }

    /// What a save to memory made, once it has ended.
    fn buffer<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let buffer = py.detach(|| self.work.request.buffer())?;
        Ok(PyBytes::new(py, buffer.bytes()))
    }

    /// The final event, once it was read.
    #[getter]
    fn end(&self) -> Option<Event> {
        self.end.get().map(|event| Event(event.clone()))
    }

    /// All text that was read.
    #[getter]
    fn text(&self) -> String {
        self.answer.lock().text.clone()
    }

    /// What was read and how it ended, once the final event was read.
    #[getter]
    fn reply<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(end) = self.end() else { return Ok(None) };
        let (usage, timings) = (end.usage(py)?, end.timings(py)?);
        let Answer { text, reasoning, calls, tokens, logprobs, prompt_logprobs } = self.answer.lock().clone();
        let call = python(py, "ToolCall")?;
        let calls = calls.into_iter().map(|parts| call.call1(parts)).collect::<PyResult<Vec<_>>>()?;
        let scores = |all: Vec<Logprob>, class: &str| {
            PyTuple::new(py, all.into_iter().map(|one| one.into_python(py, class)).collect::<PyResult<Vec<_>>>()?)
        };
        let (logprobs, prompt) = (scores(logprobs, "TokenLogprob")?, scores(prompt_logprobs, "PromptLogprob")?);
        let (tokens, calls) = (PyTuple::new(py, tokens)?, PyTuple::new(py, calls)?);
        let reply = (text, tokens, end.finish_reason(), usage, timings, reasoning, calls, logprobs, prompt);
        python(py, "Reply")?.call1(reply).map(Some)
    }

    /// Wakes an event loop, with a token, whenever events begin to wait.
    fn on_ready(&self, wake: &Wake, token: u64) -> Result<()> {
        let signal = wake.signal();
        *self.waker.lock() = Some((signal.clone(), token));
        if self.end.get().is_some() {
            self.wake_reader();
        }
        Ok(self.work.request.on_ready(move || signal.notify(token))?)
    }
}

impl Request {
    pub(crate) fn new(request: chaku_abi::Request) -> Self {
        Request {
            work: Arc::new(Work { request, cancelled: AtomicBool::new(false) }),
            turn: Mutex::default(),
            answer: Mutex::default(),
            end: OnceLock::new(),
            waker: Mutex::default(),
        }
    }

    pub(crate) fn work(&self) -> Arc<Work> {
        self.work.clone()
    }

    /// The model a finished load made.
    pub(crate) fn model(&self) -> Result<chaku_abi::Model> {
        Ok(self.work.request.model()?)
    }

    /// An exception of a signal handler ends the request with the wait for it, so that the session is free again.
    fn waiting<T>(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        read: impl FnOnce(Option<Instant>) -> Result<T>,
    ) -> Result<T> {
        let result = read(until(timeout)?);
        if let Err(Failure::Python(_)) = result {
            self.cancel();
            // It fails when the request takes too long; it goes on ending.
            let _ = py.detach(|| self.work.request.close(Some(GRACE)));
        }
        // Without a wait it was the loop itself that read.
        if timeout != Some(0.0) {
            self.wake_reader();
        }
        result
    }

    fn read(&self, py: Python<'_>, until: Option<Instant>) -> Result<Option<Event>> {
        let Some(_turn) = self.turn(py, until)? else { return Ok(None) };
        if self.end.get().is_some() {
            return Ok(None);
        }
        // What is there already is taken at once: it is not worth giving up the GIL for.
        let mut event = self.work.request.next(Some(Duration::ZERO))?;
        if event.is_none() && left(until) != Some(Duration::ZERO) {
            event = wait(py, until, |slice| self.work.request.next(Some(slice)))?;
        }
        Ok(event.map(|event| self.note(event)))
    }

    fn read_all(&self, py: Python<'_>, until: Option<Instant>) -> Result<bool> {
        let Some(_turn) = self.turn(py, until)? else { return Ok(false) };
        while self.end.get().is_none() {
            let Some(events) = wait(py, until, |slice| self.batch(slice))? else { return Ok(false) };
            for event in events {
                if self.note(event).is_logits() {
                    // Nobody looks at them. It fails when somebody did, and resumed the request.
                    let _ = self.work.request.resume(&[]);
                }
            }
            py.check_signals()?;
        }
        Ok(true)
    }

    /// One thread reads at a time, so that what it reads is noted in order. `None` = its turn did not come in time.
    fn turn(&self, py: Python<'_>, until: Option<Instant>) -> Result<Option<MutexGuard<'_, bool>>> {
        loop {
            if let Some(mut turn) = self.turn.try_lock() {
                *turn = true;
                return Ok(Some(turn));
            }
            if left(until).is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            chaku_abi::Options::new()?; // fails in a forked child, where the other thread is not any more
            py.detach(|| std::thread::sleep(Duration::from_millis(1)));
            py.check_signals()?;
        }
    }

    /// What comes while a wait may last.
    fn batch(&self, slice: Duration) -> chaku_abi::Result<Option<Vec<chaku_abi::Event>>> {
        let until = Some(Instant::now() + slice);
        let mut events = Vec::new();
        loop {
            match self.work.request.next(left(until)) {
                Ok(Some(event)) => events.push(event),
                Err(error) if events.is_empty() => return Err(error),
                Ok(None) | Err(_) => return Ok((!events.is_empty()).then_some(events)),
            }
        }
    }

    /// Keeps what the reply will be made of.
    fn note(&self, event: chaku_abi::Event) -> Event {
        let event = Arc::new(event);
        match event.kind() {
            EventKind::Text => {
                let mut answer = self.answer.lock();
                answer.text.push_str(event.text());
                answer.tokens.extend(event.token());
                if let (Some(token), Some(_)) = (event.token(), event.logprob()) {
                    answer.logprobs.push(Logprob::of(&event, token));
                }
            }
            EventKind::Prompt => {
                let score = event.token().map(|token| Logprob::of(&event, token));
                self.answer.lock().prompt_logprobs.extend(score);
            }
            EventKind::Reasoning => {
                let mut answer = self.answer.lock();
                answer.reasoning.push_str(event.text());
                answer.tokens.extend(event.token());
            }
            EventKind::ToolCall => {
                let (id, name) = event.tool_call().unwrap_or_default();
                self.answer.lock().calls.push((id.to_owned(), name.to_owned(), String::new()));
            }
            EventKind::ToolCallArguments => {
                let index = event.tool_call_index().map_or(0, |index| index as usize);
                if let Some((_, _, arguments)) = self.answer.lock().calls.get_mut(index) {
                    arguments.push_str(event.text());
                }
            }
            EventKind::Final => _ = self.end.set(event.clone()),
            _ => {}
        }
        Event(event)
    }

    /// Wakes the loop of another reader: whatever its ready hook told it of, it could not have it while this one read.
    fn wake_reader(&self) {
        if let Some((signal, token)) = &*self.waker.lock() {
            signal.notify(*token);
        }
    }
}
