//! The conversation on a terminal, seen through a real pseudo-terminal.

#![cfg(unix)]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;
#[allow(dead_code, reason = "others need all of it")]
#[path = "../../tests/hub/server.rs"]
mod server;

use std::fs::File;
use std::process::{Command, Stdio};

use common::*;
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

/// Nothing is measured with it: a machine may be busy.
const PATIENCE_MS: u64 = 240_000;

/// A conversation as somebody sees it.
struct Talk(PtySession);

impl Talk {
    fn begin(command: Command) -> Self {
        Talk(spawn_command(command, Some(PATIENCE_MS)).unwrap())
    }

    /// Without colours, and with an editor that shows what is typed as a whole.
    fn plain(place: &Place, words: &[&str]) -> Self {
        let mut command = place.chaku(words);
        command.env("NO_COLOR", "1").stdin(std::process::Stdio::inherit());
        let mut talk = Self::begin(command);
        talk.ready();
        talk
    }

    /// Waits for the editor: it asks the terminal to mark what is pasted.
    fn ready(&mut self) -> String {
        self.expect("\x1b[?2004h")
    }

    #[track_caller]
    fn expect(&mut self, text: &str) -> String {
        self.0.exp_string(text).unwrap_or_else(|error| panic!("{text:?} does not come: {error}"))
    }

    /// Types a line, and returns what was shown until the next one may be typed.
    #[track_caller]
    fn says(&mut self, line: &str) -> String {
        self.enter(line);
        self.ready()
    }

    /// Types a line, and returns how that looked; what comes next is what it did.
    #[track_caller]
    fn enter(&mut self, line: &str) -> String {
        self.keys(&format!("{line}\r"));
        self.expect("\x1b[?2004l")
    }

    fn keys(&mut self, keys: &str) {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    fn ends(mut self) -> i32 {
        self.0.exp_eof().unwrap();
        match self.0.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}"),
        }
    }
}

/// A conversation in a shell, which says how it ended and whether the terminal is as it was.
struct InShell {
    talk: Talk,
    settings: String,
    /// Of the program.
    pid: u32,
}

/// Ctrl-C is for the program, not for the shell.
const SHELL: &str = r#"trap : INT; echo "before $(stty -g)."; sh -c 'echo "pid $$."; exec "$0" "$@"' "$0" "$@"
    echo "ended with $?."; echo "after $(stty -g).""#;

impl InShell {
    fn begin(place: &Place, words: &[&str]) -> Self {
        Self::with(place, words, &[])
    }

