//! The locks of the event queue, by a name of our own: `tests/loom` puts modelled ones in their place, and tries every
//! order in which threads can meet there.

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
