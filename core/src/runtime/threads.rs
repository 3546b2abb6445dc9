//! Compute threads that adapt to a busy machine: measures each step, and sets how many threads the next one gets.
//! What to make of the measurements is `governor`'s.
//!
//! Steps of one token, of a few and of many do different amounts of work between two barriers, and suffer differently
//! from busy neighbours; each kind has a governor of its own. A step costs two readings of three clocks, about ten
//! microseconds; while threads are held back, the machine is looked at four times a second, which costs about a hundred.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chaku_llama::{Batch, Context, Decoded, Error};
use cpu_time::{ProcessTime, ThreadTime};
use sysinfo::System;

use super::governor::{Governor, Step};

/// Up to here a step's operations are so short that its barriers decide how long it takes.
const FEW: usize = 32;

/// How often a step is asked whether it is hopeless: it could be asked a thousand times a token.
const CLOCK_EVERY: u32 = 16;

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

    /// Decodes a batch with as many threads as are best now. With `may_restart` a step that the neighbours make hopeless is
    /// given up and begun again with fewer: the memory must be able to drop the batch's tokens, and a batch must be one
    /// piece (`n_ubatch`).
    pub(crate) fn decode(
        &mut self,
        context: &mut Context,
        batch: &Batch,
        may_restart: bool,
        should_abort: &dyn Fn() -> bool,
    ) -> Result<Decoded, Error> {
        let patience = self.begin(context, batch.len())?.filter(|_| may_restart);
        let Some(until) = patience.and_then(|patience| Instant::now().checked_add(patience)) else {
            return self.finish(context, batch, should_abort);
        };
        let (asked, gave_up) = (Cell::new(0u32), Cell::new(false));
        let hopeless = || {
            asked.set(asked.get() + 1);
            let hopeless = asked.get().is_multiple_of(CLOCK_EVERY) && Instant::now() >= until;
            gave_up.set(gave_up.get() || hopeless);
            gave_up.get()
        };
        let decoded = context.decode(batch, &|| should_abort() || hopeless())?;
        if decoded == Decoded::Aborted && gave_up.get() {
            self.learn(batch.len(), Learn::GaveUp);
            self.begin(context, batch.len())?;
            return self.finish(context, batch, should_abort);
        }
        self.learn(batch.len(), Learn::of(decoded));
        Ok(decoded)
    }

    /// Sets the threads for a step of so many tokens; says how long it may take.
    fn begin(&mut self, context: &mut Context, tokens: usize) -> Result<Option<Duration>, Error> {
        let threads = self.wanted(tokens);
        let Some(adaptive) = &mut self.adaptive else {
            self.threads = threads;
            return Ok(None);
        };
        if threads != self.threads {
            context.set_threads(threads, threads)?;
            self.threads = threads;
        }
        adaptive.began = Clocks::now();
        Ok(adaptive.governors[kind(tokens)].patience(tokens))
    }

    fn finish(
        &mut self,
        context: &mut Context,
        batch: &Batch,
        should_abort: &dyn Fn() -> bool,
    ) -> Result<Decoded, Error> {
        let decoded = context.decode(batch, should_abort)?;
        self.learn(batch.len(), Learn::of(decoded));
        Ok(decoded)
    }

    fn learn(&mut self, tokens: usize, what: Learn) {
        let threads = self.threads;
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.learn(tokens, threads, what);
        }
    }

    fn wanted(&self, tokens: usize) -> u32 {
        let kind = kind(tokens);
        self.adaptive.as_ref().map_or(self.most[kind], |adaptive| adaptive.governors[kind].threads())
    }
}

impl Adaptive {
    fn learn(&mut self, tokens: usize, threads: u32, what: Learn) {
        let now = Clocks::now();
        let wall = now.wall - self.began.wall;
        let own = now.thread.saturating_sub(self.began.thread).min(wall);
        let ours = now.process.saturating_sub(self.began.process).max(own);
        // The processor time of all threads together is exact, but for busy threads of the host, which hide a lack of it.
        // That of this thread hides nothing, but is blind to what keeps the others.
        let waited = (wall * threads).saturating_sub(ours).max(wall - own);
        let lowered = self.governors.iter().any(Governor::is_lowered);
        let room = self.room.look(now.wall, own * threads, lowered);
        let (governor, at) = (&mut self.governors[kind(tokens)], now.wall - self.epoch);
        let step = Step { tokens, wall, waited, room };
        match what {
            Learn::Done => governor.observe(at, step),
            Learn::GaveUp => governor.give_up(at, step),
            Learn::Nothing => {}
        }
    }
}

/// What a step is good for.
#[derive(Clone, Copy)]
enum Learn {
    Done,
    GaveUp,
    /// It was not computed to its end.
    Nothing,
}

impl Learn {
    fn of(decoded: Decoded) -> Self {
        if decoded == Decoded::Done { Learn::Done } else { Learn::Nothing }
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
#[path = "threads_tests.rs"]
mod tests;
