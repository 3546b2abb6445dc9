//! The governor on a modelled machine: how long a step takes follows from its threads and the busy neighbours.

use super::*;

/// A small generator of numbers: the tests must not depend on luck.
struct Dice(u64);

impl Dice {
    /// Between 0 and 1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Machine {
    processors: u32,
    /// Threads of others that always want to run.
    neighbours: u32,
    /// Seconds of one token on one thread.
    work: f64,
    dice: Dice,
}

impl Machine {
    fn new(processors: u32, seed: u64) -> Self {
        Machine { processors, neighbours: 0, work: 0.016, dice: Dice(seed * 7919 + 1) }
    }

    fn step(&mut self, threads: u32, tokens: usize) -> (f64, f64) {
        let work = self.work * tokens as f64;
        let clean = work * (0.05 + 0.95 / f64::from(threads)) * (0.96 + 0.08 * self.dice.roll());
        // Something else runs for a moment.
        let hiccup = if self.dice.roll() < 0.005 { 0.03 } else { 0.0 };
        let share = self.share(threads);
        let spinning = match (share < 1.0 && threads > 1, self.dice.roll()) {
            (false, _) => 1.0,
            (true, roll) if roll < 0.05 => 150.0,
            (true, roll) => 1.5 + 3.0 * roll,
        };
        let wall = clean / share * spinning + hiccup;
        (wall, f64::from(threads) * (1.0 - share + 0.02 * self.dice.roll()) * wall)
    }

    /// The part of a processor that each thread gets.
    fn share(&self, threads: u32) -> f64 {
        (f64::from(self.processors) / f64::from(threads + self.neighbours)).min(1.0)
    }
}

/// A governor at work.
struct Run {
    machine: Machine,
    governor: Governor,
    at: f64,
    looked: f64,
    sees_room: bool,
    adapts: bool,
    tokens: usize,
}

impl Run {
    fn new(processors: u32, seed: u64) -> Self {
        Self::with(processors, seed, true)
    }

    fn with(processors: u32, seed: u64, sees_room: bool) -> Self {
        let (machine, governor) = (Machine::new(processors, seed), Governor::new(processors, sees_room));
        Run { machine, governor, at: 0.0, looked: 0.0, sees_room, adapts: true, tokens: 1 }
    }

    fn fixed(processors: u32, seed: u64, threads: u32) -> Self {
        let mut run = Self::new(processors, seed);
        run.governor = Governor::new(threads, true);
        run.adapts = false;
        run
    }

    fn step(&mut self) {
        let threads = self.governor.threads();
        let (wall, waited) = self.machine.step(threads, self.tokens);
        if !self.adapts {
            self.at += wall;
            return;
        }
        if let Some(patience) = self.governor.patience(self.tokens).filter(|patience| wall > patience.as_secs_f64()) {
            self.at += patience.as_secs_f64();
            let waited = patience.mul_f64(waited / wall);
            let step = Step { tokens: self.tokens, wall: patience, waited, room: None };
            self.governor.give_up(Duration::from_secs_f64(self.at), step);
            assert_ne!(self.governor.threads(), threads, "it would be given up again");
            return self.step();
        }
        self.at += wall;
        let room = (self.sees_room && self.at - self.looked > 0.25).then(|| {
            self.looked = self.at;
            let machine = &self.machine;
            f64::from(machine.processors) - f64::from(machine.neighbours) * machine.share(threads)
        });
        let (wall, waited) = (Duration::from_secs_f64(wall), Duration::from_secs_f64(waited));
        self.governor.observe(Duration::from_secs_f64(self.at), Step { tokens: self.tokens, wall, waited, room });
    }

    /// Steps done in so many seconds.
    fn seconds(&mut self, seconds: f64) -> u32 {
        let until = self.at + seconds;
        let mut steps = 0;
        while self.at < until {
            self.step();
            steps += 1;
        }
        steps
    }

    /// Steps until a number of threads is settled on.
    fn steps_until(&mut self, threads: u32) -> u32 {
        for steps in 0..10_000 {
            if self.governor.threads() == threads && self.governor.trial.is_none() {
                return steps;
            }
            self.step();
        }
        panic!("{threads} threads are never settled on");
    }
}

const SEEDS: std::ops::Range<u64> = 1..40;

/// The most steps that a fixed number of threads does under the same conditions.
fn best_fixed(processors: u32, seed: u64, conditions: impl Fn(&mut Run) -> u32) -> u32 {
    (1..=processors).map(|threads| conditions(&mut Run::fixed(processors, seed, threads))).max().unwrap()
}

#[test]
fn an_idle_machine_gives_all_its_threads_to_the_model() {
    for seed in SEEDS {
        let minute = |run: &mut Run| run.seconds(60.0);
        let best = best_fixed(2, seed, minute);
        let adaptive = minute(&mut Run::new(2, seed));
        assert!(f64::from(adaptive) > 0.98 * f64::from(best), "{adaptive} of {best} steps, seed {seed}");
    }
}

#[test]
fn steps_that_grow_with_the_context_are_no_reason_to_try_fewer_threads() {
    for seed in SEEDS {
        let mut run = Run::new(2, seed);
        for (tokens, times) in [(14, 1.0), (10, 1.5), (14, 2.0), (10, 2.5)] {
            run.tokens = tokens;
            run.machine.work = 0.016 * times;
            for _ in 0..50 {
                run.step();
                assert_eq!(run.governor.threads(), 2, "seed {seed}");
            }
        }
    }
}

