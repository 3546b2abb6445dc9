//! The program's own flags, beside those of the options, whose table is the library's.

use std::sync::LazyLock;

use chaku::options::{HostKey, HostValue, Scope, Spec, table};

/// A flag of the program itself.
pub(crate) struct Own {
    /// What it is called: its long flag, and its key in a file, without dashes.
    pub(crate) name: &'static str,
    /// llama.app's other names for it, with dashes.
    pub(crate) others: &'static [&'static str],
    pub(crate) env: &'static [&'static str],
    /// What stands for the value in the help; `None` = a switch.
    pub(crate) value: Option<&'static str>,
    /// The commands that have it.
    pub(crate) on: &'static [&'static str],
    /// Whether files and environment may say it too. The others are about one call.
    pub(crate) setting: bool,
    pub(crate) heading: &'static str,
    pub(crate) doc: &'static str,
}

const fn own(name: &'static str, on: &'static [&'static str], heading: &'static str, doc: &'static str) -> Own {
    Own { name, others: &[], env: &[], value: None, on, setting: false, heading, doc }
}

impl Own {
    const fn or(self, others: &'static [&'static str]) -> Self {
        Own { others, ..self }
    }

    const fn takes(self, value: &'static str) -> Self {
        Own { value: Some(value), ..self }
    }

    const fn setting(self, env: &'static [&'static str]) -> Self {
        Own { setting: true, env, ..self }
    }
}

/// Commands that answer.
const ASK: &[&str] = &["cli", "complete"];
const CHAT: &[&str] = &["cli"];
/// Commands that take their time.
const LOAD: &[&str] = &["cli", "complete", "tokenize", "bench", "config", "download", "models"];
/// Commands with options.
const MODELS: &[&str] = &["cli", "complete", "info", "tokenize", "bench", "config"];
/// Commands that may get a model from elsewhere.
const FETCH: &[&str] = &["cli", "complete", "info", "tokenize", "bench", "config", "download"];
const CONFIGURED: &[&str] = &["cli", "complete", "info", "tokenize", "bench", "config", "download", "models"];
const JSON: &[&str] = &["cli", "complete", "info", "devices", "tokenize", "bench", "config", "download", "models"];
/// Options of downloads.
const HUB: &[&str] = &["offline", "cache_dir", "hub_endpoint", "hub_token"];

const MODEL: &str = "Model";
const PROMPT: &str = "Prompt";
const OUTPUT: &str = "Output";
const TOOLS: &str = "Tools";

