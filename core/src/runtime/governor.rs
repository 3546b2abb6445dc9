//! How many threads a step gets, learned from the steps before. Pure data: `threads` does the measuring.
//!
//! Threads of a step meet at a barrier after every operation, and spin there. So when one of them has to share its
//! processor with somebody else's work, all wait for it, some hundred times a token: two threads on two processors with
//! two busy neighbours are many times slower than one thread. When the processors are free, more threads are faster.
//!
//! Whether another number is better is found out by trying it. A *trial* down is begun when steps take much longer than
//! they use to, or when threads do not get the processor; a trial up when processors are seen to be free. A trial
//! compares a few steps with what the old number would have needed, and ends with the better of the two. What a bad
//! trial cost is followed by a rest of many times as long, so that trying can never cost more than a small part.

use std::collections::HashMap;
use std::time::Duration;

/// A trial is decided after this many steps,
const TRIAL_STEPS: u32 = 3;
/// or after this long: with long steps one is enough.
const TRIAL_TIME: f64 = 0.15;
/// It is given up after so many steps that cannot be compared.
const TRIAL_MOST: u32 = 8;
/// A step of a trial that is so much slower than the old number of threads ends it at once.
const TRIAL_WORSE: f64 = 1.5;
/// What the new number must gain.
const GAIN: f64 = 1.04;

/// Steps so much slower than usual are a reason to try fewer threads.
const SLOW: f64 = 1.6;
/// The same for processors that the threads waited for: 0.3 of one for two threads, and a bit more for each further one,
/// since they all sleep in the parts of a step that run on one thread.
const WAITED: f64 = 0.25;
const WAITED_PER_THREAD: f64 = 0.05;
/// One bad step is no reason, for it may be an accident: only two within a few steps are, or one that
/// loses so much time.
const BAD_STEPS: f64 = 1.5;
const BAD_FADES: f64 = 0.8;
/// Steps whose threads waited for less than this part of them had the processors to themselves. When such steps get slower, it is
/// mostly their work that grew, for each token looks back on more; a host that takes processors away from a virtual machine
/// slows down more than that.
const CALM: f64 = 0.1;
const SLOW_CALM: f64 = 3.0;
/// What ends the rest after a bad trial: four bad steps in a row.
const BAD_STEPS_AT_REST: f64 = 2.9;
const LONG: f64 = 0.1;
/// How far back the steps count that tell how it goes lately; at least two steps.
const LATELY: f64 = 0.05;

/// A step that takes so many times as long as usual, and some more, is better begun again with fewer threads: beside busy
/// neighbours one was seen to take six seconds instead of ten milliseconds.
const HOPELESS: f64 = 6.0;
const HOPELESS_TRIAL: f64 = 2.0;
const HOPELESS_LEAST: f64 = 0.05;
/// The same for one token before anything is known, in seconds.
const HOPELESS_UNKNOWN: f64 = 1.0;

/// A processor counts as free when no more than this part of it is in use.
const NEARLY: f64 = 0.25;

/// The rest after a bad trial, in its costs, and at least.
const REST_UP: f64 = 20.0;
const REST_DOWN: f64 = 50.0;
const REST_LEAST: f64 = 0.25;
/// The rest before a trial up that nothing suggests. Doubled after each that failed.
const BLIND_REST: f64 = 10.0;
/// The same where free processors cannot be seen, so that every trial up is one of these.
const BLIND_REST_UNSEEN: f64 = 1.0;
const BLIND_REST_MOST: f64 = 120.0;
/// Neighbours that are gone so soon were not worth a drop.
const PASSING: f64 = 2.0;
/// More threads that have gone well for so long have proved themselves.
const PROVED: f64 = 5.0;

/// What is known of a step that was computed with the threads the governor said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) tokens: usize,
    pub(super) wall: Duration,
    /// Time its threads were kept from a processor, added up over the threads.
    pub(super) waited: Duration,
    /// A new count of the processors that are free or in use by the threads of steps, if there is one.
    pub(super) room: Option<f64>,
}

