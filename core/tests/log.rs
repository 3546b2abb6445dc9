//! What one runtime logs, while another one logs nothing. Alone in its process: a line that was written before is not the first.

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use std::sync::{Arc, Mutex};

use chaku::{LogLevel, Options, Runtime};
use common::path;

#[test]
fn a_line_that_a_runtime_without_a_log_writes_first_is_not_lost_to_the_other() {
    let lines = Arc::new(Mutex::new(String::new()));
    let (runtime, log) = (Runtime::new(&Options::new()).unwrap(), lines.clone());
    runtime.set_log_sink(LogLevel::Trace, move |line| log.lock().unwrap().push_str(&format!("{line:?}\n")));
    let file = path("tiny-random.gguf");
    Runtime::default_runtime().load_blocking(&file, &Options::new()).unwrap();
    assert!(lines.lock().unwrap().is_empty());
    runtime.load_blocking(&file, &Options::new()).unwrap();
    let lines = lines.lock().unwrap();
    assert!(lines.contains("finished"), "{lines}");
}