#[test]
fn busy_neighbours_are_noticed_within_a_few_steps_and_their_going_within_a_second() {
    for seed in SEEDS {
        let mut run = Run::new(2, seed);
        run.seconds(5.0);
        run.machine.neighbours = 2;
        let noticed = run.steps_until(1);
        assert!(noticed <= 25, "after {noticed} steps, seed {seed}");
        run.seconds(5.0);
        run.machine.neighbours = 0;
        let gone = run.at;
        run.steps_until(2);
        assert!(run.at - gone < 1.0, "after {} s, seed {seed}", run.at - gone);
    }
}

#[test]
fn neighbours_that_were_there_first_are_noticed_too() {
    for seed in SEEDS {
        let mut run = Run::new(2, seed);
        run.machine.neighbours = 2;
        let noticed = run.steps_until(1);
        assert!(noticed <= 15, "after {noticed} steps, seed {seed}");
    }
}

#[test]
fn beside_busy_neighbours_it_is_nearly_as_fast_as_the_best_number_would_be() {
    for seed in SEEDS {
        for (processors, neighbours) in [(2, 1), (2, 2), (2, 4), (4, 1), (8, 1), (8, 3), (8, 8)] {
            let busy = |run: &mut Run| {
                run.machine.neighbours = neighbours;
                run.seconds(30.0)
            };
            let (best, adaptive) = (best_fixed(processors, seed, busy), busy(&mut Run::new(processors, seed)));
            let part = f64::from(adaptive) / f64::from(best);
            assert!(part > 0.85, "{part:.2} with {neighbours} on {processors}, seed {seed}");
        }
    }
}

#[test]
fn neighbours_that_come_and_go_do_not_make_it_slower_than_a_fixed_number() {
    for seed in SEEDS {
        // What changes faster than free processors can be seen costs some.
        for (period, least) in [(0.3, 0.7), (1.0, 0.9), (5.0, 1.1)] {
            let bursts = |run: &mut Run| {
                let mut steps = 0;
                for _ in 0..(30.0 / period) as u32 {
                    run.machine.neighbours = 2 - run.machine.neighbours;
                    steps += run.seconds(period);
                }
                steps
            };
            let (best, adaptive) = (best_fixed(2, seed, bursts), bursts(&mut Run::new(2, seed)));
            let part = f64::from(adaptive) / f64::from(best);
            assert!(part > least, "{part:.2} with bursts of {period} s, seed {seed}");
        }
    }
}

#[test]
fn steps_that_are_longer_by_themselves_do_not_cost_threads() {
    for seed in SEEDS {
        let mut run = Run::new(2, seed);
        run.seconds(5.0);
        // A session with a long context takes over.
        run.machine.work *= 2.5;
        run.step();
        assert!(run.steps_until(2) <= 10, "seed {seed}");
        run.seconds(1.0);
        let full = (0..200).filter(|_| {
            run.step();
            run.governor.threads() == 2
        });
        assert!(full.count() > 160, "seed {seed}");
    }
}

#[test]
fn where_free_processors_cannot_be_seen_trials_find_them() {
    for seed in SEEDS {
        let mut run = Run::with(2, seed, false);
        run.machine.neighbours = 2;
        let busy = |run: &mut Run| {
            run.machine.neighbours = 2;
            run.seconds(60.0)
        };
        let part = f64::from(busy(&mut run)) / f64::from(best_fixed(2, seed, busy));
        assert!(part > 0.8, "{part:.2}, seed {seed}");
        run.machine.neighbours = 0;
        let gone = run.at;
        run.steps_until(2);
        assert!(run.at - gone < BLIND_REST_MOST + 1.0, "after {} s, seed {seed}", run.at - gone);
    }
}

#[test]
fn numbers_of_tokens_that_vary_are_told_from_a_busy_machine() {
    for seed in SEEDS {
        let mixed = |run: &mut Run| {
            let mut steps = 0;
            for round in 0..2000 {
                run.tokens = [1, 16, 16, 3, 7, 7, 7, 30, 2][round % 9];
                run.step();
                steps += 1;
            }
            assert_eq!(steps, 2000);
            (1e6 / run.at) as u32
        };
        let best = best_fixed(2, seed, mixed);
        let adaptive = mixed(&mut Run::new(2, seed));
        assert!(f64::from(adaptive) > 0.98 * f64::from(best), "{adaptive} against {best}, seed {seed}");
    }
}

#[test]
fn a_hopeless_step_is_given_up_unless_one_thread_computes_it() {
    for seed in SEEDS {
        let mut run = Run::new(2, seed);
        assert_eq!(run.governor.patience(1), Some(Duration::from_secs(1)), "nothing is known yet");
        run.seconds(1.0);
        let usual = run.governor.usual[&(2, 1)];
        let patience = run.governor.patience(1).unwrap().as_secs_f64();
        assert!(patience > 4.0 * usual && patience < 0.2, "{patience} s with {usual} s as usual");
        assert_eq!(run.governor.patience(500), None, "how long that takes is not known");
        let wall = Duration::from_secs_f64(patience);
        let at = Duration::from_secs_f64(run.at + patience);
        run.governor.give_up(at, Step { tokens: 1, wall, waited: wall, room: None });
        assert_eq!((run.governor.threads(), run.governor.patience(1)), (1, None));
    }
}

#[test]
fn what_passes_at_once_costs_little() {
    for seed in SEEDS {
        // A daemon that wakes every other second.
        let daemon = |run: &mut Run| {
            let mut steps = 0;
            for _ in 0..30 {
                run.machine.neighbours = 0;
                steps += run.seconds(1.95);
                run.machine.neighbours = 1;
                steps += run.seconds(0.05);
            }
            steps
        };
        let (best, adaptive) = (best_fixed(2, seed, daemon), daemon(&mut Run::new(2, seed)));
        let part = f64::from(adaptive) / f64::from(best);
        assert!(part > 0.96, "{part:.2}, seed {seed}");
    }
}
