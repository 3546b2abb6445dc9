//! Admission: the lock around what waits to start, and the thread that waits for something to prepare. The rules are in
//! `waiting.rs`.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::job::Job;
use super::waiting::{Entry, Waiting};
use crate::error::{Error, Result};
use crate::request::Shared;
use crate::sampling::Sampler;

/// Makes a job of a request, on the preparing thread.
pub(crate) struct Prepare {
    pub(crate) run: Box<dyn FnOnce() -> Result<Job<Sampler>> + Send>,
    /// The session, and with it the model. Kept until a request that cannot be prepared has heard why: as the last to go
    /// it would close the model, which ends what waits with another error.
    pub(crate) owner: Arc<dyn Any + Send + Sync>,
}

pub(crate) struct Admission {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        Admission { waiting: Mutex::new(Waiting::new(limit)), arrived: Condvar::new() }
    }

    /// Lets a request wait, or says that too many do. Never blocks.
    pub(crate) fn admit(&self, request: Arc<Shared>, prepare: Prepare) -> Result<()> {
        self.change(|waiting| waiting.admit(request, prepare, Instant::now())).0
    }

    /// The next request to prepare, waiting for one. `None` = closed.
    pub(crate) fn next_to_prepare(&self) -> Option<(Arc<Shared>, Prepare)> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.is_closed() {
                return None;
            }
            let next = waiting.next_to_prepare(Instant::now());
            if next.is_some() {
                return next;
            }
            self.arrived.wait(&mut waiting);
        }
    }

    /// The request starts, or failed before it could.
    pub(crate) fn leave(&self, id: u64) {
        self.change(|waiting| waiting.leave(id, Instant::now()));
    }

    /// Ends those whose deadline has passed; says when to look again.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        self.change(|waiting| waiting.expire(now)).0
    }

    /// How many requests go before this one, as things stand; `None` = it has started or ended.
    pub(crate) fn position(&self, id: u64) -> Option<usize> {
        self.waiting.lock().position(id, Instant::now())
    }

    /// How many are in the queue.
    pub(crate) fn depth(&self) -> usize {
        self.waiting.lock().depth()
    }

    /// Ends all that wait with `error`, and answers all others with `refusal`.
    pub(crate) fn close(&self, error: &Error, refusal: Error) {
        let ((), gone) = self.change(|waiting| waiting.close(refusal));
        self.arrived.notify_all();
        gone.iter().for_each(|entry| entry.end(error.clone()));
    }

    /// Changes who waits; also returns who went, to be dropped unlocked.
    fn change<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> (T, Vec<Entry>) {
        let mut waiting = self.waiting.lock();
        let result = change(&mut waiting);
        let gone = waiting.take_gone();
        if waiting.has_unprepared() {
            self.arrived.notify_one();
        }
        (result, gone)
    }
}

#[cfg(test)]
impl Prepare {
    /// For a request that nobody prepares.
    pub(crate) fn never() -> Self {
        Prepare { run: Box::new(|| unreachable!("nobody prepares it")), owner: Arc::new(()) }
    }
}
