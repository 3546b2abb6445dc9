//! Wakes a thread that waits. The control path: it never blocks and is never full.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(crate) struct Signal {
    /// A wake-up that was not waited for yet.
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// Wakes the thread that waits, or lets the next wait return at once.
    pub(crate) fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_one();
    }

    /// Waits for a wake-up, at most until `until`.
    pub(crate) fn wait(&self, until: Option<Instant>) {
        let mut woken = self.woken.lock();
        while !*woken {
            match until {
                None => self.changed.wait(&mut woken),
                Some(until) if self.changed.wait_until(&mut woken, until).timed_out() => break,
                Some(_) => {}
            }
        }
        *woken = false;
    }
}
