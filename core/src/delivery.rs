//! Delivers a request's events to a callback on a thread of its own, so that a slow callback holds up nobody else.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Reason, Result};
use crate::event::Event;
use crate::request::Shared;

/// Whether the delivery thread has ended; true when there never was one.
#[derive(Default)]
pub(crate) struct Done {
    running: Mutex<bool>,
    changed: Condvar,
}

impl Done {
    /// Waits until no callback runs or will run; says whether that is so.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut running = self.running.lock();
        while *running {
            match until {
                None => self.changed.wait(&mut running),
                Some(until) if self.changed.wait_until(&mut running, until).timed_out() => return !*running,
                Some(_) => {}
            }
        }
        true
    }

    fn set_running(&self, now: bool) {
        *self.running.lock() = now;
        self.changed.notify_all();
    }
}

/// Starts the thread. When it cannot be started, `on_event` is dropped and an error returned.
pub(crate) fn start(request: Arc<Shared>, on_event: Box<dyn FnMut(&Event) -> bool + Send>) -> Result<()> {
    request.delivered.set_running(true);
    let for_thread = request.clone();
    let spawned = std::thread::Builder::new().name("chaku-deliver".into()).spawn(move || {
        let _ended = Ended(for_thread.clone());
        // Only a request that has ended cannot be read to its end, and this is its one reader.
        let _ = for_thread.read_all(on_event);
    });
    if let Err(error) = spawned {
        request.delivered.set_running(false);
        return Err(Error::new(Reason::NoThread, format!("cannot start a delivery thread: {error}")));
    }
    Ok(())
}

/// Marks the end even when the callback panics, which nobody can read on after.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.cancel();
        self.0.delivered.set_running(false);
    }
}
