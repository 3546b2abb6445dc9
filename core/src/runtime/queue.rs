//! Admission: how many requests of a model may wait to start, and the deadlines of those that do.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::request::Shared;

pub(crate) struct Admission {
    pub(crate) limit: usize,
    /// Admitted and not started. May hold requests that ended meanwhile: they are swept out before they count.
    waiting: Mutex<Waiting>,
}

struct Waiting {
    requests: Vec<Arc<Shared>>,
    closed: bool,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        Admission { limit, waiting: Mutex::new(Waiting { requests: Vec::new(), closed: false }) }
    }

    /// Lets a request wait, or says that too many do.
    pub(crate) fn admit(&self, request: &Arc<Shared>) -> Result<()> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(closed());
        }
        waiting.requests.retain(|request| !request.has_ended());
        if waiting.requests.len() >= self.limit {
            return Err(self.full());
        }
        waiting.requests.push(request.clone());
        Ok(())
    }

    /// What a caller gets when too many wait.
    pub(crate) fn full(&self) -> Error {
        let message = format!("{} requests wait already, the queue_limit; try again when one has finished", self.limit);
        Error::new(Reason::QueueFull, message).with("queued", self.limit).with("limit", self.limit)
    }

    /// The request starts, or failed before it could.
    pub(crate) fn leave(&self, id: u64) {
        self.waiting.lock().requests.retain(|request| request.id != id);
    }

    /// Ends those whose deadline has passed; says when to look again.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut waiting = self.waiting.lock();
        waiting.requests.retain(|request| !request.has_ended() && !request.expire(now));
        waiting.requests.iter().filter_map(|request| request.deadline).min()
    }

    /// Ends all that wait, and lets no other in.
    pub(crate) fn close(&self, error: &Error) {
        let requests = {
            let mut waiting = self.waiting.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.requests)
        };
        for request in requests {
            request.finish(Final::failed(error.clone()));
        }
    }
}

/// What a closed model answers.
pub(crate) fn closed() -> Error {
    Error::new(Reason::Closed, "the model was closed; load it again")
}
