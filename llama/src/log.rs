//! llama.cpp's log: pieces of text with a level become whole lines, on the thread that logged them.
//!
//! There are two readers: the host's handler, set once, and the guarded call under way on this thread, whose error lines
//! become the message of its error.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// For developers of llama.cpp.
    Debug,
    /// What was loaded, and how.
    Info,
    /// Works, but not as asked.
    Warn,
    /// Does not work.
    Error,
}

/// See [`crate::backend::set_log_handler`].
pub type LogHandler = fn(LogLevel, &str);

static HANDLER: OnceLock<LogHandler> = OnceLock::new();

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::new()) };
}

pub(crate) fn set_handler(handler: LogHandler) {
    // The first one stays: it can be running on another thread.
    let _ = HANDLER.set(handler);
}

/// Runs `body` and returns the error lines that were logged on this thread meanwhile, as one message.
pub(crate) fn collect_errors<T>(body: impl FnOnce() -> T) -> (T, String) {
    let outer = STATE.with_borrow_mut(|state| state.errors.replace(Vec::new()));
    let result = body();
    let (unfinished, lines) =
        STATE.with_borrow_mut(|state| (state.finish_line(), std::mem::replace(&mut state.errors, outer)));
    if let Some((level, line)) = unfinished {
        deliver(level, &line);
    }
    (result, join(&lines.unwrap_or_default()))
}

/// Hands one line to the host's handler.
pub(crate) fn deliver(level: LogLevel, line: &str) {
    if let Some(handler) = HANDLER.get() {
        // The callers are C++ frames: a panic must not cross them. A handler that panics loses its line.
        let _ = catch_unwind(AssertUnwindSafe(|| handler(level, line)));
    }
}

/// The callback for `llama_log_set`.
pub(crate) extern "C" fn on_log(level: i32, text: *const c_char, _user_data: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: ggml passes a NUL-terminated string that lives for the duration of the callback.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // Lines are delivered after the borrow ends: the handler may log, and this may run while a thread's storage is being
    // destroyed, when there is nobody left to tell.
    let mut lines = Vec::new();
    let _ = STATE.try_with(|state| {
        if let Ok(mut state) = state.try_borrow_mut() {
            state.push(level, &text, &mut lines);
        }
    });
    for (level, line) in lines {
        deliver(level, &line);
    }
}

/// Told the words of an assert of llama.cpp that failed. What becomes of it is decided in `shim/assert.cpp`.
pub(crate) extern "C" fn on_abort(message: *const c_char) {
    if message.is_null() {
        return;
    }
    // SAFETY: the shim passes a NUL-terminated text that it keeps during the call.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    deliver(LogLevel::Error, &message);
}

struct State {
    level: LogLevel,
    line: String,
    /// The error lines of the guarded call under way, if there is one.
    errors: Option<Vec<String>>,
}

impl State {
    const fn new() -> Self {
        Self { level: LogLevel::Info, line: String::new(), errors: None }
    }

    fn push(&mut self, level: i32, text: &str, lines: &mut Vec<(LogLevel, String)>) {
        if let Some(level) = level_of(level) {
            // Not a continuation: an unfinished line ends here.
            lines.extend(self.finish_line());
            self.level = level;
        }
        for piece in text.split_inclusive('\n') {
            // Out of memory is what llama.cpp may be about to say: a line less, not the process's end.
            if self.line.try_reserve(piece.len()).is_ok() {
                self.line.push_str(piece.trim_end_matches('\n'));
            }
            if piece.ends_with('\n') {
                lines.extend(self.finish_line());
            }
        }
    }

    fn finish_line(&mut self) -> Option<(LogLevel, String)> {
        if self.line.is_empty() {
            return None;
        }
        let line = std::mem::take(&mut self.line);
        if let (LogLevel::Error, Some(errors)) = (self.level, &mut self.errors) {
            errors.push(line.clone());
        }
        Some((self.level, line))
    }
}

/// `None` for GGML_LOG_LEVEL_CONT, which continues the line before.
fn level_of(level: i32) -> Option<LogLevel> {
    match level {
        1 => Some(LogLevel::Debug),
        3 => Some(LogLevel::Warn),
        4 => Some(LogLevel::Error),
        5 => None,
        _ => Some(LogLevel::Info),
    }
}

/// llama.cpp logs from the cause outwards, each line with its function's name in front ("f: failed to …"): the names go,
/// and the lines become one sentence.
fn join(lines: &[String]) -> String {
    let mut message = String::new();
    for line in lines {
        let words = match line.split_once(": ") {
            Some((function, words)) if !function.contains(' ') => words,
            _ => line,
        };
        let words = words.trim();
        if words.is_empty() || message.contains(words) {
            continue;
        }
        if !message.is_empty() {
            message.push_str("; ");
        }
        message.push_str(words);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[(i32, &str)]) -> Vec<(LogLevel, String)> {
        let mut state = State::new();
        let mut lines = Vec::new();
        for (level, text) in pieces {
            state.push(*level, text, &mut lines);
        }
        lines
    }

    #[test]
    fn a_continuation_belongs_to_the_line_before() {
        let got = lines(&[(3, "half "), (5, "a line\n"), (2, "two\nlines\n")]);
        let want = [(LogLevel::Warn, "half a line"), (LogLevel::Info, "two"), (LogLevel::Info, "lines")];
        assert_eq!(got, want.map(|(level, line)| (level, line.to_owned())));
    }

    #[test]
    fn a_new_message_ends_an_unfinished_line() {
        let got = lines(&[(4, "no newline"), (1, "next\n")]);
        let want = [(LogLevel::Error, "no newline"), (LogLevel::Debug, "next")];
        assert_eq!(got, want.map(|(level, line)| (level, line.to_owned())));
    }

    #[test]
    fn error_lines_of_a_call_become_one_message() {
        let (value, message) = collect_errors(|| {
            for text in [c"load_file: bad magic\n", c"load: bad magic\n", c"outer: gave up\n"] {
                on_log(4, text.as_ptr(), std::ptr::null_mut());
            }
            on_log(2, c"not an error\n".as_ptr(), std::ptr::null_mut());
            7
        });
        assert_eq!((value, message.as_str()), (7, "bad magic; gave up"));
    }

    #[test]
    fn an_abort_reaches_the_handler_as_an_error() {
        static SEEN: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
        set_handler(|level, line| {
            if level == LogLevel::Error {
                SEEN.lock().unwrap().push(line.to_owned());
            }
        });
        on_abort(c"ggml.c:1: GGML_ASSERT(x) failed".as_ptr());
        assert!(SEEN.lock().unwrap().contains(&"ggml.c:1: GGML_ASSERT(x) failed".to_owned()));
    }

    #[test]
    fn calls_nest() {
        let (_, outer) = collect_errors(|| {
            let (_, inner) = collect_errors(|| on_log(4, c"f: inner".as_ptr(), std::ptr::null_mut()));
            assert_eq!(inner, "inner");
            on_log(4, c"f: outer".as_ptr(), std::ptr::null_mut());
        });
        assert_eq!(outer, "outer");
    }
}
