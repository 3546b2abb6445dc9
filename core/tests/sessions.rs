//! What sessions can do besides talking: fork, rewind, save and restore; conversations that nobody keeps; and what a full
//! queue does.

mod common;

use std::path::Path;
use std::time::Duration;

use chaku::{ChatMessage, Error, Final, FinishReason, Model, Options, Reason, Request, Role, Session};
use common::{load, options, text};

const SCRIPT: &str = "tiny-script.gguf";
const RANDOM: &str = "tiny-random.gguf";
const LONG: &str = "tiny-long.gguf";

fn none() -> Options {
    Options::new()
}

/// Answers of 8 tokens, always the likeliest ones.
fn short() -> Options {
    options(&[("temperature", "0"), ("max_tokens", "8")])
}

fn ask(session: &Session, words: &str) -> (String, Final) {
    finish(&session.chat(words, &short()).unwrap())
}

/// Reads a request that works to its end.
fn finish(request: &Request) -> (String, Final) {
    let (text, end) = text(request);
    assert!(end.error.is_none(), "{:?}", end.error);
    (text, (*end).clone())
}

fn reason<T>(result: Result<T, Error>) -> Reason {
    result.err().expect("an error").reason()
}

/// Why a request failed.
fn failure(request: &Request) -> Error {
    text(request).1.error.clone().expect("an error")
}

/// A session that answers without end.
fn busy_session() -> (Session, Request) {
    let session = load(LONG, &[("ctx_size", "131072")]).session(&none()).unwrap();
    let running = session.chat("Count.", &options(&[("event_queue", "4")])).unwrap();
    while running.next(None).unwrap().is_none() {}
    (session, running)
}

/// A model that computes one request at a time, which answers without end and waits for no reader.
fn busy_model(queue_limit: &str) -> (Model, Request) {
    let model = load(LONG, &[("ctx_size", "131072"), ("max_running", "1"), ("queue_limit", queue_limit)]);
    let running = passing(&model, &[("event_queue", "1048576"), ("max_tokens", "0")]).unwrap();
    while running.next(None).unwrap().is_none() {}
    assert_eq!(running.queue_position(), None);
    (model, running)
}

fn passing(model: &Model, set: &[(&str, &str)]) -> Result<Request, Error> {
    model.chat(&[ChatMessage::new(Role::User, "Count.")], &options(&[&[("max_tokens", "2")], set].concat()))
}

#[test]
fn a_fork_goes_on_by_itself() {
    let model = load(RANDOM, &[]);
    let session = model.session(&none()).unwrap();
    ask(&session, "abc");
    let fork = session.fork(&none()).unwrap();
    assert_eq!((fork.message_count(), fork.context_used()), (2, session.context_used()));
    let (_, end) = ask(&fork, "def");
    assert_eq!((fork.message_count(), session.message_count()), (4, 2));
    let said: Vec<_> = fork.messages().into_iter().map(|message| (message.role, message.content)).collect();
    assert_eq!((said[0].clone(), said[2].clone()), ((Role::User, "abc".into()), (Role::User, "def".into())));
    assert_eq!((said[1].0, said.len()), (Role::Assistant, 4));
    assert_eq!(session.messages(), fork.messages()[..2]);
    // The same question there makes the same prompt.
    let (_, same) = ask(&session, "def");
    assert_eq!(same.usage.prompt_tokens, end.usage.prompt_tokens);
    session.reset().unwrap();
    assert_eq!(fork.message_count(), 4);
    drop(session);
    ask(&fork, "ghi");

    let raw = model.session(&none()).unwrap();
    finish(&raw.generate("abc", &short()).unwrap());
    let fork = raw.fork(&none()).unwrap();
    assert_eq!(fork.context_used(), raw.context_used());
    finish(&fork.continue_answer(&short()).unwrap());
    assert!(fork.context_used() > raw.context_used());
}

#[test]
fn a_fork_of_a_session_at_work_has_what_was_there_before() {
    let (session, running) = busy_session();
    assert_eq!(session.fork(&none()).unwrap().message_count(), 0);
    running.cancel();
    text(&running);
    assert_eq!(session.fork(&none()).unwrap().message_count(), 2);
}

