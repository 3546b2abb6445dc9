//! Watches the running requests while a step computes. One that is cancelled, or whose time is up, ends at once, not
//! with the step: the others in the step go on, so the step is aborted only when nobody in it is left.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::control::Control;
use super::running::{End, Running};
use super::scheduler::{RequestId, Step};
use crate::request::Shared;

/// How often the abort callback reads the clock: it is asked about a thousand times a step.
pub(crate) const CLOCK_EVERY: u32 = 16;

pub(super) struct Watch<'a, S> {
    control: &'a Control,
    window: usize,
    running: RefCell<&'a mut BTreeMap<RequestId, Running<S>>>,
    watched: RefCell<Vec<Watched>>,
    ended: RefCell<Vec<RequestId>>,
    asked: Cell<u32>,
}

struct Watched {
    request: Arc<Shared>,
    in_step: bool,
}

impl<'a, S> Watch<'a, S> {
    pub(super) fn new(
        control: &'a Control,
        running: &'a mut BTreeMap<RequestId, Running<S>>,
        step: &Step,
        window: usize,
    ) -> Self {
        let in_step = |id: &RequestId| step.items.iter().any(|item| item.id == *id);
        let watched = running
            .iter()
            .map(|(id, running)| Watched { request: Arc::clone(&running.job.request), in_step: in_step(id) });
        let watched = RefCell::new(watched.collect());
        let (running, ended) = (RefCell::new(running), RefCell::default());
        Watch { control, window, running, watched, ended, asked: Cell::new(0) }
    }

    /// Ends whoever must end; says whether the step is for nobody any more.
    pub(super) fn should_abort(&self) -> bool {
        if self.control.is_closing() {
            return true;
        }
        self.asked.set(self.asked.get().wrapping_add(1));
        let now = self.asked.get().is_multiple_of(CLOCK_EVERY).then(Instant::now);
        if let Some(now) = now {
            self.control.admission.expire(now);
        }
        let mut watched = self.watched.borrow_mut();
        watched.retain(|watched| {
            let request = &watched.request;
            let expired = now.is_some_and(|now| request.deadline.is_some_and(|deadline| deadline <= now));
            if !expired && !request.is_cancelled() {
                return true;
            }
            self.end(request);
            false
        });
        !watched.iter().any(|watched| watched.in_step)
    }

    /// The requests that ended meanwhile.
    pub(super) fn into_ended(self) -> Vec<RequestId> {
        self.ended.into_inner()
    }

    fn end(&self, request: &Shared) {
        let Some(error) = request.must_stop(Instant::now()) else { return };
        if let Some(running) = self.running.borrow_mut().remove(&request.id) {
            running.conclude(End::Failed(error), self.window);
            self.ended.borrow_mut().push(request.id);
        }
    }
}
