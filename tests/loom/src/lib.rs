//! The event queue under every order in which threads can meet.
//!
//! The file tested is the core's own, compiled against locks that [loom](https://docs.rs/loom) schedules. Each test is
//! run once for every order its threads' lock operations can come in; one in which all threads wait fails as a deadlock.
#![cfg(test)]

#[path = "../../../core/src/event_queue.rs"]
mod event_queue;

/// What the queue needs of an event: its kind, and something to tell two of them apart.
mod event {
    use std::sync::Arc;

    #[derive(Debug, Clone)]
    pub(crate) enum Event {
        Progress(u32),
        Text(u32),
        Final(Arc<Final>),
    }

    #[derive(Debug, PartialEq)]
    pub(crate) struct Final(pub(crate) u32);
}

mod sync;
mod tests;