#[test]
fn a_fork_takes_a_place_and_no_closed_session_has_one() {
    let model = load(SCRIPT, &[("max_sessions", "2")]);
    let session = model.session(&none()).unwrap();
    for _ in 0..3 {
        let fork = session.fork(&none()).unwrap();
        assert_eq!(reason(session.fork(&none())), Reason::SessionLimit);
        drop(fork);
    }
    session.close(None).unwrap();
    assert_eq!(reason(session.fork(&none())), Reason::Closed);
    assert_eq!(reason(session.fork(&options(&[("ctx_size", "512")]))), Reason::InvalidOption);
}

#[test]
fn a_fork_has_the_options_of_its_session_with_its_own_before_them() {
    let model = load(RANDOM, &[]);
    let session = model.session(&options(&[("max_tokens", "3"), ("system_prompt", "aaa")])).unwrap();
    let tokens = |session: &Session| {
        finish(&session.chat("abc", &options(&[("ignore_eos", "1")])).unwrap()).1.usage.completion_tokens
    };
    assert_eq!(tokens(&session), 3);
    assert_eq!(tokens(&session.fork(&none()).unwrap()), 3);
    assert_eq!(tokens(&session.fork(&options(&[("max_tokens", "5")])).unwrap()), 5);

    // Another system message makes another conversation of the same words.
    let other = session.fork(&options(&[("system_prompt", "bbbbbbbbbbbbbb")])).unwrap();
    assert_eq!((other.message_count(), other.context_used()), (2, 0));
    let (_, end) = finish(&other.continue_answer(&short()).unwrap());
    assert!(end.usage.context_used > session.context_used() && other.context_used() == end.usage.context_used);
}

#[test]
fn a_rewound_conversation_is_as_long_as_it_was_and_goes_on_from_there() {
    let model = load(RANDOM, &[]);
    let session = model.session(&options(&[("system_prompt", "aaa")])).unwrap();
    ask(&session, "abc");
    let one_turn = session.context_used();
    let (_, second) = ask(&session, "def");
    let two_turns = session.context_used();

    session.rewind(4).unwrap();
    assert_eq!((session.message_count(), session.context_used()), (4, two_turns));
    session.rewind(3).unwrap();
    assert_eq!((session.message_count(), session.context_used()), (3, second.usage.prompt_tokens));
    session.rewind(2).unwrap();
    assert_eq!((session.message_count(), session.context_used()), (2, one_turn));
    let (_, again) = ask(&session, "def");
    assert_eq!(again.usage.prompt_tokens, second.usage.prompt_tokens);

    let error = session.rewind(5).err().unwrap();
    assert_eq!((error.reason(), error.detail("most")), (Reason::InvalidArgument, Some("4")));
    session.rewind(1).unwrap();
    assert_eq!(reason(session.continue_answer(&none())), Reason::NothingToContinue);
    session.rewind(0).unwrap();
    assert_eq!((session.message_count(), session.context_used()), (0, 0));
    // Nothing is left of the conversation: it may become a raw text.
    finish(&session.generate("abc", &short()).unwrap());
}

#[test]
fn a_rewound_raw_text_ends_at_that_token() {
    let model = load(RANDOM, &[]);
    let session = model.session(&none()).unwrap();
    let (first, end) = finish(&session.generate("abc", &short()).unwrap());
    let before = session.context_used();
    assert_eq!(reason(session.rewind(before + 1)), Reason::InvalidArgument);
    session.rewind(end.usage.prompt_tokens).unwrap();
    assert_eq!(session.context_used(), end.usage.prompt_tokens);
    let (again, _) = finish(&session.continue_answer(&short()).unwrap());
    assert_eq!((again, session.context_used()), (first, before));
}

#[test]
fn oldest_turns_that_were_left_out_do_not_spoil_where_the_others_end() {
    let model = load(RANDOM, &[("ctx_size", "256")]);
    let session = model.session(&options(&[("overflow", "shift"), ("system_prompt", "aaa")])).unwrap();
    let mut turns = 0;
    while session.message_count() == 2 * turns {
        ask(&session, "abcdefghij klmnopqrst");
        turns += 1;
    }
    let messages = session.message_count();
    assert!(messages >= 4, "{messages} messages after {turns} turns");
    session.rewind(messages - 2).unwrap();
    let used = session.context_used();
    // What this turn's prompt begins with is the conversation before it, as it is rendered now.
    let (_, end) = finish(&session.ingest(Some("user"), "x", &none()).unwrap());
    let grown = end.usage.context_used - used;
    assert!((1..20).contains(&grown), "{used} tokens, then {}", end.usage.context_used);
}