    fn with(place: &Place, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut shell = place.chaku_in(&["sh", "-c", SHELL], words);
        shell.env("NO_COLOR", "1").envs(variables.iter().copied()).stdin(Stdio::inherit());
        let mut talk = Talk::begin(shell);
        talk.expect("before ");
        let settings = talk.expect(".");
        talk.expect("pid ");
        let pid = talk.expect(".").parse().unwrap();
        InShell { talk, settings, pid }
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    fn ends(mut self) -> i32 {
        self.talk.expect("ended with ");
        let code = self.talk.expect(".").parse().unwrap();
        self.talk.expect("after ");
        assert_eq!(self.talk.expect("."), self.settings, "the terminal is as it was");
        assert_eq!(self.talk.ends(), 0);
        code
    }
}

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

#[test]
fn a_question_is_answered_and_the_conversation_goes_on() {
    let place = Place::new();
    let mut talk = Talk::plain(&place, &["cli", "-m", &model(SCRIPT), "-o", "log.txt"]);
    let answer = talk.says("Hi");
    assert!(answer.contains(SAYS) && answer.contains("[ Prompt: ") && answer.contains("t/s ]"), "{answer:?}");
    assert!(talk.says("/tokens").contains("in 2 messages"));
    assert!(talk.says("Again.").contains(SAYS));
    assert!(talk.says("/tokens").contains("in 4 messages"));
    // An empty line is none.
    talk.says("");
    assert!(talk.says("/tokens").contains("in 4 messages"));
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    let turn = |asked| format!("User:\n{asked}\n\nAssistant:\n{SAYS}\n\n");
    assert_eq!(place.read("log.txt"), turn("Hi") + &turn("Again."));
}

#[test]
fn a_prompt_on_the_command_line_is_the_first_turn() {
    let place = Place::new();
    let words = ["cli", "-m", &model(SCRIPT), "-p", "Hi"];
    let mut command = place.chaku(&words);
    command.env("NO_COLOR", "1").stdin(std::process::Stdio::inherit());
    let mut talk = Talk::begin(command);
    assert!(talk.expect(SAYS).contains("> Hi"));
    talk.ready();
    assert!(talk.says("/tokens").contains("in 2 messages"));
    talk.enter("/exit");
    assert_eq!(talk.ends(), 0);

    // One turn, and no conversation.
    let mut command = place.chaku(&[&words[..], &["-st"]].concat());
    command.stdin(std::process::Stdio::inherit());
    let mut once = Talk::begin(command);
    let shown = once.expect(SAYS);
    assert!(!shown.contains("/help"), "{shown:?}");
    assert_eq!(once.ends(), 0);
}

#[test]
fn every_slash_command_does_what_it_says() {
    let place = Place::new();
    place.write("notes/a.txt", "first note");
    place.write("notes/b.txt", "second note");
    let mut talk = Talk::plain(&place, &["cli", "-m", &model(SCRIPT), "-sys", "Be brief.", "--no-show-timings"]);
    let help = talk.says("/help");
    for command in [
        "/exit", "/regen", "/undo", "/clear", "/read", "/glob", "/system", "/save", "/load", "/set", "/model",
        "/tokens",
    ] {
        assert!(help.contains(command), "{command}");
    }
    assert!(talk.says("/regen").contains("error: nothing was asked yet"));
    talk.says("Hi");
    assert!(talk.says("/regen").contains(SAYS));
    assert!(talk.says("/tokens").contains("in 2 messages"), "the answer was made again");
    assert!(talk.says("/undo").contains("forgotten: Hi"));
    assert!(talk.says("/tokens").contains("in 0 messages"));

    assert!(talk.says("/read notes/a.txt").contains("goes with the next question"));
    assert!(talk.says("/read nowhere.txt").contains("error: cannot read nowhere.txt"));
    let found = talk.says("/glob notes/*.txt");
    assert!(found.contains("notes/a.txt goes") && found.contains("notes/b.txt goes"), "{found:?}");
    assert!(talk.says("/glob *.pdf").contains("error: no file matches"));
    talk.says("What do they say?");
    assert!(talk.says("/save talk.json").contains("2 messages are in talk.json"));
    let saved: serde_json::Value = serde_json::from_str(&place.read("talk.json")).unwrap();
    assert_eq!((&saved[0]["role"], &saved[0]["content"]), (&"system".into(), &"Be brief.".into()));
    let asked = saved[1]["content"].as_str().unwrap();
    assert!(asked.starts_with("--- File: notes/a.txt ---\nfirst note\n--- File: notes/a.txt ---"), "{asked}");
    assert!(asked.ends_with("second note\nWhat do they say?"), "{asked}");

    assert!(talk.says("/save talk.bin").contains("2 messages are in talk.bin"));
    assert!(talk.says("/clear").contains("empty"));
    assert!(talk.says("/tokens").contains("in 0 messages"));
    for file in ["talk.bin", "talk.json"] {
        assert!(talk.says(&format!("/load {file}")).contains("2 messages are here again"));
        talk.says("And now?");
        assert!(talk.says("/tokens").contains("in 4 messages"), "{file}");
    }
    assert!(talk.says("/load nowhere.json").contains("error: "));
    assert!(talk.says("/tokens").contains("in 4 messages"), "what fails changes nothing");

    assert!(talk.says("/system").contains("Be brief."));
    assert!(talk.says("/system Be a llama.").contains("changed"));
    assert!(talk.says("/system").contains("Be a llama."));
    talk.says("/system off");
    assert!(talk.says("/system").contains("there is no system prompt"));
    assert!(talk.says("/tokens").contains("in 4 messages"), "the conversation is the same");

    assert!(talk.says("/set max_tokens 2").contains("max_tokens = 2"));
    let cut = talk.says("Hi");
    assert!(cut.contains("Hello there") && !cut.contains("model.") && cut.contains("[cut off"), "{cut:?}");
    assert!(talk.says("/set -n default").contains("max_tokens = unset"));
    assert!(talk.says("/set overflow shift").contains("overflow = shift"));
    let all = talk.says("/set");
    assert!(all.contains("overflow = shift") && all.contains("show-timings = off"), "{all:?}");
    assert!(talk.says("/set ctx_size 512").contains("error: `ctx_size` belongs to the model"));
    assert!(talk.says("/set temprature 1").contains("did you mean `temperature`?"));
    assert!(talk.says("/set top_k many").contains("error: option `top_k` is an integer"));

    assert!(talk.says("/model").contains("tiny-script.gguf"));
    assert!(talk.says("/model nowhere.gguf").contains("error: "));
    assert!(talk.says(&format!("/model {}", model("tiny-stop.gguf"))).contains("tiny-stop.gguf"));
    assert!(talk.says("Hi").contains("one two stop here three"));
    assert!(talk.says("/tokens").contains("in 8 messages"), "the conversation came along");

    let wrong = talk.says("/nope");
    assert!(wrong.contains("error: there is no command /nope"), "{wrong:?}");
    assert!(talk.says("/read").contains("error: /read takes something"));
    assert!(talk.says("/tokens").contains("in 8 messages"), "nothing of that was said to the model");
    talk.says("//nope");
    talk.says("/save last.json");
    assert!(place.read("last.json").contains("\"content\": \"/nope\""));
    talk.enter("/exit");
    assert_eq!(talk.ends(), 0);
}

#[test]
fn ctrl_c_stops_the_answer_and_then_leaves() {
    let place = Place::new();
    let mut talk = Talk::plain(&place, &["cli", "-m", &model(LONG), "-c", "0"]);
    talk.enter("Count.");
    talk.expect("five six seven");
    talk.keys(CTRL_C);
    talk.expect("[stopped]");
    talk.ready();
    // What was said until then is kept.
    assert!(talk.says("/tokens").contains("in 2 messages"));
    // What was typed is thrown away first.
    talk.keys("half a line");
    talk.keys(CTRL_C);
    assert!(talk.says("/tokens").contains("in 2 messages"));
    talk.keys(CTRL_C);
    assert_eq!(talk.ends(), 130);
}

#[test]
fn ctrl_c_stops_the_reading_of_a_prompt() {
    let place = Place::new();
    place.write("long.txt", &"The llama stands near the river and thinks. ".repeat(700));
    let words = ["cli", "-m", &model(SMOLLM2), "-c", "8192", "-ub", "32", "--history", ""];
    let mut talk = Talk::plain(&place, &words);
    talk.says("/read long.txt");
    talk.enter("What does it do?");
    talk.expect("reading the prompt");
    talk.keys(CTRL_C);
    talk.expect("[stopped]");
    talk.ready();
    assert!(talk.says("/tokens").contains("in 0 messages"), "nothing was answered");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
}

/// Nothing but Ctrl-C can end these: the load waits for a template out of a pipe, and the download for a server.
#[test]
fn ctrl_c_ends_a_load_or_a_download_at_once() {
    let place = Place::new();
    let pipe = place.pipe("template");
    let words = ["cli", "-m", &model(SCRIPT), "--chat-template-file", &pipe];
    let mut shell = InShell::begin(&place, &words);
    // It opens when the load has opened it too.
    let _writer = File::options().write(true).open(&pipe).unwrap();
    shell.talk.keys(CTRL_C);
    assert_eq!(shell.ends(), 130);

    let hub = server::Server::start(&[]);
    let cache = place.path("cache");
    let mut shell = InShell::with(
        &place,
        &["cli", "-hf", "test/stall"],
        &[("HF_ENDPOINT", &hub.address), ("LLAMA_CACHE", text(&cache)), ("HF_TOKEN", "")],
    );
    hub.wait_stalled();
    shell.talk.keys(CTRL_C);
    assert_eq!(shell.ends(), 130);
}

#[test]
fn a_signal_at_the_prompt_gives_the_terminal_back_and_keeps_what_was_said() {
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let place = Place::new();
        let words = ["cli", "-m", &model(SCRIPT), "--session", "saved"];
        let mut shell = InShell::begin(&place, &words);
        shell.talk.ready();
        shell.talk.says("Hi");
        shell.talk.keys("half a line");
        shell.talk.expect("half a line");
        signal(name, shell.pid);
        shell.talk.expect("\x1b[?2004l");
        assert_eq!(shell.ends(), code, "{name}");
        // The conversation and the history.
        let mut talk = Talk::plain(&place, &words);
        assert!(talk.says("/tokens").contains("in 2 messages"), "{name}");
        // Behind that command in the history is what was typed before.
        talk.enter("\x1b[A\x1b[A");
        talk.expect(SAYS);
        talk.ready();
        assert!(talk.says("/tokens").contains("in 4 messages"), "{name}");
        talk.keys(CTRL_D);
        assert_eq!(talk.ends(), 0);
    }
}

