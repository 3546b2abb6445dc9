//! The `preset.ini` of a repository: how whoever made it thinks that a model should be run. It may say little
//! ([`chaku::options::MAY_BE_REMOTE`]), and all that is said here counts more.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chaku::options::{self, Config};
use chaku::{Reason, hub};

use crate::args::{Settings, host_keys};
use crate::failure::{Failure, Result};
use crate::model_source::{asked, download, of_hub, quiet_runtime};
use crate::terminal::{Look, note};

const FILE: &str = "preset.ini";

/// The program's keys that it may have: which model of the hub is meant. No path, no URL, no command.
const MAY_NAME: &[&str] = &["hf-repo", "hf-file"];

/// Longer is nothing that somebody wrote.
const LONGEST: u64 = 1 << 20;

/// What a repository's preset comes to.
pub(crate) struct Preset {
    pub(crate) settings: options::Settings,
    /// It has the preset that was asked for by name.
    pub(crate) is_chosen: bool,
    /// The model that it is for, where that is not the one that was asked for.
    pub(crate) model: Option<String>,
}

/// The settings with the preset of the model's repository below them, if it has one.
pub(crate) fn settled(settings: &Settings, look: Look) -> Result<Settings> {
    let name = asked(settings)?;
    settled_for(name.to_str().unwrap_or_default(), settings, look)
}

/// The same for this model, whichever the settings ask for.
pub(crate) fn settled_for(spec: &str, settings: &Settings, look: Look) -> Result<Settings> {
    of(spec, settings, look)?.map_or_else(|| Ok(settings.clone()), |preset| settings.over(&preset))
}

/// The preset of the repository that a spec names, unless it names a file.
fn of(spec: &str, settings: &Settings, look: Look) -> Result<Option<Preset>> {
    let Some(name) = spec.strip_prefix("hf:").filter(|name| name.matches('/').count() == 1) else { return Ok(None) };
    let (repo, tag) = name.split_once(':').map_or((name, None), |(repo, tag)| (repo, Some(tag)));
    let Some(file) = fetch(spec, repo, settings, look)? else { return Ok(None) };
    let place = Path::new(repo).join(FILE);
    let mut config = Config::for_host(host_keys());
    config.add_remote_text(&read(&file, &place)?, &place, MAY_NAME)?;
    let chosen = choose(&config, settings.preset(), &place)?;
    let settings = config.settings(chosen.as_deref())?;
    for it in config.ignored() {
        note(&format!("{}: `{}` is read over: {}", it.source, it.name, it.why));
    }
    let model = match (settings.host("hf-repo"), settings.host("hf-file")) {
        // Who says a tag means a model of this very repository.
        _ if tag.is_some() => None,
        (None, None) => None,
        (other, file) => Some(of_hub(other.unwrap_or(repo), file)),
    };
    Ok(Some(Preset { settings, is_chosen: chosen.is_some(), model }))
}

/// Where the preset is on this machine; `None` = there is none.
fn fetch(spec: &str, repo: &str, settings: &Settings, look: Look) -> Result<Option<PathBuf>> {
    match download(&quiet_runtime(settings)?, &of_hub(repo, Some(FILE)), look) {
        Ok(paths) => Ok(paths.first().cloned()),
        Err(failure) => match failure.error.as_ref().map(chaku::Error::reason) {
            Some(Reason::HubNotFound | Reason::Offline) => Ok(None),
            // What was downloaded before had none either.
            Some(Reason::HubUnavailable) if hub::find(spec, settings.options()).is_ok() => Ok(None),
            _ => Err(failure),
        },
    }
}

fn read(file: &Path, place: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    read.map_err(|error| Failure::failed(format!("cannot read {}: {error}", place.display())))?;
    if text.len() as u64 > LONGEST {
        return Err(Failure::failed(format!("{} is larger than 1 MiB, and so no preset", place.display())));
    }
    Ok(text)
}

/// The one that was asked for, or the only one there is.
fn choose(config: &Config, wanted: Option<&str>, place: &Path) -> Result<Option<String>> {
    if let Some(wanted) = wanted {
        return Ok(config.settings(Some(wanted)).is_ok().then(|| wanted.to_owned()));
    }
    match config.presets().as_slice() {
        [] => Ok(None),
        [only] => Ok(Some((*only).to_owned())),
        several => {
            let several = several.join(", ");
            Err(Failure::usage(format!("{} has several presets; choose one with --preset: {several}", place.display())))
        }
    }
}
