//! Where values come from: configuration files, presets, environment, flags.

#![cfg(unix)]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use common::*;
use serde_json::json;

#[test]
fn a_flag_goes_above_the_environment_and_that_above_the_files() {
    let place = Place::new();
    place.write(".config/chaku/config.ini", "seed = 1\ntop_k = 1\ntemp = 0.1\n[quick]\ntemp = 0.2\nmin-p = 0.25");
    let config = |environment: &[(&str, &str)], words: &[&str]| -> serde_json::Value {
        let mut command = place.chaku(&[&["config", "--json"], words].concat());
        command.envs(environment.iter().copied());
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    let environment = [("LLAMA_ARG_TOP_K", "2"), ("CHAKU_TEMPERATURE", "0.5"), ("LLAMA_ARG_TEMPERATURE", "0.7")];
    let shown = config(&environment, &["--temp", "0.9"]);
    let value = |key: &str| (shown[key]["value"].as_str().unwrap(), shown[key]["source"].as_str().unwrap());
    let file = place.path(".config/chaku/config.ini");
    assert_eq!(value("seed"), ("1", format!("{}:1", file.display()).as_str()));
    assert_eq!(value("top_k"), ("2", "environment variable LLAMA_ARG_TOP_K"));
    assert_eq!(value("temperature"), ("0.9", "--temp"));
    assert_eq!(value("min_p"), ("0.05", "default"));
    let shown = config(&environment[..1], &["--preset", "quick"]);
    assert_eq!((&shown["temperature"]["value"], &shown["min_p"]["value"]), (&json!("0.2"), &json!("0.25")));
    assert_eq!(config(&environment, &[])["temperature"]["value"], "0.5");
    // Unset is not the default: the model file's own value counts then.
    assert_eq!(config(&[], &["-t", "-1"])["threads"]["source"], "default");
    assert_eq!(config(&[], &["--no-mmap"])["mmap"]["value"], "off");
    assert_eq!(config(&[], &["-l", "15043+1"])["logit_bias"]["value"], json!(["15043=+1"]));
    assert_eq!(config(&[], &["-r", r"a\n", "-r", "b"])["stop"]["value"], json!(["a\n", "b"]));
    place.run(&["config", "--preset", "quikc"]).failed(2, "`quick`");
}

#[test]
fn a_file_of_llama_app_loads_and_its_preset_names_the_model() {
    let place = Place::new();
    let text = format!(
        "version = 1\n[*]\nhost = 127.0.0.1\nport = 9931\njinja = true\nc = 512\n\
         [user/repo:Q4_0]\nmodel = {}\nload-on-startup = true\ntemp = 0\nn-predict = 3\n",
        model(SCRIPT)
    );
    let file = place.write("models.ini", &text);
    let words = ["cli", "--config", &file, "--preset", "user/repo:Q4_0", "-p", "Hi"];
    assert_eq!(place.run(&words).ok(), "Hello there, I");
    // What a flag says goes above the preset.
    assert_eq!(place.run(&[&words[..], &["-n", "1"]].concat()).ok(), "Hello");
    let ran = place.run(&["config", "--config", &file]);
    assert!(ran.out.contains("models.ini:6"), "{}", ran.out);
    for told in ["`host` is read over: it belongs to an HTTP server", "models.ini:4", "`load-on-startup`"] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    assert_eq!(place.run(&["config", "presets", "--config", &file]).ok(), "user/repo:Q4_0\n");
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_line() {
    let place = Place::new();
    let good = place.write("good.ini", "temp = 0.5\nshow-timings = off\n");
    let bad = place.write("bad.ini", "temp = 0.5\ntemprature = 1\n");
    assert_eq!(place.run(&["config", "validate", &good]).ok(), format!("{good}: ok\n"));
    let ran = place.run(&["config", "validate", &good, &bad]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 1));
    assert!(ran.err.contains("bad.ini:2") && ran.err.contains("`temperature`"), "{}", ran.err);
    place.run(&["cli", "--config", &bad, "-m", &model(SCRIPT), "-p", "Hi"]).failed(2, "bad.ini:2");
    place.run(&["cli", "--config", "nowhere.ini", "-p", "Hi"]).failed(2, "nowhere.ini");
}

#[test]
fn what_is_exported_is_read_as_the_same() {
    let place = Place::new();
    let words =
        ["--temp", "0.25", "-sys", "a # b\n\"c\"", "-r", "x", "-r", " y", "--no-show-timings", "-m", "a b.gguf"];
    let exported = place.run(&[&["config", "export"], &words[..]].concat()).ok();
    let file = place.write("exported.ini", &exported);
    assert_eq!(place.run(&["config", "export", "--config", &file]).ok(), exported);
    let schema: serde_json::Value = serde_json::from_str(&place.run(&["config", "schema"]).ok()).unwrap();
    assert!(schema["properties"]["temperature"].is_object());
}

#[test]
fn files_of_text_may_be_named_in_the_configuration() {
    let place = Place::new();
    let system = place.write("system.txt", "Be brief.");
    let config = place.write("c.ini", &format!("system-prompt-file = {system}\n"));
    let value = |words: &[&str]| -> serde_json::Value {
        let shown = place.run(&[&["config", "--json", "--config", &config], words].concat());
        shown.json()["system_prompt"]["value"].clone()
    };
    assert_eq!(value(&[]), "Be brief.");
    assert_eq!(value(&["-sys", "Be long."]), "Be long.");
}
