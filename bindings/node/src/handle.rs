//! Handles that can be freed before their JavaScript object is collected.

use std::sync::Arc;

use chaku_abi::{Error, Result};
use parking_lot::Mutex;

/// A handle, shared with the work that uses it; empty once freed.
pub(crate) struct Handle<T> {
    what: &'static str,
    held: Mutex<Option<Arc<T>>>,
}

impl<T> Handle<T> {
    pub(crate) fn new(what: &'static str, held: T) -> Self {
        Handle { what, held: Mutex::new(Some(Arc::new(held))) }
    }

    /// The handle, or the error `closed`.
    pub(crate) fn get(&self) -> Result<Arc<T>> {
        self.held.lock().clone().ok_or_else(|| Error::closed(self.what))
    }

    /// Frees the handle, as soon as no call uses it any more. Once is enough.
    pub(crate) fn free(&self) {
        // Dropped without the lock.
        let held = self.held.lock().take();
        drop(held);
    }
}
