//! Options from configuration: files with presets, environment variables, and what a host's user said. Each value knows
//! where it came from. Nothing is read before the host asks for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::aliases::lookup;
use super::ini::{self, Setting};
use super::text::switch;
use super::{Foreign, HostKey, HostValue, Options, foreign, table};
use crate::error::{Error, Reason, Result};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The preset it belongs to; `None` = for all.
        preset: Option<String>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// Said by the host itself, under this name.
    Explicit {
        /// The name, for instance a flag.
        name: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Source::Environment { name } => write!(f, "environment variable {name}"),
            Source::Explicit { name } => write!(f, "{name}"),
        }
    }
}

/// Options from several places, each above those that were read before it.
///
/// The order that [`Config::load`] and a host that calls [`Config::set`] afterwards make is: built-in defaults, the
/// model file's own sampling (`general.sampling.*`), the system's file, the user's file, the environment, what was said
/// explicitly; above them all is what a request is given.
///
/// Files are INI: `key = value` under `[*]`, `[default]` or no section for all, under `[name]` for the preset of this name,
/// which goes above what the same file says for all. Keys are ours or llama.app's ([`super::resolve`]). A value may stand in
/// `"…"` (with `\n`, `\"`, `\\`) or `'…'` (as it is); a list key may come several times. A key of llama.app's that means
/// nothing here ([`super::foreign`]) is passed over, and told of by [`Config::ignored`]; any other one that is no option and
/// none of the host's own ([`Config::for_host`]) is an error.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Lowest first.
    layers: Vec<Layer>,
    /// What is read besides the options.
    host: &'static [HostKey],
    ignored: Vec<Ignored>,
}

/// A key that was read over: one of llama.app's that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// The key as it was written.
    pub name: String,
    /// Why it means nothing.
    pub why: &'static str,
    /// Where it stands.
    pub source: Source,
}

#[derive(Debug, Clone, Default)]
struct Layer {
    /// `None` = it counts for all.
    preset: Option<String>,
    options: Options,
    /// Values of the host's own keys, by name.
    host: BTreeMap<&'static str, String>,
    /// Invariant: has every key that is set in `options` and `host`. The others are reset to what counts without a configuration.
    sources: BTreeMap<&'static str, Source>,
}

/// What a configuration comes to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    options: Options,
    host: BTreeMap<&'static str, String>,
    /// Invariant: has the keys that are set in `options` and `host`.
    sources: BTreeMap<&'static str, Source>,
}

impl Settings {
    /// The values: for a runtime, or for a model.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The value of a key of the host's own, `on` or `off` if it is a switch; `None` = it is unset.
    pub fn host(&self, name: &str) -> Option<&str> {
        self.host.get(name).map(String::as_str)
    }

    /// Where the value of a key came from; `None` = it is unset.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.sources.get(key)
    }

    /// The keys that are set, and where that was done.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        self.sources.iter().map(|(key, source)| (*key, source))
    }
}

/// What a preset from elsewhere may set: how a model writes, and what it needs to read. Nothing that takes more of the machine,
/// lets a model call something, or changes for whom it works.
pub const MAY_BE_REMOTE: &[&str] = &[
    "ctx_size",
    "batch_size",
    "ubatch_size",
    "flash_attn",
    "rope_scaling",
    "rope_scale",
    "rope_freq_scale",
    "rope_freq_base",
    "yarn_orig_ctx",
    "yarn_ext_factor",
    "yarn_attn_factor",
    "yarn_beta_fast",
    "yarn_beta_slow",
    "chat_template_kwargs",
    "reasoning",
    "reasoning_format",
    "reasoning_budget",
    "reasoning_budget_message",
    "reasoning_effort",
    "reasoning_preserve",
    "max_tokens",
    "stop",
    "seed",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "repeat_penalty",
    "repeat_last_n",
    "presence_penalty",
    "frequency_penalty",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "dry_sequence_breakers",
    "xtc_probability",
    "xtc_threshold",
    "dynatemp_range",
    "dynatemp_exponent",
    "mirostat",
    "mirostat_lr",
    "mirostat_ent",
    "adaptive_target",
    "adaptive_decay",
    "samplers",
    "sampler_seq",
    "logit_bias",
];

type Variables = BTreeMap<OsString, OsString>;

/// More is no configuration that somebody wrote.
const LARGEST_FILE: u64 = 1 << 20;

