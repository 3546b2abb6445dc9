//! Times from C.

use std::time::Duration;

use chaku::Result;

use crate::text::invalid;

/// A wait in milliseconds; -1 is for ever.
pub(crate) fn timeout(timeout_ms: i64) -> Result<Option<Duration>> {
    match timeout_ms {
        -1 => Ok(None),
        0..DECADES_MS => Ok(Some(Duration::from_millis(timeout_ms as u64))),
        // A clock's sum overflows at some point; a wait of decades is one for ever.
        DECADES_MS.. => Ok(None),
        _ => Err(invalid("timeout_ms", format!("`timeout_ms` is {timeout_ms}, but must be -1 (for ever) or more"))),
    }
}

const DECADES_MS: i64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_and_absurd_waits_are_for_ever_and_less_is_refused() {
        assert_eq!(timeout(-1).unwrap(), None);
        assert_eq!(timeout(i64::MAX).unwrap(), None);
        assert_eq!(timeout(0).unwrap(), Some(Duration::ZERO));
        assert_eq!(timeout(1500).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(timeout(-2).unwrap_err().detail("parameter"), Some("timeout_ms"));
    }
}
