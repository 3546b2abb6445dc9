//! Compute threads that adapt to a busy machine: measures each step, and sets how many threads the next one gets.
//! What to make of the measurements is `governor`'s.
//!
//! Steps of one token, of a few and of many do different amounts of work between two barriers, and suffer differently
//! from busy neighbours; each kind has a governor of its own. A step costs two readings of three clocks, about two
//! microseconds; while threads are held back, the machine is looked at four times a second, which costs about fifty.

use std::time::{Duration, Instant};

use chaku_llama::{Context, Error};
use cpu_time::{ProcessTime, ThreadTime};
use sysinfo::System;

use super::governor::{Governor, Step};

/// Up to here a step's operations are so short that its barriers decide how long it takes.
const FEW: usize = 32;

/// sysinfo does not look again sooner than after 200 ms.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The thread counts of one context.
pub(crate) struct AdaptiveThreads {
    /// For each [`kind`] of step.
    most: [u32; KINDS],
    /// `None`: fixed.
    adaptive: Option<Adaptive>,
    threads: u32,
}

struct Adaptive {
    governors: [Governor; KINDS],
    room: Room,
    epoch: Instant,
    began: Clocks,
}

const KINDS: usize = 3;

fn kind(tokens: usize) -> usize {
    match tokens {
        0..=1 => 0,
        2..=FEW => 1,
        _ => 2,
    }
}

impl AdaptiveThreads {
    /// For a context that was made with `threads` and `threads_batch` of these numbers, which are the most. Without
    /// `adapt` they stay as they are.
    pub(crate) fn new(max_decode: u32, max_batch: u32, adapt: bool) -> Self {
        let most = [max_decode, max_batch, max_batch];
        let adaptive = (adapt && max_decode.max(max_batch) > 1).then(|| {
            let room = Room::new();
            let governors = most.map(|most| Governor::new(most, room.can_see()));
            Adaptive { governors, room, epoch: Instant::now(), began: Clocks::now() }
        });
        AdaptiveThreads { most, adaptive, threads: max_decode }
    }

    /// The threads of the last step.
    pub(crate) fn threads(&self) -> u32 {
        self.threads
    }

    /// Sets the threads for a step of so many tokens, which must follow.
    pub(crate) fn before_step(&mut self, context: &mut Context, tokens: usize) -> Result<(), Error> {
        let threads = self.wanted(tokens);
        if self.adaptive.is_some() && threads != self.threads {
            context.set_threads(threads, threads)?;
        }
        self.threads = threads;
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.began = Clocks::now();
        }
        Ok(())
    }

    /// Learns from the step, on the same thread. One that was not computed to its end, for whatever reason, tells nothing.
    pub(crate) fn after_step(&mut self, tokens: usize, done: bool) {
        let threads = self.threads;
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.observe(tokens, threads, done);
        }
    }

    fn wanted(&self, tokens: usize) -> u32 {
        let kind = kind(tokens);
        self.adaptive.as_ref().map_or(self.most[kind], |adaptive| adaptive.governors[kind].threads())
    }
}

impl Adaptive {
    fn observe(&mut self, tokens: usize, threads: u32, done: bool) {
        let now = Clocks::now();
        let wall = now.wall - self.began.wall;
        let own = now.thread.saturating_sub(self.began.thread).min(wall);
        let ours = now.process.saturating_sub(self.began.process).max(own);
        // The processor time of all threads together is exact, but for busy threads of the host, which hide a lack of it.
        // That of this thread hides nothing, but is blind to what keeps the others.
        let waited = (wall * threads).saturating_sub(ours).max(wall - own);
        let lowered = self.governors.iter().any(Governor::is_lowered);
        let room = self.room.look(now.wall, own * threads, lowered);
        if done {
            self.governors[kind(tokens)].observe(now.wall - self.epoch, Step { tokens, wall, waited, room });
        }
    }
}

/// Now, and the processor time that this thread and its process have had.
#[derive(Clone, Copy)]
struct Clocks {
    wall: Instant,
    thread: Duration,
    process: Duration,
}

impl Clocks {
    fn now() -> Self {
        // A system without these clocks shows threads that never get a processor; then trials decide, and rest.
        let thread = ThreadTime::try_now().map_or(Duration::ZERO, |time| time.as_duration());
        let process = ProcessTime::try_now().map_or(Duration::ZERO, |time| time.as_duration());
        Clocks { wall: Instant::now(), thread, process }
    }
}

/// Counts the processors that are free, or in use by our own threads.
struct Room {
    system: System,
    looked: Option<Instant>,
    /// Processor time of our threads since then.
    ours: Duration,
}

impl Room {
    fn new() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        Room { system, looked: None, ours: Duration::ZERO }
    }

    fn can_see(&self) -> bool {
        sysinfo::IS_SUPPORTED_SYSTEM && !self.system.cpus().is_empty()
    }

    /// A new count, if `wanted` and if it is time for one. `ours`: what our threads used since the last call.
    fn look(&mut self, now: Instant, ours: Duration, wanted: bool) -> Option<f64> {
        if !wanted || !self.can_see() {
            self.looked = None;
            return None;
        }
        self.ours += ours;
        let since = self.looked.map(|looked| now - looked);
        if since.is_some_and(|since| since < LOOK_EVERY) {
            return None;
        }
        self.system.refresh_cpu_usage();
        self.looked = Some(now);
        let ours = std::mem::take(&mut self.ours);
        // The first look only starts the count.
        let since = since?;
        let idle = 1.0 - f64::from(self.system.global_cpu_usage()) / 100.0;
        Some(idle * self.system.cpus().len() as f64 + ours.as_secs_f64() / since.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_count_stays_what_it_was_set_to() {
        let mut threads = AdaptiveThreads::new(2, 4, false);
        assert_eq!((threads.wanted(1), threads.wanted(7), threads.wanted(512)), (2, 4, 4));
        threads.after_step(1, true);
        assert_eq!((threads.wanted(1), threads.wanted(7), threads.wanted(512)), (2, 4, 4));
        assert!(AdaptiveThreads::new(1, 1, true).adaptive.is_none(), "there is nothing to adapt");
    }

    #[test]
    fn the_machine_is_seen_only_while_that_matters() {
        let mut room = Room::new();
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(room.look(at(1000), Duration::ZERO, false), None);
        assert_eq!(room.look(at(2000), Duration::ZERO, true), None, "the count starts here");
        assert_eq!(room.look(at(2100), Duration::from_millis(100), true), None, "too soon");
        if room.can_see() {
            let seen = room.look(at(2300), Duration::from_millis(200), true).unwrap();
            assert!(seen >= 1.0, "{seen}: our own processor is counted");
        }
        assert_eq!(room.look(at(2400), Duration::ZERO, false), None);
        assert_eq!(room.look(at(9000), Duration::ZERO, true), None, "the count starts again");
    }
}