impl Config {
    /// Nothing is configured.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what this process was started with: the system's file (`/etc/chaku/config.ini`, on Windows
    /// `%PROGRAMDATA%\chaku\config.ini`), the user's (`$XDG_CONFIG_HOME/chaku/config.ini`, else
    /// `~/.config/chaku/config.ini`, on Windows `%APPDATA%\chaku\config.ini`), and the environment. A file that is not
    /// there is none. `CHAKU_CONFIG` names another file than the user's, which must be there; empty, there is none.
    pub fn load() -> Result<Config> {
        let mut config = Config::new();
        config.add_process(None)?;
        Ok(config)
    }

    /// Nothing is configured, and these keys of the host's own will be read besides the options. A name that is an option's
    /// stands for the option.
    pub fn for_host(keys: &'static [HostKey]) -> Self {
        Config { host: keys, ..Config::default() }
    }

    /// Reads what [`Config::load`] does, above what is there. `file`: in place of the user's, whatever `CHAKU_CONFIG` says.
    pub fn add_process(&mut self, file: Option<&Path>) -> Result<()> {
        let mut variables: Variables = std::env::vars_os().collect();
        if let Some(file) = file {
            variables.insert("CHAKU_CONFIG".into(), file.into());
        }
        self.add_places(&system_file(&variables), &variables)
    }

    fn add_places(&mut self, system: &Path, variables: &Variables) -> Result<()> {
        self.add_file_if_there(system)?;
        match variables.get(&OsString::from("CHAKU_CONFIG")) {
            Some(path) if path.is_empty() => {}
            Some(path) => self.add_file(Path::new(path))?,
            None => user_file(variables).map_or(Ok(()), |path| self.add_file_if_there(&path))?,
        }
        self.add_env(variables.clone())
    }