#[rustfmt::skip]
pub(crate) static OWN: &[Own] = &[
    own("model", MODELS, MODEL, "The model: a GGUF file, `hf:USER/REPO[:TAG]`, or a URL.").or(&["-m"]).takes("FILE").setting(&["LLAMA_ARG_MODEL"]),
    own("hf-repo", FETCH, MODEL, "The model, from the Hugging Face hub; without a tag Q4_K_M, Q8_0 or the first one. It is downloaded unless it is in the cache.").or(&["-hf", "-hfr"]).takes("USER/REPO[:TAG]").setting(&["LLAMA_ARG_HF_REPO"]),
    own("hf-file", FETCH, MODEL, "Of that repository this file, whatever the tag.").or(&["-hff"]).takes("FILE").setting(&["LLAMA_ARG_HF_FILE"]),
    own("model-url", FETCH, MODEL, "The model, from this URL.").or(&["-mu"]).takes("URL").setting(&["LLAMA_ARG_MODEL_URL"]),
    own("preset", CONFIGURED, MODEL, "Take the values of this section of the configuration.").takes("NAME"),
    own("config", CONFIGURED, MODEL, "Read this configuration in place of the user's own.").takes("FILE"),
    own("prompt", ASK, PROMPT, "The prompt. On a terminal `cli` goes on with the conversation after it.").or(&["-p"]).takes("TEXT"),
    own("file", ASK, PROMPT, "Read the prompt from a file; `-` is the standard input.").or(&["-f"]).takes("FILE"),
    own("stdin", ASK, PROMPT, "Read a standard input that is no terminal: it is the prompt, or goes behind `-p` [default: on]."),
    own("escape", ASK, PROMPT, "Read \\n, \\t, \\\\, \\\", \\' and \\xHH in `-p` and `-r` as what they stand for [default: on].").or(&["-e"]).setting(&[]),
    own("single-turn", CHAT, PROMPT, "One question and one answer.").or(&["-st"]),
    own("system-prompt-file", CHAT, PROMPT, "Read the system prompt from a file.").or(&["-sysf"]).takes("FILE").setting(&[]),
    own("grammar-file", ASK, PROMPT, "Read the grammar from a file.").takes("FILE").setting(&[]),
    own("json-schema-file", ASK, PROMPT, "Read the JSON Schema from a file.").or(&["-jf"]).takes("FILE").setting(&[]),
    own("session", CHAT, PROMPT, "Go on with the session saved in this file, if it is there, and save it there at the end.").takes("FILE"),
    own("json", JSON, OUTPUT, "Print one JSON object."),
    own("json-stream", ASK, OUTPUT, "Print one JSON object a line for each event."),
    own("output", CHAT, OUTPUT, "Write a transcript to this file.").or(&["-o", "--output-file"]).takes("FILE"),
    own("show-timings", ASK, OUTPUT, "Say how fast it was after each answer [default: on in a conversation].").setting(&["LLAMA_ARG_SHOW_TIMINGS"]),
    own("show-reasoning", ASK, OUTPUT, "Show what the model thinks: dimmed in a conversation, where it is on; else on the standard error.").setting(&[]),
    own("display-prompt", &["complete"], OUTPUT, "Print the prompt before the answer.").setting(&[]),
    own("markdown", CHAT, OUTPUT, "Show Markdown on a terminal as what it means [default: on].").setting(&[]),
    own("color", LOAD, OUTPUT, "Colours: on, off, or auto, which obeys NO_COLOR and TERM.").or(&["-co"]).takes("WHEN").setting(&[]),
    own("simple-io", CHAT, OUTPUT, "Read plain lines, without an editor.").setting(&[]),
    own("multiline-input", CHAT, PROMPT, "Let Enter begin a new line, and a line that ends in \\ send.").or(&["-mli"]).setting(&[]),
    own("history", CHAT, PROMPT, "The file that keeps what was typed; empty = none.").takes("FILE").setting(&[]),
    own("tool-command", CHAT, TOOLS, "Run this shell command for each call of a tool: it reads the call as JSON and prints the result.").takes("COMMAND").setting(&[]),
    own("yes", CHAT, TOOLS, "Run it without asking.").or(&["-y"]),
    own("quiet", LOAD, OUTPUT, "No progress on the standard error.").or(&["-q"]),
    own("verbose", LOAD, OUTPUT, "Log everything but texts to the standard error.").or(&["-v"]).setting(&[]),
    own("verbosity", LOAD, OUTPUT, "How much to log: 0 = nothing (the default), 1 = errors, 2 = warnings, 3 = what happens, 4 = decisions, 5 = everything, texts too.").or(&["-lv", "--log-verbosity"]).takes("N").setting(&["LLAMA_ARG_LOG_VERBOSITY"]),
    own("log-file", LOAD, OUTPUT, "Log to this file instead.").takes("FILE").setting(&["LLAMA_ARG_LOG_FILE"]),
    own("n-prompt", &["bench"], "Measurement", "Tokens of the prompt [default: 512].").or(&["-p"]).takes("N"),
    own("n-gen", &["bench"], "Measurement", "Tokens to generate [default: 128].").or(&["-n"]).takes("N"),
    own("repetitions", &["bench"], "Measurement", "How often to measure [default: 5].").or(&["-r"]).takes("N"),
    own("parse-control", &["tokenize"], PROMPT, "Read the names of control tokens in the text as these tokens."),
    own("special", &["tokenize"], PROMPT, "Let the tokenizer add what the model wants to begin and end with [default: on]."),
];

/// The keys that files and environment may have beside those of the options.
pub(crate) fn host_keys() -> &'static [HostKey] {
    static KEYS: LazyLock<Vec<HostKey>> = LazyLock::new(|| {
        let key = |own: &'static Own| HostKey {
            name: own.name,
            aliases: own.others,
            env: own.env,
            value: if own.value.is_some() { HostValue::Text } else { HostValue::Switch },
        };
        OWN.iter().filter(|own| own.setting).map(key).collect()
    });
    &KEYS
}

/// One flag as a command line may have it.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    /// Its long name, without dashes. What was said is known by it.
    pub(crate) long: String,
    /// Its one letter.
    pub(crate) short: Option<char>,
    /// Other names, with dashes: long ones, and short ones of several letters.
    pub(crate) others: Vec<&'static str>,
    /// What stands for the value; `None` = it stands alone.
    pub(crate) value: Option<String>,
    pub(crate) heading: &'static str,
    pub(crate) doc: String,
    pub(crate) hidden: bool,
}

impl Flag {
    /// Every way to write it, with dashes.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let long = std::iter::once(format!("--{}", self.long));
        long.chain(self.short.map(|short| format!("-{short}"))).chain(self.others.iter().map(|&name| name.to_owned()))
    }
}

/// The flags of a command.
pub(crate) fn flags_of(command: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = OWN
        .iter()
        .filter(|own| own.on.contains(&command) || command == "config" && own.setting)
        .flat_map(of_own)
        .collect();
    if !CONFIGURED.contains(&command) {
        return flags;
    }
    let wanted = |spec: &&Spec| match command {
        "bench" | "info" | "tokenize" => spec.scope <= Scope::Model,
        "download" => HUB.contains(&spec.key) || spec.key == "deadline_ms",
        "models" => HUB.contains(&spec.key),
        "complete" => !CHAT_ONLY.contains(&spec.key),
        _ => true,
    };
    for spec in table().iter().filter(wanted) {
        // What a command has of its own goes first: `-n` of bench.
        for mut flag in of_option(spec) {
            let taken: Vec<String> = flags.iter().flat_map(Flag::names).collect();
            flag.short = flag.short.filter(|short| !taken.contains(&format!("-{short}")));
            flag.others.retain(|other| !taken.contains(&(*other).to_owned()));
            flags.push(flag);
        }
    }
    flags
}

