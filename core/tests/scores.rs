//! Log probabilities and biases of tokens, against what llama.cpp's logits say when nobody else is there.

mod common;

use std::sync::Arc;

use chaku::{Event, Final, Model, Options, Reason, Request, Text, Token};
use chaku_llama::{Batch, Context, ContextParams, ModelParams};
use common::{load, options, path, text};

const RANDOM: &str = "tiny-random.gguf";

/// Options, and what the error is about.
type Refused<'a> = (&'a [(&'a str, &'a str)], &'a str);

fn events(request: &Request) -> (Vec<Arc<Text>>, Arc<Final>) {
    let mut texts = Vec::new();
    let end = request.run(|event| {
        if let Event::Text(text) = event {
            texts.push(text.clone());
        }
        true
    });
    (texts, end.unwrap())
}

/// What a model makes of a raw prompt.
fn generate(model: &Model, set: &[(&str, &str)]) -> Vec<Arc<Text>> {
    let session = model.session(&Options::new()).unwrap();
    let (texts, end) = events(&session.generate("abc", &options(set)).unwrap());
    assert!(end.error.is_none() && !texts.is_empty(), "{:?}", end.error);
    texts
}

/// The log softmax after the prompt and each of the tokens, computed plainly.
fn plain(prompt: &[Token], tokens: &[Token]) -> Vec<Vec<f64>> {
    let model = chaku_llama::Model::load(&path(RANDOM), &ModelParams::default(), &mut |_| true).unwrap();
    let params = ContextParams {
        n_ctx: 512,
        n_batch: 128,
        n_ubatch: 64,
        n_seq_max: 1,
        threads: 1,
        threads_batch: 1,
        ..ContextParams::default()
    };
    let mut context = Context::new(&model, &params).unwrap();
    let mut position = 0;
    let mut decode = |tokens: &[Token]| {
        let mut batch = Batch::new(tokens.len() as u32, 1);
        for (i, &token) in tokens.iter().enumerate() {
            batch.push(token, position, 0, i + 1 == tokens.len()).unwrap();
            position += 1;
        }
        context.decode(&batch, &|| false).unwrap();
        let logits: Vec<f64> = context.logits(-1).unwrap().iter().map(|logit| f64::from(*logit)).collect();
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.iter().map(|logit| logit - sum.ln()).collect()
    };
    let first = decode(prompt);
    let others = tokens[..tokens.len() - 1].iter().map(|token| decode(&[*token]));
    std::iter::once(first).chain(others).collect()
}

/// Every number of these events is the plain one, and the likeliest tokens are the plain ones.
fn check_against_plain(model: &Model, texts: &[Arc<Text>], top: usize) {
    let tokens: Vec<Token> = texts.iter().filter_map(|text| text.token).collect();
    let plain = plain(&model.tokenize("abc", true, false).unwrap(), &tokens);
    for (text, plain) in texts.iter().zip(plain) {
        let near = |token: Token, logprob: f64| (plain[token as usize] - logprob).abs() < 1e-4;
        let token = text.token.unwrap();
        assert!(near(token, text.logprob.unwrap()), "{text:?}: {}", plain[token as usize]);
        assert_eq!(text.top_logprobs.len(), top);
        assert!(text.top_logprobs.iter().all(|one| near(one.token, one.logprob)), "{text:?}");
        let mut sorted = plain.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert!(text.top_logprobs.iter().zip(sorted).all(|(one, best)| (one.logprob - best).abs() < 1e-4));
        for one in &text.top_logprobs {
            assert_eq!(one.bytes, model.detokenize(&[one.token], false).unwrap());
        }
    }
}

/// The scores of a prompt, and the text of its answer.
fn scored_prompt(model: &Model, prompt: &str, set: &[(&str, &str)]) -> (Vec<Arc<Text>>, Arc<Final>) {
    let session = model.session(&Options::new()).unwrap();
    let mut scores = Vec::new();
    let mut answered = false;
    let request = session.generate(prompt, &options(set)).unwrap();
    let end = request.run(|event| {
        match event {
            Event::Prompt(text) => {
                assert!(!answered, "the prompt comes before the answer");
                scores.push(text.clone());
            }
            Event::Text(_) => answered = true,
            _ => {}
        }
        true
    });
    (scores, end.unwrap())
}

