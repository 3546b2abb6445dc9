//! What says something of models and of the program, and needs no answer.

#![cfg(unix)]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use common::*;
use serde_json::json;

#[test]
fn a_model_file_is_described_without_its_weights() {
    let place = Place::new();
    let smollm2 = model(SMOLLM2);
    let info = place.run(&["info", &smollm2, "--json", "-c", "1024"]).json();
    assert_eq!((&info["architecture"], &info["training_context"]), (&json!("llama"), &json!(8192)));
    assert_eq!(info["plan"]["ctx_size"], 1024);
    assert!(info["plan"]["total"].as_u64().unwrap() > info["tensor_bytes"].as_u64().unwrap());
    assert!(info["capabilities"].as_array().unwrap().contains(&json!("chat")));
    assert!(info["metadata"]["general.architecture"] == "llama" && info["chat_template"].is_string());
    let text = place.run(&["info", "-m", &model(TOOLS)]).ok();
    assert!(text.contains("complete, chat, tools, reasoning") && text.contains("would take"), "{text}");
    assert!(place.run(&["info", &model("tiny-nochat.gguf"), "--json"]).json()["chat_template"].is_null());
    place.run(&["info", "nowhere.gguf"]).failed(3, "nowhere.gguf");
    place.run(&["info", &model("truncated.gguf")]).failed(3, "");
    place.run(&["info"]).failed(2, "no model");
}

#[test]
fn devices_are_listed() {
    let place = Place::new();
    let devices = place.run(&["devices", "--json"]).json();
    assert!(devices["backends"].as_array().unwrap().contains(&json!("cpu")));
    assert!(devices["devices"].as_array().unwrap().iter().any(|device| device["kind"] == "cpu"));
    assert!(place.run(&["devices"]).ok().contains("backends: cpu"));
}

#[test]
fn a_text_is_cut_into_tokens() {
    let place = Place::new();
    let smollm2 = model(SMOLLM2);
    let tokens = place.run(&["tokenize", "-m", &smollm2, "--json", "Hello", "llama"]).json();
    let pieces: String = tokens["tokens"].as_array().unwrap().iter().map(|t| t["piece"].as_str().unwrap()).collect();
    assert_eq!(
        (pieces.as_str(), tokens["count"].as_u64()),
        ("Hello llama", Some(tokens["tokens"].as_array().unwrap().len() as u64))
    );
    assert_eq!(place.run_with("Hello llama", &["tokenize", "-m", &smollm2, "--json"]).json(), tokens);
    let text = place.run(&["tokenize", "-m", &smollm2, "<|im_end|>"]).ok();
    let one = place.run(&["tokenize", "-m", &smollm2, "<|im_end|>", "--parse-control"]).ok();
    assert!(text.lines().count() > 1 && one.lines().count() == 1, "{text}{one}");
    place.run_with("", &["tokenize", "-m", &smollm2]).failed(2, "no text");
}

#[test]
fn a_measurement_has_a_figure_for_reading_and_for_writing() {
    let place = Place::new();
    let words = ["bench", "-m", &model(RANDOM), "-p", "16", "-n", "4", "-r", "2"];
    let results = place.run(&[&words[..], &["--json"]].concat()).json()["results"].clone();
    for (index, (test, tokens)) in [("prompt", 16), ("generation", 4)].into_iter().enumerate() {
        assert_eq!((&results[index]["test"], &results[index]["tokens"]), (&json!(test), &json!(tokens)));
        assert!(results[index]["tokens_per_s"].as_f64().unwrap() > 0.0);
        assert_eq!(results[index]["samples"].as_array().unwrap().len(), 2);
    }
    assert!(place.run(&words).ok().contains("| generation | 4 | "));
    place.run(&["bench", "-m", &model(RANDOM), "-r", "few"]).failed(2, "whole number");
}

#[test]
fn the_program_says_what_it_is() {
    let place = Place::new();
    let version = place.run(&["version"]).ok();
    assert!(version.starts_with(concat!("chaku ", env!("CARGO_PKG_VERSION"), "\nllama.cpp ")), "{version}");
    assert_eq!(place.run(&["--version"]).ok(), concat!("chaku ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(place.run(&["licenses"]).ok().contains("MIT"));
    assert_eq!(place.run(&["--licenses"]).ok(), place.run(&["credits"]).ok());
    let help = place.run(&[]).ok();
    assert!(help.contains("Usage: chaku") && help.contains("complete"), "{help}");
    assert_eq!(place.run(&["help"]).ok(), help);
    let all = place.run(&["cli", "--help"]).ok();
    assert!(all.contains("--gpu-layers") && all.contains("-ngl") && !place.run(&["cli", "-h"]).ok().contains("-ngl"));
    assert_eq!(place.run(&["help", "cli"]).ok(), all);
}

#[test]
fn shells_get_a_script_that_completes() {
    let place = Place::new();
    for (shell, sign) in [("bash", "COMPREPLY"), ("zsh", "#compdef chaku"), ("fish", "complete -c chaku")] {
        let script = place.run(&["completions", shell]).ok();
        assert!(script.contains(sign) && script.contains("gpu-layers"), "{shell}");
    }
    place.run(&["completions", "cmd"]).failed(2, "bash");
}

/// The table of what has become of llama.app's flows names tests that there are, and leaves no row without an answer.
#[test]
fn the_table_of_parity_names_real_tests() {
    let page = include_str!("../../docs/llama-app-parity.md");
    let sources = [
        ("scripts", include_str!("scripts.rs")),
        ("settings", include_str!("settings.rs")),
        ("terminal", include_str!("terminal.rs")),
        ("looks", include_str!("looks.rs")),
        ("downloads", include_str!("downloads.rs")),
        ("hub", include_str!("../../core/tests/hub.rs")),
        ("defaults", include_str!("../../core/tests/llama_app_defaults.rs")),
        ("config", include_str!("../../core/src/options/config_tests.rs")),
        ("tools", include_str!("../../core/tests/tools.rs")),
        ("load_options", include_str!("../../core/tests/load_options.rs")),
        ("load_params", include_str!("../../llama/tests/load_params.rs")),
        ("sampler", include_str!("../../llama/tests/sampler.rs")),
        ("argv", include_str!("../src/args/argv.rs")),
        ("markdown", include_str!("../src/repl/markdown.rs")),
    ];
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| llama.app |"));
    let mut named = 0;
    for row in rows.filter(|row| !row.starts_with("| flow |")) {
        let row = row.replace("\\|", "/");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(["same", "better", "not yet", "not"].contains(&cells[2]), "{row}");
        assert!(!cells[4].is_empty() || !cells[3].is_empty() || cells[2] == "not yet", "{row}");
        let Some((file, test)) = cells[4].trim_matches('`').split_once(": ") else { continue };
        let source = sources.iter().find(|(name, _)| *name == file).unwrap_or_else(|| panic!("{row}"));
        assert!(source.1.contains(&format!("fn {test}(")), "{file} has no test {test}");
        named += 1;
    }
    assert!(named > 50, "{named}");
}
