//! parking_lot's locks, as far as the queue uses them, on loom's.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use loom::sync;

pub(crate) struct Mutex<T>(sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a sync::Mutex<T>,
    /// Empty only while a condition variable waits.
    inner: Option<sync::MutexGuard<'a, T>>,
}

pub(crate) struct Condvar(sync::Condvar);

pub(crate) struct WaitTimeoutResult;

const HELD: &str = "a guard is whole again when its condition variable returns";
const SOUND: &str = "a thread that panics ends the test";

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: &self.0, inner: Some(self.0.lock().expect(SOUND)) }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect(HELD)
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar(sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.inner = guard.inner.take().map(|inner| self.0.wait(inner).expect(SOUND));
    }

    /// A wait whose time is always up, during which others may or may not have had the lock. A wait that is woken in
    /// time is one without a limit.
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _until: Instant) -> WaitTimeoutResult {
        drop(guard.inner.take());
        guard.inner = Some(guard.mutex.lock().expect(SOUND));
        WaitTimeoutResult
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        true
    }
}
