//! The runtime: what all models of a host share, and below it the machinery that runs requests.

mod admit;
pub(crate) mod backend;
pub(crate) mod budget;
pub(crate) mod control;
mod cpus;
pub(crate) mod engine;
mod fit;
mod governor;
pub(crate) mod job;
pub(crate) mod llama_backend;
mod load;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod notifier;
mod pace;
mod params;
mod pause;
mod plan;
mod prefix;
mod prompt_cache;
pub(crate) mod queue;
mod running;
pub(crate) mod save;
pub(crate) mod scheduler;
mod scores;
pub(crate) mod sequences;
pub(crate) mod signal;
mod snapshot;
mod template_file;
pub(crate) mod threads;
pub(crate) mod usage;
mod waiting;
mod watch;
mod window;
pub(crate) mod worker;

pub use plan::{DevicePlan, Plan};
pub use snapshot::Metrics;

use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use crate::error::{Error, Reason, Result};
use crate::hub;
use crate::log::{LogLevel, LogRecord, LogSink};
use crate::model::{self, Model};
use crate::options::{Layers, Options, Scope};
use crate::places::Places;
use crate::request::Request;
use budget::Budget;
use metrics::Fleet;
use notifier::Notifier;
use plan::{Reserved, Shrink};

/// Loads that may be under way at once in one runtime.
const MAX_LOADS: usize = 16;

/// The owner of what models share: defaults, log sink, the thread that wakes event loops. Cloning is cheap. It lives
/// as long as a model, session or request of it does.
#[derive(Clone)]
pub struct Runtime(Arc<Shared>);

struct Shared {
    options: Options,
    log: Mutex<Option<tracing::Dispatch>>,
    /// Alive while a request has a ready hook.
    notifier: Mutex<Weak<Notifier>>,
    loads: Places,
    fleet: Arc<Fleet>,
    /// What the models may take together; `None` = no limit.
    budget: Option<Budget>,
    /// Those that may be unloaded to make room.
    models: Mutex<Vec<Weak<model::Shared>>>,
}

impl Runtime {
    /// A runtime of one's own. Its options are defaults for all models, sessions and requests of it. Most programs
    /// need only [`Runtime::default_runtime`].
    pub fn new(options: &Options) -> Result<Runtime> {
        options.check_scope(Scope::Runtime)?;
        let mib = Layers(vec![options]).i64("memory_budget").filter(|&mib| mib > 0);
        Ok(Runtime(Arc::new(Shared {
            options: options.clone(),
            log: Mutex::new(None),
            notifier: Mutex::new(Weak::new()),
            loads: Places::new(MAX_LOADS),
            fleet: Arc::default(),
            models: Mutex::default(),
            budget: mib.map(|mib| Budget::new((mib as u64) << 20)),
        })))
    }

    /// The process's default runtime. It starts no thread and holds no memory until a model is loaded.
    pub fn default_runtime() -> Runtime {
        static DEFAULT: OnceLock<Runtime> = OnceLock::new();
        DEFAULT.get_or_init(|| Runtime::new(&Options::new()).expect("no option is set, so none can be wrong")).clone()
    }

