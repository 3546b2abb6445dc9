//! `download`, `models`, and models by name, from a hub on this machine.

#[allow(dead_code, reason = "others need all of it")]
#[path = "../../tests/hub/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use server::Server;

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/tiny-script.gguf")
}

struct Hub {
    server: Server,
    cache: tempfile::TempDir,
}

impl Hub {
    fn new() -> Self {
        let server = Server::start(&["--model", model().to_str().unwrap()]);
        Hub { server, cache: tempfile::tempdir().unwrap() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaku"));
        command.args(line.split(' '));
        command.env("CHAKU_CONFIG", "").env("HF_ENDPOINT", &self.server.address);
        command.env("LLAMA_CACHE", self.cache.path()).env_remove("HF_TOKEN");
        command
    }

    /// Output and exit code.
    fn run(&self, line: &str) -> (String, i32) {
        let Output { status, stdout, .. } = self.command(line).output().unwrap();
        (String::from_utf8(stdout).unwrap(), status.code().unwrap())
    }

    fn succeeds(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        // Nobody looks at a bar that is no terminal's.
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), complaints.as_str()), (Some(0), ""), "{line}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn download_prints_where_the_model_is() {
    let hub = Hub::new();
    let path = hub.succeeds("download test/tiny");
    assert!(path.ends_with("/tiny-Q4_K_M.gguf\n") && Path::new(path.trim_end()).is_file(), "{path}");
    for same in ["get hf:test/tiny:q4_k_m", "download -hf test/tiny", "get -hf test/tiny:Q8_0 -hff tiny-Q4_K_M.gguf"] {
        assert_eq!(hub.succeeds(same), path, "{same}");
    }
    let both = hub.succeeds("download test/tiny test/parts");
    assert_eq!(both.lines().count(), 2);
    assert!(both.ends_with("b-Q8_0-00001-of-00003.gguf\n"));
    let json: Value = serde_json::from_str(&hub.succeeds("download -hf test/parts --json")).unwrap();
    assert_eq!(json["paths"].as_array().unwrap().len(), 3);
    let url = format!("{}/files/x.gguf", hub.server.address);
    assert!(hub.succeeds(&format!("download -mu {url}")).ends_with("/x.gguf\n"));
    assert_eq!(hub.run("download -m x.gguf"), (String::new(), 2));
    assert_eq!(hub.run("download -hff x.gguf"), (String::new(), 2));
    assert_eq!(hub.run("download test/tiny:Q2_K"), (String::new(), 3));
    assert_eq!(hub.run("download test/cut --offline"), (String::new(), 3));
}

#[test]
fn models_lists_checks_and_removes() {
    let hub = Hub::new();
    assert_eq!(hub.succeeds("models"), "");
    let path = hub.succeeds("download test/tiny:Q8_0");
    hub.succeeds("download test/parts");
    let list = hub.succeeds("models list");
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["test/parts:Q8_0", "900.0", "kB"], ["test/tiny:Q8_0", "300.0", "kB"]]);
    let json: Value = serde_json::from_str(&hub.succeeds("models --json")).unwrap();
    assert_eq!(json["models"][1]["size"], 300_000);
    assert_eq!(hub.succeeds("models verify").lines().filter(|line| line.starts_with("good ")).count(), 4);
    std::fs::write(path.trim_end(), "other").unwrap();
    let (checked, code) = hub.run("models verify test/tiny");
    assert_eq!((checked, code), (format!("damaged  {path}"), 3));
    assert_eq!(hub.succeeds("models remove test/parts:Q8_0"), "removed test/parts:Q8_0, 900.0 kB\n");
    assert_eq!(hub.succeeds("models").lines().count(), 1);
    assert_eq!((hub.run("models remove test/parts").1, hub.run("models remove").1, hub.run("models x").1), (3, 2, 2));
}

#[test]
fn a_model_is_loaded_by_its_name() {
    let hub = Hub::new();
    let first = hub.succeeds("cli -hf test/tiny -p x -n 20 -t 1");
    assert!(first.starts_with("Hello there"), "{first}");
    assert_eq!(hub.succeeds("cli -m hf:test/tiny -p x -n 20 -t 1 --offline"), first);
    assert!(hub.succeeds("info hf:test/tiny").contains("tiny-Q4_K_M.gguf"));
    assert_eq!(hub.run("info -hf test/parts").1, 3);
    assert_eq!(hub.run("complete -hf test/gated -p x").1, 3);
    // What was said on the command line goes before what the environment has.
    let line = format!("cli -m {} -p x -n 20 -t 1", model().display());
    let output = hub.command(&line).env("LLAMA_ARG_HF_REPO", "test/gone").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), first);
    assert_eq!(hub.run(&format!("complete -m {} -hf test/tiny -p x", model().display())).1, 2);
}

/// How many tokens there were, and what was said beside.
fn tokens(hub: &Hub, line: &str) -> (u64, String) {
    let output = hub.command(&format!("{line} -p x -t 1 --json")).current_dir(hub.cache.path()).output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else { panic!("{line}: {complaints}") };
    (answer["usage"]["completion_tokens"].as_u64().unwrap(), complaints)
}

