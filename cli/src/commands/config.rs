//! `config`: every option with its value and where that came from.

use chaku::options::{Config, Kind, Spec, table};
use serde_json::{Map, Value, json};

use crate::args::{Settings, host_keys};
use crate::failure::{Failure, Result};
use crate::output::print_json;
use crate::terminal::{note, print};

pub(super) fn run(settings: &Settings) -> Result<()> {
    let words: Vec<&str> = settings.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["show"] => show(settings),
        ["export"] => export(settings),
        ["presets"] => presets(settings),
        ["schema"] => Ok(print(include_str!("../../../docs/options.schema.json"))?),
        ["validate", files @ ..] if !files.is_empty() => validate(files),
        ["validate"] => Err(Failure::usage("say which file: chaku config validate FILE...")),
        [other, ..] => Err(Failure::usage(format!(
            "`config` does show, export, presets, schema or validate FILE..., not `{other}`"
        ))),
    }
}

fn show(settings: &Settings) -> Result<()> {
    if settings.is_on("json") {
        let mut object = Map::new();
        for spec in table() {
            object.insert(spec.key.to_owned(), row_json(settings, spec));
        }
        for key in host_keys() {
            if let Some(value) = settings.text(key.name) {
                object.insert(key.name.to_owned(), json!({ "value": value, "source": source(settings, key.name) }));
            }
        }
        return Ok(print_json(&Value::Object(object))?);
    }
    let mut text = String::new();
    for spec in table() {
        let (value, from) = match settings.options().texts(spec.key) {
            Some(values) => (values.join(" | "), source(settings, spec.key)),
            None => (default(spec).unwrap_or_else(|| "unset".to_owned()), "default".to_owned()),
        };
        text.push_str(&format!("{:<24}{:<28}{from}\n", spec.key, value.escape_debug().to_string()));
    }
    for key in host_keys() {
        if let Some(value) = settings.text(key.name) {
            text.push_str(&format!("{:<24}{value:<28}{}\n", key.name, source(settings, key.name)));
        }
    }
    print(&text)?;
    say_ignored(settings.ignored());
    Ok(())
}

fn row_json(settings: &Settings, spec: &Spec) -> Value {
    match settings.options().texts(spec.key) {
        Some(values) => {
            let value = match spec.kind {
                Kind::List { .. } => json!(values),
                _ => json!(values.concat()),
            };
            json!({ "value": value, "source": source(settings, spec.key) })
        }
        None => json!({ "value": default(spec), "source": "default" }),
    }
}

fn source(settings: &Settings, key: &str) -> String {
    settings.source(key).map_or_else(|| "default".to_owned(), ToString::to_string)
}

fn default(spec: &Spec) -> Option<String> {
    match spec.kind {
        Kind::I64 { default, .. } => default.map(|value| value.to_string()),
        Kind::F64 { default, .. } => Some(default.to_string()),
        Kind::Bool { default } => Some(if default { "on" } else { "off" }.to_owned()),
        Kind::Str { default, .. } => default.map(str::to_owned),
        _ => None,
    }
}

/// What is set, as a file that says the same.
fn export(settings: &Settings) -> Result<()> {
    let mut text = String::new();
    for spec in table().iter().filter(|spec| !spec.is_secret()) {
        for value in settings.options().texts(spec.key).unwrap_or_default() {
            text.push_str(&format!("{} = {}\n", spec.key, quoted(&value)));
        }
    }
    for key in host_keys() {
        if let Some(value) = settings.text(key.name) {
            text.push_str(&format!("{} = {}\n", key.name, quoted(value)));
        }
    }
    Ok(print(&text)?)
}

/// In quotes where it would be read otherwise without.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '"' | '\\' => text.extend(['\\', c]),
            other => text.push(other),
        }
    }
    text + "\""
}

fn presets(settings: &Settings) -> Result<()> {
    let names = settings.presets();
    if settings.is_on("json") {
        return Ok(print_json(&json!(names))?);
    }
    Ok(print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())?)
}

fn validate(files: &[&str]) -> Result<()> {
    let mut wrong = false;
    for file in files {
        let mut config = Config::for_host(host_keys());
        match config.add_file(std::path::Path::new(file)) {
            Ok(()) => {
                print(&format!("{file}: ok\n"))?;
                say_ignored(config.ignored());
            }
            Err(error) => {
                wrong = true;
                note(&format!("error: {error}"));
            }
        }
    }
    if wrong { Err(Failure::silent(crate::failure::exit::FAILED)) } else { Ok(()) }
}

fn say_ignored(ignored: &[chaku::options::Ignored]) {
    for it in ignored {
        note(&format!("{}: `{}` is read over: {}", it.source, it.name, it.why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_reads_as_what_it_was() {
        for value in ["plain", "", "a b", "a # b", "\"quoted\"", "line\nfeed", "C:\\x", "'", "ä;ö"] {
            let mut config = Config::new();
            config.add_text(&format!("system_prompt = {}", quoted(value)), std::path::Path::new("x.ini")).unwrap();
            let read = config.settings(None).unwrap().options().texts("system_prompt").unwrap_or_default().concat();
            assert_eq!(read, value);
        }
    }
}
