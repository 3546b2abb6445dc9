//! The control path between a model's handles and its engine: atomics, short locks and a wake-up, nothing that can be
//! full: what waits there is bounded by what asks, or may be dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use chaku_llama::Token;
use crossbeam_channel::Sender;
use parking_lot::{Condvar, Mutex};

use super::metrics::Recorder;
use super::queue::Admission;
use super::sequences::SessionId;
use super::signal::Signal;
use super::usage::Usage;
use crate::error::{Error, Reason, Result};

/// Computed tokens that may wait to be taken in. They are only a copy.
const MOST_IMPORTS: usize = 8;

/// What the engine is asked for besides requests.
pub(crate) enum Command {
    /// What the KV cache holds of a session, to be saved; `None` when that is nothing, or cannot be copied. The reply has
    /// a place in its channel, and is not waited for when nobody wants it any more.
    Export { session: SessionId, reply: Sender<Option<Exported>> },
    /// Tokens computed before, which become a cached prefix that belongs to nobody. May be ignored.
    Import { tokens: Vec<Token>, state: Vec<u8> },
}

/// What the KV cache holds of a session.
pub(crate) struct Exported {
    pub(crate) tokens: Vec<Token>,
    /// Of these tokens, as llama.cpp writes it.
    pub(crate) state: Vec<u8>,
}

pub(crate) struct Control {
    pub(crate) admission: Admission,
    pub(crate) signal: Arc<Signal>,
    pub(crate) metrics: Arc<Recorder>,
    pub(crate) usage: Arc<Usage>,
    closing: AtomicBool,
    /// Why nothing more is taken in, if not because somebody closed the model: the engine panicked, or another model
    /// needed the memory.
    broken: OnceLock<Error>,
    /// Sessions that are gone and whose sequences may be used again. Bounded by those that were asked something since the
    /// engine last looked, which is after every step.
    closed_sessions: Mutex<Vec<SessionId>>,
    /// `None` when the engine has gone. Exports are bounded by the saves that may be under way.
    commands: Mutex<Option<Vec<Command>>>,
    threads: Mutex<usize>,
    threads_changed: Condvar,
}

impl Control {
    /// For a model that nobody watches.
    #[cfg(test)]
    pub(crate) fn new(queue_limit: usize) -> Arc<Self> {
        Self::with_metrics(queue_limit, Recorder::new("test", &Arc::default()))
    }

    pub(crate) fn with_metrics(queue_limit: usize, metrics: Arc<Recorder>) -> Arc<Self> {
        Arc::new(Control {
            admission: Admission::new(queue_limit),
            signal: Arc::new(Signal::default()),
            metrics,
            usage: Usage::new(),
            closing: AtomicBool::new(false),
            broken: OnceLock::new(),
            closed_sessions: Mutex::new(Vec::new()),
            commands: Mutex::new(Some(Vec::new())),
            threads: Mutex::new(0),
            threads_changed: Condvar::new(),
        })
    }

    /// Tells the engine to end everything and go.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.signal.wake();
    }

    /// Like `close`, after a panic that left the model in an unknown state.
    pub(crate) fn close_broken(&self, panic: &Error) {
        let message = format!("the model's engine panicked; free it and load it again ({})", panic.message());
        let _ = self.broken.set(Error::new(Reason::Poisoned, message));
        self.close();
    }

    /// Like `close`, if no request is under way; says whether that is so.
    pub(crate) fn close_to_make_room(&self) -> bool {
        if self.is_closing() || !self.usage.close_if_idle() {
            return false;
        }
        let message = "the model was unloaded to make room for another; load it again";
        let _ = self.broken.set(Error::new(Reason::Unloaded, message));
        self.close();
        true
    }

    /// Refuses work when the model is closed or broken.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closing() { Err(self.refusal()) } else { Ok(()) }
    }

    /// What a closed model answers.
    pub(crate) fn refusal(&self) -> Error {
        let closed = || Error::new(Reason::Closed, "the model was closed; load it again");
        self.broken.get().cloned().unwrap_or_else(closed)
    }

    /// How work under way ends when the model is closed or broken.
    pub(crate) fn interruption(&self) -> Error {
        let closed = || Error::new(Reason::ClosedWhileRunning, "the model was closed");
        self.broken.get().cloned().unwrap_or_else(closed)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn session_closed(&self, session: SessionId) {
        self.closed_sessions.lock().push(session);
        self.signal.wake();
    }

    pub(crate) fn take_closed_sessions(&self) -> Vec<SessionId> {
        std::mem::take(&mut *self.closed_sessions.lock())
    }

    /// Asks the engine. When it has gone, or goes, the command is dropped.
    pub(crate) fn send(&self, command: Command) {
        let mut commands = self.commands.lock();
        let Some(waiting) = commands.as_mut() else { return };
        let imports = waiting.iter().filter(|command| matches!(command, Command::Import { .. })).count();
        if matches!(command, Command::Import { .. }) && imports >= MOST_IMPORTS {
            return;
        }
        waiting.push(command);
        drop(commands);
        self.signal.wake();
    }

    pub(crate) fn take_commands(&self) -> Vec<Command> {
        self.commands.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The engine has gone: who waits for a reply gets none.
    pub(crate) fn drop_commands(&self) {
        drop(self.commands.lock().take());
    }

    /// Counts a thread of this model until the guard is dropped.
    pub(crate) fn thread_guard(self: &Arc<Self>) -> ThreadGuard {
        *self.threads.lock() += 1;
        ThreadGuard(self.clone())
    }

    /// Waits until no thread of this model is left; says whether that is so.
    pub(crate) fn wait_gone(&self, until: Option<Instant>) -> bool {
        let mut threads = self.threads.lock();
        while *threads > 0 {
            match until {
                None => self.threads_changed.wait(&mut threads),
                Some(until) if self.threads_changed.wait_until(&mut threads, until).timed_out() => {
                    return *threads == 0;
                }
                Some(_) => {}
            }
        }
        true
    }
}

pub(crate) struct ThreadGuard(Arc<Control>);

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        *self.0.threads.lock() -= 1;
        self.0.threads_changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{TryRecvError, bounded};

    fn export(control: &Control) -> crossbeam_channel::Receiver<Option<Exported>> {
        let (reply, answer) = bounded(1);
        control.send(Command::Export { session: 1, reply });
        answer
    }

    #[test]
    fn who_asks_an_engine_that_has_gone_is_told_so() {
        let control = Control::new(1);
        let waiting = export(&control);
        assert!(matches!(waiting.try_recv(), Err(TryRecvError::Empty)));
        control.drop_commands();
        let late = export(&control);
        for answer in [waiting, late] {
            assert!(matches!(answer.try_recv(), Err(TryRecvError::Disconnected)));
        }
        assert!(control.take_commands().is_empty());
    }

    #[test]
    fn what_waits_to_be_imported_is_bounded_and_keeps_out_nothing_else() {
        let control = Control::new(1);
        for _ in 0..2 * MOST_IMPORTS {
            control.send(Command::Import { tokens: vec![1], state: vec![2] });
        }
        let _answer = export(&control);
        assert_eq!(control.take_commands().len(), MOST_IMPORTS + 1);
        control.send(Command::Import { tokens: vec![1], state: vec![2] });
        assert_eq!(control.take_commands().len(), 1);
    }
}
