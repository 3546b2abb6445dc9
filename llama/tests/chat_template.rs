//! Chat templates.

mod common;

use chaku_llama::{ChatTemplates, Error};
use common::{LIMITS, SMOLLM2, TINY, ask, load};

fn template_error<T: std::fmt::Debug>(result: Result<T, Error>, words: &str) {
    match result {
        Err(Error::Template { message }) => assert!(message.contains(words), "{message}"),
        other => panic!("expected a template error with {words:?}, got {other:?}"),
    }
}

#[test]
fn smollm2_renders_as_its_authors_wrote_it() {
    let templates = ChatTemplates::new(&load(SMOLLM2), None, &LIMITS).unwrap();
    assert!(templates.was_explicit() && templates.source().contains("<|im_start|>"));
    let messages = [("user", "Hi 🦙"), ("assistant", "Hello."), ("user", "{{ x }}")];
    let rendered = templates.render(&ask(&messages, true), &LIMITS).unwrap();
    let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
    let wanted = format!(
        "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nHi 🦙<|im_end|>\n\
         <|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n{{{{ x }}}}<|im_end|>\n<|im_start|>assistant\n"
    );
    assert_eq!(rendered.prompt, wanted);

    let without = templates.render(&ask(&messages, false), &LIMITS).unwrap();
    assert_eq!(format!("{}<|im_start|>assistant\n", without.prompt), wanted);
}

#[test]
fn a_template_can_be_replaced() {
    let model = load(TINY);
    let text = "{% for m in messages %}[{{ m.role }}|{{ m.content }}]{% endfor %}";
    let templates = ChatTemplates::new(&model, Some(text), &LIMITS).unwrap();
    assert_eq!(templates.source(), text);
    let rendered = templates.render(&ask(&[("user", "a\0b")], true), &LIMITS).unwrap();
    assert_eq!(rendered.prompt, "[user|a\0b]");
    assert_eq!(rendered.additional_stops, [""; 0]);
}

#[test]
fn a_model_without_a_template_gets_chatml() {
    let templates = ChatTemplates::new(&load("tiny-nochat.gguf"), None, &LIMITS).unwrap();
    assert!(!templates.was_explicit());
    let rendered = templates.render(&ask(&[("user", "hi")], true), &LIMITS).unwrap();
    assert_eq!(rendered.prompt, "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

#[test]
fn a_template_that_raises_is_an_error_with_its_words() {
    let model = load(TINY);
    let raise = "{{ raise_exception('only this: ' + messages[0].content) }}";
    let templates = ChatTemplates::new(&model, Some(raise), &LIMITS).unwrap();
    template_error(templates.render(&ask(&[("user", "why")], true), &LIMITS), "only this: why");

    let templates = ChatTemplates::new(&load("tiny-raise.gguf"), None, &LIMITS).unwrap();
    template_error(templates.render(&ask(&[("user", "hi")], true), &LIMITS), "this template always raises");
}

#[test]
fn a_template_that_does_not_parse_is_an_error_with_a_reason() {
    let model = load(TINY);
    for text in ["{% for m in messages %}", "{{ 'open }}", "{% endif %}"] {
        match ChatTemplates::new(&model, Some(text), &LIMITS) {
            Err(Error::Template { message }) => {
                assert!(!message.contains("std::exception") && message.len() > 10, "{message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn templates_are_shared_between_threads() {
    let templates = ChatTemplates::new(&load(TINY), None, &LIMITS).unwrap();
    let wanted = templates.render(&ask(&[("user", "hi")], true), &LIMITS).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let got = templates.render(&ask(&[("user", "hi")], true), &LIMITS).unwrap();
                    assert_eq!(got, wanted);
                }
            });
        }
    });
}
