//! What was done in the last seconds. Nothing runs to keep it up to date: old entries are seen to be old.

use std::time::Duration;

/// Short against what a person notices.
const SLOT: Duration = Duration::from_millis(500);
/// The slots looked back on, and the one that is being filled.
const SLOTS: usize = 11;

/// Sums over a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) prompt_tokens: u64,
    pub(super) generated_tokens: u64,
    pub(super) steps: u64,
    pub(super) step_time: Duration,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.prompt_tokens += other.prompt_tokens;
        self.generated_tokens += other.generated_tokens;
        self.steps += other.steps;
        self.step_time += other.step_time;
    }
}

/// The last five seconds. Times are given as durations since one moment.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Slot number n of time is kept at n modulo [`SLOTS`], beside that number.
    slots: [(u64, Sums); SLOTS],
}

impl Window {
    /// Counts something; says whether it is the first of a slot.
    pub(super) fn add(&mut self, at: Duration, sums: Sums) -> bool {
        let number = number(at);
        let slot = &mut self.slots[number as usize % SLOTS];
        let first = slot.0 != number || slot.1.steps == 0;
        if first {
            *slot = (number, Sums::default());
        }
        slot.1 += sums;
        first
    }

    /// What the window holds, and the seconds that it covers: fewer when all began only lately, so that a rate does not
    /// creep up to its value.
    pub(super) fn sums(&self, at: Duration) -> (Sums, f64) {
        let last = number(at);
        let seen = last.saturating_sub(SLOTS as u64 - 1)..=last;
        let mut sums = Sums::default();
        let mut oldest = last;
        for &(number, slot) in self.slots.iter().filter(|(number, slot)| slot.steps > 0 && seen.contains(number)) {
            sums += slot;
            oldest = oldest.min(number);
        }
        let covered = at.saturating_sub(SLOT * oldest as u32).max(SLOT);
        (sums, covered.as_secs_f64())
    }
}

fn number(at: Duration) -> u64 {
    (at.as_millis() / SLOT.as_millis()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Sums = Sums { prompt_tokens: 0, generated_tokens: 1, steps: 1, step_time: Duration::from_millis(10) };

    /// Tokens per second.
    fn rate(window: &Window, ms: u64) -> f64 {
        let (sums, seconds) = window.sums(Duration::from_millis(ms));
        sums.generated_tokens as f64 / seconds
    }

    #[test]
    fn a_steady_rate_is_seen_from_the_first_second_on() {
        let mut window = Window::default();
        for ms in (0..60_000).step_by(10) {
            window.add(Duration::from_millis(ms), ONE);
            if ms >= 1000 {
                assert!((rate(&window, ms) - 100.0).abs() < 2.0, "{} at {ms}", rate(&window, ms));
            }
        }
    }

    #[test]
    fn what_is_old_fades_and_is_gone_after_the_window() {
        let mut window = Window::default();
        for ms in (0..2000).step_by(10) {
            window.add(Duration::from_millis(ms), ONE);
        }
        assert!((rate(&window, 4000) - 50.0).abs() < 1.0);
        assert_eq!(rate(&window, 8000), 0.0);
        // A slot that is used again forgets what it held.
        assert!(window.add(Duration::from_millis(500 * SLOTS as u64), ONE));
        assert!(!window.add(Duration::from_millis(500 * SLOTS as u64 + 1), ONE));
        assert_eq!(window.sums(Duration::from_secs(12)).0, Sums::default());
    }

    #[test]
    fn a_single_step_does_not_count_as_a_thousand_a_second() {
        let mut window = Window::default();
        window.add(Duration::from_millis(1000), ONE);
        assert_eq!(rate(&window, 1001), 2.0);
    }
}