    /// Sends log lines of models loaded from now on to `sink`: chaku's own and llama.cpp's, up to `level`. Without a
    /// sink a Rust host's `tracing` subscriber gets chaku's events, and nobody else does. Prompt text is never logged
    /// above [`LogLevel::Trace`].
    pub fn set_log_sink(&self, level: LogLevel, sink: impl Fn(&LogRecord<'_>) + Send + Sync + 'static) {
        let before = self.0.log.lock().replace(LogSink::dispatch(level, Box::new(sink)));
        // Not under the lock: dropping a sink may run the caller's code.
        drop(before);
    }

    /// Models loaded from now on log to no sink. Those that are loaded keep theirs.
    pub fn clear_log_sink(&self) {
        let before = self.0.log.lock().take();
        drop(before);
    }

    /// Starts loading a GGUF file, or downloading and then loading a model: the path may be a spec ([`crate::hub`]). The request reports progress; [`Request::model`] yields the model at the end.
    pub fn load(&self, path: &Path, options: &Options) -> Result<Request> {
        let log = self.dispatch();
        // A runtime has no log before somebody asks for one.
        self.options().accept(Scope::Runtime, log.as_ref())?;
        options.accept(Scope::Model, log.as_ref())?;
        load::start(self, path, options)
    }

    /// Downloads a model, unless it is in the cache: see [`crate::hub`]. The request reports progress in bytes;
    /// [`Request::paths`] yields its files at the end. A load does the same by itself, when it is given a spec as its path.
    pub fn download(&self, spec: &str, options: &Options) -> Result<Request> {
        options.accept(Scope::Model, self.dispatch().as_ref())?;
        hub::start(self, spec, options, self.begin_load()?)
    }

    /// Loads a GGUF file and waits for it.
    pub fn load_blocking(&self, path: &Path, options: &Options) -> Result<Model> {
        let request = self.load(path, options)?;
        let end = request.run(|_| true)?;
        match &end.error {
            Some(error) => Err(error.clone()),
            None => request.model(),
        }
    }

    /// What loading a GGUF file with these options would take, and the sizes it would have. Reads the file up to its
    /// weights; nothing is loaded, nor downloaded: what a spec stands for must be in the cache. Also for models that only
    /// embed, which cannot be loaded yet.
    pub fn plan(&self, path: &Path, options: &Options) -> Result<Plan> {
        options.accept(Scope::Model, self.dispatch().as_ref())?;
        load::plan(self, path, options)
    }

    /// The numbers of all its models together. What those did that are gone stays counted.
    pub fn metrics(&self) -> Metrics {
        self.0.fleet.snapshot()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn dispatch(&self) -> Option<tracing::Dispatch> {
        self.0.log.lock().clone()
    }

    pub(crate) fn notifier(&self) -> Result<Arc<Notifier>> {
        let mut current = self.0.notifier.lock();
        if let Some(notifier) = current.upgrade() {
            return Ok(notifier);
        }
        let notifier = Notifier::start()?;
        *current = Arc::downgrade(&notifier);
        Ok(notifier)
    }

    /// Chooses sizes that fit what is left of the budget, and takes their part. `None` = there is no budget.
    fn reserve(&self, path: &Path, layers: &Layers<'_>) -> Result<Option<Reserved>> {
        let Some(budget) = &self.0.budget else { return Ok(None) };
        let _choosing = budget.choose();
        let is_full = |error: &Error| error.reason() == Reason::MemoryBudget;
        // Idle models go before the window shrinks.
        while self.layers().bool("unload_idle") {
            match plan::reserve(path, layers, budget, Shrink::Not) {
                Err(error) if is_full(&error) && self.unload_idlest() => {}
                Err(error) if is_full(&error) => break,
                reserved => return reserved.map(Some),
            }
        }
        plan::reserve(path, layers, budget, Shrink::ToFit).map(Some)
    }

    /// Unloads the model that nobody has asked anything for the longest time; `false` = all are in use.
    fn unload_idlest(&self) -> bool {
        let mut models: Vec<_> = self.0.models.lock().iter().filter_map(Weak::upgrade).collect();
        models.sort_by_key(|model| model.worker.control.usage.idle_since());
        models.iter().any(|model| model.unload())
    }

    /// Remembers a model that may be unloaded to make room.
    fn remember(&self, model: &Model) {
        let mut models = self.0.models.lock();
        models.retain(|model| model.strong_count() > 0);
        models.push(Arc::downgrade(&model.0));
    }

    fn layers(&self) -> Layers<'_> {
        Layers(vec![self.options()])
    }

    /// Counts a load until the guard is dropped.
    fn begin_load(&self) -> Result<LoadGuard> {
        if !self.0.loads.take() {
            let message = format!("{MAX_LOADS} models are being loaded or downloaded already; wait for one");
            return Err(Error::new(Reason::QueueFull, message).with("limit", MAX_LOADS));
        }
        Ok(LoadGuard(self.clone()))
    }
}

/// One of the loads and downloads that may be under way at once.
pub(crate) struct LoadGuard(Runtime);

impl LoadGuard {
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0
    }
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        self.0.0.loads.give_back();
    }
}
