//! What a step costs, learned from the steps before, and so how many tokens of prompts go with those that decode. Pure
//! data.
//!
//! A step takes what its decoding tokens take alone, and some time for each token of a prompt, which grows with how much
//! that token looks back on. Prompts get what decoding leaves of the time a step should take. Where it leaves little, they
//! may stretch the step, but not beyond a multiple of that time: in crumbs a prompt takes so long that the answers, which
//! grow meanwhile, slow down everybody. As much as decoding takes is theirs in any case.
//!
//! What decoding takes alone changes, as answers grow and the machine has other work. Taken for what it was, all that it
//! grew by would seem to be the prompts' doing, and starve them. So now and then a step is without prompts.

use std::time::Duration;

/// Tokens of prompts in a step before anything is known.
const FIRST: usize = 16;
/// And however slow they are: with fewer, a prompt would never end.
const LEAST: usize = 2;
/// How far prompts may stretch a step: times the target, and times what decoding takes alone.
const STRETCH: f64 = 2.0;

/// Steps with prompts, until one without them; the latter when another number of requests decodes.
const LOOK_EVERY: u32 = 12;
const LOOK_AGAIN: u32 = 4;

/// What the newest step counts: a stall of the machine must not count much. Those without prompts are few.
const NEWEST: f64 = 0.3;
const NEWEST_ALONE: f64 = 0.7;
/// A step is believed to be so many times slower or faster than was known.
const BELIEVED: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Pace {
    /// How long a step should take.
    target: f64,
    alone: Option<Alone>,
    /// Seconds of one more token of a prompt.
    token: Option<f64>,
    /// Steps with prompts since decoding was last seen alone.
    mixed: u32,
}

/// A step in which so many decode and nothing else is computed.
#[derive(Debug, Clone, Copy)]
struct Alone {
    requests: usize,
    seconds: f64,
}

impl Pace {
    pub(super) fn new(target: Duration) -> Self {
        Pace { target: target.as_secs_f64(), alone: None, token: None, mixed: 0 }
    }

    /// Tokens of prompts that go with so many that decode.
    pub(super) fn chunk(&self, decoding: usize) -> usize {
        let Some(token) = self.token else { return FIRST };
        let same = self.alone.is_some_and(|alone| alone.requests == decoding);
        if self.mixed >= if same { LOOK_EVERY } else { LOOK_AGAIN } {
            return 0;
        }
        let alone = self.alone(decoding).unwrap_or(self.target);
        let limit = (STRETCH * alone).clamp(self.target, STRETCH * self.target);
        let seconds = (limit - alone).max(alone);
        ((seconds / token) as usize).max(LEAST)
    }

    /// A step with so many that decode, and so many tokens of prompts, took so long.
    pub(super) fn observe(&mut self, decoding: usize, prompts: usize, took: Duration) {
        let took = took.as_secs_f64();
        if decoding == 0 || took == 0.0 {
            return;
        }
        if prompts == 0 {
            let known = self.alone.filter(|alone| alone.requests == decoding).map(|alone| alone.seconds);
            self.alone = Some(Alone { requests: decoding, seconds: learn(known, took, NEWEST_ALONE) });
            self.mixed = 0;
            return;
        }
        self.mixed += 1;
        if prompts >= LEAST {
            // Where decoding costs most of a step, what is left for the prompts is mostly noise. A token of theirs can hardly
            // cost less than half of what the step's tokens cost on average.
            let average = took / (decoding + prompts) as f64;
            let token = self.alone(decoding).map_or(average, |alone| (took - alone) / prompts as f64);
            self.token = Some(learn(self.token, token.max(average / 2.0), NEWEST));
        }
    }

    /// A step in which so many decode.
    fn alone(&self, decoding: usize) -> Option<f64> {
        self.alone.map(|alone| alone.seconds * decoding as f64 / alone.requests as f64)
    }
}

