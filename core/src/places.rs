//! How many of a thing may be at once.

use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct Places {
    most: usize,
    taken: AtomicUsize,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Places { most, taken: AtomicUsize::new(0) }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Takes a place; says whether one was free. Who gets none never stands in the way of another who would.
    pub(crate) fn take(&self) -> bool {
        let one_more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more).is_ok()
    }

    pub(crate) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32};

    #[test]
    fn of_two_who_want_a_place_that_becomes_free_one_gets_it() {
        const ROUNDS: u32 = 50_000;
        let (places, other_got) = (Places::new(1), AtomicBool::new(false));
        let (mine, others) = (AtomicU32::new(0), AtomicU32::new(0));
        // A barrier would wake them too far apart.
        let meet = |arrived: &AtomicU32, awaited: &AtomicU32| {
            let round = arrived.fetch_add(1, Ordering::SeqCst) + 1;
            while awaited.load(Ordering::SeqCst) < round {
                std::thread::yield_now();
            }
        };
        let other = || {
            for _ in 0..ROUNDS {
                meet(&others, &mine);
                other_got.store(places.take(), Ordering::SeqCst);
                meet(&others, &mine);
                meet(&others, &mine);
            }
        };
        assert!(places.take());
        let mut wrong = 0;
        std::thread::scope(|scope| {
            scope.spawn(other);
            for _ in 0..ROUNDS {
                meet(&mine, &others);
                places.give_back();
                let got = places.take();
                meet(&mine, &others);
                wrong += u32::from(got == other_got.load(Ordering::SeqCst));
                // With none, the next round begins as if there were one.
                if places.taken.load(Ordering::SeqCst) == 0 {
                    places.take();
                }
                meet(&mine, &others);
            }
        });
        assert_eq!(wrong, 0, "none had it, or both");
    }
}
