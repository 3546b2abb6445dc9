//! Whether requests ask something of a model, and since when none does: which model goes when another needs its memory.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

pub(crate) struct Usage(Mutex<State>);

struct State {
    requests: usize,
    /// No request begins any more.
    closed: bool,
    /// When the last one ended, or the model was loaded.
    since: Instant,
}

/// Held by a request that has not ended.
pub(crate) struct InUse(Arc<Usage>);

impl Usage {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Usage(Mutex::new(State { requests: 0, closed: false, since: Instant::now() })))
    }

    /// A request begins; `None` = too late.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<InUse> {
        let mut state = self.0.lock();
        if state.closed {
            return None;
        }
        state.requests += 1;
        Some(InUse(self.clone()))
    }

    /// Since when no request asks anything; `None` = one does, or none will again.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.0.lock();
        (state.requests == 0 && !state.closed).then_some(state.since)
    }

    /// Lets no request begin any more, if none is under way; says whether that is so.
    pub(crate) fn close_if_idle(&self) -> bool {
        let mut state = self.0.lock();
        let idle = state.requests == 0 && !state.closed;
        state.closed |= idle;
        idle
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.requests -= 1;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_idle_between_requests_and_closes_only_then() {
        let usage = Usage::new();
        let first = usage.idle_since().unwrap();
        let (one, two) = (usage.begin().unwrap(), usage.begin().unwrap());
        drop(one);
        assert!(usage.idle_since().is_none() && !usage.close_if_idle());
        drop(two);
        assert!(usage.idle_since().unwrap() > first);
        assert!(usage.close_if_idle() && !usage.close_if_idle(), "once");
        assert!(usage.begin().is_none() && usage.idle_since().is_none());
    }
}
