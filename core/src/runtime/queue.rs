//! Admission: how many requests of a model may wait to start, in which order they are prepared, and the deadlines of
//! those that wait.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use chaku_llama::Sampler;
use parking_lot::{Condvar, Mutex};

use super::job::Job;
use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::request::Shared;

/// Makes a job of a request, on the preparing thread.
pub(crate) struct Prepare {
    pub(crate) run: Box<dyn FnOnce() -> Result<Job<Sampler>> + Send>,
    /// The session, and with it the model. Kept until a request that cannot be prepared has heard why: as the last to go
    /// it would close the model, which ends what waits with another error.
    pub(crate) owner: Arc<dyn Any + Send + Sync>,
}

pub(crate) struct Admission {
    limit: usize,
    /// Sweeping it may end sessions, whose destructors lock other things: what is swept out is dropped unlocked.
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Admitted and not started, in order of arrival. May hold requests that ended meanwhile, which count for nothing.
    entries: Vec<Entry>,
    /// Invariant: once set, nothing is let in; what the next ones hear.
    closed: Option<Error>,
}

struct Entry {
    request: Arc<Shared>,
    /// Taken by the preparing thread.
    prepare: Option<Prepare>,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        Admission { limit, waiting: Mutex::default(), arrived: Condvar::new() }
    }

    /// Lets a request wait, or says that too many do.
    pub(crate) fn admit(&self, request: Arc<Shared>, prepare: Prepare) -> Result<()> {
        let mut waiting = self.waiting.lock();
        let ended = waiting.sweep(|_| false);
        let admitted = if let Some(refusal) = &waiting.closed {
            Err(refusal.clone())
        } else if waiting.entries.len() >= self.limit {
            let message =
                format!("{} requests wait already, the queue_limit; try again when one has finished", self.limit);
            Err(Error::new(Reason::QueueFull, message).with("queued", waiting.entries.len()).with("limit", self.limit))
        } else {
            waiting.entries.push(Entry { request, prepare: Some(prepare) });
            Ok(())
        };
        drop(waiting);
        drop(ended);
        self.arrived.notify_one();
        admitted
    }

    /// The next request to prepare, waiting for one. `None` = closed.
    pub(crate) fn next_to_prepare(&self) -> Option<(Arc<Shared>, Prepare)> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.closed.is_some() {
                return None;
            }
            let next =
                waiting.entries.iter_mut().find_map(|entry| Some((entry.request.clone(), entry.prepare.take()?)));
            if next.is_some() {
                return next;
            }
            self.arrived.wait(&mut waiting);
        }
    }

    /// The request starts, or failed before it could.
    pub(crate) fn leave(&self, id: u64) {
        let mut waiting = self.waiting.lock();
        let gone = waiting.sweep(|request| request.id == id);
        drop(waiting);
        drop(gone);
    }

    /// Ends those whose deadline has passed; says when to look again.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut waiting = self.waiting.lock();
        let gone = waiting.sweep(|request| request.expire(now));
        let next = waiting.entries.iter().filter_map(|entry| entry.request.deadline).min();
        drop(waiting);
        drop(gone);
        next
    }

    /// Ends all that wait with `error`, and answers all others with `refusal`.
    pub(crate) fn close(&self, error: &Error, refusal: Error) {
        let mut waiting = self.waiting.lock();
        waiting.closed = Some(refusal);
        let entries = std::mem::take(&mut waiting.entries);
        drop(waiting);
        self.arrived.notify_all();
        for entry in entries {
            entry.request.finish(Final::failed(error.clone()));
        }
    }
}

impl Waiting {
    /// Takes out what has ended, and what `gone` says.
    fn sweep(&mut self, gone: impl Fn(&Shared) -> bool) -> Vec<Entry> {
        self.entries.extract_if(.., |entry| gone(&entry.request) || entry.request.has_ended()).collect()
    }
}

#[cfg(test)]
impl Prepare {
    /// For a request that nobody prepares.
    pub(crate) fn never() -> Self {
        Prepare { run: Box::new(|| unreachable!("nobody prepares it")), owner: Arc::new(()) }
    }
}
