//! The program in scripts: pipes, files, JSON, exit codes.

#![cfg(unix)]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use std::io::Read;
use std::process::Stdio;

use common::*;
use serde_json::json;

#[test]
fn the_standard_output_is_the_answer_and_nothing_else() {
    let place = Place::new();
    let script = model(SCRIPT);
    assert_eq!(place.run(&["cli", "-m", &script, "-p", "Hi"]).ok(), SAYS);
    assert_eq!(place.run(&["chat", "-m", &script, "-st", "-p", "Hi"]).ok(), SAYS);
    assert_eq!(place.run(&["cli", "-m", &script, "-p", "Hi", "-r", "test"]).ok(), "Hello there, I am a ");
    // What it thinks is none of the answer, and is shown beside it if that is wanted.
    let tools = model(TOOLS);
    let thinks = place.run(&["cli", "-m", &tools, "-p", "Go.", "-n", "7"]);
    assert_eq!((thinks.out.as_str(), thinks.err.as_str()), ("Wait:", ""));
    let thinks = place.run(&["cli", "-m", &tools, "-p", "Go.", "-n", "7", "--show-reasoning", "--show-timings"]);
    assert_eq!(thinks.out, "Wait:");
    assert!(thinks.err.starts_with("I think.") && thinks.err.contains("[ Prompt: "), "{thinks:?}");
}

/// What was asked is in the transcript.
#[test]
fn a_prompt_comes_from_a_flag_a_file_or_a_pipe() {
    let place = Place::new();
    let script = model(SCRIPT);
    let file = place.write("prompt.txt", "from a file\\n\n\n");
    let asked = |input: Option<&str>, words: &[&str]| {
        let words = [&["cli", "-m", &script, "-o", "log.txt"], words].concat();
        match input {
            Some(input) => place.run_with(input, &words).ok(),
            None => place.run(&words).ok(),
        };
        let log = place.read("log.txt");
        let end = format!("\n\nAssistant:\n{SAYS}\n\n");
        log.strip_prefix("User:\n").and_then(|log| log.strip_suffix(&end)).unwrap_or_else(|| panic!("{log}")).to_owned()
    };
    assert_eq!(asked(None, &["-p", r"a\nb\x41"]), "a\nbA");
    assert_eq!(asked(None, &["-p", r"a\nb", "--no-escape"]), r"a\nb");
    assert_eq!(asked(None, &["-p", "-st"]), "-st");
    assert_eq!(asked(None, &["-f", &file]), "from a file\\n\n");
    assert_eq!(asked(Some("piped\n"), &[]), "piped");
    assert_eq!(asked(Some("piped"), &["-f", "-"]), "piped");
    assert_eq!(asked(Some("piped\nlines\n"), &["-p", "Read this:"]), "Read this:\n\npiped\nlines");
    assert_eq!(asked(Some("piped"), &["-p", "alone", "--no-stdin"]), "alone");
    assert_eq!(asked(Some(""), &["-p", "alone"]), "alone");
}

#[test]
fn raw_text_goes_on() {
    let place = Place::new();
    let random = model(RANDOM);
    let words = ["complete", "-m", &random, "-p", "abc", "-n", "8", "-s", "7"];
    let text = place.run(&words).ok();
    assert!(!text.is_empty() && !text.contains("abc"));
    assert_eq!(place.run(&words).ok(), text, "the same seed");
    assert_eq!(place.run(&[&words[..], &["--display-prompt"]].concat()).ok(), format!("abc{text}"));
    assert_eq!(place.run_with("abc", &["completion", "-m", &random, "-n", "8", "-s", "7", "-no-cnv"]).ok(), text);
}

