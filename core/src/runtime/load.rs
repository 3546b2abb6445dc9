//! Loading a model: a request like any other, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chaku_llama::Context;

use super::budget::Budget;
use super::control::Control;
use super::engine::Settings;
use super::fit::Choice;
use super::llama_backend::LlamaBackend;
use super::memory;
use super::metrics::Recorder;
use super::params::{context_params, is_mapped, model_params, refused, uses_gpu};
use super::plan::{self, Plan, Shrink};
use super::signal::Signal;
use super::template_file;
use super::threads::AdaptiveThreads;
use super::worker::{Worker, panicked};
use super::{LoadGuard, Runtime};
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Final, Phase, Progress};
use crate::hub;
use crate::model::Model;
use crate::options::{Layers, Options};
use crate::request::{Product, Request, Shared};
use crate::terms::Terms;

/// The vocabulary and the graph are built on this thread; llama.cpp recurses little, but not nothing.
const LOAD_STACK: usize = 8 << 20;

/// Progress is counted in thousandths.
const PROGRESS_TOTAL: u64 = 1000;

/// The window when none is asked for: enough for a chat, small enough for a phone.
const DEFAULT_CTX_SIZE: u32 = 4096;

pub(super) fn start(runtime: &Runtime, path: &Path, options: &Options) -> Result<Request> {
    hub::spec_of(path).map_or(Ok(()), hub::check)?;
    let layers = Layers(vec![runtime.options(), options]);
    // One for the load, the model and its requests, whatever happens to the runtime's meanwhile.
    let dispatch = runtime.dispatch();
    let shared = Shared::new("load", &Terms::read(&layers), Arc::new(Signal::default()), dispatch.as_ref());
    let guard = runtime.begin_load()?;
    let (request, path, options) = (shared.clone(), path.to_owned(), options.clone());
    let run = move || {
        let _logged = dispatch.as_ref().map(tracing::dispatcher::set_default);
        run(&request, path, options, dispatch.as_ref(), guard);
    };
    std::thread::Builder::new()
        .name("chaku-load".into())
        .stack_size(LOAD_STACK)
        .spawn(run)
        .map_err(|error| Error::new(Reason::NoThread, format!("cannot start a thread to load the model: {error}")))?;
    Ok(Request::new(shared, runtime.clone()))
}

/// Plans on a thread of its own, whose stack is large enough.
pub(super) fn plan(runtime: &Runtime, path: &Path, options: &Options) -> Result<Plan> {
    crate::log::init()?;
    memory::check_room()?;
    let (dispatch, layers) = (runtime.dispatch(), Layers(vec![runtime.options(), options]));
    let available = runtime.0.budget.as_ref().map(Budget::left);
    let found = hub::spec_of(path).map(|spec| hub::in_cache(spec, &layers)).transpose()?;
    let path = found.as_deref().unwrap_or(path);
    let run = || {
        let _logged = dispatch.as_ref().map(tracing::dispatcher::set_default);
        plan::choose(path, &layers, available, Shrink::ToFit)
            .map(|(plan, _)| plan)
            .map_err(|error| error.with("path", path.display()))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("chaku-plan".into()).stack_size(LOAD_STACK);
        let thread = thread.spawn_scoped(scope, run).map_err(|error| {
            Error::new(Reason::NoThread, format!("cannot start a thread to plan the model: {error}"))
        })?;
        thread.join().unwrap_or_else(|panic| Err(panicked(&*panic)))
    })
}

fn run(request: &Arc<Shared>, path: PathBuf, options: Options, dispatch: Option<&tracing::Dispatch>, guard: LoadGuard) {
    let loaded = request.span.in_scope(|| {
        catch_unwind(AssertUnwindSafe(|| load(request, &path, options, dispatch, &guard.0)))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
    });
    // Before the final event, so that whoever reads it may load the next model.
    drop(guard);
    match loaded {
        Ok(model) => request.finish_with(Product::Model(model)),
        Err(error) => {
            let path = hub::spec_of(&path).map_or_else(|| path.display().to_string(), hub::shown);
            request.finish(Final::failed(error.with("path", path)));
        }
    }
}