#[test]
fn a_prompts_tokens_are_scored_as_if_each_were_the_next() {
    /// Several tokens computed at once come out a little different than one by one.
    const NEAR: f64 = 0.01;
    let model = load(RANDOM, &[]);
    let prompt = "abc, the quick brown fox jumps over a lazy dog; naïve 🦙 and so on and on";
    let tokens = model.tokenize(prompt, true, false).unwrap();
    let set = [("prompt_logprobs", "3"), ("max_tokens", "2")];
    // Computed before, which is of no use, and then in what came of that.
    for _ in 0..2 {
        let (scores, end) = scored_prompt(&model, prompt, &set);
        assert_eq!((end.usage.prompt_tokens as usize, end.usage.cached_tokens), (tokens.len(), 0));
        assert_eq!(scores.iter().filter_map(|score| score.token).collect::<Vec<_>>(), tokens);
        assert_eq!(scores.iter().map(|score| score.text.as_str()).collect::<String>(), prompt);
        assert_eq!((scores[0].logprob, scores[0].top_logprobs.len()), (None, 0), "nothing comes before the first");
        for (score, plain) in scores[1..].iter().zip(plain(&tokens[..1], &tokens[1..])) {
            let token = score.token.unwrap();
            let (scored, plain_one) = (score.logprob.unwrap(), plain[token as usize]);
            assert!((scored - plain_one).abs() < NEAR, "{score:?}, not {plain_one}");
            assert_eq!(score.top_logprobs.len(), 3);
            assert!(score.top_logprobs.iter().all(|one| (one.logprob - plain[one.token as usize]).abs() < NEAR));
        }
    }
}

#[test]
fn a_text_is_scored_without_an_answer_and_beside_others() {
    let model = load(RANDOM, &[]);
    let busy = model.session(&Options::new()).unwrap();
    let busy = busy.generate("abc", &options(&[("max_tokens", "60"), ("ignore_eos", "1")])).unwrap();
    let session = model.session(&Options::new()).unwrap();
    let request = session.ingest(None, "xyz xyz", &options(&[("prompt_logprobs", "0")])).unwrap();
    let mut scores = 0;
    let end = request.run(|event| {
        scores += usize::from(matches!(event, Event::Prompt(_)));
        true
    });
    assert_eq!(scores, end.unwrap().usage.prompt_tokens as usize);
    assert!(busy.run(|_| true).unwrap().error.is_none());
}

#[test]
fn before_sampling_they_are_the_models_own() {
    let model = load(RANDOM, &[]);
    for (top, logprobs) in [(0, "0"), (1, "1"), (5, "5"), (64, "64")] {
        let set = [("logprobs", logprobs), ("temperature", "2"), ("max_tokens", "12"), ("repeat_penalty", "1.5")];
        check_against_plain(&model, &generate(&model, &set), top);
    }
}

#[test]
fn what_an_answer_must_be_and_biases_change_nothing_before_sampling() {
    let model = load(RANDOM, &[]);
    let held = [("logprobs", "3"), ("regex", "[a-c]{8} yes")];
    check_against_plain(&model, &generate(&model, &held), 3);
    let held = [("logprobs", "3"), ("grammar", "root ::= [a-c] [a-c] [a-c] [a-c]")];
    check_against_plain(&model, &generate(&model, &held), 3);
    let biased = [("logprobs", "3"), ("logit_bias", "q=1000"), ("max_tokens", "4")];
    check_against_plain(&model, &generate(&model, &biased), 3);
}

#[test]
fn the_likeliest_is_chosen_at_temperature_0() {
    let model = load(RANDOM, &[]);
    for text in generate(&model, &[("logprobs", "2"), ("temperature", "0"), ("max_tokens", "12")]) {
        assert_eq!(
            (text.token.unwrap(), text.logprob.unwrap()),
            (text.top_logprobs[0].token, text.top_logprobs[0].logprob)
        );
        assert!(text.top_logprobs[0].logprob >= text.top_logprobs[1].logprob);
    }
    let after = [("logprobs", "2"), ("logprobs_after_sampling", "1"), ("temperature", "0"), ("max_tokens", "12")];
    for text in generate(&model, &after) {
        assert_eq!((text.logprob, text.top_logprobs.len()), (Some(0.0), 1), "no other could be chosen");
    }
}

#[test]
fn after_sampling_they_are_of_what_the_samplers_left() {
    let model = load(RANDOM, &[]);
    let common =
        [("seed", "7"), ("temperature", "2"), ("top_k", "3"), ("top_p", "1"), ("min_p", "0"), ("max_tokens", "12")];
    let before = generate(&model, &[&common[..], &[("logprobs", "64")]].concat());
    let after = generate(&model, &[&common[..], &[("logprobs", "64"), ("logprobs_after_sampling", "1")]].concat());
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.token, after.token, "asking changes nothing");
        assert_eq!(after.top_logprobs.len(), 3);
        let sum: f64 = after.top_logprobs.iter().map(|one| one.logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let chosen = after.top_logprobs.iter().find(|one| Some(one.token) == after.token).unwrap();
        assert_eq!(after.logprob, Some(chosen.logprob));
        // The same three, of which the temperature has halved the distances.
        for i in 0..3 {
            assert_eq!(after.top_logprobs[i].token, before.top_logprobs[i].token);
            let distance = |text: &Text| text.top_logprobs[0].logprob - text.top_logprobs[i].logprob;
            assert!((distance(before) - 2.0 * distance(after)).abs() < 1e-3);
        }
    }
}

