//! Requests: work that takes time, read by pulling, with a hook that wakes event loops.

use std::ptr;
use std::time::Duration;

use crate::buffer::{self, Buffer};
use crate::c;
use crate::call::{call, call_for, milliseconds};
use crate::callback::{destroy, ready, user_data};
use crate::error::Result;
use crate::event::Event;
use crate::handle::owner;
use crate::model::Model;

owner!(
    /// A piece of work. Dropping it cancels it.
    Request owns chaku_request, freed by chaku_request_free
);

impl Request {
    /// The next event, waiting at most `timeout` (`None` = for ever). `Ok(None)` = nothing came in time. After the
    /// final event: reason `finished`.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let timeout = milliseconds(timeout);
        // SAFETY: the outputs are local variables.
        let event =
            call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_request_next(self.raw(), timeout, out, error) })?;
        Ok((!event.is_null()).then(|| Event::own(event)))
    }

    /// Calls `hook`, on a thread of the runtime, whenever events begin to wait, and once now if some do. Then read
    /// with a timeout of zero until nothing comes. The hook should return at once and may not wait for anything.
    pub fn on_ready<F: FnMut() + Send + 'static>(&self, hook: F) -> Result<()> {
        let (raw, hook) = (self.raw(), user_data(hook));
        // SAFETY: `hook` is a boxed `F`, which `destroy` frees, also when this call fails; `error` is writable.
        call(|error| unsafe { c::chaku_request_on_ready(raw, Some(ready::<F>), hook, Some(destroy::<F>), error) })
    }

    /// Cancels: the final event follows promptly.
    pub fn cancel(&self) {
        c::chaku_request_cancel(self.raw());
    }

    /// Lets the request go on after a logits event, with these logits or, if there are none, with those it told.
    pub fn resume(&self, logits: &[f32]) -> Result<()> {
        let pointer = if logits.is_empty() { ptr::null() } else { logits.as_ptr() };
        // SAFETY: so many numbers, which outlive the call; `error` is writable.
        call(|error| unsafe { c::chaku_request_resume(self.raw(), pointer, logits.len() as i64, error) })
    }

    /// Whether the final event exists, read or not.
    pub fn is_finished(&self) -> bool {
        c::chaku_request_is_finished(self.raw()) == 1
    }

    /// How many waiting requests go before this one; `None` = it does not wait.
    pub fn queue_position(&self) -> Option<i64> {
        let position = c::chaku_request_queue_position(self.raw());
        (position >= 0).then_some(position)
    }

    /// When it got how far, as JSON.
    pub fn timeline(&self) -> Result<String> {
        // SAFETY: the outputs are local variables.
        buffer::text(|out, error| unsafe { c::chaku_request_timeline(self.raw(), out, error) })
    }

    /// The bytes a finished save to memory made.
    pub fn buffer(&self) -> Result<Buffer> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_request_buffer(self.raw(), out, error) })
            .map(Buffer::own)
    }

    /// The files a finished download found or brought, the one to load first.
    pub fn paths(&self) -> Result<Vec<String>> {
        // SAFETY: the outputs are local variables.
        let path = |index| buffer::text(|out, error| unsafe { c::chaku_request_path(self.raw(), index, out, error) });
        // Asked for the first one, a request without any says why.
        (0..c::chaku_request_path_count(self.raw()).max(1)).map(path).collect()
    }

    /// The model a finished load made.
    pub fn model(&self) -> Result<Model> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_request_model(self.raw(), out, error) })
            .map(Model::own)
    }

    /// Cancels, and waits until the request has ended and no hook runs any more (`None` = for ever).
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        // SAFETY: `error` is writable.
        call(|error| unsafe { c::chaku_request_close(self.raw(), milliseconds(timeout), error) })
    }
}