fn load(
    request: &Arc<Shared>,
    path: &Path,
    options: Options,
    dispatch: Option<&tracing::Dispatch>,
    runtime: &Runtime,
) -> Result<Model> {
    crate::log::init()?;
    memory::check_room()?;
    let options = template_file::resolve(runtime.options(), options)?;
    let layers = Layers(vec![runtime.options(), &options]);
    let fetched = hub::spec_of(path).map(|spec| hub::fetch(request, spec, &layers)).transpose()?;
    let path = fetched.as_ref().and_then(|paths| paths.first()).map_or(path, PathBuf::as_path);
    let reserved = runtime.reserve(path, &layers)?;
    let mut params = model_params(&layers)?;
    if let Some(reserved) = &reserved {
        params.gpu_layers = reserved.sizes.gpu_layers as i32;
    }
    let on_gpu = uses_gpu(&params);
    if !is_mapped(&params) && !on_gpu {
        memory::check_weights(path.metadata().map_or(0, |file| file.len()))?;
    }
    let mut progress = |fraction: f32| {
        let done = (f64::from(fraction) * PROGRESS_TOTAL as f64) as u64;
        request.push(Event::Progress(Progress { phase: Phase::Load, done, total: PROGRESS_TOTAL }));
        request.must_stop(Instant::now()).is_none()
    };
    let stopped = |error: chaku_llama::Error| match error {
        chaku_llama::Error::Cancelled => request.must_stop(Instant::now()).unwrap_or_else(|| error.into()),
        other => refused(other),
    };
    let model = chaku_llama::Model::load(path, &params, &mut progress).map_err(stopped)?;
    if let Some(error) = request.must_stop(Instant::now()) {
        return Err(error);
    }
    let sizes = reserved.as_ref().map_or_else(|| Sizes::read(&layers, model.n_ctx_train()), |reserved| reserved.sizes);
    let max_sessions = layers.i64("max_sessions").unwrap_or(1) as usize;
    let params = context_params(&layers, &sizes)?;
    if !on_gpu {
        memory::check_context(&model, &params)?;
    }
    let context = Context::new(&model, &params).map_err(refused)?;
    tracing::info!(target: "chaku::load", model = model.description(), ctx_size = context.n_ctx(), "loaded");
    let ctx_size = sizes.window(context.n_ctx());
    let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let metrics = Recorder::new(&name, &runtime.0.fleet);
    let control = Control::with_metrics(layers.i64("queue_limit").unwrap_or(1) as usize, metrics);
    let adapt = !layers.bool("fixed_shape") && layers.bool("adapt_threads");
    let threads = AdaptiveThreads::new(params.threads, params.threads_batch, adapt);
    let (weights, context_share) = reserved.map_or((None, None), |it| (Some(it.weights), Some(it.context)));
    let backend = LlamaBackend::new(model.clone(), context, threads, ctx_size as usize, context_share);
    memory::check_room()?;
    let settings = settings(&layers, &sizes);
    let worker = Worker::start(backend, control, settings, dispatch.cloned())?;
    memory::check_room()?;
    let model =
        Model::new((model, weights), worker, options, runtime.clone(), dispatch.cloned(), max_sessions, ctx_size);
    runtime.remember(&model);
    Ok(model)
}

/// How large what a model keeps beside its weights is, and how much of it goes to GPUs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Tokens in the window of a session.
    window: u32,
    /// Tokens in the KV cache, of all sessions together. Invariant: at least `window`.
    pub(super) n_ctx: u32,
    pub(super) max_running: u32,
    pub(super) gpu_layers: u32,
    /// Bytes of computed prompts.
    pub(super) prompt_cache: u64,
}

impl Sizes {
    /// As the options say, of a model trained with a window of `trained`, and on no GPU.
    pub(super) fn read(layers: &Layers<'_>, trained: u32) -> Self {
        let fixed_shape = layers.bool("fixed_shape");
        let number = |key| layers.i64(key).unwrap_or(0) as u32;
        let window = match layers.i64("ctx_size") {
            None => trained.min(DEFAULT_CTX_SIZE),
            Some(0) => trained,
            Some(size) => size as u32,
        };
        Sizes {
            window,
            n_ctx: window.max(number("kv_pool")),
            max_running: if fixed_shape { 1 } else { number("max_running").max(1) },
            gpu_layers: 0,
            // What was computed in other shapes would make the text depend on it.
            prompt_cache: if fixed_shape { 0 } else { u64::from(number("prompt_cache_mib")) << 20 },
        }
    }

    /// The same with what was chosen to fit.
    pub(super) fn with(self, choice: Choice) -> Self {
        let Choice { n_ctx, gpu_layers } = choice;
        Sizes { n_ctx, gpu_layers, window: self.window.min(n_ctx), ..self }
    }

    /// The window of a session, when llama.cpp made a KV cache of so many tokens.
    pub(super) fn window(&self, n_ctx: u32) -> u32 {
        self.window.next_multiple_of(256).min(n_ctx)
    }
}

fn settings(layers: &Layers<'_>, sizes: &Sizes) -> Settings {
    Settings {
        max_running: sizes.max_running as usize,
        share: !layers.bool("fixed_shape"),
        step_target: Duration::from_millis(layers.i64("step_target_ms").unwrap_or(1) as u64),
        prompt_cache: usize::try_from(sizes.prompt_cache).unwrap_or(usize::MAX),
    }
}
