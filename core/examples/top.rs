//! What a busy model does, twice a second: `cargo run --release -p chaku --example top -- MODEL [SECONDS] [SESSIONS]`.
//!
//! Several sessions stream at once, each asking again when its answer is done, while a table of [`Model::metrics`] grows.
//! At the end comes where the time of the last request went.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chaku::{Metrics, Model, Options, Result, Runtime, Timeline};

const QUESTIONS: [&str; 4] = ["Why is the sky blue?", "Tell me a story.", "What is a llama?", "How does rain form?"];

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (path, seconds, sessions) = match &arguments[..] {
        [path] => (path, 10, 4),
        [path, seconds] => (path, seconds.parse()?, 4),
        [path, seconds, sessions] => (path, seconds.parse()?, sessions.parse()?),
        _ => return Err("usage: top MODEL [SECONDS] [SESSIONS]".into()),
    };
    let mut options = Options::new();
    options.set_i64("max_sessions", sessions)?;
    options.set_i64("max_tokens", 64)?;
    options.set_str("overflow", "shift")?;
    let model = Runtime::default_runtime().load_blocking(Path::new(path), &options)?;
    let done = AtomicBool::new(false);
    let last = std::thread::scope(|scope| {
        let talk = |session| {
            let (model, done) = (&model, &done);
            move || talk(model, QUESTIONS[session as usize % QUESTIONS.len()], done)
        };
        let talking: Vec<_> = (0..sessions).map(|session| scope.spawn(talk(session))).collect();
        watch(&model, Duration::from_secs(seconds));
        done.store(true, Ordering::Relaxed);
        talking.into_iter().filter_map(|thread| thread.join().ok()).collect::<Result<Vec<_>>>()
    });
    if let Some(timeline) = last?.first() {
        println!("\na request: {}", timeline.to_json());
    }
    // llama.cpp's static objects end with `main`: first the threads that use them.
    model.close(None)?;
    Ok(())
}

/// Asks until it is told to stop; the answer under way is cancelled then.
fn talk(model: &Model, question: &str, done: &AtomicBool) -> Result<Timeline> {
    let session = model.session(&Options::new())?;
    let mut timeline = None;
    while !done.load(Ordering::Relaxed) {
        let request = session.chat(question, &Options::new())?;
        request.run(|_| !done.load(Ordering::Relaxed))?;
        session.reset()?;
        timeline = Some(request.timeline());
    }
    Ok(timeline.unwrap_or_default())
}

fn watch(model: &Model, time: Duration) {
    let began = Instant::now();
    for row in 0.. {
        if row % 20 == 0 {
            println!(
                "{:>6} {:>5} {:>7} {:>6} {:>8} {:>8} {:>13} {:>7} {:>8} {:>6} {:>6}",
                "s",
                "queue",
                "running",
                "paused",
                "prompt/s",
                "tokens/s",
                "kv",
                "threads",
                "step ms",
                "cached",
                "evict"
            );
        }
        std::thread::sleep(Duration::from_millis(500));
        let elapsed = began.elapsed();
        print_row(elapsed.as_secs_f64(), &model.metrics());
        if elapsed >= time {
            return;
        }
    }
}

fn print_row(at: f64, now: &Metrics) {
    let kv = format!("{}/{}", now.kv_used_tokens, now.kv_capacity_tokens);
    println!(
        "{at:>6.1} {:>5} {:>7} {:>6} {:>8.1} {:>8.1} {kv:>13} {:>7} {:>8.2} {:>6} {:>6}",
        now.queue_depth,
        now.requests_running,
        now.requests_paused,
        now.prompt_tokens_per_second,
        now.generated_tokens_per_second,
        now.threads,
        now.step_ms,
        now.cached_tokens_total,
        now.evictions_total,
    );
}