/// Nothing else gives a program a terminal and then takes it away as the end of a connection does.
const HANG_UP: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
def until(text, seen=b""):
    while text not in seen:
        seen += os.read(terminal, 1000)
until(b"\x1b[?2004h")
os.write(terminal, b"Hi\r")
until(b"t/s ]")
os.close(terminal)
os.waitpid(pid, 0)
"#;

#[test]
fn a_terminal_that_goes_away_takes_nothing_along() {
    let place = Place::new();
    let words = ["cli", "-m", &model(SCRIPT), "--session", "saved"];
    assert!(place.chaku_in(&["python3", "-c", HANG_UP], &words).status().unwrap().success());
    let mut talk = Talk::plain(&place, &words);
    assert!(talk.says("/tokens").contains("in 2 messages"));
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
}

#[test]
fn a_signal_during_an_answer_stops_it_and_then_ends_the_conversation() {
    let place = Place::new();
    let mut shell = InShell::begin(&place, &["cli", "-m", &model(LONG), "-c", "0", "--session", "saved"]);
    shell.talk.ready();
    shell.talk.enter("Count.");
    shell.talk.expect("five six seven");
    signal("TERM", shell.pid);
    shell.talk.expect("[stopped]");
    assert_eq!(shell.ends(), 143);
    assert!(place.path("saved").is_file());
}

