//! Runtimes, and where their logs go.

use std::sync::Arc;

use chaku_abi::LogLevel;

use crate::failure::{Outcome, outcome};
use crate::handle::Handle;
use crate::log::Logs;
use crate::napi::bindgen_prelude::{AsyncTask, Object};
use crate::napi::{self, napi};
use crate::options::options;
use crate::work::Work;

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

/// What a model would take in a runtime, or in the default one, as JSON.
#[napi]
pub fn plan(
    runtime: Option<&Runtime>,
    path: String,
    settings: Option<Object<'_>>,
) -> napi::Result<AsyncTask<Work<String>>> {
    let runtime = runtime.map(|runtime| runtime.handle.get()).transpose();
    let given = options(settings)?.and_then(|options| Ok(Arc::new((runtime?, options))));
    let plan =
        move |(runtime, options): &(Option<Arc<_>>, _)| chaku_abi::Runtime::plan(runtime.as_deref(), &path, options);
    Ok(Work::with(given, plan))
}

/// The numbers of a runtime, or of the default one, as JSON.
#[napi]
pub fn metrics(runtime: Option<&Runtime>) -> Outcome<String> {
    let runtime = runtime.map(|runtime| runtime.handle.get()).transpose();
    outcome(runtime.and_then(|runtime| chaku_abi::Runtime::metrics(runtime.as_deref())))
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
