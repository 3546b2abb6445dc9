//! Requests that stand still before each token, for a host that chooses by itself.

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use chaku::{Event, Model, Options, Reason, Request};
use common::{load, options};

const SET: [(&str, &str); 3] = [("pause_for_logits", "1"), ("temperature", "0"), ("max_tokens", "8")];

/// Answers each [`Event::Logits`] with what `edit` makes of them; gives the text.
fn run(request: &Request, mut edit: impl FnMut(u32, &mut Vec<f32>)) -> String {
    let mut text = String::new();
    let end = request.run(|event| {
        match event {
            Event::Logits(logits) => {
                let mut values = logits.values.clone();
                edit(logits.position, &mut values);
                request.resume(Some(&values)).unwrap();
            }
            Event::Text(piece) => text.push_str(&piece.text),
            _ => {}
        }
        true
    });
    assert!(end.unwrap().error.is_none());
    text
}

fn generate(model: &Model, set: &[(&str, &str)]) -> Request {
    model.session(&Options::new()).unwrap().generate("abc", &options(set)).unwrap()
}

#[test]
fn unchanged_logits_give_the_same_text() {
    let model = load("tiny-random.gguf", &[]);
    let plain = run(&generate(&model, &SET[1..]), |_, _| {});
    let mut positions = Vec::new();
    let paused = run(&generate(&model, &SET), |position, values| {
        positions.push(position);
        assert_eq!(values.len(), model.vocab_size() as usize);
    });
    assert_eq!(paused, plain);
    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{positions:?}");
}

#[test]
fn the_host_chooses_while_others_run_on() {
    let model = load("tiny-random.gguf", &[]);
    let chosen = model.tokenize("xyz xyz", false, false).unwrap();
    let mut next = chosen.iter();
    let count = chosen.len().to_string();
    let request = generate(&model, &[("pause_for_logits", "1"), ("max_tokens", &count)]);
    let other = generate(&model, &[("max_tokens", "40"), ("ignore_eos", "1")]);
    let text = run(&request, |_, values| {
        // Whatever the other does meanwhile: these are the ones that are sampled from.
        if values.len() > 1 && next.len() == 2 {
            assert!(other.run(|_| true).unwrap().error.is_none());
        }
        let token = *next.next().unwrap();
        values.fill(f32::NEG_INFINITY);
        values[token as usize] = 0.0;
    });
    assert_eq!(text, "xyz xyz");
}

#[test]
fn a_constraint_holds_for_edited_logits() {
    let model = load("tiny-random.gguf", &[]);
    let request = generate(&model, &[("pause_for_logits", "1"), ("regex", "[ab]{4}")]);
    let z = model.tokenize("z", false, false).unwrap()[0] as usize;
    let text = run(&request, |_, values| values[z] = 1000.0);
    assert!(text.len() == 4 && text.chars().all(|one| "ab".contains(one)), "{text}");
}

#[test]
fn what_cannot_be_sampled_from_is_refused_and_the_request_waits_on() {
    let model = load("tiny-random.gguf", &[]);
    let request = generate(&model, &[SET[0], SET[2], ("ignore_eos", "1")]);
    let mut resumed = 0;
    let end = request.run(|event| {
        if let Event::Logits(logits) = event {
            let none = vec![f32::NEG_INFINITY; logits.values.len()];
            for wrong in [&logits.values[1..], &none] {
                assert_eq!(request.resume(Some(wrong)).unwrap_err().reason(), Reason::InvalidArgument);
            }
            request.resume(None).unwrap();
            resumed += 1;
            if resumed == 8 {
                // Nothing pauses after the last token; before it, the next pause may already be there.
                assert_eq!(request.resume(None).unwrap_err().reason(), Reason::NotPaused);
            }
        }
        true
    });
    assert!(end.unwrap().error.is_none());
    assert_eq!(resumed, 8);
}
