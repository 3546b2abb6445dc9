//! The one way to the C functions. They are linked in today; a table filled from a shared library could stand here.

pub(crate) use chaku_capi::*;
