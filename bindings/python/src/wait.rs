//! Waiting: without the GIL, and never longer than a moment without looking after signals.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Result;

/// The longest wait in one piece. Ctrl-C may take 100 ms, of which ending the request takes its part.
const SLICE: Duration = Duration::from_millis(20);

/// Calls `step`, which waits at most as long as it is told to, until it gives something or the time has come (`None` =
/// never). An exception of a signal handler, such as Ctrl-C's, ends the wait.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    until: Option<Instant>,
    step: impl Fn(Duration) -> chaku_abi::Result<Option<T>> + Sync,
) -> Result<Option<T>> {
    loop {
        let left = left(until).map_or(SLICE, |left| left.min(SLICE));
        if let Some(value) = py.detach(|| step(left))? {
            return Ok(Some(value)); // with no event lost: the caller looks after signals
        }
        py.check_signals()?;
        if left.is_zero() {
            return Ok(None);
        }
    }
}

/// The time left until a moment.
pub(crate) fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(Instant::now()))
}

/// Waits for a `close` that gives up with `close_timeout`.
pub(crate) fn close(
    py: Python<'_>,
    timeout: Option<f64>,
    close: impl Fn(Option<Duration>) -> chaku_abi::Result<()> + Sync,
) -> Result<()> {
    let step = |slice| match close(Some(slice)) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.reason == "close_timeout" => Ok(None),
        Err(error) => Err(error),
    };
    match wait(py, until(timeout)?, step)? {
        Some(()) => Ok(()),
        None => Ok(close(Some(Duration::ZERO))?), // which says so in its own words
    }
}

/// When a timeout is over that Python gave in seconds. `None` and endless ones never are, negative ones at once.
pub(crate) fn until(timeout: Option<f64>) -> Result<Option<Instant>> {
    match timeout {
        Some(seconds) if seconds.is_nan() => Err(PyValueError::new_err("a timeout must be a number").into()),
        Some(seconds) => {
            let timeout = Duration::try_from_secs_f64(seconds.max(0.0));
            Ok(timeout.ok().and_then(|timeout| Instant::now().checked_add(timeout)))
        }
        None => Ok(None),
    }
}
