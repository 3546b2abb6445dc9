//! From llama.cpp's abort callback to the closure of the decode under way.

use std::any::Any;
use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// What the callback's user data points to: one for each context, at an address that does not change.
pub(crate) struct AbortCell(NonNull<Shared>);

struct Shared {
    /// Invariant: only set while [`AbortCell::during`] runs, on whose stack the closure lives.
    should_abort: Cell<Option<NonNull<dyn Fn() -> bool>>>,
    panic: Cell<Option<Box<dyn Any + Send>>>,
}

impl AbortCell {
    pub(crate) fn new() -> Self {
        let shared = Box::new(Shared { should_abort: Cell::new(None), panic: Cell::new(None) });
        Self(NonNull::from(Box::leak(shared)))
    }

    pub(crate) fn user_data(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// Runs `body` while the callback asks `should_abort`. A panic in there aborts the decode and comes out here.
    pub(crate) fn during<T>(&self, should_abort: &dyn Fn() -> bool, body: impl FnOnce() -> T) -> T {
        // SAFETY: only drops the lifetime from the type: the cell is emptied below, before the reference ends.
        let erased = unsafe {
            std::mem::transmute::<NonNull<dyn Fn() -> bool + '_>, NonNull<dyn Fn() -> bool>>(NonNull::from(
                should_abort,
            ))
        };
        let shared = self.shared();
        shared.should_abort.set(Some(erased));
        let reset = Reset(shared);
        let result = body();
        drop(reset);
        if let Some(panic) = shared.panic.take() {
            resume_unwind(panic);
        }
        result
    }

    fn shared(&self) -> &Shared {
        // SAFETY: leaked in `new`, freed in `drop`, only shared in between.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for AbortCell {
    fn drop(&mut self) {
        // SAFETY: leaked in `new`; the owner drops the context, which holds the pointer, first.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

struct Reset<'a>(&'a Shared);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.should_abort.set(None);
    }
}

/// ggml calls this on the thread that called decode, after each node of the graph.
pub(crate) extern "C" fn on_should_abort(user_data: *mut c_void) -> bool {
    // SAFETY: the context was created with AbortCell::user_data and does not outlive the cell; this is the thread that is
    // inside `during`, so nothing is shared between threads.
    let shared = unsafe { &*user_data.cast::<Shared>() };
    let Some(should_abort) = shared.should_abort.get() else {
        return false;
    };
    // SAFETY: by the invariant of the field the closure is alive.
    let should_abort = unsafe { should_abort.as_ref() };
    // A panic must not cross the C++ frames: it waits until they have returned.
    catch_unwind(AssertUnwindSafe(should_abort)).unwrap_or_else(|panic| {
        shared.panic.set(Some(panic));
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_only_during_the_call() {
        let cell = AbortCell::new();
        assert!(!on_should_abort(cell.user_data()));
        assert!(cell.during(&|| true, || on_should_abort(cell.user_data())));
        assert!(!cell.during(&|| false, || on_should_abort(cell.user_data())));
        assert!(!on_should_abort(cell.user_data()));
    }

    #[test]
    fn a_panic_aborts_and_comes_out_after_the_call() {
        let cell = AbortCell::new();
        let mut returned = false;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            cell.during(&|| panic!("in the callback"), || {
                returned = on_should_abort(cell.user_data());
            });
        }));
        assert!(returned, "the callback asks for an abort");
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"in the callback"), "the panic arrives");
        assert!(!on_should_abort(cell.user_data()), "and the cell is empty");
    }
}