#[test]
fn they_come_when_asked_for_and_with_the_right_token() {
    let model = load(RANDOM, &[]);
    for text in generate(&model, &[("max_tokens", "3")]) {
        assert_eq!((text.logprob, text.top_logprobs.len()), (None, 0));
    }
    // Tokens that are held back for a stop string, and then shown all at once.
    let set = [("logprobs", "1"), ("temperature", "0"), ("max_tokens", "20")];
    let alone = generate(&model, &set);
    let first: String = alone.iter().map(|text| text.text.as_str()).take(6).collect();
    let held = generate(&model, &[&set[..], &[("stop", &format!("{first}\u{1}"))]].concat());
    assert_eq!(alone, held);
}

#[test]
fn a_bias_decides_by_number_and_by_text() {
    let model = load(RANDOM, &[]);
    let b = model.tokenize("b", false, false).unwrap()[0];
    let say = |biases: &[&str], more: &[(&str, &str)]| {
        let mut set = options(&[&[("max_tokens", "3")][..], more].concat());
        biases.iter().for_each(|bias| set.add_str("logit_bias", bias).unwrap());
        text(&model.session(&Options::new()).unwrap().chat("abc", &set).unwrap()).0
    };
    assert_eq!(say(&["a=1000"], &[]), "aaa");
    assert_eq!(say(&[&format!("{b}=1000")], &[]), "bbb");
    assert_eq!(say(&["\"7\"=1000"], &[]), "777");
    assert_eq!(say(&["==1000"], &[]), "===");
    assert_eq!(say(&["a=1000", "a=500", "b=1400"], &[]), "aaa", "they add up");
    assert_eq!(say(&["a=1000", "b=500", "a=-inf"], &[]), "bbb", "a ban is stronger than a wish");
    assert_eq!(say(&["a=1000", "b=500", "a=false"], &[("grammar", "root ::= [abc]+")]), "bbb");
    assert_eq!(say(&["b=false", "a=-1000"], &[("regex", "[ab]{3}")]), "aaa");
    for mirostat in ["1", "2"] {
        assert_eq!(say(&["a=1000"], &[("mirostat", mirostat)]), "aaa");
    }
}

#[test]
fn when_no_token_is_left_it_is_an_error() {
    let model = load(RANDOM, &[]);
    let session = model.session(&Options::new()).unwrap();
    let mut all = Options::new();
    (0..model.vocab_size()).for_each(|token| all.add_str("logit_bias", &format!("{token}=false")).unwrap());
    let check = |set: &Options| {
        let (said, end) = text(&session.chat("abc", set).unwrap());
        let error = end.error.clone().unwrap();
        assert_eq!((said.as_str(), error.reason()), ("", Reason::InvalidOption), "{error}");
        assert!(error.message().contains("no token"), "{error}");
        session.reset().unwrap();
    };
    for temperature in [0.0, 1.0] {
        for more in
            [&[][..], &[("top_k", "0")], &[("mirostat", "1")], &[("mirostat", "2")], &[("samplers", "xtc;top_n_sigma")]]
        {
            let mut set = all.clone();
            set.set_f64("temperature", temperature).unwrap();
            for (key, value) in more {
                match value.parse() {
                    Ok(value) => set.set_i64(key, value).unwrap(),
                    Err(_) => set.set_str(key, value).unwrap(),
                }
            }
            check(&set);
        }
    }
    check(&options(&[("logit_bias", "a=false"), ("regex", "a")]));
    check(&options(&[("logit_bias", "a=false"), ("grammar", "root ::= \"a\"")]));
}

#[test]
fn entries_that_mean_nothing_are_named() {
    let model = load(RANDOM, &[]);
    let session = model.session(&Options::new()).unwrap();
    let cases: &[Refused<'_>] = &[
        (&[("logit_bias", "a")], "`a`"),
        (&[("logit_bias", "a=")], "`a=`"),
        (&[("logit_bias", "a=much")], "`a=much`"),
        (&[("logit_bias", "a=nan")], "`a=nan`"),
        (&[("logit_bias", "a=inf")], "`a=inf`"),
        (&[("logit_bias", "a=true")], "`a=true`"),
        (&[("logit_bias", "a=1e7")], "`a=1e7`"),
        (&[("logit_bias", "=1")], "`=1`"),
        (&[("logit_bias", "\"\"=1")], "`\"\"=1`"),
        (&[("logit_bias", "\"\\x\"=1")], "`\"\\x\"=1`"),
        (&[("logit_bias", "-1=1")], "`-1=1`"),
        (&[("logit_bias", "999999=1")], "`999999=1`"),
        (&[("logit_bias", "99999999999999999999=1")], "`99999999999999999999=1`"),
        (&[("logit_bias", "a=1"), ("typical_p", "0.5")], "typical_p"),
    ];
    for (set, about) in cases {
        let (said, end) = text(&session.chat("abc", &options(set)).unwrap());
        let error = end.error.clone().unwrap_or_else(|| panic!("{set:?}: {said}"));
        assert_eq!(error.reason(), Reason::InvalidOption, "{set:?}: {error}");
        assert!(error.message().contains(about), "{error}");
    }
    assert_eq!(session.message_count(), 0);
}
