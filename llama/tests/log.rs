//! The log handler. A program of its own, for the handler is set once.

mod common;

use std::sync::Mutex;
use std::thread::{self, ThreadId};

use chaku_llama::backend::{self, LogLevel};
use chaku_llama::{Context, Model, ModelParams};
use common::{TINY, load, model_path, params};

static LINES: Mutex<Vec<(ThreadId, LogLevel, String)>> = Mutex::new(Vec::new());

fn collect(level: LogLevel, line: &str) {
    LINES.lock().unwrap().push((thread::current().id(), level, line.to_owned()));
    assert!(!line.contains("tiny-vocab"), "a panic in the handler goes no further");
}

#[test]
fn whole_lines_arrive_on_the_thread_that_logged_them() {
    backend::set_log_handler(collect);
    backend::set_log_handler(|_, _| panic!("only the first handler counts"));
    let other = thread::spawn(|| {
        Context::new(&load(TINY), &params()).unwrap();
        thread::current().id()
    })
    .join()
    .unwrap();
    // A sound file without weights: llama.cpp itself refuses it.
    Model::load(&model_path("tiny-vocab.gguf"), &ModelParams::default(), &mut |_| true).unwrap_err();

    let lines = LINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    assert!(lines.iter().all(|(_, _, line)| !line.is_empty() && !line.contains('\n')));
    let has = |level, words: &str, thread| {
        lines.iter().any(|(on, at, line)| *on == thread && *at == level && line.contains(words))
    };
    assert!(has(LogLevel::Info, "loaded meta data", other));
    assert!(has(LogLevel::Info, "n_ctx_seq", other));
    assert!(has(LogLevel::Error, "failed to load model", thread::current().id()));
}
