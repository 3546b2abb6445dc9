//! The thread that tells event loops that something waits to be read. One for a runtime, alive while a request has a
//! hook; never the engine's thread, so a slow hook holds up no compute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;

use crate::error::{Error, Reason, Result};
use crate::event_queue::ReadyHook;

pub(crate) struct Notifier {
    calls: Sender<Arc<Registration>>,
}

struct Registration {
    callback: Mutex<Box<dyn FnMut() + Send>>,
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
                let _ = catch_unwind(AssertUnwindSafe(|| (registration.callback.lock())()));
            }
        };
        match std::thread::Builder::new().name("chaku-notify".into()).spawn(run) {
            Ok(_) => Ok(Arc::new(Notifier { calls })),
            Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start the notifier thread: {error}"))),
        }
    }

    /// A hook that calls `callback` on the notifier's thread. The callback is dropped with the hook, or after the
    /// call that is under way.
    pub(crate) fn register(self: Arc<Self>, callback: Box<dyn FnMut() + Send>) -> ReadyHook {
        let registration = Arc::new(Registration { callback: Mutex::new(callback), pending: AtomicBool::new(false) });
        Box::new(move || {
            if !registration.pending.swap(true, Ordering::AcqRel) {
                // The thread lives as long as a sender does, and this hook holds one.
                let _ = self.calls.send(registration.clone());
            }
        })
    }
}