/// For steps of one kind: of comparable work between two barriers.
pub(super) struct Governor {
    most: u32,
    threads: u32,
    /// Free processors can be seen.
    sees_room: bool,
    room: Option<f64>,
    /// The first step reads the weights and makes the buffers.
    warm: bool,
    /// Seconds a token for a number of threads and a shape, when all is well. Follows slowly upwards, quickly downwards.
    usual: HashMap<(u32, u32), f64>,
    lately: Lately,
    /// Bad steps lately, each counting less with every step after it.
    bad: f64,
    trial: Option<Trial>,
    raise: Option<Raise>,
    /// When threads were last taken away.
    dropped: f64,
    no_down_before: f64,
    no_up_before: f64,
    blind_at: f64,
    blind_rest: f64,
}

/// Sums over the last steps, older ones counting less.
#[derive(Debug, Clone, Copy, Default)]
struct Lately {
    wall: f64,
    usual: f64,
    waited: f64,
}

impl Lately {
    fn add(&mut self, wall: f64, usual: f64, waited: f64) {
        let keep = (-wall / LATELY.max(2.0 * usual)).exp();
        self.wall = self.wall * keep + wall;
        self.usual = self.usual * keep + usual;
        self.waited = self.waited * keep + waited;
    }

    fn slowdown(&self) -> f64 {
        if self.usual > 0.0 { self.wall / self.usual } else { 1.0 }
    }

    /// Threads that were kept waiting, on average.
    fn waiting(&self) -> f64 {
        if self.wall > 0.0 { self.waited / self.wall } else { 0.0 }
    }
}

/// Steps under another number of threads.
struct Trial {
    from: u32,
    /// How much slower than usual the old number was at the end.
    slowdown: f64,
    /// Nothing suggested it.
    blind: bool,
    steps: u32,
    /// Of these, the steps that the old number is known for: how many, how long they took, and would have taken.
    compared: u32,
    wall: f64,
    expected: f64,
}

enum Verdict {
    Better,
    Worse,
}

/// The last trial up that was won, until it has proved itself.
struct Raise {
    from: u32,
    at: f64,
    /// Seconds won so far; lost, if negative.
    won: f64,
}

impl Governor {
    pub(super) fn new(most: u32, sees_room: bool) -> Self {
        Governor {
            most,
            threads: most,
            sees_room,
            room: None,
            warm: false,
            usual: HashMap::new(),
            lately: Lately::default(),
            bad: 0.0,
            trial: None,
            raise: None,
            dropped: f64::NEG_INFINITY,
            no_down_before: 0.0,
            no_up_before: 0.0,
            blind_at: 0.0,
            blind_rest: 0.0,
        }
    }

    /// For the next step.
    pub(super) fn threads(&self) -> u32 {
        self.threads
    }

    /// Whether more threads are allowed than are in use, so that it matters how many processors are free.
    pub(super) fn is_lowered(&self) -> bool {
        self.threads < self.most
    }

    /// When to give up a step of so many tokens and to begin it again. `None`: never, for it would be no quicker.
    pub(super) fn patience(&self, tokens: usize) -> Option<Duration> {
        if self.threads == 1 {
            return None;
        }
        let shape = shape(tokens);
        let usual = |threads| self.usual.get(&(threads, shape)).map(|pace| pace * tokens as f64);
        let before = self.trial.as_ref().and_then(|trial| Some(HOPELESS_TRIAL * trial.slowdown * usual(trial.from)?));
        let seconds = match before.or_else(|| Some(HOPELESS * usual(self.threads)?)) {
            Some(seconds) => seconds + HOPELESS_LEAST,
            None if tokens == 1 => HOPELESS_UNKNOWN,
            None => return None,
        };
        Some(Duration::from_secs_f64(seconds))
    }