/// Options that mean nothing for raw text.
const CHAT_ONLY: &[&str] = &[
    "system_prompt",
    "chat_template",
    "chat_template_kwargs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "reasoning_format",
    "reasoning_budget",
];

fn of_own(own: &'static Own) -> Vec<Flag> {
    let flag = Flag {
        long: own.name.to_owned(),
        short: own.others.iter().find_map(|name| letter(name)),
        others: own.others.iter().filter(|name| letter(name).is_none()).copied().collect(),
        value: own.value.map(str::to_owned),
        heading: own.heading,
        doc: with_others(own.doc, own.others.iter().filter(|name| letter(name).is_none())),
        hidden: false,
    };
    if own.value.is_some() {
        return vec![flag];
    }
    let mut negated = negation(&flag, format!("no-{}", own.name));
    if own.name == "show-reasoning" {
        negated.others.push("--hide-reasoning");
    }
    vec![flag, negated]
}

fn of_option(spec: &'static Spec) -> Vec<Flag> {
    let long = spec.key.replace('_', "-");
    let theirs: Vec<&'static str> = spec.flags().iter().copied().filter(|flag| *flag != format!("--{long}")).collect();
    let their_long = theirs.iter().find(|flag| flag.starts_with("--")).copied();
    let heading = match spec.scope {
        Scope::Runtime | Scope::Model => "Options of the model",
        Scope::Session => "Options of the conversation",
        _ => "Options of the answer",
    };
    let value = |flag: &str| (!spec.stands_alone(flag)).then(|| placeholder(spec));
    let doc = with_others(spec.doc, theirs.iter());
    let own =
        Flag { value: value(&format!("--{long}")), long, short: None, others: Vec::new(), heading, doc, hidden: false };
    let mut flags = vec![own.clone()];
    // Under llama.app's own names a value may mean something else.
    let named = |flag: &mut Flag| {
        flag.short = theirs.iter().find_map(|name| letter(name));
        flag.others = theirs.iter().filter(|name| letter(name).is_none()).copied().collect();
    };
    match their_long {
        None => named(&mut flags[0]),
        Some(their_long) => {
            let mut foreign = own.clone();
            named(&mut foreign);
            foreign.long = their_long.trim_start_matches('-').to_owned();
            foreign.others.retain(|name| *name != their_long);
            foreign.value = value(their_long);
            foreign.hidden = true;
            flags.push(foreign);
        }
    }
    if own.value.is_none() {
        let mut negated = negation(&own, format!("no-{}", own.long));
        negated.others = spec.negations().iter().filter(|name| name[2..] != negated.long).copied().collect();
        flags.push(negated);
    } else {
        flags.extend(spec.negations().iter().map(|name| negation(&own, name.trim_start_matches('-').to_owned())));
    }
    flags
}

/// The doc line, and what clap does not show of names.
fn with_others<'a>(doc: &str, others: impl Iterator<Item = &'a &'static str>) -> String {
    let others: Vec<&str> = others.copied().collect();
    if others.is_empty() {
        doc.to_owned()
    } else {
        format!("{} [also {}]", doc.trim_end_matches('.'), others.join(", "))
    }
}

fn negation(of: &Flag, long: String) -> Flag {
    Flag { long, short: None, others: Vec::new(), value: None, hidden: true, ..of.clone() }
}

/// The letter of `-x`.
fn letter(flag: &str) -> Option<char> {
    let mut chars = flag.strip_prefix('-')?.chars();
    let letter = chars.next().filter(|c| *c != '-')?;
    chars.next().is_none().then_some(letter)
}

fn placeholder(spec: &Spec) -> String {
    use chaku::options::Kind;
    match spec.kind {
        Kind::I64 { .. } | Kind::F64 { .. } => "N".to_owned(),
        Kind::Str { choices, .. } if !choices.is_empty() => choices.join("|"),
        Kind::Bool { .. } => "on|off".to_owned(),
        _ => "TEXT".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_has_a_name_twice() {
        for command in ["cli", "complete", "info", "devices", "tokenize", "bench", "config", "download", "models"] {
            let mut seen = std::collections::BTreeSet::new();
            for name in flags_of(command).iter().flat_map(Flag::names) {
                assert!(seen.insert(name.clone()), "{command}: {name} twice");
            }
        }
    }

    #[test]
    fn every_name_of_llama_app_is_a_flag_of_cli() {
        let names: Vec<String> = flags_of("cli").iter().flat_map(|flag| flag.names().collect::<Vec<_>>()).collect();
        for spec in table() {
            for name in spec.flags().iter().chain(spec.negations()) {
                assert!(names.contains(&(*name).to_owned()), "{name}");
            }
        }
    }
}