#[test]
fn colours_obey_no_color_and_the_flag() {
    let place = Place::new();
    let seen = |no_color: bool, more: &[&str]| {
        let mut command = place.chaku(&[&["cli", "-m", &model(SCRIPT), "-q"], more].concat());
        command.stdin(std::process::Stdio::inherit());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let mut talk = Talk::begin(command);
        let mut seen = talk.ready();
        for line in ["Hi", "/nope"] {
            seen.push_str(&talk.enter(line));
            seen.push_str(&talk.ready());
        }
        talk.enter("/exit");
        assert_eq!(talk.ends(), 0);
        seen
    };
    // Magenta for what is said beside the answer, bold red for errors, bold green for what the user types.
    let colours = |seen: &str| ["\x1b[35m", "\x1b[31m", "\x1b[32m"].map(|code| seen.contains(code));
    assert_eq!(colours(&seen(false, &[])), [true; 3]);
    assert_eq!(colours(&seen(true, &[])), [false; 3]);
    assert_eq!(colours(&seen(true, &["--color", "on"])), [true; 3]);
    assert_eq!(colours(&seen(false, &["-co", "off"])), [false; 3]);
}

#[test]
fn what_the_model_thinks_is_dimmed_and_can_be_hidden() {
    let place = Place::new();
    let tools = model(TOOLS);
    let words = ["cli", "-m", &tools, "-n", "7"];
    let mut command = place.chaku(&words);
    command.stdin(std::process::Stdio::inherit());
    let mut talk = Talk::begin(command);
    talk.ready();
    let shown = talk.says("Go.");
    assert!(shown.contains("\x1b[90m[thinking]") && shown.contains("Wait"), "{shown:?}");
    talk.says("/set show-reasoning off");
    let hidden = talk.says("Go.");
    assert!(!hidden.contains("[thinking]") && !hidden.contains("think") && hidden.contains("Wait"), "{hidden:?}");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
}

