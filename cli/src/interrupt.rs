//! Signals: the first Ctrl-C stops what is under way, another one leaves. Who tells the program to end (SIGTERM, SIGHUP) is obeyed
//! once that has stopped.

use std::sync::Arc;

use chaku::Request;
use parking_lot::Mutex;

use crate::failure::exit;
use crate::terminal::Taken;

static STATE: Mutex<State> = Mutex::new(State { under_way: None, editing: None, at_end: None, told: None });

/// What a signal meets.
struct State {
    under_way: Option<UnderWay>,
    /// The terminal, while an editor has it.
    editing: Option<Taken>,
    /// What must not be lost.
    at_end: Option<Box<dyn FnOnce() + Send>>,
    /// The exit code of who told the program to end.
    told: Option<u8>,
}

struct UnderWay {
    /// `None` = something that ends by itself, as a command does that got the same signal.
    request: Option<Arc<Request>>,
    stopped: bool,
}

/// Answers signals from now on.
pub(crate) fn install() {
    listen();
}

#[cfg(unix)]
fn listen() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let heard = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
    // Without it signals do what they do to every program.
    let Ok(mut signals) = signal_hook::iterator::Signals::new(heard) else { return };
    let answer = move || signals.forever().for_each(|signal| answer(128 + signal as u8));
    let _ = std::thread::Builder::new().name("chaku-signals".to_owned()).spawn(answer);
}

/// Whether whoever started the program wants it not to hear this signal, as `nohup` does. Only Linux tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(not(unix))]
fn listen() {
    // It can fail only if there is a handler already, and there is none.
    let _ = ctrlc::set_handler(|| answer(exit::INTERRUPTED));
}

fn answer(code: u8) {
    let mut state = STATE.lock();
    let must_end = code != exit::INTERRUPTED;
    if must_end {
        state.told = Some(code);
    }
    match &mut state.under_way {
        Some(UnderWay { request: Some(request), stopped }) => {
            if !std::mem::replace(stopped, true) {
                return request.cancel();
            }
        }
        Some(UnderWay { request: None, stopped }) if !*stopped && !must_end => {
            *stopped = true;
            return;
        }
        _ => {
            if let Some(last) = state.at_end.take() {
                last();
            }
        }
    }
    if let Some(terminal) = &state.editing {
        terminal.give_back();
    }
    leave(state.told.unwrap_or(code))
}

/// Ends the process at once. What was stopped may still have a thread in llama.cpp, which must not meet the destructors of its
/// globals.
pub(crate) fn leave(code: u8) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(code.into());
    #[cfg(not(unix))]
    std::process::exit(code.into());
}

/// The exit code of the signal that told the program to end.
pub(crate) fn told() -> Option<u8> {
    STATE.lock().told
}

/// Does this before a signal ends the program while nothing is under way; in place of what was said before.
pub(crate) fn at_end(last: impl FnOnce() + Send + 'static) {
    let before = STATE.lock().at_end.replace(Box::new(last));
    drop(before);
}

/// Does something that no signal interrupts, in place of what was to be done at the end.
pub(crate) fn finish<T>(last: impl FnOnce() -> T) -> T {
    let mut state = STATE.lock();
    drop(state.at_end.take());
    last()
}

/// While it lives, an editor has the terminal, and a signal that ends the program gives it back.
pub(crate) struct Editing(());

impl Editing {
    pub(crate) fn begin() -> Self {
        STATE.lock().editing = Taken::now();
        Editing(())
    }
}

impl Drop for Editing {
    fn drop(&mut self) {
        STATE.lock().editing = None;
    }
}

/// While it lives, the first Ctrl-C stops what it stands for.
pub(crate) struct Watch(());

impl Watch {
    /// For a request.
    pub(crate) fn new(request: Arc<Request>) -> Self {
        Self::over(Some(request))
    }

    /// For something that is no request.
    pub(crate) fn nothing() -> Self {
        Self::over(None)
    }

    fn over(request: Option<Arc<Request>>) -> Self {
        STATE.lock().under_way = Some(UnderWay { request, stopped: false });
        Watch(())
    }

    pub(crate) fn was_stopped(&self) -> bool {
        STATE.lock().under_way.as_ref().is_some_and(|under_way| under_way.stopped)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Not under the lock: the last handle of a request goes with it.
        let ended = STATE.lock().under_way.take();
        drop(ended);
    }
}