#[test]
fn a_session_at_work_or_closed_is_not_rewound_or_saved() {
    let (session, running) = busy_session();
    assert_eq!(reason(session.rewind(0)), Reason::ConcurrentUse);
    assert_eq!(reason(session.save(None, &none())), Reason::ConcurrentUse);
    running.cancel();
    session.close(None).unwrap();
    assert_eq!(reason(session.rewind(0)), Reason::Closed);
    assert_eq!(reason(session.save(None, &none())), Reason::Closed);
}

#[test]
fn a_conversation_given_whole_is_that_of_a_session() {
    let model = load(RANDOM, &[]);
    let session = model.session(&options(&[("system_prompt", "aaa")])).unwrap();
    let (answer, first) = ask(&session, "abc");
    let (_, second) = ask(&session, "def");

    let says = ChatMessage::new;
    let mut messages = vec![says(Role::System, "aaa"), says(Role::User, "abc")];
    assert_eq!(finish(&model.chat(&messages, &short()).unwrap()).1.usage.prompt_tokens, first.usage.prompt_tokens);
    messages.extend([says(Role::Assistant, &answer), says(Role::User, "def")]);
    let (text, end) = finish(&model.chat(&messages, &short()).unwrap());
    assert_eq!(end.usage.prompt_tokens, second.usage.prompt_tokens);

    let json: Vec<String> = messages
        .iter()
        .map(|message| {
            let content: String = message.content.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
            format!(r#"{{"role":"{}","content":"{content}"}}"#, message.role.as_str())
        })
        .collect();
    let request = model.chat_json(&format!("[{}]", json.join(",")), &short()).unwrap();
    let (same, end) = finish(&request);
    assert_eq!((same, end.usage.prompt_tokens), (text, second.usage.prompt_tokens));

    // The first message stands in for the option, and an empty one for none.
    let prompt = |messages: &[ChatMessage], system: &str| {
        let options = options(&[("max_tokens", "1"), ("system_prompt", system)]);
        finish(&model.chat(messages, &options).unwrap()).1.usage.prompt_tokens
    };
    assert_eq!(prompt(&messages, "bbbbbbbbbbbbbbbbb"), second.usage.prompt_tokens);
    assert_eq!(prompt(&messages[1..], "aaa"), second.usage.prompt_tokens);
    messages[0].content.clear();
    assert_eq!(prompt(&messages, "aaa"), prompt(&messages[1..], ""));
}

#[test]
fn conversations_that_nobody_keeps_take_no_place() {
    let model = load(SCRIPT, &[("max_sessions", "1"), ("max_running", "2")]);
    let session = model.session(&none()).unwrap();
    let messages = [ChatMessage::new(Role::User, "Go.")];
    let expected = ask(&session, "Go.").0;
    for _ in 0..40 {
        assert_eq!(finish(&model.chat(&messages, &short()).unwrap()).0, expected);
    }
    let all: Vec<Request> = (0..8).map(|_| model.chat(&messages, &short()).unwrap()).collect();
    assert!(all.iter().all(|request| finish(request).0 == expected));
    assert_eq!(ask(&session, "Go.").0, expected);
    assert_eq!(session.message_count(), 4);
}

#[test]
fn a_conversation_that_cannot_be_answered_is_refused() {
    let model = load(SCRIPT, &[]);
    let says = ChatMessage::new;
    assert_eq!(reason(model.chat(&[], &none())), Reason::InvalidMessages);
    let error = model.chat(&[says(Role::User, "x"), says(Role::Assistant, "y")], &none()).err().unwrap();
    assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidMessages, Some("1")));
    assert!(error.message().contains("the user's"), "{error}");
    let error = model.chat_json(r#"[{"role":"user","content":"x"},{"rolle":"user"}]"#, &none()).err().unwrap();
    assert_eq!((error.reason(), error.detail("index")), (Reason::InvalidMessages, Some("1")));
    assert!(error.message().contains("`rolle`"), "{error}");
    let messages = [says(Role::User, "x")];
    assert_eq!(reason(model.chat(&messages, &options(&[("threads", "1")]))), Reason::InvalidOption);
    finish(&model.chat(&messages, &options(&[("overflow", "stop"), ("max_tokens", "1")])).unwrap());
    assert_eq!(reason(load("tiny-nochat.gguf", &[]).chat(&messages, &none())), Reason::NoChatTemplate);
    model.close(None).unwrap();
    assert_eq!(reason(model.chat(&messages, &none())), Reason::Closed);
}

