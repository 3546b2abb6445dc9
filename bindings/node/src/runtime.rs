//! Runtimes, and where their logs go.

use chaku_abi::LogLevel;

use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::log::Logs;
use crate::napi::bindgen_prelude::Object;
use crate::napi::{self, napi};
use crate::options::options;

/// A runtime of one's own.
#[napi]
pub struct Runtime {
    pub(crate) handle: Handle<chaku_abi::Runtime>,
}

/// Makes a runtime.
#[napi]
pub fn new_runtime(settings: Option<Object<'_>>) -> napi::Result<Outcome<Runtime>> {
    let runtime = options(settings)?.and_then(|options| chaku_abi::Runtime::new(&options));
    Ok(outcome(runtime.map(|runtime| Runtime { handle: Handle::new("runtime", runtime) })))
}

#[napi]
impl Runtime {
    /// Opens a log for the models loaded from now on. Says under which number.
    #[napi]
    pub fn open_log(&self, logs: &Logs, level: i32) -> Outcome<u32> {
        let log = logs.open();
        let id = log.id;
        let sink = move |level: i32, target: &str, message: &str| log.write(level, target, message);
        outcome(self.handle.get().and_then(|runtime| runtime.set_log(log_level(level), sink)).map(|()| id))
    }

    /// Models loaded from now on log nowhere.
    #[napi]
    pub fn close_log(&self) -> Outcome<()> {
        outcome(self.handle.get().and_then(|runtime| runtime.clear_log()))
    }

    /// Frees the handle.
    #[napi]
    pub fn free(&self) {
        self.handle.free();
    }
}

fn log_level(level: i32) -> LogLevel {
    let all = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    all.into_iter().find(|known| *known as i32 == level).unwrap_or(LogLevel::Info)
}