fn learn(known: Option<f64>, seen: f64, weight: f64) -> f64 {
    known.map_or(seen, |known| known + weight * (seen.clamp(known / BELIEVED, known * BELIEVED) - known))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine: a step takes so long for each token, and so long anyway.
    struct Machine {
        anyway: f64,
        decoding: f64,
        prompt: f64,
    }

    impl Machine {
        fn step(&self, decoding: usize, prompts: usize) -> Duration {
            Duration::from_secs_f64(self.anyway + self.decoding * decoding as f64 + self.prompt * prompts as f64)
        }

        fn run(&self, pace: &mut Pace, decoding: usize, steps: usize) -> Vec<(usize, Duration)> {
            let step = |_| {
                let chunk = pace.chunk(decoding);
                pace.observe(decoding, chunk, self.step(decoding, chunk));
                (chunk, self.step(decoding, chunk))
            };
            (0..steps).map(step).collect()
        }

        /// The time of a step once the pace is known.
        fn settles(&self, decoding: usize) -> Duration {
            let mut pace = Pace::new(TARGET);
            self.run(&mut pace, decoding, 100);
            self.run(&mut pace, decoding, 2).into_iter().map(|(_, took)| took).max().unwrap()
        }
    }

    const TARGET: Duration = Duration::from_millis(50);
    const SLOW: Machine = Machine { anyway: 0.004, decoding: 0.007, prompt: 0.005 };

    fn close(a: Duration, b: Duration) -> bool {
        (a.as_secs_f64() / b.as_secs_f64() - 1.0).abs() < 0.15
    }

    #[test]
    fn a_step_meets_its_target_where_it_can() {
        assert!(close(SLOW.settles(1), TARGET), "{:?}", SLOW.settles(1));
        let quick = Machine { anyway: 0.015, decoding: 0.0001, prompt: 0.0001 };
        assert!(close(quick.settles(4), TARGET), "{:?}", quick.settles(4));
    }

    #[test]
    fn prompts_get_as_much_as_decoding_where_decoding_takes_longer_than_the_target() {
        let step = SLOW.settles(16);
        assert!(close(step, SLOW.step(16, 0) * 2), "{step:?}");
    }

    #[test]
    fn a_stall_of_the_machine_is_not_believed() {
        let mut pace = Pace::new(TARGET);
        pace.observe(1, 0, SLOW.step(1, 0));
        SLOW.run(&mut pace, 1, 20);
        let before = pace.chunk(1);
        pace.observe(1, 8, Duration::from_secs(30));
        assert!(pace.chunk(1) * 2 > before, "{} of {before}", pace.chunk(1));
    }

    #[test]
    fn answers_that_grow_do_not_starve_the_prompts() {
        let mut pace = Pace::new(TARGET);
        let grown = |times: f64| Machine { decoding: times * SLOW.decoding, ..SLOW };
        for step in 0..400 {
            grown(1.0 + f64::from(step) / 200.0).run(&mut pace, 7, 1);
        }
        let (steps, grown) = (100, grown(3.0));
        let chunks: usize = grown.run(&mut pace, 7, steps).iter().map(|(chunk, _)| chunk).sum();
        let fair = grown.step(7, 0).as_secs_f64() / grown.prompt * steps as f64;
        assert!((0.8..1.2).contains(&(chunks as f64 / fair)), "{chunks} instead of {fair}");
    }

    #[test]
    fn a_prompt_goes_on_however_slow_the_machine_is() {
        let mut pace = Pace::new(TARGET);
        assert_eq!(pace.chunk(3), FIRST);
        let hopeless = Machine { anyway: 1.0, decoding: 1.0, prompt: 90.0 };
        let chunks: Vec<usize> = hopeless.run(&mut pace, 3, 60).iter().map(|(chunk, _)| *chunk).collect();
        assert!(chunks[30..].iter().all(|&chunk| chunk <= LEAST), "{chunks:?}");
        assert!(chunks[30..].iter().sum::<usize>() >= 25 * LEAST, "{chunks:?}");
    }
}
