//! What reaches an environment from other threads: which requests have something to read, and lines of logs. All of it
//! waits here for one wake-up.
//!
//! An environment (a main thread or a worker) has one inbox. Nobody but JavaScript keeps the wake-up alive, and it is
//! closed before the environment goes: hooks of chaku that come later find nobody to wake, and are harmless.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::napi::bindgen_prelude::Function;
use crate::napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use crate::napi::{self, Env, Status, napi};

/// Lines that may wait for JavaScript. Of a log that is faster than that, the newest lines are lost.
const MAX_LINES: usize = 4096;

/// Weak: on its own it does not keep the process alive.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// The inbox as JavaScript sees it.
#[napi]
pub struct Inbox {
    pub(crate) mailbox: Arc<Mailbox>,
}

/// What was in the inbox for logs.
#[napi(object, object_from_js = false)]
pub struct Logs {
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

/// The half of an inbox that other threads hold.
pub(crate) struct Mailbox(Mutex<State>);

struct State {
    /// `None` once the environment is going.
    wake: Option<Wake>,
    /// JavaScript was woken and has not come yet.
    woken: bool,
    /// Invariant: each request and each log is in its list at most once, so these are bounded.
    requests: Vec<u32>,
    ended_logs: Vec<u32>,
    lines: Vec<Line>,
}

#[napi]
impl Inbox {
    /// `wake` is called, on the environment's own thread, when there is something to take.
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> napi::Result<Self> {
        let wake = wake.build_threadsafe_function().weak::<true>().build()?;
        let (requests, ended_logs, lines) = (Vec::new(), Vec::new(), Vec::new());
        let state = State { wake: Some(wake), woken: false, requests, ended_logs, lines };
        let mailbox = Arc::new(Mailbox(Mutex::new(state)));
        // Runs before Node takes the function apart: hooks run in the reverse order of their registration.
        env.add_env_cleanup_hook(mailbox.clone(), |mailbox| mailbox.close())?;
        Ok(Inbox { mailbox })
    }

    /// Takes the requests that have something to read out of the inbox; whatever comes after this wakes again. Apart from
    /// the logs, because it is called for each token.
    #[napi]
    pub fn take(&self) -> Vec<u32> {
        let mut state = self.mailbox.0.lock();
        state.woken = false;
        std::mem::take(&mut state.requests)
    }

    /// Takes what there is for logs, after [`take`](Self::take).
    #[napi]
    pub fn take_logs(&self) -> Logs {
        let mut state = self.mailbox.0.lock();
        Logs { lines: std::mem::take(&mut state.lines), ended: std::mem::take(&mut state.ended_logs) }
    }

    /// Whether the process stays alive for what may come.
    #[napi]
    #[allow(deprecated, reason = "deprecated as counters of references, which this is not: it is Node's ref and unref")]
    pub fn keep_alive(&self, env: Env, alive: bool) -> napi::Result<()> {
        match &mut self.mailbox.0.lock().wake {
            Some(wake) if alive => wake.refer(&env),
            Some(wake) => wake.unref(&env),
            None => Ok(()),
        }
    }
}

impl Mailbox {
    /// A request has something to read.
    pub(crate) fn request(&self, id: u32) {
        self.put(|state| {
            if !state.requests.contains(&id) {
                state.requests.push(id);
            }
        });
    }

    pub(crate) fn line(&self, line: Line) {
        self.put(|state| {
            if state.lines.len() < MAX_LINES {
                state.lines.push(line);
            }
        });
    }

    pub(crate) fn end_log(&self, log: u32) {
        self.put(|state| state.ended_logs.push(log));
    }

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
        state.requests.clear();
        state.ended_logs.clear();
        state.lines.clear();
    }
}
