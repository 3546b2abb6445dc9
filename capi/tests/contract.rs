//! What holds for every exported function, read off the sources: the guard, the ownership words, the thread class.

use std::path::Path;

/// An exported function as it is written.
struct Function {
    name: String,
    docs: String,
    /// Name and type.
    parameters: Vec<(String, String)>,
    returns: String,
    body: String,
}

const OWNERSHIP: [&str; 5] = ["borrowed", "copied", "consumed", "returns owned (free with chaku_", "valid until"];

#[test]
fn every_exported_function_is_guarded() {
    for function in functions() {
        let guards = ["guard::call(", "guard::value(", "guard::control("];
        let guarded = guards.iter().filter(|guard| function.body.contains(**guard)).count();
        assert_eq!(guarded, 1, "{} must be one guarded expression", function.name);
        let before = function.body.split("guard::").next().unwrap_or_default();
        assert!(!before.contains('?') && !before.contains("handle::"), "{}: work outside the guard", function.name);
        if let Some((_, rest)) = function.body.split_once("guard::call(\"") {
            assert!(rest.starts_with(&format!("{}\"", function.name)), "{} names another function", function.name);
        }
    }
}

#[test]
fn every_pointer_has_an_ownership_word() {
    for function in functions() {
        for (name, kind) in &function.parameters {
            if !kind.contains('*') && !kind.contains("_callback") {
                continue;
            }
            let entry = entry(&function.docs, &format!("`{name}`"));
            assert!(
                OWNERSHIP.iter().any(|word| entry.contains(word)),
                "{}: the comment gives `{name}` none of the words {OWNERSHIP:?}",
                function.name
            );
        }
        if function.returns.contains('*') {
            let entry = entry(&function.docs, "Returns:");
            assert!(OWNERSHIP[3..].iter().any(|word| entry.contains(word)), "{}: whose is the result?", function.name);
        }
    }
}

#[test]
fn handles_are_nulled_and_returned_as_the_comment_says() {
    for function in functions() {
        for (name, kind) in &function.parameters {
            let owned = entry(&function.docs, &format!("`{name}`")).contains("returns owned");
            assert_eq!(kind.starts_with("*mut *mut chaku_"), owned, "{}: `{name}`", function.name);
            if owned {
                let target = kind.rsplit("chaku_").next().unwrap_or_default();
                let free = format!("free with chaku_{target}_free");
                assert!(function.docs.contains(&free), "{}: `{name}` is freed with chaku_{target}_free", function.name);
            }
        }
    }
}

#[test]
fn every_function_names_its_thread_class_and_refuses_callbacks_accordingly() {
    for function in functions() {
        let class = entry(&function.docs, "Thread class:");
        assert!(class.contains("shared"), "{} has no thread class", function.name);
        let refuses = function.body.contains("refuse_inside()?") || function.body.contains(" start(session");
        assert_eq!(class.contains("callback-safe"), !refuses, "{}: comment and code differ", function.name);
    }
    let sources = sources();
    let helper = sources.iter().find_map(|(_, text)| text.split("unsafe fn start(").nth(1)).expect("in session.rs");
    assert!(helper.contains("refuse_inside()?"), "what starts a request refuses for all of its callers");
}

#[test]
fn fallible_functions_take_out_error_last_and_only_they_do() {
    for function in functions() {
        let position = function.parameters.iter().position(|(name, _)| name == "out_error");
        assert_eq!(position.is_some(), function.body.contains("guard::call("), "{}", function.name);
        assert!(position.is_none_or(|at| at + 1 == function.parameters.len()), "{}: out_error is last", function.name);
        if position.is_some() {
            assert_eq!(function.returns, "chaku_code", "{}", function.name);
        }
    }
}

#[test]
fn only_plain_types_cross_the_interface() {
    let plain = ["i32", "i64", "u32", "u64", "f64", "chaku_code", ""];
    for function in functions() {
        for kind in function.parameters.iter().map(|(_, kind)| kind).chain([&function.returns]) {
            let pointer = kind.starts_with("*const ") || kind.starts_with("*mut ");
            let callback = kind.starts_with("chaku_") && kind.ends_with("_callback");
            assert!(pointer || callback || plain.contains(&kind.as_str()), "{}: {kind}", function.name);
        }
    }
}

#[test]
fn bodies_only_convert() {
    for function in functions() {
        let lines = function.body.lines().count();
        assert!(lines <= 25, "{} has {lines} lines: logic belongs to the core", function.name);
    }
}

#[test]
fn the_scan_sees_every_exported_function() {
    let exported: usize = sources().iter().map(|(_, text)| text.matches("#[unsafe(no_mangle)]").count()).sum();
    let extern_c: usize = sources()
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter(|line| line.contains("extern \"C\" fn chaku_"))
        .count();
    let mut seen: Vec<_> = functions().into_iter().map(|function| function.name).collect();
    seen.sort();
    assert_eq!((seen.len(), extern_c), (exported, exported));
    let symbols = std::fs::read_to_string(manifest().join("abi/symbols.txt")).expect("abi/symbols.txt is committed");
    assert_eq!(seen, symbols.lines().collect::<Vec<_>>());
}

/// The paragraph of a comment that begins with `- ` and the given text, or with the text itself.
fn entry(docs: &str, start: &str) -> String {
    let mut lines = docs.lines().skip_while(|line| {
        let head = line.split(": ").next().unwrap_or_default();
        !(line.starts_with(start) || line.starts_with("- ") && format!("{head}:").contains(start))
    });
    let Some(first) = lines.next() else { return String::new() };
    let rest = lines.take_while(|line| line.starts_with("  "));
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ")
}

fn functions() -> Vec<Function> {
    sources().iter().flat_map(|(_, text)| parse(text)).collect()
}

fn parse(text: &str) -> Vec<Function> {
    let lines: Vec<_> = text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[unsafe(no_mangle)]").map(|(at, _)| at);
    starts
        .map(|at| {
            let mut docs: Vec<_> = lines[..at].iter().rev().map_while(|line| line.strip_prefix("///")).collect();
            docs.reverse();
            let docs = docs.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
            let code: Vec<_> = lines[at + 1..].iter().take_while(|line| **line != "}").copied().collect();
            let code = code.join("\n");
            let (signature, body) = code.split_once(" {\n").expect("a body");
            let (head, rest) = signature.split_once('(').expect("parameters");
            let (parameters, returns) = rest.rsplit_once(')').expect("parameters end");
            Function {
                name: head.rsplit(' ').next().unwrap_or_default().to_owned(),
                docs,
                parameters: parameters.split(',').filter_map(parameter).collect(),
                returns: returns.trim().trim_start_matches("-> ").to_owned(),
                body: body.to_owned(),
            }
        })
        .collect()
}

fn parameter(text: &str) -> Option<(String, String)> {
    let (name, kind) = text.trim().split_once(": ")?;
    Some((name.to_owned(), kind.to_owned()))
}

fn sources() -> Vec<(String, String)> {
    let files = std::fs::read_dir(manifest().join("src")).expect("src is there");
    let mut sources: Vec<_> = files
        .map(|file| {
            let file = file.expect("src can be listed");
            let text = std::fs::read_to_string(file.path()).expect("sources can be read");
            (file.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    sources.sort();
    sources
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
