//! `models`: what was downloaded, listed, removed, checked.

use std::path::Path;

use chaku::hub::{self, Cached, Checked, State};
use chaku::{Error, Reason};
use serde_json::json;

use crate::args::Settings;
use crate::failure::{Failure, Result};
use crate::output::print_json;
use crate::terminal::{Look, Progress, print};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let words: Vec<&str> = settings.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["list"] => list(settings),
        ["remove"] => Err(Failure::usage("say what to remove: `chaku models remove USER/REPO[:TAG]`")),
        ["remove", names @ ..] => remove(names, settings),
        ["verify", names @ ..] => verify(names, settings),
        [other, ..] => Err(Failure::usage(format!("`models` can list, remove and verify, not `{other}`"))),
    }
}

fn list(settings: &Settings) -> Result<()> {
    let models = hub::cached(settings.options()).map_err(Failure::of_load)?;
    if settings.is_on("json") {
        let object = |it: &Cached| json!({ "name": it.name, "size": it.size, "commit": it.commit, "paths": it.paths });
        return Ok(print_json(&json!({ "models": models.iter().map(object).collect::<Vec<_>>() }))?);
    }
    let width = models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0);
    let line = |model: &Cached| format!("{:width$}  {:>10}\n", model.name, size(model.size));
    Ok(print(&models.iter().map(line).collect::<String>())?)
}

fn remove(names: &[&str], settings: &Settings) -> Result<()> {
    for name in names {
        let freed = hub::remove(name, settings.options()).map_err(Failure::of_load)?;
        if settings.is_on("json") {
            print_json(&json!({ "removed": name, "size": freed }))?;
        } else {
            print(&format!("removed {name}, {}\n", size(freed)))?;
        }
    }
    Ok(())
}

/// Fails when one is damaged, after all of them were checked.
fn verify(names: &[&str], settings: &Settings) -> Result<()> {
    let look = Look::new(settings)?;
    let all: Vec<String> = match names {
        [] => hub::cached(settings.options()).map_err(Failure::of_load)?.into_iter().map(|it| it.name).collect(),
        names => names.iter().map(|&name| name.to_owned()).collect(),
    };
    let mut damaged = 0;
    for name in &all {
        for Checked { path, state, .. } in check(name, settings, look)? {
            damaged += u32::from(state == State::Damaged);
            tell(name, &path, state, settings)?;
        }
    }
    if damaged == 0 {
        return Ok(());
    }
    let message = format!("{damaged} damaged; remove what is, and download it again");
    Err(Failure::of_load(Error::new(Reason::ChecksumMismatch, message)))
}

fn check(name: &str, settings: &Settings, look: Look) -> Result<Vec<Checked>> {
    let bar = Progress::bytes(look, &format!("checking {name}"));
    let count = |done, total| {
        bar.set(done, total);
        true
    };
    hub::verify(name, settings.options(), count).map_err(Failure::of_load)
}

fn tell(name: &str, path: &Path, state: State, settings: &Settings) -> Result<()> {
    let word = match state {
        State::Good => "good",
        State::Damaged => "damaged",
        _ => "unknown",
    };
    if settings.is_on("json") {
        return Ok(print_json(&json!({ "name": name, "path": path, "state": word }))?);
    }
    Ok(print(&format!("{word}  {}\n", path.display()))?)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
