//! Output parameters: written only on success, handles NULL until then.

use std::ptr::NonNull;
use std::sync::Arc;

use chaku::Result;

use crate::handle::{self, Handle};
use crate::text::null;

/// A required output parameter.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is NULL or stays writable as long as the value.
    pub(crate) unsafe fn new(pointer: *mut T, parameter: &'static str) -> Result<Self> {
        NonNull::new(pointer).map(Out).ok_or_else(|| null(parameter, "a pointer to write the result to"))
    }

    pub(crate) fn set(self, value: T) {
        // SAFETY: writable, by the contract of the constructor. What was there before may be uninitialized: not dropped.
        unsafe { self.0.write(value) }
    }
}

impl<H: Handle> Out<*mut H> {
    /// An output parameter for a handle, which is NULL from now on.
    ///
    /// # Safety
    /// `pointer` is NULL or stays writable as long as the value.
    pub(crate) unsafe fn handle(pointer: *mut *mut H, parameter: &'static str) -> Result<Self> {
        // SAFETY: the same contract.
        let out = unsafe { Out::new(pointer, parameter)? };
        // SAFETY: the same contract.
        unsafe { out.0.write(std::ptr::null_mut()) };
        Ok(out)
    }

    /// Gives the object to C.
    pub(crate) fn put(self, object: H::Object) -> Result<()> {
        self.put_shared(Arc::new(object))
    }

    /// Gives C one more handle to an object.
    pub(crate) fn put_shared(self, object: Arc<H::Object>) -> Result<()> {
        handle::put(object).map(|handle| self.set(handle))
    }
}

/// Writes an output parameter the caller may leave out.
///
/// # Safety
/// `pointer` is NULL or writable.
pub(crate) unsafe fn set_optional<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not NULL, hence writable.
        unsafe { pointer.write(value) };
    }
}
