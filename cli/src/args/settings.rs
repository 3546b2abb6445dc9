//! What the command line, the environment and the configuration files come to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chaku::Options;
use chaku::options::{Config, Ignored, Settings as Resolved, Source, resolve};

use super::command::Given;
use super::escapes::unescape;
use super::flags::{OWN, host_keys};
use crate::failure::{Failure, Result};
use crate::preset::Preset;

/// Options whose text may stand in a file: the key of the file, and the option.
const FILES: &[(&str, &str)] =
    &[("system-prompt-file", "system_prompt"), ("grammar-file", "grammar"), ("json-schema-file", "json_schema")];

/// What counts for this call.
#[derive(Clone)]
pub(crate) struct Settings {
    config: Config,
    resolved: Resolved,
    /// The preset that was asked for, and what is wrong if there is none of this name; it may yet be a repository's.
    preset: Option<String>,
    unknown_preset: Option<chaku::Error>,
    /// The model that a repository's preset names in place of itself.
    model: Option<String>,
    /// What is about this call alone, by name.
    call: BTreeMap<String, String>,
    /// What was said without a flag.
    pub(crate) words: Vec<String>,
}

impl Settings {
    /// Reads files and environment, and puts on top of them what was said.
    pub(crate) fn read(given: Given) -> Result<Self> {
        let last =
            |name: &str| given.flags.iter().rev().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str());
        let mut config = Config::for_host(host_keys());
        config.add_process(last("config").map(Path::new)).map_err(|error| Failure::usage(error.to_string()))?;
        let asked = last("preset");
        let mut said = Said { config, call: BTreeMap::new(), stops: Vec::new() };
        for (name, value) in &given.flags {
            said.add(name, value)?;
        }
        let Said { mut config, mut call, stops } = said;
        let unknown_preset = config.settings(asked).err();
        if let Some(error) = unknown_preset.clone().filter(|_| !may_be_of_repository(&given, &config)) {
            return Err(error.into());
        }
        let preset = asked.filter(|_| unknown_preset.is_none());
        let escapes = config.settings(preset)?.host("escape") != Some("off");
        let read = |text: &str| if escapes { unescape(text) } else { text.to_owned() };
        for (name, value) in stops {
            config.set(&name, &read(&value))?;
        }
        call.entry("prompt".to_owned()).and_modify(|prompt| *prompt = read(prompt));
        let resolved = config.settings(preset)?;
        for (file, option) in FILES {
            // The text itself goes before a file of it.
            if let (Some(path), false) = (resolved.host(file), resolved.options().is_set(option)) {
                config.set(&flag(option), &read_text(Path::new(path))?)?;
            }
        }
        let (resolved, preset) = (config.settings(preset)?, asked.map(str::to_owned));
        Ok(Settings { resolved, config, preset, unknown_preset, model: None, call, words: given.words })
    }

    /// The same above what a repository's preset says.
    pub(crate) fn over(&self, remote: &Preset) -> Result<Self> {
        let mut all = self.clone();
        all.config.add_below(&remote.settings);
        all.resolved = all.config.settings(self.preset.as_deref().filter(|_| self.unknown_preset.is_none()))?;
        all.unknown_preset = all.unknown_preset.filter(|_| !remote.is_chosen);
        all.model.clone_from(&remote.model);
        Ok(all)
    }

    /// The preset that was asked for.
    pub(crate) fn preset(&self) -> Option<&str> {
        self.preset.as_deref()
    }

    /// The model that a repository's preset names, once it is known that there is such a preset as was asked for.
    pub(crate) fn preset_model(&self) -> Result<Option<&str>> {
        match &self.unknown_preset {
            Some(error) => Err(error.clone().into()),
            None => Ok(self.model.as_deref()),
        }
    }

    /// The values of the options.
    pub(crate) fn options(&self) -> &Options {
        self.resolved.options()
    }

    /// Where a value came from.
    pub(crate) fn source(&self, key: &str) -> Option<&Source> {
        self.resolved.source(key)
    }

    /// What a flag of the program's own was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        debug_assert!(OWN.iter().any(|own| own.name == name), "{name} is no flag");
        self.call.get(name).map(String::as_str).or_else(|| self.resolved.host(name))
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// A switch of the program's own, if it was set.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.text(name).map(|state| state == "on")
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| Failure::usage(format!("`--{name}` is a whole number, not `{text}`")))?;
        Ok(Some(number))
    }

    /// The names of the presets in the files.
    pub(crate) fn presets(&self) -> Vec<&str> {
        self.config.presets()
    }

    /// What was read over in the files.
    pub(crate) fn ignored(&self) -> &[Ignored] {
        self.config.ignored()
    }
}

/// What was said on the command line.
struct Said {
    config: Config,
    call: BTreeMap<String, String>,
    /// Read last, when it is known how: texts that end an answer, with their flags.
    stops: Vec<(String, String)>,
}

impl Said {
    fn add(&mut self, name: &str, value: &str) -> Result<()> {
        let positive = name.strip_prefix("no-");
        if is_of_call(name) {
            match positive.filter(|positive| is_switch(positive)) {
                Some(positive) => self.call.insert(positive.to_owned(), inverse(value)),
                None => self.call.insert(name.to_owned(), value.to_owned()),
            };
            return Ok(());
        }
        if let Some((_, option)) = FILES.iter().find(|(file, _)| *file == name) {
            return Ok(self.config.set(&flag(option), &read_text(Path::new(value))?)?);
        }
        match (resolve(name).map(|spec| spec.key), positive.and_then(resolve)) {
            (Some("stop"), _) => self.stops.push((flag(name), value.to_owned())),
            (Some("tools"), _) => self.config.set(&flag("tools"), &tools(value)?)?,
            // A switch that llama.app has no second flag for.
            (None, Some(spec)) => self.config.set(&flag(spec.key), &inverse(value))?,
            _ => self.config.set(&flag(name), value)?,
        }
        Ok(())
    }
}

/// Whether there may be presets that are known only when the model's repository was asked.
fn may_be_of_repository(given: &Given, config: &Config) -> bool {
    let names_one = |settings: Resolved| {
        settings.host("hf-repo").is_some() || settings.host("model").is_some_and(|name| name.starts_with("hf:"))
    };
    match given.command.as_str() {
        "config" => false,
        "download" => true,
        _ => config.settings(None).is_ok_and(names_one),
    }
}

/// Whether a flag is about one call, and no setting.
fn is_of_call(name: &str) -> bool {
    let own = |name: &str| OWN.iter().find(|own| own.name == name);
    let positive = name.strip_prefix("no-").and_then(own).filter(|own| own.value.is_none());
    own(name).or(positive).is_some_and(|own| !own.setting)
}

fn is_switch(name: &str) -> bool {
    OWN.iter().any(|own| own.name == name && own.value.is_none())
}

fn inverse(state: &str) -> String {
    if state == "on" { "off" } else { "on" }.to_owned()
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// The definitions of tools, or the file that has them.
fn tools(value: &str) -> Result<String> {
    if value.is_empty() || value.trim_start().starts_with('[') {
        Ok(value.to_owned())
    } else {
        read_text(Path::new(value))
    }
}

/// A file of text, without one line feed at its end, as llama.app reads them.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
}
