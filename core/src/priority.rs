//! How urgent a request is. Waiting makes it more urgent, so that nothing starves.

use std::time::Duration;

/// After each time of this length a request that waits counts as one level more urgent.
const AGING: Duration = Duration::from_secs(10);

/// The `priority` option, the least urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Low,
    Normal,
    High,
}

impl Priority {
    /// Reads a value of the option.
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("low") => Priority::Low,
            Some("high") => Priority::High,
            _ => Priority::Normal,
        }
    }

    /// Its name in the option and in error details.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }

    /// The level it counts as after waiting so long; the higher goes first, and of equal ones the older. It has no upper
    /// end: whatever arrives 20 s after a request, or later, goes after it.
    pub(crate) fn effective(self, waited: Duration) -> u64 {
        self as u64 + waited.as_secs() / AGING.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_are_worth_a_level() {
        let after = |priority: Priority, seconds| priority.effective(Duration::from_secs(seconds));
        assert!(after(Priority::Low, 0) < after(Priority::Normal, 0));
        assert!(after(Priority::Normal, 0) < after(Priority::High, 0));
        assert_eq!(after(Priority::Low, 9), after(Priority::Low, 0));
        assert_eq!(after(Priority::Low, 10), after(Priority::Normal, 0));
        assert_eq!(after(Priority::Low, 20), after(Priority::High, 0));
        assert!(after(Priority::Low, 30) > after(Priority::High, 0));
    }

    #[test]
    fn names_are_those_of_the_option() {
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            assert_eq!(Priority::named(Some(priority.as_str())), priority);
        }
        assert_eq!(Priority::named(None), Priority::Normal);
    }
}
