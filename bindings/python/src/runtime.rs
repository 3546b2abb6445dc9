//! Runtimes, and their log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chaku_abi::LogLevel;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::Result;
use crate::options::options;
use crate::text::text;

/// How many log lines are kept until Python asks for them; then the oldest go.
const KEPT_LINES: usize = 4096;

/// A runtime of one's own.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Runtime {
    runtime: chaku_abi::Runtime,
    log: Arc<Mutex<Log>>,
}

/// Time in seconds since 1970, level from 1, target and message.
type Line = (f64, i32, String, String);

#[derive(Default)]
struct Log {
    lines: VecDeque<Line>,
    dropped: u64,
}

#[pymethods]
impl Runtime {
    #[new]
    fn new(py: Python<'_>, keywords: &Bound<'_, PyDict>) -> Result<Self> {
        let options = options(keywords)?;
        let runtime = py.detach(|| chaku_abi::Runtime::new(&options))?;
        Ok(Runtime { runtime, log: Arc::default() })
    }

    /// Keeps the log of models loaded from now on up to a level, from 1 = errors to 5 = everything; 0 = no log.
    fn set_log(&self, level: usize) -> Result<()> {
        use LogLevel::{Debug, Error, Info, Trace, Warn};
        let Some(&level) = [Error, Warn, Info, Debug, Trace].get(level.wrapping_sub(1)) else {
            return Ok(self.runtime.clear_log()?);
        };
        let log = self.log.clone();
        let sink = move |level: i32, target: &str, message: &str| {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
            let line = (time, level, target.to_owned(), message.to_owned());
            log.lock().add(line);
        };
        Ok(self.runtime.set_log(level, sink)?)
    }

    /// The lines since the last call, and how many more there were, which nobody fetched in time.
    fn drain_log(&self) -> (Vec<Line>, u64) {
        let log = std::mem::take(&mut *self.log.lock());
        (log.lines.into(), log.dropped)
    }
}

/// The numbers of all models of a runtime (None = the default one) together, as JSON.
#[pyfunction]
#[pyo3(signature = (runtime))]
pub(crate) fn metrics(py: Python<'_>, runtime: Option<&Runtime>) -> Result<String> {
    let runtime = runtime.map(Runtime::get);
    Ok(py.detach(|| chaku_abi::Runtime::metrics(runtime))?)
}

/// What a model would take in a runtime (None = the default one), as JSON.
#[pyfunction]
#[pyo3(signature = (runtime, path, keywords))]
pub(crate) fn plan(
    py: Python<'_>,
    runtime: Option<&Runtime>,
    path: &Bound<'_, PyString>,
    keywords: &Bound<'_, PyDict>,
) -> Result<String> {
    let (runtime, path, options) = (runtime.map(Runtime::get), text(path)?, options(keywords)?);
    Ok(py.detach(|| chaku_abi::Runtime::plan(runtime, path, &options))?)
}

impl Runtime {
    pub(crate) fn get(&self) -> &chaku_abi::Runtime {
        &self.runtime
    }
}

impl Log {
    fn add(&mut self, line: Line) {
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}
