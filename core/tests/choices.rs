//! Several answers to one prompt.

mod common;

use chaku::{ChatMessage, Reason, Role};
use common::{load, options, text};

fn messages() -> Vec<ChatMessage> {
    vec![ChatMessage::new(Role::User, "Tell me something about llamas, and then something about alpacas and vicunas.")]
}

#[test]
fn they_share_the_prompt_and_differ_by_their_seeds() {
    let model = load("tiny-random.gguf", &[]);
    let set = options(&[("seed", "7"), ("temperature", "2"), ("max_tokens", "12"), ("ignore_eos", "1")]);
    let choices = model.choices(&messages(), 3, &set).unwrap();
    let answers: Vec<_> = choices.iter().map(|choice| text(choice).0).collect();
    assert!(answers[0] != answers[1] && answers[1] != answers[2] && answers[0] != answers[2], "{answers:?}");
    let cached = |index: usize| choices[index].end().unwrap().usage;
    assert!(
        cached(0).cached_tokens == 0
            && (1..3).all(|index| {
                let usage = cached(index);
                usage.cached_tokens + 1 == usage.prompt_tokens
            })
    );
    // The second is what the next seed gives, and so on.
    for (index, seed) in ["7", "8", "9"].iter().enumerate() {
        let one = options(&[("seed", *seed), ("temperature", "2"), ("max_tokens", "12"), ("ignore_eos", "1")]);
        assert_eq!(text(&model.chat(&messages(), &one).unwrap()).0, answers[index]);
    }
}

#[test]
fn they_are_asked_together_or_not_at_all() {
    let model = load("tiny-random.gguf", &[("queue_limit", "2"), ("max_running", "1")]);
    for wrong in [0, 257] {
        let error = model.choices(&messages(), wrong, &options(&[])).err().unwrap();
        assert_eq!(error.reason(), Reason::InvalidArgument);
    }
    let error = model.choices(&messages(), 20, &options(&[("max_tokens", "500"), ("ignore_eos", "1")])).err().unwrap();
    assert_eq!(error.reason(), Reason::QueueFull);
    model.close(None).unwrap();
}
