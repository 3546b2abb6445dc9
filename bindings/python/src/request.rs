//! Requests: work under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chaku_abi::EventKind;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Failure, Result};
use crate::event::Event;
use crate::python;
use crate::wait::{self, left, until, wait};
use crate::wake::{Signal, Wake};

/// How long an interrupted wait stays to see its cancelled request end. It takes some milliseconds.
const GRACE: Duration = Duration::from_secs(1);

/// A request. Freeing it cancels it.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Request {
    request: chaku_abi::Request,
    cancelled: AtomicBool,
    /// Somebody read it, or ended it.
    touched: AtomicBool,
    /// Taken by the thread that reads.
    turn: Mutex<()>,
    answer: Mutex<Answer>,
    /// The final event, once it was read.
    end: OnceLock<Arc<chaku_abi::Event>>,
    /// The wake of the loop that reads, and this request's token there.
    waker: Mutex<Option<(Arc<Signal>, u64)>>,
}

/// What was read so far.
#[derive(Default)]
struct Answer {
    text: String,
    tokens: Vec<i32>,
}

#[pymethods]
impl Request {
    /// The next event; None = nothing came in time.
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Option<Event>> {
        let until = until(timeout)?;
        self.waiting(py, || self.read(py, until))
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// The next event, up to the final one.
    fn __next__(&self, py: Python<'_>) -> Result<Option<Event>> {
        none_after_end(self.waiting(py, || self.read(py, None)))
    }

    /// Reads all events; says whether the final one came in time.
    fn run(&self, py: Python<'_>, timeout: Option<f64>) -> Result<bool> {
        let until = until(timeout)?;
        self.waiting(py, || self.read_all(py, until))
    }

    /// The next event, if it is there already.
    fn poll(&self, py: Python<'_>) -> Result<Option<Event>> {
        none_after_end(self.read(py, Some(Instant::now())))
    }

    /// Reads all events that are there already; says whether the final one is.
    fn poll_all(&self, py: Python<'_>) -> Result<bool> {
        self.read_all(py, Some(Instant::now()))
    }

    /// Cancels: the final event follows promptly.
    fn cancel(&self) {
        self.touched.store(true, Ordering::Relaxed);
        self.cancelled.store(true, Ordering::Relaxed);
        self.request.cancel();
    }

    /// Cancels, and waits until the request has ended.
    #[pyo3(signature = (timeout=None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        self.cancel();
        let closed = wait::close(py, timeout, |timeout| self.request.close(timeout));
        self.wake_reader();
        closed
    }

    /// Whether somebody read it or ended it.
    #[getter]
    fn touched(&self) -> bool {
        self.touched.load(Ordering::Relaxed)
    }

    /// Whether somebody asked for its end.
    #[getter]
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether the final event exists, read or not.
    #[getter]
    fn finished(&self) -> bool {
        self.request.is_finished()
    }

    /// Whether the final event was read.
    #[getter]
    fn over(&self) -> bool {
        self.end.get().is_some()
    }

    /// The final event, once it was read.
    #[getter]
    fn end(&self) -> Option<Event> {
        self.end.get().map(|event| Event(event.clone()))
    }

    /// All text that was read.
    #[getter]
    fn text(&self) -> String {
        self.answer().text.clone()
    }

    /// What was read and how it ended, once the final event was read.
    #[getter]
    fn reply<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(end) = self.end() else { return Ok(None) };
        let (usage, timings) = (end.usage(py)?, end.timings(py)?);
        let answer = self.answer();
        let tokens = PyTuple::new(py, &answer.tokens)?;
        python(py, "Reply")?.call1((&answer.text, tokens, end.finish_reason(), usage, timings)).map(Some)
    }

    /// Wakes an event loop, with a token, whenever events begin to wait.
    fn on_ready(&self, wake: &Wake, token: u64) -> Result<()> {
        let signal = wake.signal();
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some((signal.clone(), token));
        if self.over() {
            self.wake_reader();
        }
        Ok(self.request.on_ready(move || signal.notify(token))?)
    }
}

impl Request {
    pub(crate) fn new(request: chaku_abi::Request) -> Self {
        Request {
            request,
            cancelled: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            turn: Mutex::default(),
            answer: Mutex::default(),
            end: OnceLock::new(),
            waker: Mutex::default(),
        }
    }

    /// The model a finished load made.
    pub(crate) fn model(&self) -> Result<chaku_abi::Model> {
        Ok(self.request.model()?)
    }

    /// A call that may wait. An exception of a signal handler ends the request, so that the session is free again.
    fn waiting<T>(&self, py: Python<'_>, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = read();
        if let Err(Failure::Python(_)) = result {
            self.cancel();
            // It fails when the request takes too long; it goes on ending.
            let _ = py.detach(|| self.request.close(Some(GRACE)));
        }
        self.wake_reader();
        result
    }

    fn read(&self, py: Python<'_>, until: Option<Instant>) -> Result<Option<Event>> {
        let Some(_turn) = self.turn(py, until)? else { return Ok(None) };
        // What is there already is taken at once: it is not worth giving up the GIL for.
        let mut event = self.request.next(Some(Duration::ZERO))?;
        if event.is_none() && left(until) != Some(Duration::ZERO) {
            event = wait(py, until, |slice| self.request.next(Some(slice)))?;
        }
        Ok(event.map(|event| self.note(event)))
    }

    fn read_all(&self, py: Python<'_>, until: Option<Instant>) -> Result<bool> {
        let Some(_turn) = self.turn(py, until)? else { return Ok(false) };
        while !self.over() {
            let Some(events) = wait(py, until, |slice| self.batch(slice))? else { return Ok(false) };
            events.into_iter().for_each(|event| _ = self.note(event));
            py.check_signals()?;
        }
        Ok(true)
    }

    /// One thread reads at a time, so that what it reads is noted in order. `None` = its turn did not come in time.
    fn turn(&self, py: Python<'_>, until: Option<Instant>) -> Result<Option<MutexGuard<'_, ()>>> {
        self.touched.store(true, Ordering::Relaxed);
        loop {
            if let Ok(turn) = self.turn.try_lock() {
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
            match self.request.next(left(until)) {
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
                let mut answer = self.answer();
                answer.text.push_str(event.text());
                answer.tokens.extend(event.token());
            }
            EventKind::Final => _ = self.end.set(event.clone()),
            _ => {}
        }
        Event(event)
    }

    /// Wakes the loop of another reader: whatever its ready hook told it of, it could not have it while this one read.
    fn wake_reader(&self) {
        if let Some((signal, token)) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            signal.notify(*token);
        }
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn none_after_end(event: Result<Option<Event>>) -> Result<Option<Event>> {
    match event {
        Err(Failure::Chaku(error)) if error.reason == "finished" => Ok(None),
        event => event,
    }
}
