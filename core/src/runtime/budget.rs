//! What the models of a runtime may take together, and what they have taken.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, Reason, Result};

/// Clones are the same budget.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Inner>);

struct Inner {
    limit: u64,
    taken: Mutex<u64>,
    /// Held by a load from looking at what is left until it has taken its part.
    choosing: Mutex<()>,
}

/// Bytes that are taken, given back when it is dropped.
pub(crate) struct Share {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Budget(Arc::new(Inner { limit, taken: Mutex::new(0), choosing: Mutex::new(()) }))
    }

    /// Keeps other loads from choosing sizes. Lock order: before every other lock.
    pub(crate) fn choose(&self) -> MutexGuard<'_, ()> {
        self.0.choosing.lock()
    }

    /// Bytes that are not taken.
    pub(crate) fn left(&self) -> u64 {
        self.0.limit.saturating_sub(*self.0.taken.lock())
    }

    /// Takes bytes, or says how many are left.
    pub(crate) fn take(&self, bytes: u64, what: &str) -> Result<Share> {
        let mut taken = self.0.taken.lock();
        let left = self.0.limit.saturating_sub(*taken);
        if bytes > left {
            return Err(exceeded(bytes, left, what));
        }
        *taken += bytes;
        Ok(Share { budget: self.clone(), bytes })
    }
}

impl Share {
    /// Parts with some of the bytes, which are given back by themselves.
    pub(crate) fn split(&mut self, bytes: u64) -> Share {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Share { budget: self.budget.clone(), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.0.taken.lock() -= self.bytes;
    }
}

/// The error of what does not fit.
pub(crate) fn exceeded(wanted: u64, available: u64, what: &str) -> Error {
    let (wanted_mib, left_mib) = (wanted.div_ceil(1 << 20), available >> 20);
    let message = format!(
        "{what} takes {wanted_mib} MiB and {left_mib} MiB of the runtime's memory_budget are left; close another model, \
         choose a smaller ctx_size, fewer max_running, a smaller prompt_cache_mib, or raise memory_budget"
    );
    Error::new(Reason::MemoryBudget, message).with("wanted", wanted).with("available", available)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back_part_by_part() {
        let budget = Budget::new(100);
        let mut weights = budget.take(60, "a model").unwrap();
        let context = weights.split(20);
        assert_eq!(budget.left(), 40);
        let error = budget.take(41, "a model").err().unwrap();
        assert_eq!(error.reason(), Reason::MemoryBudget);
        assert_eq!((error.detail("wanted"), error.detail("available")), (Some("41"), Some("40")));
        drop(context);
        assert_eq!(budget.left(), 60);
        let all = budget.take(60, "a model").unwrap();
        assert_eq!(budget.left(), 0);
        drop((weights, all));
        assert_eq!(budget.left(), 100);
    }
}
