//! Makes the C header: a hand-written preamble, versions, option names, then one section for each source file, which
//! cbindgen translates.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::nullability;
use cbindgen::{Bindings, Builder, Config, DocumentationStyle, Language, Style};
use chaku::options::{Kind, Scope, Spec, table};

/// The sections of the header and the files they come from. A file that exports something is listed here: the test of
/// the exported symbols notices one that is not.
const SECTIONS: &[(&str, &str)] = &[
    ("Types", "types"),
    ("Callbacks", "callback"),
    ("Version", "version"),
    ("Codes and errors", "error"),
    ("Options: setting values", "options"),
    ("Options: the table", "option"),
    ("Buffer", "buffer"),
    ("Backends and devices", "device"),
    ("Runtime", "runtime"),
    ("Model", "model"),
    ("Tokens", "token"),
    ("Session", "session"),
    ("Tools", "tools"),
    ("Saved sessions", "saved"),
    ("Conversations without a session", "chat"),
    ("Request", "request"),
    ("Event", "event"),
    ("Metrics", "metrics"),
    ("Plan", "plan"),
];

/// What is generated: path in the workspace, and text.
pub(crate) fn files() -> [(&'static str, String); 2] {
    let sections: Vec<_> = SECTIONS.iter().map(|(title, file)| (*title, *file, bindings(file))).collect();
    let mut symbols: Vec<_> = sections
        .iter()
        .flat_map(|(_, _, bindings)| bindings.dynamic_symbols_names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    symbols.sort();
    [("include/chaku.h", header(&sections)), ("capi/abi/symbols.txt", symbols.join("\n") + "\n")]
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn header(sections: &[(&str, &str, Bindings)]) -> String {
    let mut text = String::new();
    text += include_str!("preamble.h");
    text += "\n/* Generated from capi/src by `make header`. Do not edit. */\n\n";
    text += "#ifndef CHAKU_H\n#define CHAKU_H\n\n#include <stdint.h>\n\n";
    text += &version_macros();
    text += "\n/** A pointer that may be NULL. Clang checks and Swift reads it; outputs are not marked, their comments tell. */\n";
    text += nullability::MACROS;
    text += "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for (title, file, bindings) in sections {
        let mut section = Vec::new();
        bindings.write(&mut section);
        write!(text, "\n/* ---- {title} {} */\n\n", "-".repeat(110 - title.len())).expect("a String takes all");
        text += &nullability::annotate(&compact(String::from_utf8(section).expect("cbindgen writes UTF-8").trim()));
        text += "\n";
        if *file == "option" {
            text += &option_names();
        }
    }
    text += "\n#ifdef __cplusplus\n} /* extern \"C\" */\n#endif\n\n";
    text + nullability::END + "\n#endif /* CHAKU_H */\n"
}

/// A comment of one line on one line, and constants in blocks: a table of codes reads as a table.
fn compact(section: &str) -> String {
    let lines: Vec<_> = section.lines().collect();
    let mut kept: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        match &lines[at..] {
            ["/**", only, " */", ..] => {
                kept.push(format!("/** {} */", only.trim_start_matches(" * ")));
                at += 3;
                continue;
            }
            [define, "", "/**", _, " */", next, ..] if define.starts_with("#define") && next.starts_with("#define") => {
                kept.push((*define).to_owned());
                at += 2;
                continue;
            }
            [line, ..] => kept.push((*line).to_owned()),
            [] => {}
        }
        at += 1;
    }
    kept.join("\n")
}

fn bindings(file: &str) -> Bindings {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file).with_extension("rs");
    let mut config = Config {
        language: Language::C,
        style: Style::Type,
        documentation_style: DocumentationStyle::Doxy,
        no_includes: true,
        line_length: 120,
        ..Config::default()
    };
    // Types are opaque and used in other sections: without this, cbindgen leaves out what its own file does not use.
    config.export.include = exported_types(&source);
    Builder::new()
        .with_config(config)
        .with_src(&source)
        .generate()
        .unwrap_or_else(|error| panic!("{}: {error}", source.display()))
}

fn exported_types(source: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let name = |line: &str| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub type "))?;
        Some(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    };
    text.lines().filter_map(name).collect()
}

fn version_macros() -> String {
    let (major, minor, patch) =
        (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"));
    format!(
        "/** The release this header belongs to. */\n\
         #define CHAKU_VERSION_MAJOR {major}\n#define CHAKU_VERSION_MINOR {minor}\n#define CHAKU_VERSION_PATCH {patch}\n\
         /** The same as one number, which grows with every release. */\n\
         #define CHAKU_VERSION_NUMBER \\\n    \
         (CHAKU_VERSION_MAJOR * 1000000 + CHAKU_VERSION_MINOR * 1000 + CHAKU_VERSION_PATCH)\n"
    )
}

/// One `#define` for each option, so that a misspelt key does not compile.
fn option_names() -> String {
    let mut text = String::new();
    for (scope, object) in [
        (Scope::Runtime, "a runtime"),
        (Scope::Model, "a model, or defaults for them given to the runtime"),
        (Scope::Session, "a session, or defaults for them given to the model or the runtime"),
        (Scope::Request, "a request, or defaults for them given to the session, the model or the runtime"),
    ] {
        write!(text, "\n/* Options of {object}. */\n\n").expect("a String takes all");
        for spec in table().iter().filter(|spec| spec.scope == scope) {
            text += &comment(&format!("{} {}", spec.doc, facts(spec)));
            writeln!(text, "#define CHAKU_OPT_{} \"{}\"", spec.key.to_uppercase(), spec.key)
                .expect("a String takes all");
        }
    }
    text
}

/// A comment, on one line if it fits.
fn comment(text: &str) -> String {
    if text.len() <= 112 {
        return format!("/** {text} */\n");
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() <= 116 => write!(line, " {word}").expect("a String takes all"),
            _ => lines.push(format!(" {word}")),
        }
    }
    lines.iter().fold("/**\n".to_owned(), |text, line| text + " *" + line + "\n") + " */\n"
}

fn clamped(soft: bool) -> &'static str {
    if soft { ", else clamped" } else { "" }
}

/// Kind, range, unit and default, in brackets.
fn facts(spec: &Spec) -> String {
    let unit = if spec.unit.is_empty() { String::new() } else { format!(" {}", spec.unit) };
    match spec.kind {
        Kind::I64 { min, max, default, soft } => {
            let default = default.map_or(String::new(), |default| format!(", default {default}"));
            format!("(i64, {min} to {max}{unit}{}{default})", clamped(soft))
        }
        Kind::F64 { min, max, default, soft } => {
            format!("(f64, {min} to {max}{unit}{}, default {default})", clamped(soft))
        }
        Kind::Bool { default } => format!("(bool, default {})", i32::from(default)),
        Kind::Str { default, choices } if !choices.is_empty() => {
            format!("(str: {}; default {})", choices.join(", "), default.unwrap_or("none"))
        }
        Kind::List { max_items, max_bytes } => format!("(list of str, at most {max_items} of {max_bytes} bytes)"),
        _ => "(str)".to_owned(),
    }
}
