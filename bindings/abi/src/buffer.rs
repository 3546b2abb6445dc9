//! Buffers: text or bytes that a C function made.

use std::ptr;

use crate::c;
use crate::call::call_for;
use crate::error::Result;
use crate::handle::owner;

owner!(
    /// Bytes that never change, for instance a saved session.
    Buffer owns chaku_buffer, freed by chaku_buffer_free
);

impl Buffer {
    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        let mut len = 0;
        // SAFETY: `len` is a local variable.
        let data = unsafe { c::chaku_buffer_data(self.raw(), &raw mut len) };
        if data.is_null() {
            return &[];
        }
        // SAFETY: so many bytes, valid until the buffer is freed, which the borrow of `self` forbids.
        unsafe { std::slice::from_raw_parts(data.cast(), len as usize) }
    }
}

/// Calls a function that makes a buffer of text.
pub(crate) fn text(
    function: impl FnOnce(*mut *mut c::chaku_buffer, *mut *mut c::chaku_error) -> c::chaku_code,
) -> Result<String> {
    let buffer = call_for(ptr::null_mut(), function).map(Buffer::own)?;
    Ok(String::from_utf8_lossy(buffer.bytes()).into_owned())
}