    /// Learns from a step that was given up at `at`. What it says of threads holds for the step that is begun again.
    pub(super) fn give_up(&mut self, at: Duration, step: Step) {
        let (at, wall) = (at.as_secs_f64(), step.wall.as_secs_f64());
        let shape = shape(step.tokens);
        if let Some(trial) = &mut self.trial {
            trial.wall += wall;
            return self.conclude(at, shape, Verdict::Worse);
        }
        let usual = self.usual.get(&(self.threads, shape)).map_or(wall, |pace| pace * step.tokens as f64);
        self.lately.add(wall, usual, step.waited.as_secs_f64());
        self.watch_raise(at, shape, step.tokens as f64, wall);
        let waiting = self.lately.waiting().round() as u32;
        self.begin(self.threads - waiting.clamp(1, self.threads - 1), false);
    }

    /// Learns from a step that ended at `at`, counted from any one moment.
    pub(super) fn observe(&mut self, at: Duration, step: Step) {
        if !std::mem::replace(&mut self.warm, true) || step.tokens == 0 {
            return;
        }
        let (at, tokens, shape) = (at.as_secs_f64(), step.tokens as f64, shape(step.tokens));
        let (wall, waited) = (step.wall.as_secs_f64(), step.waited.as_secs_f64());
        self.room = step.room.or(self.room);
        let usual = self.learn(shape, wall / tokens, waited < CALM * wall) * tokens;
        if let Some(trial) = &mut self.trial {
            let before = self.usual.get(&(trial.from, shape)).map(|pace| pace * tokens);
            if let Some(verdict) = trial.add(wall, before) {
                self.conclude(at, shape, verdict);
            }
            return;
        }
        self.lately.add(wall, usual, waited);
        self.bad *= BAD_FADES;
        if wall > slow(waited / wall) * usual || waited > self.bearable() * wall {
            self.bad += if (wall - usual).max(waited) > LONG { BAD_STEPS } else { 1.0 };
        }
        self.watch_raise(at, shape, tokens, wall);
        if let Some(fewer) = self.wants_fewer(at) {
            self.begin(fewer, false);
        } else if let Some((more, blind)) = self.wants_more(at) {
            self.begin(more, blind);
        }
    }

    /// Takes a pace into what is usual, and says what is.
    fn learn(&mut self, shape: u32, pace: f64, calm: bool) -> f64 {
        let usual = self.usual.entry((self.threads, shape)).or_insert(pace);
        let grows = calm && pace < SLOW_CALM * *usual;
        let weight = if pace < *usual || grows { 0.3 } else { 0.03 };
        *usual += weight * (pace.min(2.0 * *usual) - *usual);
        *usual
    }

    fn wants_fewer(&self, at: f64) -> Option<u32> {
        let enough = if at < self.no_down_before { BAD_STEPS_AT_REST } else { BAD_STEPS };
        if self.threads == 1 || self.bad < enough {
            return None;
        }
        let (slowdown, waiting) = (self.lately.slowdown(), self.lately.waiting());
        let contended = waiting > self.bearable();
        if !contended && slowdown < slow(waiting) {
            return None;
        }
        let surplus = if contended { waiting.round() as u32 } else { self.threads / 3 };
        Some(self.threads - surplus.clamp(1, self.threads - 1))
    }

    /// Threads that may be waiting without being a reason to try fewer.
    fn bearable(&self) -> f64 {
        WAITED + WAITED_PER_THREAD * f64::from(self.threads - 1)
    }

    /// How many more to try, and whether nothing suggests it.
    fn wants_more(&self, at: f64) -> Option<(u32, bool)> {
        if !self.is_lowered() || at < self.no_up_before {
            return None;
        }
        let free = self.room.map_or(0, |room| (room + NEARLY) as u32);
        if free > self.threads {
            return Some((free.min(self.most), false));
        }
        (at >= self.blind_at).then_some((self.threads + 1, true))
    }