#[test]
fn a_full_queue_refuses_lets_wait_or_displaces() {
    let (model, running) = busy_model("2");
    let low = passing(&model, &[("priority", "low")]).unwrap();
    let normal = passing(&model, &[]).unwrap();
    assert_eq!((low.queue_position(), normal.queue_position()), (Some(1), Some(0)));
    let error = passing(&model, &[("priority", "high")]).err().unwrap();
    assert_eq!((error.reason(), error.detail("limit")), (Reason::QueueFull, Some("2")));

    let outside = passing(&model, &[("overload", "wait")]).unwrap();
    assert_eq!(outside.queue_position(), Some(2));
    let high = passing(&model, &[("overload", "displace"), ("priority", "high")]).unwrap();
    assert_eq!(high.queue_position(), Some(0));
    let error = failure(&low);
    assert_eq!((error.reason(), error.detail("priority")), (Reason::Displaced, Some("low")));
    assert_eq!(reason(passing(&model, &[("overload", "displace")])), Reason::QueueFull);

    running.cancel();
    for request in [&high, &normal, &outside] {
        finish(request);
        assert_eq!(request.queue_position(), None);
    }
}

#[test]
fn who_stands_outside_hears_of_its_deadline_and_of_the_end_of_the_model() {
    let (model, _running) = busy_model("1");
    let _queued = passing(&model, &[]).unwrap();
    let late = passing(&model, &[("overload", "wait"), ("deadline_ms", "20")]).unwrap();
    assert_eq!(text(&late).1.finish_reason, FinishReason::Deadline);
    let outside = passing(&model, &[("overload", "wait")]).unwrap();
    model.close(None).unwrap();
    assert_eq!(failure(&outside).reason(), Reason::ClosedWhileRunning);
}

/// Saves to memory.
fn saved(session: &Session) -> Vec<u8> {
    let request = session.save(None, &none()).unwrap();
    finish(&request);
    request.data().unwrap().to_vec()
}

#[test]
fn a_restored_session_goes_on_as_the_saved_one_does() {
    let model = load(RANDOM, &[]);
    let session = model.session(&options(&[("system_prompt", "aaa")])).unwrap();
    ask(&session, "abc");
    let bytes = saved(&session);
    let restored = model.restore_bytes(&bytes, &none()).unwrap();
    assert_eq!((restored.message_count(), restored.context_used()), (2, session.context_used()));
    assert_eq!(model.restore_bytes(&saved(&restored), &none()).unwrap().message_count(), 2);
    let expected = ask(&session, "def").1.usage.prompt_tokens;
    assert_eq!(ask(&restored, "def").1.usage.prompt_tokens, expected);

    // With another system message, if it is given one.
    let other = model.restore_bytes(&bytes, &options(&[("system_prompt", "bbbbbbbbbbbbbb")])).unwrap();
    assert_eq!((other.message_count(), other.context_used()), (2, 0));
    assert!(ask(&other, "def").1.usage.prompt_tokens > expected);

    let raw = model.session(&none()).unwrap();
    finish(&raw.generate("abc", &short()).unwrap());
    let restored = model.restore_bytes(&saved(&raw), &none()).unwrap();
    let (expected, _) = finish(&raw.continue_answer(&short()).unwrap());
    assert_eq!(finish(&restored.continue_answer(&short()).unwrap()).0, expected);

    let new = model.restore_bytes(&saved(&model.session(&none()).unwrap()), &none()).unwrap();
    assert_eq!((new.message_count(), new.context_used()), (0, 0));
    ask(&new, "abc");
}

#[test]
fn a_session_saved_to_a_file_is_there_whole_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.chaku");
    let model = load(RANDOM, &[]);
    let session = model.session(&none()).unwrap();
    for turns in 1..3 {
        ask(&session, "abc");
        let request = session.save(Some(&path), &none()).unwrap();
        finish(&request);
        assert_eq!(reason(request.data()), Reason::NoResult);
        assert_eq!(reason(request.model()), Reason::NoResult);
        assert_eq!(model.restore(&path, &none()).unwrap().message_count(), 2 * turns);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}

