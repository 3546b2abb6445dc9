//! Requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use chaku_abi::Result;

use crate::event::Event;
use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::inbox::{Awaited, Inbox};
use crate::model::Model;
use crate::napi::bindgen_prelude::{AsyncTask, Float32Array};
use crate::napi::{self, Env, napi};
use crate::work::Work;

/// A piece of work. Its handle is freed when its end was read, or the bytes it made, and freeing it before cancels it.
#[napi]
pub struct Request {
    /// What the inbox calls it.
    #[napi(readonly)]
    pub id: u32,
    /// Its end belongs to a reply.
    #[napi(readonly)]
    pub replies: bool,
    shared: Arc<Awaitable>,
    awaited: Arc<Awaited>,
}

/// What a request makes, besides events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Makes {
    Reply,
    Model,
    Paths,
    Bytes,
    Nothing,
}

/// What the inbox knows of a request. Nobody reads it but the environment's own thread.
pub(crate) struct Awaitable {
    id: u32,
    makes: Makes,
    handle: Handle<chaku_abi::Request>,
    /// JavaScript found nothing to read, and the next event is for the inbox to deliver.
    awaited: AtomicBool,
}

#[napi]
impl Request {
    /// The next events, at most `max` of them. When there are none yet it is nothing, and the inbox delivers the next
    /// one; nothing comes after the end.
    #[napi]
    pub fn read(&self, env: Env, max: u32) -> Outcome<Option<Vec<Event>>> {
        outcome(self.read_events(&env, max as usize))
    }

    /// Whether the end exists, read or not.
    #[napi(getter)]
    pub fn finished(&self) -> bool {
        self.shared.handle.get().map_or(true, |request| request.is_finished())
    }

    /// How many go before it; nothing when it does not wait.
    #[napi(getter)]
    pub fn queue_position(&self) -> Option<i64> {
        self.shared.handle.get().ok()?.queue_position()
    }

    /// When it got how far, as JSON. Its end has that too, for then there may be no request left to ask.
    #[napi]
    pub fn timeline(&self) -> Outcome<String> {
        outcome(self.shared.handle.get().and_then(|request| request.timeline()))
    }

    /// The bytes it made, once.
    #[napi]
    pub fn bytes(&self) -> AsyncTask<Work<Vec<u8>>> {
        let request = self.shared.handle.get();
        self.shared.handle.free();
        Work::with(request, |request| Ok(request.buffer()?.bytes().to_vec()))
    }

    /// Lets it go on after a logits event, with these or, when there are none, with the event's.
    #[napi]
    pub fn resume(&self, logits: Option<Float32Array>) -> Outcome<()> {
        let logits = logits.as_deref().unwrap_or_default();
        outcome(self.shared.handle.get().and_then(|request| request.resume(logits)))
    }

    /// Cancels: the end follows promptly.
    #[napi]
    pub fn cancel(&self) {
        if let Ok(request) = self.shared.handle.get() {
            request.cancel();
        }
    }
}

impl Request {
    /// Tells the inbox about a request from now on.
    pub(crate) fn watch(inbox: &Inbox, request: chaku_abi::Request, makes: Makes) -> Result<Self> {
        static IDS: AtomicU32 = AtomicU32::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let handle = Handle::new("request", request);
        let shared = Arc::new(Awaitable { id, makes, handle, awaited: AtomicBool::new(false) });
        let (mailbox, weak) = (Arc::clone(&inbox.mailbox), Arc::downgrade(&shared));
        shared.handle.get()?.on_ready(move || mailbox.ready(weak.clone()))?;
        Ok(Request { id, replies: makes == Makes::Reply, shared, awaited: Arc::clone(&inbox.awaited) })
    }

    fn read_events(&self, env: &Env, max: usize) -> Result<Option<Vec<Event>>> {
        let mut events = Vec::new();
        while events.len() < max {
            let Some(event) = self.shared.next()? else { break };
            let ends = event.end.is_some();
            events.push(event);
            if ends {
                self.shared.settle(&self.awaited, env);
                break;
            }
        }
        if events.is_empty() && !self.shared.awaited.swap(true, Ordering::Relaxed) {
            self.awaited.begin(env);
        }
        Ok(Some(events).filter(|events| !events.is_empty()))
    }
}

impl Awaitable {
    /// Its number and the next event, if it is awaited and there is something: no event when it cannot be read.
    pub(crate) fn deliver(&self, awaited: &Awaited, env: &Env) -> Option<(u32, Option<Event>)> {
        if !self.awaited.load(Ordering::Relaxed) {
            return None;
        }
        let event = self.next().map_or(Some(None), |event| event.map(Some))?;
        self.settle(awaited, env);
        Some((self.id, event))
    }

    /// Nothing is to be delivered any more.
    fn settle(&self, awaited: &Awaited, env: &Env) {
        if self.awaited.swap(false, Ordering::Relaxed) {
            awaited.end(env);
        }
    }

    /// The next event there is. After the end there is no request left to read.
    fn next(&self) -> Result<Option<Event>> {
        let request = self.handle.get()?;
        while let Some(event) = request.next(Some(Duration::ZERO))? {
            // Kinds that came later than this module are left out.
            let Some(mut event) = Event::of(&event) else { continue };
            if let Some(end) = &mut event.end {
                end.timeline = request.timeline().ok();
                match self.makes {
                    Makes::Model if end.failure.is_none() => end.model = Some(Model::new(request.model()?)),
                    Makes::Paths if end.failure.is_none() => end.paths = Some(request.paths()?),
                    Makes::Bytes if end.failure.is_none() => return Ok(Some(event)),
                    _ => {}
                }
                self.handle.free();
            }
            return Ok(Some(event));
        }
        Ok(None)
    }
}
