//! Where a model comes from, and how it is loaded. All commands load through here.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaku::options::Source;
use chaku::{Event, LogLevel, Model, Options, Phase, Request, Runtime, hub};
use parking_lot::Mutex;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::interrupt::Watch;
use crate::preset;
use crate::terminal::{Look, Progress, note};

/// A model that is ready.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    /// What to call it: the file's name.
    pub(crate) name: String,
}

/// The model that the settings ask for: a path, or a spec of what may have to be downloaded.
pub(crate) fn find(settings: &Settings) -> Result<PathBuf> {
    match settings.preset_model()? {
        Some(name) => Ok(PathBuf::from(name)),
        None => asked(settings),
    }
}

/// The same, whatever the preset of its repository says.
pub(crate) fn asked(settings: &Settings) -> Result<PathBuf> {
    let name = |flag| settings.text(flag).filter(|name| !name.is_empty());
    let (repo, file) = (name("hf-repo"), name("hf-file"));
    if let (None, Some(_), Some(Source::Explicit { .. })) = (repo, file, settings.source("hf-file")) {
        return Err(Failure::usage("`-hff` names a file of a repository; say which one with -hf USER/REPO"));
    }
    let asked = [
        ("hf-repo", repo.map(|repo| of_hub(repo, file))),
        ("model-url", name("model-url").map(str::to_owned)),
        ("model", name("model").map(str::to_owned)),
    ];
    let mut asked: Vec<_> =
        asked.into_iter().filter_map(|(flag, name)| Some((strength(settings.source(flag)), name?))).collect();
    // The first of those that were said most plainly.
    asked.sort_by_key(|(strength, _)| std::cmp::Reverse(*strength));
    match asked.as_slice() {
        [] => Err(Failure::usage("there is no model; give one with -m FILE or -hf USER/REPO")),
        [(EXPLICIT, _), (EXPLICIT, _), ..] => Err(Failure::usage("give one of -m, -hf and -mu")),
        [(_, name), ..] => locate(name, settings),
    }
}

const EXPLICIT: u8 = 3;

fn strength(source: Option<&Source>) -> u8 {
    match source {
        Some(Source::Explicit { .. }) => EXPLICIT,
        Some(Source::Environment { .. }) => 2,
        Some(Source::File { preset: Some(_), .. }) => 1,
        _ => 0,
    }
}

/// What llama.app says in two flags, as a spec.
pub(crate) fn of_hub(repo: &str, file: Option<&str>) -> String {
    let repo = repo.strip_prefix("hf:").unwrap_or(repo);
    match file {
        Some(file) => format!("hf:{}/{file}", repo.split(':').next().unwrap_or_default()),
        None => format!("hf:{repo}"),
    }
}

/// The file of a model, which must be in the cache if it is one of the hub's.
pub(crate) fn local(path: PathBuf, settings: &Settings) -> Result<PathBuf> {
    match path.to_str().filter(|name| hub::is_spec(name)) {
        Some(spec) => {
            let found = hub::find(spec, settings.options()).map_err(Failure::of_load)?;
            Ok(found.into_iter().next().unwrap_or(path))
        }
        None => Ok(path),
    }
}

/// Downloads a model, with a bar on the standard error.
pub(crate) fn download(runtime: &Runtime, spec: &str, look: Look) -> Result<Arc<[PathBuf]>> {
    let request = Arc::new(runtime.download(spec, &Options::new()).map_err(Failure::of_load)?);
    watch(&request, look, spec)?;
    Ok(request.paths()?)
}

/// The file that a model's name stands for: a path, or a spec.
pub(crate) fn locate(name: &str, _settings: &Settings) -> Result<PathBuf> {
    Ok(PathBuf::from(name))
}

/// Loads the model of this name into a runtime.
pub(crate) fn load_named(runtime: &Runtime, name: &str, settings: &Settings, look: Look) -> Result<Loaded> {
    load_file(runtime, &locate(name, settings)?, look)
}

/// Loads the model that the settings ask for, with all their options.
pub(crate) fn load(settings: &Settings, look: Look) -> Result<Loaded> {
    let settings = preset::settled(settings, look)?;
    load_file(&runtime(&settings)?, &find(&settings)?, look)
}

/// A runtime that has the options of the settings for all that is done in it.
pub(crate) fn runtime(settings: &Settings) -> Result<Runtime> {
    let runtime = quiet_runtime(settings)?;
    for clamped in settings.options().clamped() {
        note(&format!("`{}` is {}, outside its range; {} is taken", clamped.key, clamped.given, clamped.taken));
    }
    Ok(runtime)
}

/// The same, for what is done before the settings are complete.
pub(crate) fn quiet_runtime(settings: &Settings) -> Result<Runtime> {
    let runtime = Runtime::new(settings.options())?;
    set_log(&runtime, settings)?;
    Ok(runtime)
}

/// Loads a file, with a bar on the standard error.
pub(crate) fn load_file(runtime: &Runtime, file: &Path, look: Look) -> Result<Loaded> {
    let name = name_of(file);
    let request = Arc::new(runtime.load(file, &Options::new()).map_err(Failure::of_load)?);
    watch(&request, look, &name)?;
    Ok(Loaded { model: request.model()?, name })
}

/// Waits for a load or a download, with a bar for each of its phases.
fn watch(request: &Arc<Request>, look: Look, name: &str) -> Result<()> {
    let _watch = Watch::new(request.clone());
    let (mut shown, mut bar) = (None, Progress::new(look, name));
    let end = request.run(|event| {
        let Event::Progress(progress) = event else { return true };
        if shown.replace(progress.phase) != Some(progress.phase) {
            bar = match progress.phase {
                Phase::Download => Progress::bytes(look, &format!("downloading {name}")),
                _ => Progress::new(look, &format!("loading {name}")),
            };
        }
        bar.set(progress.done, progress.total);
        true
    })?;
    end.error.clone().map_or(Ok(()), |error| Err(Failure::of_load(error)))
}

/// What to call a model.
fn name_of(file: &Path) -> String {
    match file.to_str().and_then(|name| name.strip_prefix("hf:")) {
        Some(name) => name.to_owned(),
        None => {
            let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            name.split('?').next().unwrap_or_default().to_owned()
        }
    }
}

fn set_log(runtime: &Runtime, settings: &Settings) -> Result<()> {
    let level = match settings.number("verbosity")? {
        Some(0) => return Ok(()),
        Some(1) => LogLevel::Error,
        Some(2) => LogLevel::Warn,
        Some(3) => LogLevel::Info,
        Some(4) => LogLevel::Debug,
        Some(_) => LogLevel::Trace,
        None if settings.is_on("verbose") => LogLevel::Debug,
        None if settings.path("log-file").is_some() => LogLevel::Info,
        // What fails says so by itself, and an answer that is stopped is no error.
        None => return Ok(()),
    };
    let file = match settings.path("log-file") {
        Some(path) => {
            let file = File::options().create(true).append(true).open(&path);
            Some(file.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?)
        }
        None => None,
    };
    let file = Mutex::new(file);
    runtime.set_log_sink(level, move |record| {
        let line = format!("{:?} {}: {}\n", record.level, record.target, record.message);
        // A log that cannot be written must not stop an answer.
        let _ = match file.lock().as_mut() {
            Some(file) => file.write_all(line.as_bytes()),
            None => std::io::stderr().write_all(line.as_bytes()),
        };
    });
    Ok(())
}
