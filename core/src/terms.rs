//! The terms of a request: what its caller asks for besides the work.

use std::time::Duration;

use crate::options::Layers;
use crate::priority::Priority;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Events that may wait for the reader.
    pub(crate) events: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) overload: Overload,
}

/// What to do when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overload {
    /// Refuse the request.
    Reject,
    /// Let it stand outside the queue until there is a place.
    Wait,
    /// Give it the place of a less urgent one.
    Displace,
}

impl Terms {
    pub(crate) fn read(layers: &Layers<'_>) -> Self {
        Terms {
            events: layers.i64("event_queue").unwrap_or(1) as usize,
            deadline: deadline(layers),
            priority: Priority::named(layers.str("priority")),
            overload: match layers.str("overload") {
                Some("wait") => Overload::Wait,
                Some("displace") => Overload::Displace,
                _ => Overload::Reject,
            },
        }
    }
}

/// A request's own deadline, else the runtime's default; 0 = none.
fn deadline(layers: &Layers<'_>) -> Option<Duration> {
    let ms = layers.i64("deadline_ms").or_else(|| layers.i64("default_deadline_ms"))?;
    (ms > 0).then(|| Duration::from_millis(ms as u64))
}

#[cfg(test)]
impl Terms {
    /// Of no special priority.
    pub(crate) fn plain(events: usize, deadline: Option<Duration>) -> Self {
        Terms { events, deadline, priority: Priority::Normal, overload: Overload::Reject }
    }
}
