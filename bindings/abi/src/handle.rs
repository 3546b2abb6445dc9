//! Owners of handles.

/// Declares an owner: freed when dropped, usable from any thread.
macro_rules! owner {
    ($(#[$doc:meta])* $name:ident owns $raw:ident, freed by $free:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(*mut $crate::c::$raw);

        // SAFETY: a handle is no address, and the header allows every function from any thread, several at once.
        unsafe impl Send for $name {}
        // SAFETY: the same.
        unsafe impl Sync for $name {}

        impl $name {
            /// Takes a handle that a C function returned as owned.
            pub(crate) fn own(raw: *mut $crate::c::$raw) -> Self {
                $name(raw)
            }

            /// The handle, for C functions that borrow it.
            #[allow(dead_code, reason = "not every type is borrowed by another one's functions")]
            pub(crate) fn raw(&self) -> *mut $crate::c::$raw {
                self.0
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // A refusal means a child process after fork, where the parent's objects are left alone.
                let _ = $crate::c::$free(self.0);
            }
        }
    };
}
pub(crate) use owner;