#[test]
fn an_answer_is_one_json_object() {
    let place = Place::new();
    let answer = place.run(&["cli", "-m", &model(SCRIPT), "-p", "Hi", "--json"]).json();
    assert_eq!((&answer["content"], &answer["finish_reason"]), (&json!(SAYS), &json!("stop")));
    assert_eq!((&answer["model"], &answer["usage"]["completion_tokens"]), (&json!(SCRIPT), &json!(8)));
    assert!(answer["timings"]["total_ms"].as_f64().unwrap() > 0.0);
    assert!(answer.get("error").is_none() && answer.get("reasoning_content").is_none());

    let random = model(RANDOM);
    let words = ["complete", "-m", &random, "-p", "a", "-n", "3", "--json", "--logprobs", "2"];
    let answer = place.run(&words).json();
    assert_eq!(answer["finish_reason"], "length");
    assert_eq!(answer["logprobs"].as_array().unwrap().len(), 3);
    assert_eq!(answer["logprobs"][0]["top"].as_array().unwrap().len(), 2);

    let ran = place.run(&["cli", "-m", &model("not-a-gguf.bin"), "-p", "Hi", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.failed(3, "GGUF")).unwrap();
    assert_eq!(error["error"]["reason"], "model_corrupt");
}

#[test]
fn a_stream_is_one_json_object_a_line() {
    let place = Place::new();
    let tools = place.write("tools.json", TOOL);
    let words = ["cli", "-m", &model(TOOLS), "-p", "Go.", "--json-stream", "--tools", &tools];
    let events = lines(&place.run(&words).ok());
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let text = |kind, key: &str| of(kind).iter().map(|event| event[key].as_str().unwrap()).collect::<String>();
    assert_eq!((text("reasoning", "text"), text("text", "text").trim()), ("I think.".into(), "Wait:"));
    assert_eq!((text("tool_call", "name").as_str(), of("tool_call").len()), ("add", 1));
    let arguments: serde_json::Value = serde_json::from_str(&text("tool_call_arguments", "delta")).unwrap();
    assert_eq!(arguments, json!({"a": 1, "b": 2}));
    assert!(!of("progress").is_empty());
    assert_eq!((events.last().unwrap()["type"].as_str(), of("final").len()), (Some("final"), 1));
    assert_eq!(events.last().unwrap()["finish_reason"], "tool_calls");
}

#[test]
fn each_end_has_its_exit_code() {
    let place = Place::new();
    let (script, random, long) = (model(SCRIPT), model(RANDOM), model(LONG));
    // 1: it failed.
    place.run(&["cli", "-m", &model("tiny-raise.gguf"), "-p", "Hi"]).failed(1, "always raises");
    place.run(&["cli", "-m", &script, "-p", "Hi", "-o", "no/such/folder"]).failed(1, "cannot write");
    place.run(&["cli", "-m", &model("tiny-nochat.gguf"), "-p", "Hi"]).failed(1, "no chat template");
    // 2: it was not understood.
    place.run(&["cli", "-m", &script, "-p", "Hi", "--temprature", "1"]).failed(2, "did you mean `--temperature`?");
    place.run(&["cli", "-m", &script, "-p", "Hi", "-nlg", "1"]).failed(2, "did you mean `-ngl`?");
    place.run(&["cli", "-m", &script, "-p", "Hi", "--host", "x"]).failed(2, "HTTP server");
    place.run(&["cli", "-m", &script, "-p", "Hi", "--top-k", "many"]).failed(2, "`top_k` is an integer");
    place.run(&["cli", "-m", &script, "-p", "Hi", "-j", "{"]).failed(2, "json_schema");
    place.run(&["cli", "-m", &script]).failed(2, "nothing to ask");
    place.run(&["cli", "-p", "Hi"]).failed(2, "no model");
    place.run(&["cli", "-m", &script, "-p", "Hi", "-f", "x"]).failed(2, "both given");
    place.run(&["cli", "-m", &script, "-f", "nowhere.txt"]).failed(2, "nowhere.txt");
    place.run(&["cli", "-m", &script, "-p", "Hi", "--json", "--json-stream"]).failed(2, "both given");
    place.run(&["frob"]).failed(2, "frob");
    // 3: the model is not there, or is none.
    place.run(&["cli", "-m", "nowhere.gguf", "-p", "Hi"]).failed(3, "nowhere.gguf");
    for broken in ["not-a-gguf.bin", "truncated.gguf", "tiny-lora.gguf"] {
        place.run(&["cli", "-m", &model(broken), "-p", "Hi"]).failed(3, "");
    }
    // 4: the window is full.
    let words = ["complete", "-m", &random, "-c", "256", "-p", "a"];
    place.run(&[&words[..], &["--ignore-eos", "-s", "1"]].concat()).failed(4, "window");
    place.run_with(&"long ".repeat(400), &words).failed(4, "window");
    let stopped = place.run(&[&words[..], &["--ignore-eos", "-s", "1", "--no-context-shift", "--json"]].concat());
    assert_eq!(stopped.json()["finish_reason"], "length");
    // 124: the deadline passed.
    place.run(&["cli", "-m", &long, "-c", "0", "-p", "Count.", "--deadline-ms", "500"]).failed(124, "deadline");
}

/// With what was said until then.
#[test]
fn a_signal_ends_the_answer_and_the_program() {
    let place = Place::new();
    let words = ["cli", "-m", &model(LONG), "-c", "0", "-p", "Count.", "--json-stream"];
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut child = place.chaku(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        assert!(read_until(&mut out, "three").contains("one"));
        signal(name, child.id());
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        let last = rest.lines().last().unwrap();
        assert!(last.contains(r#""type":"final""#) && last.contains(r#""finish_reason":"cancelled""#), "{last}");
    }
}

/// As `nohup` has it.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_stays_so() {
    let place = Place::new();
    let words = ["cli", "-m", &model(LONG), "-c", "0", "-p", "Count.", "--json-stream"];
    let mut nohup = place.chaku_in(&["nohup"], &words);
    let mut child = nohup.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    read_until(&mut out, "three");
    signal("HUP", child.id());
    // It goes on, and says it all again.
    read_until(&mut out, "three");
    signal("TERM", child.id());
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// A load that waits for a template out of a pipe, as long as the test likes.
#[test]
fn a_signal_ends_a_load_at_once() {
    let place = Place::new();
    let pipe = place.pipe("template");
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let words = ["cli", "-m", &model(SCRIPT), "-p", "Hi", "--chat-template-file", &pipe];
        let mut child = place.chaku(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It opens when the load has opened it too.
        let writer = std::fs::File::options().write(true).open(&pipe).unwrap();
        signal(name, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        drop(writer);
    }
}

#[test]
fn who_closes_the_pipe_has_seen_enough() {
    let place = Place::new();
    let words = ["cli", "-m", &model(LONG), "-c", "0", "-p", "Count."];
    let mut child = place.chaku(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    read_until(&mut out, "three");
    drop(out);
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), ran.stderr), (Some(0), Vec::new()));
}

#[test]
fn an_answer_follows_what_a_flag_or_a_file_says() {
    let place = Place::new();
    let random = model(RANDOM);
    let grammar = place.write("g.gbnf", "root ::= \"abc\"");
    let schema = place.write("s.json", r#"{"enum": ["yes"]}"#);
    let words = ["cli", "-m", &random, "-p", "Hi"];
    let says = |more: &[&str]| place.run(&[&words[..], more].concat()).ok();
    assert_eq!(says(&["--grammar-file", &grammar]), "abc");
    assert_eq!(says(&["--grammar", "root ::= \"x\""]), "x");
    assert_eq!(says(&["-jf", &schema]), "\"yes\"");
    assert_eq!(says(&["-j", r#"{"const": 7}"#]), "7");
    // What the model reads: the prompt is longer with a system message.
    let system = place.write("system.txt", "Be brief.");
    let script = model(SCRIPT);
    let tokens = |more: &[&str]| {
        let words = ["cli", "-m", &script, "-p", "Hi", "--json"];
        place.run(&[&words[..], more].concat()).json()["usage"]["prompt_tokens"].as_u64().unwrap()
    };
    assert_eq!(tokens(&["-sysf", &system]), tokens(&["-sys", "Be brief."]));
    assert!(tokens(&["-sysf", &system]) > tokens(&[]));
    let template = place.write("t.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}\n");
    assert!(tokens(&["--chat-template-file", &template]) < tokens(&[]));
}

const TOOL: &str = r#"[{"type": "function", "function": {"name": "add", "description": "Adds", "parameters":
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}}]"#;

#[test]
fn calls_of_tools_are_printed_unless_they_may_be_run() {
    let place = Place::new();
    let (tools, path) = (model(TOOLS), place.write("tools.json", TOOL));
    let words = ["cli", "-m", &tools, "-p", "Go.", "--tools", &path];
    let out = place.run(&words).ok();
    let call: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(call["function"]["name"], "add");
    assert_eq!(place.run(&[&words[..], &["--tool-command", "touch ran"]].concat()).code, Some(0));
    assert!(!place.path("ran").exists(), "nobody allowed it");
    let answer = place.run(&[&words[..], &["--json"]].concat()).json();
    assert_eq!(answer["tool_calls"][0]["function"]["name"], "add");
    assert_eq!(answer["finish_reason"], "tool_calls");
    // The model calls it again whatever it hears, so somebody has to end that.
    let command = "cat >> calls; echo 3";
    let ran = place.run(&[&words[..], &["--tool-command", command, "--yes", "--json-stream", "-c", "8192"]].concat());
    let events = lines(&ran.failed(1, "32 times in a row"));
    let results: Vec<_> = events.iter().filter(|event| event["type"] == "tool_result").collect();
    assert_eq!((results.len(), &results[0]["content"]), (32, &json!("3")));
    let calls = lines(&place.read("calls"));
    assert_eq!((calls.len(), &calls[0]["name"], &calls[0]["arguments"]["b"]), (32, &json!("add"), &json!(2)));
}

#[test]
fn what_happens_is_logged_where_it_is_asked_for() {
    let place = Place::new();
    let script = model(SCRIPT);
    let words = ["cli", "-m", &script, "-p", "Hi"];
    let ran = place.run(&[&words[..], &["-v"]].concat());
    assert!(ran.out == SAYS && ran.err.contains("chaku::load") && ran.err.contains("loaded"), "{ran:?}");
    assert_eq!(place.run(&[&words[..], &["-lv", "3", "--log-file", "log.txt"]].concat()).ok(), SAYS);
    assert!(place.read("log.txt").contains("chaku::load"));
    let ran = place.run(&[&words[..], &["--top-p", "2"]].concat());
    assert_eq!((ran.out.as_str(), ran.err.as_str()), (SAYS, "`top_p` is 2, outside its range; 1 is taken\n"));
}

#[test]
fn a_conversation_goes_on_in_the_next_call() {
    let place = Place::new();
    let script = model(SCRIPT);
    // Less is computed again sooner than it is copied.
    let asked = "Say something long about llamas, and then say it again.";
    let words = ["cli", "-m", &script, "-p", asked, "--session", "talk", "--json"];
    let first = place.run(&words).json();
    let second = place.run(&words).json();
    let tokens = |answer: &serde_json::Value, key: &str| answer["usage"][key].as_u64().unwrap();
    assert!(tokens(&second, "prompt_tokens") > tokens(&first, "context_used"));
    // What was computed is there again.
    assert!(tokens(&second, "cached_tokens") >= tokens(&first, "context_used"));
    place.write("talk", "nonsense");
    place.run(&words[..7]).failed(1, "");
}
