//! Logs: lines that any thread writes wait here for JavaScript, which is woken once for all there are.
//!
//! An environment has one of these. Nobody keeps the process alive for it, and it is closed before the environment goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::napi::bindgen_prelude::Function;
use crate::napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use crate::napi::{self, Env, Status, napi};

/// Lines that may wait for JavaScript. Of a log that is faster than that, the newest lines are lost.
const MAX_LINES: usize = 4096;

type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The logs of an environment, as JavaScript sees them.
#[napi]
pub struct Logs {
    mailbox: Arc<Mailbox>,
}

/// What there was for logs.
#[napi(object, object_from_js = false)]
pub struct News {
    pub lines: Vec<Line>,
    /// Logs that will have no more lines.
    pub ended: Vec<u32>,
}

/// A line of a log.
#[napi(object, object_from_js = false)]
pub struct Line {
    pub log: u32,
    pub level: i32,
    pub target: String,
    pub message: String,
}

/// A log: where the lines of a runtime go, until no model of it is left that speaks.
pub(crate) struct Log {
    pub(crate) id: u32,
    mailbox: Arc<Mailbox>,
}

/// The half that other threads hold.
struct Mailbox(Mutex<State>);

struct State {
    /// `None` once the environment is going.
    wake: Option<Wake>,
    /// JavaScript was woken and has not come yet.
    woken: bool,
    lines: Vec<Line>,
    /// Invariant: each log is in it at most once.
    ended: Vec<u32>,
}

#[napi]
impl Logs {
    /// `wake` is called, on the environment's own thread, when there is something to take.
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> napi::Result<Self> {
        let wake = wake.build_threadsafe_function().weak::<true>().build()?;
        let state = State { wake: Some(wake), woken: false, lines: Vec::new(), ended: Vec::new() };
        let mailbox = Arc::new(Mailbox(Mutex::new(state)));
        // Runs before Node takes the function apart: hooks run in the reverse order of their registration.
        env.add_env_cleanup_hook(mailbox.clone(), |mailbox| mailbox.close())?;
        Ok(Logs { mailbox })
    }

    /// Takes what there is; whatever comes after this wakes again.
    #[napi]
    pub fn take(&self) -> News {
        let mut state = self.mailbox.0.lock();
        state.woken = false;
        News { lines: std::mem::take(&mut state.lines), ended: std::mem::take(&mut state.ended) }
    }
}

impl Logs {
    /// A new log.
    pub(crate) fn open(&self) -> Log {
        static IDS: AtomicU32 = AtomicU32::new(0);
        Log { id: IDS.fetch_add(1, Ordering::Relaxed), mailbox: Arc::clone(&self.mailbox) }
    }
}

impl Log {
    pub(crate) fn write(&self, level: i32, target: &str, message: &str) {
        self.mailbox.put(|state| {
            if state.lines.len() < MAX_LINES {
                let (target, message) = (target.to_owned(), message.to_owned());
                state.lines.push(Line { log: self.id, level, target, message });
            }
        });
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.mailbox.put(|state| state.ended.push(self.id));
    }
}

impl Mailbox {
    fn put(&self, put: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        if state.wake.is_none() {
            return;
        }
        put(&mut state);
        if !std::mem::replace(&mut state.woken, true)
            && let Some(wake) = &state.wake
        {
            // Under the lock, so that the environment cannot go meanwhile. It never waits.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn close(&self) {
        let mut state = self.0.lock();
        state.wake = None;
        state.lines.clear();
        state.ended.clear();
    }
}
