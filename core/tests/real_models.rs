//! The Rust API on real and tiny models. What every surface must show is in `tests/conformance`; here is what only
//! Rust can see, and a first look that all is well.

use std::path::PathBuf;
use std::time::Duration;

use chaku::{Event, FinishReason, Model, Options, Reason, Request, Runtime};

fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name);
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    path
}

fn load(name: &str, set: impl FnOnce(&mut Options)) -> Model {
    let mut options = Options::new();
    options.set_i64("threads", 1).unwrap();
    set(&mut options);
    Runtime::default_runtime().load_blocking(&path(name), &options).unwrap()
}

fn smollm2() -> Model {
    load("SmolLM2-135M-Instruct.Q4_1.gguf", |options| options.set_i64("ctx_size", 2048).unwrap())
}

fn text(request: &Request) -> (String, std::sync::Arc<chaku::Final>) {
    let mut text = String::new();
    let end = request.run(|event| {
        if let Event::Text(piece) = event {
            text.push_str(&piece.text);
        }
        true
    });
    (text, end.unwrap())
}

fn greedy(max_tokens: i64) -> Options {
    let mut options = Options::new();
    options.set_f64("temperature", 0.0).unwrap();
    options.set_i64("max_tokens", max_tokens).unwrap();
    options
}

#[test]
fn a_real_model_answers_and_remembers() {
    let model = smollm2();
    let session = model.session(&Options::new()).unwrap();
    let (first, end) =
        text(&session.chat("The capital of France is Paris. What is the capital of France?", &greedy(40)).unwrap());
    assert!(first.contains("Paris"), "{first}");
    assert!(matches!(end.finish_reason, FinishReason::Stop | FinishReason::Length));
    let (_, second) = text(&session.chat("Say it again.", &greedy(20)).unwrap());
    assert!(second.usage.cached_tokens >= end.usage.prompt_tokens, "{:?} after {:?}", second.usage, end.usage);
    assert_eq!(session.message_count(), 4);
}

#[test]
fn a_deep_template_is_prepared_on_a_large_stack() {
    let deep = format!("{}x{}", "{% if true %}".repeat(300), "{% endif %}".repeat(300));
    let model = load("tiny-random.gguf", |options| options.set_str("chat_template", &deep).unwrap());
    let session = model.session(&Options::new()).unwrap();
    let caller = std::thread::Builder::new().stack_size(128 << 10);
    let run = move || text(&session.chat("hello", &greedy(3)).unwrap()).1.finish_reason;
    assert_eq!(caller.spawn(run).unwrap().join().unwrap(), FinishReason::Length);
}

/// Its tokenizing would take most of a minute.
#[test]
fn a_text_far_too_long_is_refused_at_once() {
    let model = load("tiny-random.gguf", |options| options.set_i64("ctx_size", 256).unwrap());
    let session = model.session(&Options::new()).unwrap();
    let (_, end) = text(&session.chat(&"<|im_start|>".repeat(200_000), &greedy(3)).unwrap());
    assert_eq!(end.error.as_ref().unwrap().reason(), Reason::ContextOverflow);
    assert_eq!(text(&session.chat("hello", &greedy(3)).unwrap()).1.finish_reason, FinishReason::Length);
}

#[test]
fn an_encoder_is_not_a_model_that_chats() {
    let result = Runtime::default_runtime().load_blocking(&path("tiny-bert.gguf"), &Options::new());
    assert_eq!(result.err().unwrap().reason(), Reason::ModelUnsupported);
}

/// Nine loops in each other, only when asked for: what a template does at once is tried out when it is parsed.
fn endless_when_asked() -> String {
    let (begin, end) = ("{% for i in range(9) %}".repeat(9), "{% endfor %}".repeat(9));
    format!("{{% if messages[0].content == 'endless' %}}{begin}{end}{{% endif %}}{{{{ messages[0].content }}}}")
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "templates have limits on Linux alone")]
fn an_endless_template_is_cancelled_and_expires_like_any_request() {
    let model = load("tiny-random.gguf", |options| options.set_str("chat_template", &endless_when_asked()).unwrap());
    let session = model.session(&Options::new()).unwrap();
    let mut options = greedy(3);
    options.set_i64("deadline_ms", 100).unwrap();
    let (_, end) = text(&session.chat("endless", &options).unwrap());
    assert_eq!(end.finish_reason, FinishReason::Deadline);

    let endless = session.chat("endless", &greedy(3)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    endless.cancel();
    assert_eq!(text(&endless).1.finish_reason, FinishReason::Cancelled);

    // The preparing thread is free again.
    assert_eq!(text(&session.chat("hello", &greedy(3)).unwrap()).1.finish_reason, FinishReason::Length);
    let _endless = session.chat("endless", &greedy(3)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    model.close(Some(Duration::from_secs(5))).unwrap();
}

#[test]
fn dropping_the_model_while_it_generates_is_fine() {
    let model = load("tiny-random.gguf", |_| {});
    let session = model.session(&Options::new()).unwrap();
    let request = session.generate("abc", &greedy(0)).unwrap();
    drop(model);
    drop(session);
    assert!(request.next(Some(Duration::from_secs(10))).unwrap().is_some());
    request.cancel();
    let (_, end) = text(&request);
    assert_eq!(end.finish_reason, FinishReason::Cancelled);
}

#[test]
fn several_sessions_have_sequences_of_their_own() {
    let model = load("tiny-random.gguf", |_| {});
    let sessions: Vec<_> = (0..3).map(|_| model.session(&Options::new()).unwrap()).collect();
    let requests: Vec<_> = sessions.iter().map(|session| session.generate("abc", &greedy(20)).unwrap()).collect();
    let texts: Vec<_> = requests.iter().map(|request| text(request).0).collect();
    assert!(!texts[0].is_empty() && texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[test]
fn models_of_every_memory_chat_in_two_turns() {
    for name in ["tiny-mamba.gguf", "tiny-hybrid.gguf", "tiny-gemma3.gguf"] {
        let session = load(name, |_| {}).session(&Options::new()).unwrap();
        for turn in 0..2 {
            let (answer, end) = text(&session.chat("Hello, who are you and where are you from?", &greedy(50)).unwrap());
            assert!(!answer.is_empty() && end.finish_reason == FinishReason::Length, "{name}, turn {turn}: {end:?}");
        }
    }
}

#[test]
fn a_recurrent_memory_cannot_shift_and_says_so() {
    let model = load("tiny-mamba.gguf", |options| options.set_i64("ctx_size", 256).unwrap());
    let session = model.session(&Options::new()).unwrap();
    let mut options = greedy(0);
    options.set_bool("ignore_eos", true).unwrap();
    let mut shift = Options::new();
    shift.set_str("overflow", "shift").unwrap();
    let shifting = model.session(&shift).unwrap();
    let (_, end) = text(&shifting.generate("abc", &options).unwrap());
    assert_eq!(end.error.as_ref().unwrap().reason(), Reason::ShiftUnsupported);
    let (first, _) = text(&session.generate("abc", &greedy(20)).unwrap());
    assert!(!first.is_empty());
}