    /// What was read over, in the order in which it was read.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// Reads these files, the later ones above the earlier ones.
    pub fn from_files(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Config> {
        let mut config = Config::new();
        paths.into_iter().try_for_each(|path| config.add_file(path.as_ref()))?;
        Ok(config)
    }

    /// Reads environment variables, for instance `std::env::vars_os()`: see [`Config::add_env`].
    pub fn from_env(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Config> {
        let mut config = Config::new();
        config.add_env(variables)?;
        Ok(config)
    }

    /// Reads a file, above what is there. What is wrong in it is an error with the details `file` and `line`, and `key` and
    /// `nearest` where it is about an option; nothing is taken from such a file.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        self.add_text(&read_file(path)?, path)
    }

    fn add_file_if_there(&mut self, path: &Path) -> Result<()> {
        self.add_file(path).or_else(|error| if error.reason() == Reason::FileNotFound { Ok(()) } else { Err(error) })
    }

    /// The same from text that the host has. `path`: what to call it in errors and as a [`Source`].
    pub fn add_text(&mut self, text: &str, path: &Path) -> Result<()> {
        self.add_some(text, path, |_| true)
    }

    fn add_some(&mut self, text: &str, path: &Path, may_be: impl Fn(&Setting<'_>) -> bool) -> Result<()> {
        let settings = ini::parse(text)
            .map_err(|mistake| in_file(Error::new(Reason::InvalidConfig, mistake.what), path, mistake.line))?;
        // What counts for all lies below the presets, wherever it stands.
        let (mut layers, mut ignored) = (vec![Layer::default()], Vec::new());
        for setting in settings {
            // llama.app reserves it and reads nothing from it.
            if setting.key == "version" {
                continue;
            }
            let layer = layer_of(&mut layers, &setting);
            let source = Source::File { path: path.to_owned(), line: setting.line, preset: layer.preset.clone() };
            let refused = (!may_be(&setting)).then_some("a preset from elsewhere may not set it");
            if let Some(why) = refused.or_else(|| self.means_nothing(setting.key).map(|it| it.why)) {
                ignored.push(Ignored { name: setting.key.to_owned(), why, source });
                continue;
            }
            let set = layer.set(self.host, setting.key, &setting.value, source);
            set.map_err(|error| in_file(error, path, setting.line))?;
        }
        self.layers.extend(layers);
        self.ignored.extend(ignored);
        Ok(())
    }

    /// The same from text that somebody else wrote, such as a preset that comes with a model: it may say how a model writes
    /// ([`MAY_BE_REMOTE`]) and set those of the host's keys that `allowed` names. What else it has is read over
    /// ([`Config::ignored`]).
    pub fn add_remote_text(&mut self, text: &str, path: &Path, allowed: &[&str]) -> Result<()> {
        let may = |key: &str| match lookup(key) {
            Some(name) => MAY_BE_REMOTE.contains(&name.spec.key),
            None => self.host.iter().any(|host| host.is_called(key).is_some() && allowed.contains(&host.name)),
        };
        let kept = |setting: &Setting<'_>| setting.key == "version" || may(setting.key);
        self.add_some(text, path, kept)
    }

    /// Puts what another configuration comes to below all that is there: what somebody recommends, and not what is wanted here.
    pub fn add_below(&mut self, recommended: &Settings) {
        let Settings { options, host, sources } = recommended.clone();
        self.layers.insert(0, Layer { preset: None, options, host, sources });
    }

    /// Reads environment variables, above what is there: `CHAKU_` and a key in capitals (`CHAKU_CTX_SIZE`), and below those
    /// llama.app's `LLAMA_ARG_…`. The environment is everybody's, so a name that is no option's is no error: under `CHAKU_`
    /// it is warned of.
    pub fn add_env(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<()> {
        let (mut ours, mut theirs) = (Layer::default(), Layer::default());
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let layer = match name {
                _ if name.starts_with("LLAMA_ARG_") => &mut theirs,
                _ if name.starts_with("CHAKU_") => &mut ours,
                _ => continue,
            };
            layer.add_variable(self.host, name, &value)?;
        }
        self.layers.extend([theirs, ours]);
        Ok(())
    }

    /// Sets an option, above what is there: what the user of the host said, by a flag for instance. Any name of the option
    /// will do, and the value is text: see [`Options::set_text`].
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let source = Source::Explicit { name: name.to_owned() };
        let again = |layer: &&mut Layer| layer.sources.values().any(|source| matches!(source, Source::Explicit { .. }));
        match self.layers.last_mut().filter(again) {
            Some(layer) => layer.set(self.host, name, text, source),
            None => {
                let mut layer = Layer::default();
                layer.set(self.host, name, text, source)?;
                self.layers.push(layer);
                Ok(())
            }
        }
    }

    /// The names of the presets, in the order in which they were read.
    pub fn presets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.layers.iter().filter_map(|layer| layer.preset.as_deref()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// What it all comes to, with the values of a preset or without.
    pub fn settings(&self, preset: Option<&str>) -> Result<Settings> {
        let preset = preset.map(canonical);
        if let Some(preset) = &preset {
            self.check_preset(preset)?;
        }
        let mut settings = Settings::default();
        let counts = |layer: &&Layer| layer.preset.is_none() || layer.preset == preset;
        for layer in self.layers.iter().filter(counts) {
            for (key, source) in &layer.sources {
                settings.sources.insert(key, source.clone());
                if let Some(value) = layer.host.get(key) {
                    settings.host.insert(key, value.clone());
                    continue;
                }
                settings.options.unset(key)?;
                if !layer.options.is_set(key) {
                    settings.sources.remove(key);
                }
            }
            settings.options = settings.options.under(&layer.options);
        }
        Ok(settings)
    }

    /// Whether a key is one of llama.app's that nobody here reads.
    fn means_nothing(&self, name: &str) -> Option<Foreign> {
        let is_read = lookup(name).is_some() || self.host.iter().any(|key| key.is_called(name).is_some());
        foreign(name).filter(|_| !is_read)
    }

    fn check_preset(&self, preset: &str) -> Result<()> {
        let names = self.presets();
        if names.contains(&preset) {
            return Ok(());
        }
        let nearest = names.iter().max_by_key(|name| table::likeness(preset, name));
        let hint = nearest.map_or("there is none at all".to_owned(), |name| format!("did you mean `{name}`?"));
        let error = Error::new(Reason::InvalidArgument, format!("there is no preset `{preset}`; {hint}"));
        let error = error.with("preset", preset);
        Err(match nearest {
            Some(name) => error.with("nearest", name),
            None => error,
        })
    }
}

impl Layer {
    fn add_variable(&mut self, host: &'static [HostKey], name: &str, value: &OsString) -> Result<()> {
        let option = lookup(name).map(|known| known.negated);
        let Some(negated) = option.or_else(|| host.iter().find_map(|key| key.is_called(name))) else {
            if let Some(key) = name.strip_prefix("CHAKU_").filter(|_| name != "CHAKU_CONFIG") {
                let nearest = table::nearest(&key.to_ascii_lowercase());
                tracing::warn!(target: "chaku::options", name, nearest, "an environment variable is no option");
            }
            return Ok(());
        };
        let named = |error: Error| located(error, &format!("environment variable {name}")).with("variable", name);
        let Some(value) = value.to_str() else {
            return Err(named(Error::new(Reason::InvalidUtf8, "the value is not UTF-8")));
        };
        // As llama.app has it, LLAMA_ARG_NO_… says no by being there.
        let value = if negated { "on" } else { value };
        self.set(host, name, value, Source::Environment { name: name.to_owned() }).map_err(named)
    }

    fn set(&mut self, host: &'static [HostKey], name: &str, text: &str, source: Source) -> Result<()> {
        let called = |key: &'static HostKey| Some((key, key.is_called(name)?));
        if lookup(name).is_none()
            && let Some((key, negated)) = host.iter().find_map(called)
        {
            self.host.insert(key.name, host_value(key, negated, text)?);
            self.sources.insert(key.name, source);
            return Ok(());
        }
        self.options.set_text(name, text)?;
        if let Some(name) = lookup(name) {
            self.sources.insert(name.spec.key, source);
        }
        Ok(())
    }
}

fn host_value(key: &HostKey, negated: bool, text: &str) -> Result<String> {
    if key.value != HostValue::Switch {
        return Ok(text.to_owned());
    }
    let state = switch(text).ok_or_else(|| {
        let message = format!("`{}` is a switch: on or off, not `{text}`", key.name);
        Error::new(Reason::InvalidOption, message).with("key", key.name)
    })?;
    Ok(if state != negated { "on" } else { "off" }.to_owned())
}

fn layer_of<'a>(layers: &'a mut Vec<Layer>, setting: &Setting<'_>) -> &'a mut Layer {
    let preset = setting.section.filter(|name| !["*", "default"].contains(name)).map(canonical);
    let at = layers.iter().position(|layer| layer.preset == preset).unwrap_or_else(|| {
        layers.push(Layer { preset, ..Layer::default() });
        layers.len() - 1
    });
    &mut layers[at]
}

/// The name of a preset as llama.app has it: of `user/repo:tag`, the tag is in capitals and is the last of its parts.
fn canonical(name: &str) -> String {
    let Some((repo, tag)) = name.rsplit_once(':') else { return name.to_owned() };
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let tag = tag.rsplit_once(['-', '.']).map(|(_, last)| last).filter(word).unwrap_or(tag);
    format!("{repo}:{}", tag.to_ascii_uppercase())
}

fn system_file(variables: &Variables) -> PathBuf {
    let folder = if cfg!(windows) { folder(variables, "PROGRAMDATA") } else { None };
    folder.unwrap_or_else(|| PathBuf::from("/etc")).join("chaku/config.ini")
}

fn user_file(variables: &Variables) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        folder(variables, "APPDATA")?
    } else {
        folder(variables, "XDG_CONFIG_HOME").or_else(|| Some(folder(variables, "HOME")?.join(".config")))?
    };
    Some(folder.join("chaku/config.ini"))
}

