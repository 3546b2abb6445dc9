//! The page for people.

use std::fmt::Write;

use chaku::options::{Kind, Scope, Spec, table};

const HEAD: &str = "\
<!-- Generated from core/src/options/ by `make options`. Do not edit. -->

# Options

Every option has one name, its **key**, on every surface: `temperature` in Rust and C (`CHAKU_OPT_TEMPERATURE`), as a keyword
in Python, in camel case in Node. An option may be given to the object it belongs to, or to one above it, as a default for all
below: runtime, model, session, request. An unknown key is an error that names the nearest one.

A value outside its range is an error that names key, value and range. Where the range is **soft**, the value is taken as the
nearest one inside, as llama.app's server does it, and the log has a warning; `Options::clamped` and `chaku_options_is_clamped`
tell.

**Unset is not the default**: it lets a lower layer speak. The layers, the lowest first: the defaults below; what the model file
recommends (`general.sampling.*`); the system's configuration file; the user's; the environment; what the program itself sets;
what a request is given.

llama.app's names, its flags without dashes and its environment variables, are understood wherever text is read: in
configuration files, in the environment, on command lines (`chaku_option_find` looks one up).

## Configuration

The library reads no file and no variable unless the program asks it to (`Config` in Rust):

- `/etc/chaku/config.ini` (Windows: `%PROGRAMDATA%\\chaku\\config.ini`), then `$XDG_CONFIG_HOME/chaku/config.ini`, else
  `~/.config/chaku/config.ini` (Windows: `%APPDATA%\\chaku\\config.ini`). `CHAKU_CONFIG` names another file than the user's.
- the environment: `CHAKU_` and the key in capitals, above llama.app's `LLAMA_ARG_…`.

```ini
; for all, as under [*] and [default]
threads = 4
samplers = \"top_k;temperature\"   ; in quotes nothing begins a comment

[coder]                          ; a preset
temp = 0.2                       ; llama.app's name of temperature
stop = \"\\n\\n\"                    ; \\n, \\r, \\t, \\\" and \\\\ in double quotes
stop = '# end'                   ; a list key may come several times; in single quotes all is itself
```

Outside quotes, a comment begins with `;` or `#` at the beginning of a value or after a space. A switch is on, enabled, true, 1 or
off, disabled, false, 0. What is wrong in a file is an error with the file, the line, and the nearest name.
";

pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    for scope in [Scope::Runtime, Scope::Model, Scope::Session, Scope::Request] {
        write!(page, "\n## Of a {}\n\n", scope.name()).expect("a String takes all");
        page += "| key | type | range | default | what it does | llama.app's names |\n|---|---|---|---|---|---|\n";
        for spec in table().iter().filter(|spec| spec.scope == scope) {
            let [kind, range, default] = facts(spec);
            let aliases: Vec<_> = spec.aliases().map(|alias| format!("`{alias}`")).collect();
            let doc = spec.doc.replace('|', "\\|");
            writeln!(page, "| `{}` | {kind} | {range} | {default} | {doc} | {} |", spec.key, aliases.join(" "))
                .expect("a String takes all");
        }
    }
    page
}

/// Type, range with unit, and default.
fn facts(spec: &Spec) -> [String; 3] {
    let unit = if spec.unit.is_empty() { String::new() } else { format!(" {}", spec.unit) };
    let range = |min: String, max: String, soft| format!("{min} to {max}{unit}{}", if soft { ", soft" } else { "" });
    match spec.kind {
        Kind::I64 { min, max, default, soft } => {
            let default = default.map_or(String::new(), |default| default.to_string());
            ["integer".into(), range(min.to_string(), max.to_string(), soft), default]
        }
        Kind::F64 { min, max, default, soft } => {
            ["number".into(), range(min.to_string(), max.to_string(), soft), default.to_string()]
        }
        Kind::Bool { default } => ["switch".into(), String::new(), if default { "on" } else { "off" }.into()],
        Kind::Str { default, choices } => ["text".into(), choices.join(", "), default.unwrap_or_default().into()],
        Kind::List { max_items, max_bytes } => {
            ["list".into(), format!("at most {max_items} texts of {max_bytes} bytes"), String::new()]
        }
        _ => unreachable!("a kind this page knows nothing of"),
    }
}