fn quietly(count: u64) -> (u64, String) {
    (count, String::new())
}

#[test]
fn whoever_has_a_model_does_not_wait_for_a_hub_that_does_not_answer() {
    let mut hub = Hub::new();
    assert_eq!(tokens(&hub, "cli -hf test/tiny"), quietly(8));
    hub.server.say("down");
    hub.server.seen();
    assert_eq!(tokens(&hub, "cli -hf test/tiny"), quietly(8));
    assert_eq!(hub.server.seen().len(), 2, "for the preset and for the model, once each");
}

#[test]
fn a_preset_of_the_repository_says_what_nobody_says_here() {
    let hub = Hub::new();
    assert_eq!(tokens(&hub, "cli -hf test/recommends"), quietly(3));
    assert_eq!(tokens(&hub, "cli -hf test/recommends --offline"), quietly(3));
    assert_eq!(tokens(&hub, "cli -m hf:test/recommends:Q4_K_M"), quietly(3));
    assert_eq!(tokens(&hub, "cli -hf test/recommends -n 4"), quietly(4));
    // Who names a file wants that and nothing else.
    assert_eq!(tokens(&hub, "cli -hf test/recommends -hff tiny-Q4_K_M.gguf"), quietly(8));
    // The preset may name a model of the hub.
    assert_eq!(tokens(&hub, "cli -hf test/one"), quietly(3));
    assert_eq!(tokens(&hub, "cli -hf test/several --preset small"), quietly(3));
    assert!(hub.succeeds("download test/one").ends_with("/tiny-Q4_K_M.gguf\n"));
    assert!(hub.succeeds("download -hf test/several --preset large").ends_with("/tiny-Q8_0.gguf\n"));
    // It calls up none of one's own, whatever it is called.
    let own = hub.cache.path().join("own.ini");
    std::fs::write(&own, "[only]\nn = 1\n[mine]\nn = 1\n").unwrap();
    let own = own.to_str().unwrap();
    assert_eq!(tokens(&hub, &format!("cli -hf test/one --config {own}")), quietly(3));
    assert_eq!(tokens(&hub, &format!("cli -hf test/one --config {own} --preset only")), quietly(1));
    assert_eq!(tokens(&hub, &format!("cli -hf test/recommends --config {own} --preset mine")), quietly(1));
    for (line, said) in [
        ("cli -hf test/several -p x", "--preset: small, large"),
        ("cli -hf test/several --preset medium -p x", "no preset `medium`"),
        ("cli -hf test/tiny --preset medium -p x", "no preset `medium`"),
        ("download test/tiny --preset medium", "no preset `medium`"),
        ("config show -hf test/tiny --preset medium", "no preset `medium`"),
        ("cli -hf test/mistaken -p x", "test/mistaken/preset.ini:1"),
        ("cli -hf test/leads-out -p x", "names no model"),
    ] {
        let output = hub.command(line).output().unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && complaints.contains(said), "{line}: {complaints}");
    }
}

/// Paths, commands, tools, tokens and addresses.
#[test]
fn a_preset_from_elsewhere_gets_nothing_of_this_machine() {
    let hub = Hub::new();
    let (count, complaints) = tokens(&hub, "cli -hf test/greedy");
    assert_eq!(count, 3, "what it may set counts");
    let refused: Vec<&str> = complaints.lines().filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(
        refused,
        [
            "m",
            "model-url",
            "hf-token",
            "hub-endpoint",
            "cache-dir",
            "tool-command",
            "yes",
            "tools",
            "system-prompt-file",
            "chat-template-file",
            "log-file",
            "history",
            "threads",
            "no-such-key",
        ]
    );
    assert!(complaints.lines().all(|line| line.starts_with("test/greedy/preset.ini:")), "{complaints}");
    assert!(!hub.cache.path().join("ran").exists() && !hub.cache.path().join("elsewhere").exists());
}

/// And what came until then is kept for the next time.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_download_at_once() {
    let mut hub = Hub::new();
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        for line in ["download test/stall", "cli -hf test/stall -p x"] {
            let mut child = hub.command(line).stdin(std::process::Stdio::null()).spawn().unwrap();
            hub.server.wait_stalled();
            assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(code), "{name} {line}");
        }
    }
    hub.server.say("go");
    assert!(hub.succeeds("download test/stall").ends_with("/a-Q4_K_M.gguf\n"));
}

#[test]
fn a_token_is_not_shown() {
    let hub = Hub::new();
    for line in [
        "config show -hft hf_topsecret",
        "config show --json --hf-token hf_topsecret",
        "config export -hft hf_topsecret",
    ] {
        let output = hub.command(line).output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&shown).contains("topsecret"), "{line}: {}", String::from_utf8_lossy(&shown));
        assert_eq!(output.status.code(), Some(0), "{line}");
    }
}
