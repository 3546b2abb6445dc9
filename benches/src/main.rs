//! Microseconds an event costs when a full queue is drained in Rust; `drain.cpp` does the same through the C ABI.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints its figure")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use chaku::{Event, Options, Runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let [model, events] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: chaku-bench MODEL EVENTS")?;
    let events: i64 = events.parse()?;

    let mut model_options = Options::new();
    model_options.set_i64("ctx_size", 256)?;
    model_options.set_i64("threads", 1)?;
    model_options.set_i64("threads_batch", 1)?;
    let mut session_options = Options::new();
    session_options.set_str("overflow", "shift")?;
    let mut request_options = Options::new();
    request_options.set_i64("max_tokens", events)?;
    request_options.set_i64("event_queue", 2 * events)?;
    request_options.set_bool("ignore_eos", true)?;

    let model = Runtime::default_runtime().load_blocking(Path::new(&model), &model_options)?;
    let session = model.session(&session_options)?;
    let request = session.chat("Hi", &request_options)?;
    while !request.is_finished() {
        std::thread::sleep(Duration::from_millis(20));
    }

    let (mut texts, mut bytes, mut tokens) = (0_i64, 0, 0_i64);
    let began = Instant::now();
    loop {
        match request.next(Some(Duration::ZERO))?.ok_or("the queue is empty before the final event")? {
            Event::Text(text) => {
                bytes += text.text.len();
                tokens += i64::from(text.token.unwrap_or(0));
                texts += 1;
            }
            Event::Final(_) => break,
            _ => {}
        }
    }
    let took = began.elapsed();
    if texts < events {
        return Err(format!("only {texts} events came").into());
    }
    // The sums keep the reads from being optimized away.
    println!(
        "{{\"us\": {:.5}, \"events\": {texts}, \"bytes\": {bytes}, \"tokens\": {tokens}}}",
        took.as_secs_f64() * 1e6 / texts as f64
    );
    Ok(())
}