    fn begin(&mut self, threads: u32, blind: bool) {
        self.trial = Some(Trial {
            from: self.threads,
            slowdown: self.lately.slowdown(),
            blind,
            steps: 0,
            compared: 0,
            wall: 0.0,
            expected: 0.0,
        });
        self.threads = threads;
    }

    fn conclude(&mut self, at: f64, shape: u32, verdict: Verdict) {
        let Some(trial) = self.trial.take() else { return };
        let lost = (trial.wall - trial.expected).max(0.0);
        match (verdict, self.threads < trial.from) {
            (Verdict::Better, true) => {
                self.dropped = at;
                // More threads that did not pay off are not tried again soon.
                let lost = self.raise.take().map_or(0.0, |raise| -raise.won);
                self.no_up_before = at + (REST_UP * lost).max(REST_LEAST);
                self.blind_rest = self.blind_rest.max(self.least_blind_rest());
                self.blind_at = at + self.blind_rest;
            }
            (Verdict::Worse, true) => {
                self.threads = trial.from;
                self.no_down_before = at + (REST_DOWN * lost).max(REST_LEAST);
                // It was not the threads: such steps take longer now.
                self.usual.entry((self.threads, shape)).and_modify(|usual| *usual *= trial.slowdown.max(1.0));
            }
            (Verdict::Better, false) => {
                self.raise = Some(Raise { from: trial.from, at, won: trial.expected - trial.wall });
                let low = at - self.dropped;
                if low < PASSING {
                    let part = (trial.expected - trial.wall) / trial.expected.max(f64::MIN_POSITIVE);
                    self.no_down_before = at + REST_DOWN * low * part.max(0.0);
                }
            }
            (Verdict::Worse, false) => {
                self.threads = trial.from;
                self.no_up_before = at + (REST_UP * lost).max(REST_LEAST);
                if trial.blind {
                    self.blind_rest = (2.0 * self.blind_rest).min(BLIND_REST_MOST);
                    self.blind_at = at + self.blind_rest;
                }
            }
        }
        // Both were seen under another number.
        self.lately = Lately::default();
        self.bad = 0.0;
        self.room = None;
    }

    fn least_blind_rest(&self) -> f64 {
        if self.sees_room { BLIND_REST } else { BLIND_REST_UNSEEN }
    }

    /// Keeps the account of a raise until it has proved itself.
    fn watch_raise(&mut self, at: f64, shape: u32, tokens: f64, wall: f64) {
        let Some(raise) = &mut self.raise else { return };
        if at - raise.at > PROVED {
            self.raise = None;
            self.blind_rest = 0.0;
        } else if let Some(pace) = self.usual.get(&(raise.from, shape)) {
            raise.won += pace * tokens - wall;
        }
    }
}

impl Trial {
    /// `before`: what the step would usually have taken with the old number.
    fn add(&mut self, wall: f64, before: Option<f64>) -> Option<Verdict> {
        self.steps += 1;
        if let Some(before) = before {
            let expected = before * self.slowdown;
            self.compared += 1;
            self.wall += wall;
            self.expected += expected;
            if wall > TRIAL_WORSE * expected {
                return Some(Verdict::Worse);
            }
        }
        let enough = self.compared >= TRIAL_STEPS || self.wall >= TRIAL_TIME;
        if !enough && self.steps < TRIAL_MOST {
            return None;
        }
        // With nothing to compare, the reason for the trial decides.
        let better = self.compared == 0 || self.expected > GAIN * self.wall;
        Some(if better { Verdict::Better } else { Verdict::Worse })
    }
}

/// How much slower than usual is slow, for steps of whose time threads waited for such a part.
fn slow(waited: f64) -> f64 {
    if waited < CALM { SLOW_CALM } else { SLOW }
}

/// Steps of one shape have about the same time per token: the number of tokens, from 16 on in steps of a fifth.
fn shape(tokens: usize) -> u32 {
    if tokens <= 16 { tokens as u32 } else { ((tokens as f64 / 16.0).log2() * 4.0) as u32 + 16 }
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
