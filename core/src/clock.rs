//! Time: monotonic moments and milliseconds.

use std::time::{Duration, Instant};

/// When a wait that begins now must end. `None` = never, which also stands for a time too far away to be told.
pub(crate) fn until(timeout: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(timeout?)
}

/// Milliseconds, with fractions.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
