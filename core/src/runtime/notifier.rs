//! The thread that tells event loops that something waits to be read. One for a runtime, alive while a request has a
//! hook; never the engine's thread, so a slow hook holds up no compute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Sender, unbounded};
use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Reason, Result};
use crate::event_queue::ReadyHook;

pub(crate) struct Notifier {
    calls: Sender<Arc<Registration>>,
}

type Callback = Box<dyn FnMut() + Send>;

/// A ready callback.
pub(crate) struct Registration {
    /// `None` once revoked and not running any more. Locked while it runs.
    callback: Mutex<Option<Callback>>,
    /// No call may start.
    revoked: AtomicBool,
    /// A call is on its way. Invariant: each registration is in the channel at most once, which bounds it.
    pending: AtomicBool,
}

impl Notifier {
    pub(crate) fn start() -> Result<Arc<Self>> {
        let (calls, inbox) = unbounded::<Arc<Registration>>();
        let run = move || inbox.into_iter().for_each(|registration| registration.call());
        match std::thread::Builder::new().name("chaku-notify".into()).spawn(run) {
            Ok(_) => Ok(Arc::new(Notifier { calls })),
            Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start the notifier thread: {error}"))),
        }
    }

    /// A hook that calls `callback` on the notifier's thread.
    pub(crate) fn register(self: Arc<Self>, callback: Callback) -> (ReadyHook, Arc<Registration>) {
        let registration = Arc::new(Registration {
            callback: Mutex::new(Some(callback)),
            revoked: AtomicBool::new(false),
            pending: AtomicBool::new(false),
        });
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
    /// Lets no new call start, and drops the callback: now, or when the call under way has returned.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
        if let Some(callback) = self.callback.try_lock() {
            take(callback);
        }
    }

    /// Waits until the revoked callback is gone; says whether it went before `until`.
    pub(crate) fn wait_gone(&self, until: Option<Instant>) -> bool {
        let locked = match until {
            None => Some(self.callback.lock()),
            Some(until) => self.callback.try_lock_until(until),
        };
        locked.map(take).is_some()
    }

    fn call(&self) {
        self.pending.store(false, Ordering::Release);
        let mut callback = self.callback.lock();
        if let (false, Some(call)) = (self.revoked.load(Ordering::Acquire), &mut *callback) {
            // One hook that panics must not silence the others.
            let _ = catch_unwind(AssertUnwindSafe(call));
        }
        if self.revoked.load(Ordering::Acquire) {
            take(callback);
        }
    }
}

/// Drops the callback without the lock: dropping it may run the caller's code.
fn take(mut callback: MutexGuard<'_, Option<Callback>>) {
    let taken = callback.take();
    drop(callback);
    drop(taken);
}
