//! The thread that tells event loops that something waits to be read. One for a runtime, alive while a request has a
//! hook; never the engine's thread, so a slow hook holds up no compute.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Reason, Result};
use crate::event_queue::ReadyHook;

pub(crate) struct Notifier(Arc<Calls>);

/// The calls to make. Not a channel: those spin and yield before they sleep, for each token, on processors that compute
/// the next one.
struct Calls {
    state: Mutex<Pending>,
    changed: Condvar,
}

struct Pending {
    calls: VecDeque<Arc<Registration>>,
    /// Nobody can add to them any more.
    closed: bool,
}

/// Says whether it wants to be called again.
type Callback = Box<dyn FnMut() -> bool + Send>;

/// A ready callback. It is called and dropped with no lock held, because both run the host's code.
pub(crate) struct Registration {
    state: Mutex<State>,
    /// `state.gone` became true.
    went: Condvar,
    /// A call is on its way. Invariant: each registration is in `Pending` at most once, which bounds it.
    pending: AtomicBool,
}

struct State {
    /// `None` while it runs, and after it was revoked.
    callback: Option<Callback>,
    /// No call may start.
    revoked: bool,
    /// The callback was dropped.
    gone: bool,
}

impl Notifier {
    pub(crate) fn start() -> Result<Arc<Self>> {
        let state = Mutex::new(Pending { calls: VecDeque::new(), closed: false });
        let calls = Arc::new(Calls { state, changed: Condvar::new() });
        let made = calls.clone();
        let run = move || std::iter::from_fn(|| made.next()).for_each(|registration| registration.call());
        match std::thread::Builder::new().name("chaku-notify".into()).spawn(run) {
            Ok(_) => Ok(Arc::new(Notifier(calls))),
            Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start the notifier thread: {error}"))),
        }
    }

    /// A hook that calls `callback` on the notifier's thread.
    pub(crate) fn register(self: Arc<Self>, callback: Callback) -> (ReadyHook, Arc<Registration>) {
        let registration = Arc::new(Registration {
            state: Mutex::new(State { callback: Some(callback), revoked: false, gone: false }),
            went: Condvar::new(),
            pending: AtomicBool::new(false),
        });
        let called = registration.clone();
        let hook = move || {
            if !called.pending.swap(true, Ordering::AcqRel) {
                // The thread lives as long as the notifier does, which this hook holds.
                self.0.change(|pending| pending.calls.push_back(called.clone()));
            }
        };
        (Arc::new(hook), registration)
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.0.change(|pending| pending.closed = true);
    }
}

impl Calls {
    /// Without the lock when it wakes: the thread that is woken may run in place of this one.
    fn change(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.state.lock());
        self.changed.notify_one();
    }

    /// The next call, waiting for it; `None` once nobody makes any.
    fn next(&self) -> Option<Arc<Registration>> {
        let mut pending = self.state.lock();
        while pending.calls.is_empty() && !pending.closed {
            self.changed.wait(&mut pending);
        }
        pending.calls.pop_front()
    }
}

impl Registration {
    /// Lets no new call start, and drops the callback: now, or when the call under way has returned.
    pub(crate) fn revoke(&self) {
        let mut state = self.state.lock();
        state.revoked = true;
        let callback = state.callback.take();
        drop(state);
        self.let_go(callback);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.state.lock().gone
    }

    /// Waits until the revoked callback was dropped; says whether it was before `until`.
    pub(crate) fn wait_gone(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while !state.gone {
            match until {
                None => self.went.wait(&mut state),
                Some(until) if self.went.wait_until(&mut state, until).timed_out() => return state.gone,
                Some(_) => {}
            }
        }
        true
    }

    fn call(&self) {
        self.pending.store(false, Ordering::Release);
        let Some(mut callback) = self.state.lock().callback.take() else { return };
        // One hook that panics must not silence the others.
        let wants_more = catch_unwind(AssertUnwindSafe(&mut callback)).unwrap_or(false);
        let mut state = self.state.lock();
        state.revoked |= !wants_more;
        if !state.revoked {
            state.callback = Some(callback);
            return;
        }
        drop(state);
        self.let_go(Some(callback));
    }

    /// Drops the callback, then says so.
    fn let_go(&self, callback: Option<Callback>) {
        if let Some(callback) = callback {
            drop(callback);
            self.state.lock().gone = true;
            self.went.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    /// Counts its drops, slowly.
    struct Slow(Arc<AtomicUsize>);

    impl Drop for Slow {
        fn drop(&mut self) {
            std::thread::sleep(Duration::from_millis(20));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_waits_sees_the_callback_dropped_also_when_it_was_running() {
        let notifier = Notifier::start().unwrap();
        let (running, dropped) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
        let (began, slow) = (running.clone(), Slow(dropped.clone()));
        let (hook, registration) = notifier.register(Box::new(move || {
            let _slow = &slow;
            began.wait();
            std::thread::sleep(Duration::from_millis(20));
            true
        }));
        hook();
        running.wait();
        registration.revoke();
        assert!(!registration.wait_gone(Some(Instant::now())), "it still runs");
        assert!(registration.wait_gone(None));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_callback_may_revoke_itself_and_is_called_no_more() {
        let notifier = Notifier::start().unwrap();
        let (calls, this) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None::<Arc<Registration>>)));
        let (counted, own) = (calls.clone(), this.clone());
        let (hook, registration) = notifier.register(Box::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            own.lock().take().expect("set before the first call").revoke();
            true
        }));
        *this.lock() = Some(registration.clone());
        hook();
        assert!(registration.wait_gone(None));
        hook();
        drop(hook);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_callback_that_wants_no_more_calls_is_dropped_at_once() {
        let notifier = Notifier::start().unwrap();
        let dropped = Arc::new(AtomicUsize::new(0));
        let slow = Slow(dropped.clone());
        let (hook, registration) = notifier.register(Box::new(move || {
            let _slow = &slow;
            false
        }));
        hook();
        assert!(registration.wait_gone(None));
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}