/// A folder that a variable names. A relative one is none, as the XDG specification has it.
fn folder(variables: &Variables, name: &str) -> Option<PathBuf> {
    variables.get(&OsString::from(name)).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn read_file(path: &Path) -> Result<String> {
    let refuse = |reason, why: &dyn fmt::Display| {
        Error::new(reason, format!("cannot read the configuration {}: {why}", path.display()))
            .with("file", path.display())
    };
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse(Reason::FileNotFound, &error),
        std::io::ErrorKind::PermissionDenied => refuse(Reason::FilePermission, &error),
        _ => refuse(Reason::FileUnreadable, &error),
    };
    // Anything else, a pipe for instance, might never end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refuse(Reason::FileUnreadable, &"it is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(refuse(Reason::InvalidConfig, &format!("it has more than {LARGEST_FILE} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| refuse(Reason::InvalidUtf8, &error))
}

fn in_file(error: Error, path: &Path, line: usize) -> Error {
    located(error, &format!("{}:{line}", path.display())).with("file", path.display()).with("line", line)
}

/// The same error with the place before its message.
fn located(error: Error, place: &str) -> Error {
    let located = Error::new(error.reason(), format!("{place}: {}", error.message()));
    error.details().iter().fold(located, |located, (key, value)| match key {
        Cow::Borrowed(key) => located.with(key, value),
        Cow::Owned(_) => located,
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
