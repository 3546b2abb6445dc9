//! Threads that adapt, against fixed numbers of them: tokens a second of a stream on an idle machine, and beside two busy
//! neighbours. All take turns; a figure is the adaptive speed over the best fixed one, of medians.
//!
//! The adaptive side keeps what it has learned from turn to turn, as a model in use does, and meets its neighbours anew in
//! each. It is the core's own code, compiled here against a bare context.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]
#![expect(clippy::print_stderr, reason = "and how it came to them, when asked")]

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chaku_llama::{Batch, Context, ContextParams, Decoded, Model, ModelParams};

#[path = "../../../core/src/runtime/governor.rs"]
mod governor;
#[path = "../../../core/src/runtime/threads.rs"]
mod threads;

use threads::AdaptiveThreads;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The window is emptied when a stream has come so far.
const LENGTH: usize = 512;
const NEIGHBOURS: usize = 2;
const SPIN: &str = "--spin";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, turns, seconds] = match &arguments[..] {
        [spin] if spin == SPIN => loop {
            std::hint::spin_loop();
        },
        [path, turns, seconds] => [path, turns, seconds],
        _ => return Err("usage: chaku-bench-adapt MODEL TURNS SECONDS".into()),
    };
    let (turns, seconds) = (turns.parse::<usize>()?, Duration::from_secs_f64(seconds.parse()?));
    let most = std::thread::available_parallelism()?.get() as u32;
    let model = Model::load(Path::new(path), &ModelParams::default(), &mut |_| true)?;
    let mut sides = Vec::new();
    for threads in 1..=most {
        sides.push(Side::new(&model, format!("fixed{threads}"), threads, false)?);
    }
    sides.push(Side::new(&model, "adaptive".into(), most, true)?);
    for side in &mut sides {
        side.stream(Duration::from_millis(300))?;
    }
    for busy in [true, false] {
        let mut speeds = vec![Vec::new(); sides.len()];
        for turn in 0..turns {
            for place in 0..sides.len() {
                let side = (turn + place) % sides.len();
                let _neighbours =
                    (0..if busy { NEIGHBOURS } else { 0 }).map(|_| Neighbour::new()).collect::<Result<Vec<_>>>()?;
                let speed = sides[side].stream(seconds)?;
                eprintln!("{} {} {speed:.1}", if busy { "busy" } else { "idle" }, sides[side].name);
                speeds[side].push(speed);
            }
        }
        report(
            if busy { "busy2_vs_best_fixed" } else { "idle_vs_best_fixed" },
            if busy { 0.85 } else { 0.98 },
            &sides,
            &speeds,
        );
    }
    Ok(())
}

/// A context and how its threads are chosen.
struct Side {
    name: String,
    context: Context,
    batch: Batch,
    threads: AdaptiveThreads,
    length: usize,
}

impl Side {
    fn new(model: &Model, name: String, threads: u32, adapt: bool) -> Result<Self> {
        let context = Context::new(
            model,
            &ContextParams {
                n_ctx: LENGTH as u32,
                n_batch: 512,
                n_ubatch: 512,
                n_seq_max: 1,
                threads,
                threads_batch: threads,
                ..ContextParams::default()
            },
        )?;
        let batch = Batch::new(512, 1);
        Ok(Side { name, context, batch, threads: AdaptiveThreads::new(threads, threads, adapt), length: 0 })
    }

    /// Decodes one token after the other; says how many a second.
    fn stream(&mut self, seconds: Duration) -> Result<f64> {
        let trace = std::env::var_os("CHAKU_BENCH_TRACE").is_some();
        let began = Instant::now();
        let mut tokens = 0;
        while began.elapsed() < seconds {
            if self.length == LENGTH {
                self.context.clear();
                self.length = 0;
            }
            self.batch.clear();
            // Any token will do: each costs the same.
            self.batch.push(100 + (self.length * 7 % 1000) as i32, self.length as i32, 0, true)?;
            let step = Instant::now();
            let decoded = self.threads.decode(&mut self.context, &self.batch, true, &|| false)?;
            if trace {
                let (at, ms) = (began.elapsed().as_secs_f64(), step.elapsed().as_secs_f64() * 1e3);
                eprintln!("{} {at:.3} s: {ms:.1} ms with {}", self.name, self.threads.threads());
            }
            if decoded != Decoded::Done {
                return Err("a token was not decoded".into());
            }
            self.length += 1;
            tokens += 1;
        }
        Ok(f64::from(tokens) / began.elapsed().as_secs_f64())
    }
}

/// A process that keeps a processor busy.
struct Neighbour(Child);

impl Neighbour {
    fn new() -> Result<Self> {
        Ok(Neighbour(Command::new(std::env::current_exe()?).arg(SPIN).stdin(Stdio::null()).spawn()?))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It may be gone already: then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn report(name: &str, goal: f64, sides: &[Side], speeds: &[Vec<f64>]) {
    let (adaptive, fixed) = (&speeds[speeds.len() - 1], &speeds[..speeds.len() - 1]);
    let best = (0..fixed.len()).max_by(|&a, &b| median(&fixed[a]).total_cmp(&median(&fixed[b]))).unwrap_or(0);
    // Turn by turn, for the spread.
    let mut parts: Vec<f64> = adaptive.iter().zip(&fixed[best]).map(|(adaptive, fixed)| adaptive / fixed).collect();
    parts.sort_by(f64::total_cmp);
    let tokens: Vec<_> =
        sides.iter().zip(speeds).map(|(side, speeds)| format!("\"{}\": {:.1}", side.name, median(speeds))).collect();
    println!(
        "{{\"name\": \"{name}\", \"value\": {:.3}, \"unit\": \"ratio\", \"lo\": {:.3}, \"hi\": {:.3}, \"n\": {}, \"goal\": \">= {goal}\", \
         \"tokens_per_s\": {{{}}}}}",
        median(adaptive) / median(&fixed[best]),
        parts[0],
        parts[parts.len() - 1],
        parts.len(),
        tokens.join(", ")
    );
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
}
