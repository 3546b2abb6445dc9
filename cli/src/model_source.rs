//! Where a model comes from, and how it is loaded. All commands load through here.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaku::{Event, LogLevel, Model, Options, Runtime};
use parking_lot::Mutex;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::interrupt::Watch;
use crate::terminal::{Look, Progress, note};

/// A model that is ready.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    /// What to call it: the file's name.
    pub(crate) name: String,
}

/// The file of the model that the settings ask for.
pub(crate) fn find(settings: &Settings) -> Result<PathBuf> {
    let name = settings.text("model").filter(|name| !name.is_empty());
    locate(name.ok_or_else(|| Failure::usage("there is no model; give one with -m FILE"))?, settings)
}

/// The file that a model's name stands for: a path.
pub(crate) fn locate(name: &str, _settings: &Settings) -> Result<PathBuf> {
    Ok(PathBuf::from(name))
}

/// Loads the model of this name into a runtime.
pub(crate) fn load_named(runtime: &Runtime, name: &str, settings: &Settings, look: Look) -> Result<Loaded> {
    load_file(runtime, &locate(name, settings)?, look)
}

/// Loads the model that the settings ask for, with all their options.
pub(crate) fn load(settings: &Settings, look: Look) -> Result<Loaded> {
    load_file(&runtime(settings)?, &find(settings)?, look)
}

/// A runtime that has the options of the settings for all that is done in it.
pub(crate) fn runtime(settings: &Settings) -> Result<Runtime> {
    let runtime = Runtime::new(settings.options())?;
    for clamped in settings.options().clamped() {
        note(&format!("`{}` is {}, outside its range; {} is taken", clamped.key, clamped.given, clamped.taken));
    }
    set_log(&runtime, settings)?;
    Ok(runtime)
}

/// Loads a file, with a bar on the standard error.
pub(crate) fn load_file(runtime: &Runtime, file: &Path, look: Look) -> Result<Loaded> {
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let request = Arc::new(runtime.load(file, &Options::new()).map_err(Failure::of_load)?);
    let _watch = Watch::new(request.clone());
    let bar = Progress::new(look, &format!("loading {name}"));
    let end = request.run(|event| {
        if let Event::Progress(progress) = event {
            bar.set(progress.done, progress.total);
        }
        true
    })?;
    match &end.error {
        Some(error) => Err(Failure::of_load(error.clone())),
        None => Ok(Loaded { model: request.model()?, name }),
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