#[test]
fn several_lines_are_one_question() {
    let place = Place::new();
    let mut talk = Talk::plain(&place, &["cli", "-m", &model(SCRIPT)]);
    // Pasted.
    talk.enter("\x1b[200~first line\nsecond line\x1b[201~");
    talk.ready();
    // A backslash goes on.
    talk.enter("third\\\rfourth");
    talk.ready();
    talk.says("/save talk.json");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    let saved: serde_json::Value = serde_json::from_str(&place.read("talk.json")).unwrap();
    assert_eq!(
        (&saved[0]["content"], &saved[2]["content"]),
        (&"first line\nsecond line".into(), &"third\nfourth".into())
    );
    assert_eq!(saved.as_array().unwrap().len(), 4);
    // The other way round.
    let mut talk = Talk::plain(&place, &["cli", "-m", &model(SCRIPT), "-mli"]);
    talk.enter("fifth\rsixth\\");
    talk.ready();
    talk.says("/save talk.json");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    assert!(place.read("talk.json").contains(r"fifth\nsixth"));
}

#[test]
fn what_was_typed_is_there_the_next_time_and_commands_are_completed() {
    let place = Place::new();
    let script = model(SCRIPT);
    let mut talk = Talk::plain(&place, &["cli", "-m", &script]);
    talk.says("remember this");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    let mut talk = Talk::plain(&place, &["cli", "-m", &script, "-o", "log.txt"]);
    // The arrow up, and Enter.
    talk.enter("\x1b[A");
    talk.expect(SAYS);
    talk.ready();
    assert!(talk.says("/tok\t").contains("in 2 messages"));
    place.write("a file.txt", "x");
    place.write("notes.txt", "x");
    assert!(talk.says("/read no\t").contains("notes.txt goes with the next question"));
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    assert!(place.read("log.txt").starts_with("User:\nremember this\n"));
    // None is kept if that is wanted.
    let nobody = Place::new();
    let mut talk = Talk::plain(&nobody, &["cli", "-m", &script, "--history", ""]);
    talk.says("forget this");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    assert!(!nobody.path(".local").exists());
}

#[test]
fn plain_lines_do_without_an_editor() {
    let place = Place::new();
    let mut command = place.chaku(&["cli", "-m", &model(SCRIPT), "--simple-io"]);
    command.env("NO_COLOR", "1").stdin(std::process::Stdio::inherit());
    let mut talk = Talk::begin(command);
    talk.expect("\n> ");
    talk.keys("Hi\n");
    assert!(!talk.expect(SAYS).contains('\x1b'));
    talk.expect("\n> ");
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
}

/// The transcript in the docs is what somebody sees.
#[test]
fn the_conversation_in_the_docs_is_a_real_one() {
    let page = include_str!("../../docs/cli.md");
    let block = page.split("```console\n").nth(1).unwrap().split("\n```").next().unwrap();
    let place = Place::new();
    place.write("notes.txt", "Llamas are fond of salt.");
    let words = ["cli", "-m", &model(SCRIPT), "--simple-io", "--no-show-timings"];
    let mut command = place.chaku(&words);
    command.env("NO_COLOR", "1").stdin(std::process::Stdio::inherit());
    let mut talk = Talk::begin(command);
    let mut seen = String::new();
    for line in block.lines().filter_map(|line| line.strip_prefix("> ")) {
        seen.push_str(&talk.expect("\n> ").replace('\r', ""));
        seen.push_str(&format!("\n> {line}\n"));
        talk.keys(&format!("{line}\n"));
    }
    assert_eq!(talk.ends(), 0);
    assert_eq!(seen.trim_end(), block);
}

#[test]
fn a_tool_runs_when_the_user_says_yes() {
    let place = Place::new();
    let tools = place.write(
        "tools.json",
        r#"[{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties":
            {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}}]"#,
    );
    let words = ["cli", "-m", &model(TOOLS), "--tools", &tools, "--tool-command", "cat >> ran; echo 3"];
    let mut talk = Talk::plain(&place, &words);
    talk.enter("Go.");
    let called = talk.expect("run add? [y/N] ");
    assert!(called.contains("[calls add]") && called.contains(r#""b": 2"#), "{called:?}");
    talk.enter("y");
    talk.expect("[add says] 3");
    // It calls it again.
    talk.expect("run add? [y/N] ");
    talk.enter("n");
    talk.expect("the user did not allow this call");
    talk.expect("run add? [y/N] ");
    talk.keys(CTRL_C);
    talk.expect("[stopped]");
    talk.ready();
    talk.keys(CTRL_D);
    assert_eq!(talk.ends(), 0);
    assert_eq!(place.read("ran").lines().count(), 1);
}
