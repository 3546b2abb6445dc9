//! The command line: clap's view of the flags, and what was said on it.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::argv::normalise;
use super::flags::{Flag, flags_of};
use crate::failure::{Failure, Result};

/// What the user said.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The command, by its first name.
    pub(crate) command: String,
    /// Flags by their long names, with their values, in the order in which they were said. A switch is `on`.
    pub(crate) flags: Vec<(String, String)>,
    /// What was said without a flag.
    pub(crate) words: Vec<String>,
}

struct About {
    name: &'static str,
    aliases: &'static [&'static str],
    doc: &'static str,
    /// Name and doc of the words it takes.
    words: Option<(&'static str, &'static str)>,
}

const COMMANDS: &[About] = &[
    About {
        name: "cli",
        aliases: &["chat", "client"],
        doc: "Chat with a model: a conversation on a terminal, one answer in a script",
        words: None,
    },
    About { name: "complete", aliases: &["completion"], doc: "Let a model go on with a raw text", words: None },
    About {
        name: "info",
        aliases: &[],
        doc: "Say what a model file is and what it would take, without loading it",
        words: Some(("FILE", "The model file.")),
    },
    About {
        name: "download",
        aliases: &["get"],
        doc: "Download a model and print its path",
        words: Some(("MODEL", "USER/REPO[:TAG], hf:USER/REPO/FILE, or a URL; or as -hf and -mu say.")),
    },
    About {
        name: "models",
        aliases: &[],
        doc: "List, remove or check the models that were downloaded",
        words: Some(("ACTION", "list (or nothing), remove MODEL..., or verify [MODEL...].")),
    },
    About { name: "devices", aliases: &[], doc: "List what this build can compute on", words: None },
    About {
        name: "tokenize",
        aliases: &[],
        doc: "Show the tokens of a text",
        words: Some(("TEXT", "The text; without it the standard input is read.")),
    },
    About { name: "bench", aliases: &[], doc: "Measure how fast a model reads and writes", words: None },
    About {
        name: "config",
        aliases: &[],
        doc: "Show the options and where their values came from",
        words: Some(("ACTION", "show (or nothing), export, presets, schema, or validate FILE...")),
    },
    About {
        name: "completions",
        aliases: &[],
        doc: "Print a script that completes commands and flags in a shell",
        words: Some(("SHELL", "bash, elvish, fish, powershell or zsh.")),
    },
    About { name: "version", aliases: &[], doc: "Say which version this is, and of llama.cpp", words: None },
    About { name: "licenses", aliases: &["credits"], doc: "Print the licences", words: None },
];

/// The whole command line, or with the flags of one command only: who runs that needs no others.
pub(crate) fn command(only: Option<&str>) -> Command {
    let mut chaku = Command::new("chaku")
        .about("Run language models on this machine")
        .version(env!("CARGO_PKG_VERSION"))
        .arg_required_else_help(true)
        .subcommand_required(true)
        .after_help(
            "Flags, environment variables and configuration keys of llama.app are understood too. `chaku help COMMAND` lists \
             those of a command.",
        );
    for about in COMMANDS {
        let mut sub = Command::new(about.name).about(about.doc).visible_aliases(about.aliases.iter().copied());
        if let Some((name, doc)) = about.words {
            sub = sub.arg(Arg::new("words").value_name(name).num_args(0..).help(doc));
        }
        if only.is_none_or(|only| only == about.name) {
            sub = sub.args(flags_of(about.name).iter().map(arg));
        }
        chaku = chaku.subcommand(sub);
    }
    chaku
}

fn arg(flag: &Flag) -> Arg {
    let mut arg = Arg::new(flag.long.clone())
        .long(flag.long.clone())
        .action(ArgAction::Append)
        .help(flag.doc.clone())
        .help_heading(flag.heading)
        .hide(flag.hidden)
        .hide_short_help(flag.heading.starts_with("Options of"));
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    for other in &flag.others {
        arg = match other.strip_prefix("--") {
            Some(long) => arg.alias(long),
            // What has several letters behind one dash is clap's as if it had two.
            None => arg.alias(other.trim_start_matches('-')),
        };
    }
    match &flag.value {
        Some(value) => arg.value_name(value.clone()).num_args(1).allow_hyphen_values(true),
        None => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("on")
            .value_name("on|off")
            .hide_possible_values(true),
    }
}

/// Reads a command line, the name of the program not included.
pub(crate) fn parse(argv: Vec<String>) -> Result<Given> {
    // llama.app's form of two commands.
    let mut argv = argv;
    if argv.first().is_some_and(|first| first == "--licenses") {
        argv[0] = "licenses".to_owned();
    }
    let Some(name) = argv.first().and_then(|word| named(word)) else { return read(command(None), argv) };
    let rest = normalise(&flags_of(name), argv.into_iter().skip(1))?;
    let asks_help = rest.iter().any(|word| word == "-h" || word == "--help");
    let words = std::iter::once(name.to_owned()).chain(rest).collect();
    read(command(if asks_help { None } else { Some(name) }), words)
}

/// The first name of a command.
fn named(word: &str) -> Option<&'static str> {
    let is = |about: &&About| about.name == word || about.aliases.contains(&word);
    COMMANDS.iter().find(is).map(|about| about.name)
}

fn read(command: Command, argv: Vec<String>) -> Result<Given> {
    let matches = command.try_get_matches_from(std::iter::once("chaku".to_owned()).chain(argv));
    let matches = match matches {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are what was asked for. With no argument at all, help is too.
            let asked =
                !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            let rendered = error.render();
            return if asked {
                let text = rendered.to_string();
                crate::terminal::print(&text)?;
                Err(Failure::silent(0))
            } else {
                let text = rendered.to_string();
                Err(Failure::usage(text.trim_start_matches("error: ").trim_end().to_owned()))
            };
        }
    };
    let Some((name, matches)) = matches.subcommand() else { return Err(Failure::usage("there is no command")) };
    Ok(Given { command: name.to_owned(), flags: flags(name, matches), words: words(matches) })
}

fn words(matches: &ArgMatches) -> Vec<String> {
    let words = matches.try_get_many::<String>("words").ok().flatten();
    words.into_iter().flatten().cloned().collect()
}

/// In the order in which they were said: the last one counts.
fn flags(name: &str, matches: &ArgMatches) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for flag in flags_of(name) {
        let (Some(indices), Some(values)) = (matches.indices_of(&flag.long), matches.get_many::<String>(&flag.long))
        else {
            continue;
        };
        said.extend(indices.zip(values).map(|(at, value)| (at, flag.long.clone(), value.clone())));
    }
    said.sort_by_key(|(at, ..)| *at);
    said.into_iter().map(|(_, name, value)| (name, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command(None).debug_assert();
    }

    #[test]
    fn flags_come_in_the_order_in_which_they_were_said() {
        let argv = "chat -r a --context-shift -r b --no-context-shift --temp 1 --temperature 2 -p x";
        let given = parse(argv.split(' ').map(str::to_owned).collect()).unwrap();
        assert_eq!(given.command, "cli");
        let said: Vec<String> = given.flags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            said.join(" "),
            "reverse-prompt=a context-shift=on reverse-prompt=b no-context-shift=on temp=1 temperature=2 prompt=x"
        );
    }

    #[test]
    fn an_unknown_command_is_a_mistake_in_the_use() {
        assert_eq!(parse(vec!["chta".into()]).unwrap_err().code(), 2);
    }
}