#[test]
fn what_cannot_be_written_or_read_is_said_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let model = load(RANDOM, &[]);
    let session = model.session(&none()).unwrap();
    let save = |path: &Path| failure(&session.save(Some(path), &none()).unwrap());
    for path in [folder.path().to_owned(), folder.path().join("missing/x"), "".into(), "a\0b".into()] {
        let error = save(&path);
        assert_eq!((error.reason(), error.detail("path")), (Reason::FileUnwritable, path.to_str()), "{error}");
    }
    let restore = |path: &Path| reason(model.restore(path, &none()));
    assert_eq!(restore(&folder.path().join("missing")), Reason::FileNotFound);
    assert_eq!(restore(folder.path()), Reason::FileUnreadable);
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(restore(&empty), Reason::StateCorrupt);
    assert_eq!(restore(&common::path(RANDOM)), Reason::StateCorrupt);
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn a_state_of_another_model_or_template_is_refused_and_of_another_cache_type_is_not() {
    let bytes = {
        let session = load(RANDOM, &[]).session(&none()).unwrap();
        ask(&session, "abc");
        saved(&session)
    };
    let restore = |name: &str, set: &[(&str, &str)]| load(name, set).restore_bytes(&bytes, &none());
    let error = restore("tiny-nochat.gguf", &[]).err().unwrap();
    assert_eq!((error.reason(), error.detail("what")), (Reason::StateMismatch, Some("chat_template")));
    let template = "{% for message in messages %}{{ message.content }}{% endfor %}";
    let error = restore(RANDOM, &[("chat_template", template)]).err().unwrap();
    assert_eq!((error.reason(), error.detail("what")), (Reason::StateMismatch, Some("chat_template")));
    let error = restore("tiny-mamba.gguf", &[]).err().unwrap();
    assert_eq!((error.reason(), error.detail("what")), (Reason::StateMismatch, Some("architecture")));
    let restored = restore(RANDOM, &[("cache_type_k", "f32"), ("ctx_size", "512")]).unwrap();
    assert_eq!(restored.message_count(), 2);
    ask(&restored, "def");
}

#[test]
fn a_mutated_state_is_a_typed_error_and_takes_no_place() {
    let model = load(RANDOM, &[("max_sessions", "2")]);
    let session = model.session(&none()).unwrap();
    ask(&session, "abc");
    let bytes = saved(&session);
    for length in 0..bytes.len() {
        assert_eq!(reason(model.restore_bytes(&bytes[..length], &none())), Reason::StateCorrupt);
    }
    let mut state = 1u64;
    for _ in 0..5000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut changed = bytes.clone();
        let at = (state >> 33) as usize % changed.len();
        changed[at] ^= 1 << ((state >> 20) % 8);
        assert_eq!(reason(model.restore_bytes(&changed, &none())), Reason::StateCorrupt, "byte {at}");
    }
    let restored = model.restore_bytes(&bytes, &none()).unwrap();
    assert_eq!(reason(model.restore_bytes(&bytes, &none())), Reason::SessionLimit);
    ask(&restored, "def");
}

#[test]
fn while_it_is_saved_a_session_is_busy_and_a_cancelled_save_leaves_no_file() {
    let model = load("SmolLM2-135M-Instruct.Q4_1.gguf", &[("ctx_size", "2048")]);
    let (session, other) = (model.session(&none()).unwrap(), model.session(&none()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.chaku");
    // The engine answers the save when it has computed a chunk of this, which takes a second or two.
    let long = other.generate(&"The llama is woolly. ".repeat(300), &short()).unwrap();
    while long.next(None).unwrap().is_none() {}
    std::thread::sleep(Duration::from_millis(20));
    let request = session.save(Some(&path), &none()).unwrap();
    assert_eq!((request.queue_position(), reason(request.data())), (None, Reason::NotFinished));
    assert_eq!(reason(session.chat("Hi", &none())), Reason::ConcurrentUse);
    assert_eq!(reason(session.rewind(0)), Reason::ConcurrentUse);
    request.cancel();
    assert_eq!(text(&request).1.finish_reason, FinishReason::Cancelled);
    let late = session.save(Some(&path), &options(&[("deadline_ms", "1")])).unwrap();
    assert_eq!(text(&late).1.finish_reason, FinishReason::Deadline);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);

    let closed = session.save(Some(&path), &none()).unwrap();
    model.close(None).unwrap();
    assert_eq!(failure(&closed).reason(), Reason::ClosedWhileRunning);
    assert_eq!(reason(session.save(Some(&path), &none())), Reason::Closed);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
