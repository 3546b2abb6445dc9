//! The bounded queue between an engine and the reader of one request.
//!
//! The engine never waits: it asks [`EventQueue::has_room`] before it computes a token, and pauses the request when
//! there is none. So the queue holds at most its capacity, plus the tokens a stop string had held back, plus the
//! final event, whose place is reserved.
//!
//! `tests/loom` compiles this very file against modelled locks and stand-ins for events: it names nothing else of the
//! crate, and its tests live in `event_queue_tests.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::event::{Event, Final};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Called, without the lock, after the queue went from empty to non-empty; perhaps a last time after it was taken away.
/// It must only pass the news on: it runs on the engine's thread.
pub(crate) type ReadyHook = Arc<dyn Fn() + Send + Sync>;

pub(crate) struct EventQueue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

struct State {
    events: VecDeque<Event>,
    /// The end, kept after it was read. Invariant: never replaced.
    end: Option<Arc<Final>>,
    /// The final event was handed out.
    end_read: bool,
    /// The engine owns the request: only it may finish it.
    owned: bool,
    /// The engine saw no room and waits to be told.
    stalled: bool,
    ready: Option<ReadyHook>,
}

/// What a reader gets.
pub(crate) enum Next {
    Event {
        event: Event,
        /// The engine had paused the request for want of room, which there is now.
        resume: bool,
    },
    TimedOut,
    Finished,
}

impl EventQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        let state =
            State { events: VecDeque::new(), end: None, end_read: false, owned: false, stalled: false, ready: None };
        EventQueue { state: Mutex::new(state), changed: Condvar::new(), capacity }
    }

    /// Adds an event; a progress event replaces an unread one before it. Dropped when the request has ended.
    pub(crate) fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        if let (Event::Progress(_), Some(last @ Event::Progress(_))) = (&event, state.events.back_mut()) {
            *last = event;
            return;
        }
        state.events.push_back(event);
        self.announce(state);
    }

    /// Ends the request. Only the first end counts; says whether this was it. Then `note` is called before anybody can
    /// see the end, with the lock held.
    pub(crate) fn finish(&self, end: Final, note: impl FnOnce()) -> bool {
        self.finish_if(end, |_| true, note)
    }

    /// Ends the request unless the engine owns it.
    pub(crate) fn finish_unowned(&self, end: Final, note: impl FnOnce()) -> bool {
        self.finish_if(end, |state| !state.owned, note)
    }

    /// The engine takes the request over; says no when it has ended already.
    pub(crate) fn own(&self) -> bool {
        let mut state = self.state.lock();
        state.owned = state.end.is_none();
        state.owned
    }

    /// Whether the reader keeps up. A no is remembered: the read that makes room says `resume`.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.state.lock();
        state.stalled = state.events.len() >= self.capacity;
        !state.stalled
    }

    /// The next event, waiting for it until `until` (`None` = for ever).
    pub(crate) fn next(&self, until: Option<Instant>) -> Next {
        let mut state = self.state.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                // Half the capacity, so that engine and reader do not hand over one token at a time.
                let resume = state.stalled && state.events.len() <= self.capacity / 2;
                state.stalled &= !resume;
                state.end_read |= matches!(event, Event::Final(_));
                return Next::Event { event, resume };
            }
            if state.end_read {
                return Next::Finished;
            }
            match until {
                None => self.changed.wait(&mut state),
                Some(until) if self.changed.wait_until(&mut state, until).timed_out() && state.events.is_empty() => {
                    return if state.end_read { Next::Finished } else { Next::TimedOut };
                }
                Some(_) => {}
            }
        }
    }

    /// The end, once there is one.
    pub(crate) fn end(&self) -> Option<Arc<Final>> {
        self.state.lock().end.clone()
    }

    /// Whether the final event was handed out: there is nothing left to read.
    pub(crate) fn is_read(&self) -> bool {
        self.state.lock().end_read
    }

    /// Waits for the end, which need not be read; says whether it came.
    pub(crate) fn wait_end(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.end.is_none() {
            match until {
                None => self.changed.wait(&mut state),
                Some(until) if self.changed.wait_until(&mut state, until).timed_out() => return state.end.is_some(),
                Some(_) => {}
            }
        }
        true
    }

    /// Registers the hook, which is called at once if there is something to read; `None` takes it away. Returns the
    /// one before, to be dropped without the lock: dropping it may run the caller's code.
    #[must_use]
    pub(crate) fn set_ready(&self, hook: Option<ReadyHook>) -> Option<ReadyHook> {
        let mut state = self.state.lock();
        let at_once = hook.clone().filter(|_| !state.events.is_empty());
        let before = std::mem::replace(&mut state.ready, hook);
        drop(state);
        if let Some(hook) = at_once {
            hook();
        }
        before
    }

    fn finish_if(&self, end: Final, allowed: impl Fn(&State) -> bool, note: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        if state.end.is_some() || !allowed(&state) {
            return false;
        }
        note();
        let end = Arc::new(end);
        state.end = Some(end.clone());
        state.events.push_back(Event::Final(end));
        self.announce(state);
        true
    }

    /// The lock goes first: a thread that is woken may run at once in place of this one, and wants it.
    fn announce(&self, state: MutexGuard<'_, State>) {
        let hook = state.ready.clone().filter(|_| state.events.len() == 1);
        drop(state);
        self.changed.notify_all();
        if let Some(hook) = hook {
            hook();
        }
    }
}
