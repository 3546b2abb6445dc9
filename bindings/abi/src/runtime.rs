//! Runtimes: the owner of models, of their limits and of the log.

use std::ptr;

use crate::buffer;
use crate::c;
use crate::call::{call, call_for};
use crate::callback::{destroy, log, user_data};
use crate::error::Result;
use crate::handle::owner;
use crate::options::Options;
use crate::text::c_string;

owner!(
    /// A runtime of one's own. Where none is given, the default one is meant.
    Runtime owns chaku_runtime, freed by chaku_runtime_free
);

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum LogLevel {
    /// Something failed that no request reports.
    Error = c::CHAKU_LOG_ERROR,
    /// Something is wrong but work goes on.
    Warn = c::CHAKU_LOG_WARN,
    /// What happens, a few lines a load.
    Info = c::CHAKU_LOG_INFO,
    /// Each request, and what llama.cpp says.
    Debug = c::CHAKU_LOG_DEBUG,
    /// Everything, prompt text included.
    Trace = c::CHAKU_LOG_TRACE,
}

impl Runtime {
    /// A new runtime.
    pub fn new(options: &Options) -> Result<Self> {
        // SAFETY: the outputs are local variables.
        call_for(ptr::null_mut(), |out, error| unsafe { c::chaku_runtime_new(options.raw(), out, error) })
            .map(Runtime::own)
    }

    /// Sends the log of models loaded from now on to `sink`, with level number, target and message. The sink must call
    /// nothing of chaku.
    pub fn set_log<F: Fn(i32, &str, &str) + Send + Sync + 'static>(&self, level: LogLevel, sink: F) -> Result<()> {
        let (raw, sink) = (self.raw(), user_data(sink));
        // SAFETY: `sink` is a boxed `F`, which `destroy` frees, also when this call fails; `error` is writable.
        call(|error| unsafe {
            c::chaku_runtime_set_log(raw, level as i32, Some(log::<F>), sink, Some(destroy::<F>), error)
        })
    }

    /// The numbers of all models of a runtime (`None` = the default one) together, as JSON.
    pub fn metrics(runtime: Option<&Runtime>) -> Result<String> {
        let runtime = raw_or_default(runtime);
        // SAFETY: the outputs are local variables.
        buffer::text(|out, error| unsafe { c::chaku_runtime_metrics(runtime, out, error) })
    }

    /// What a model would take in a runtime (`None` = the default one), without loading it, as JSON.
    pub fn plan(runtime: Option<&Runtime>, path: &str, options: &Options) -> Result<String> {
        let path = c_string(path, "path")?;
        let runtime = raw_or_default(runtime);
        // SAFETY: the path is NUL-terminated and outlives the call; the outputs are local variables.
        buffer::text(|out, error| unsafe { c::chaku_runtime_plan(runtime, path.as_ptr(), options.raw(), out, error) })
    }

    /// Models loaded from now on log nowhere.
    pub fn clear_log(&self) -> Result<()> {
        let level = LogLevel::Error as i32;
        // SAFETY: no callback, so nothing but `error` is written to.
        call(|error| unsafe { c::chaku_runtime_set_log(self.raw(), level, None, ptr::null_mut(), None, error) })
    }
}

/// The handle of a runtime; NULL is the default one.
pub(crate) fn raw_or_default(runtime: Option<&Runtime>) -> *mut c::chaku_runtime {
    runtime.map_or(ptr::null_mut(), Runtime::raw)
}
