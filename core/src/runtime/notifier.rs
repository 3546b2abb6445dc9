//! The thread that tells event loops that something waits to be read. One for a runtime, alive while a request has a
//! hook; never the engine's thread, so a slow hook holds up no compute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;

use crate::error::{Error, Reason, Result};
use crate::event_queue::ReadyHook;

pub(crate) struct Notifier {
    calls: Sender<Arc<Registration>>,
}

/// A ready callback.
pub(crate) struct Registration {
    /// `None` once revoked.
    callback: Mutex<Option<Box<dyn FnMut() + Send>>>,
    /// A call is on its way. Invariant: each registration is in the channel at most once, which bounds it.
    pending: AtomicBool,
}

impl Notifier {
    pub(crate) fn start() -> Result<Arc<Self>> {
        let (calls, inbox) = unbounded::<Arc<Registration>>();
        let run = move || {
            for registration in inbox {
                registration.pending.store(false, Ordering::Release);
                // One hook that panics must not silence the others.
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    if let Some(callback) = &mut *registration.callback.lock() {
                        callback();
                    }
                }));
            }
        };
        match std::thread::Builder::new().name("chaku-notify".into()).spawn(run) {
            Ok(_) => Ok(Arc::new(Notifier { calls })),
            Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start the notifier thread: {error}"))),
        }
    }

    /// A hook that calls `callback` on the notifier's thread. The callback is dropped with the hook, or after the
    /// call that is under way.
    pub(crate) fn register(self: Arc<Self>, callback: Box<dyn FnMut() + Send>) -> (ReadyHook, Arc<Registration>) {
        let callback = Mutex::new(Some(callback));
        let registration = Arc::new(Registration { callback, pending: AtomicBool::new(false) });
        let called = registration.clone();
        let hook = move || {
            if !called.pending.swap(true, Ordering::AcqRel) {
                // The thread lives as long as a sender does, and this hook holds one.
                let _ = self.calls.send(called.clone());
            }
        };
        (Box::new(hook), registration)
    }
}

impl Registration {
    /// Drops the callback, waiting for a call under way; says whether that was possible before `until`.
    pub(crate) fn revoke(&self, until: Option<Instant>) -> bool {
        let locked = match until {
            None => Some(self.callback.lock()),
            Some(until) => self.callback.try_lock_until(until),
        };
        let Some(mut callback) = locked else { return false };
        let taken = callback.take();
        // Dropping it may run the caller's code, so not with the lock held.
        drop(callback);
        drop(taken);
        true
    }
}
