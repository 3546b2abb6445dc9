//! Requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chaku_abi::Result;

use crate::event::Event;
use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::inbox::Inbox;
use crate::model::Model;
use crate::napi::{self, napi};

/// A piece of work. Its handle is freed when its end was read, and freeing it before cancels it.
#[napi]
pub struct Request {
    /// What the inbox calls it.
    #[napi(readonly)]
    pub id: u32,
    /// Its end has a model.
    #[napi(readonly)]
    pub loads: bool,
    handle: Handle<chaku_abi::Request>,
}

#[napi]
impl Request {
    /// The next events, at most `max` of them and perhaps none. When there were fewer than that, the inbox tells when
    /// there are more; nothing comes after the end.
    #[napi]
    pub fn read(&self, max: u32) -> Outcome<Vec<Event>> {
        outcome(self.read_events(max as usize))
    }

    /// Whether the end exists, read or not.
    #[napi(getter)]
    pub fn finished(&self) -> bool {
        self.handle.get().map_or(true, |request| request.is_finished())
    }

    /// Cancels: the end follows promptly.
    #[napi]
    pub fn cancel(&self) {
        if let Ok(request) = self.handle.get() {
            request.cancel();
        }
    }
}

impl Request {
    /// Tells the inbox about a request from now on.
    pub(crate) fn watch(inbox: &Inbox, request: chaku_abi::Request, loads: bool) -> Result<Self> {
        static IDS: AtomicU32 = AtomicU32::new(0);
        let (id, mailbox) = (IDS.fetch_add(1, Ordering::Relaxed), Arc::clone(&inbox.mailbox));
        request.on_ready(move || mailbox.request(id))?;
        Ok(Request { id, loads, handle: Handle::new("request", request) })
    }

    fn read_events(&self, max: usize) -> Result<Vec<Event>> {
        let request = self.handle.get()?;
        let mut events = Vec::new();
        while events.len() < max {
            let Some(event) = request.next(Some(Duration::ZERO))? else { break };
            let Some(mut event) = Event::of(&event) else { continue };
            if let Some(end) = &mut event.end {
                if self.loads && end.failure.is_none() {
                    end.model = Some(Model::new(request.model()?));
                }
                self.handle.free();
                events.push(event);
                break;
            }
            events.push(event);
        }
        Ok(events)
    }
}
