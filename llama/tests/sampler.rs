//! Sampling and grammars.

mod common;

use chaku_llama::{Batch, Context, Error, Model, Sampler, SamplerParams, Token};
use common::{SMOLLM2, TINY, batch_of, decode, load, params};

fn greedy(grammar: Option<&str>) -> SamplerParams {
    SamplerParams { temperature: 0.0, grammar: grammar.map(str::to_owned), ..SamplerParams::default() }
}

/// Generates until an end token or `limit`.
fn generate(model: &Model, params: &SamplerParams, prompt: &str, limit: usize) -> String {
    let mut context = Context::new(model, &common::params()).unwrap();
    let mut sampler = Sampler::new(model, params).unwrap();
    let vocab = model.vocab();
    let tokens = vocab.tokenize(prompt, true, true).unwrap();
    decode(&mut context, &batch_of(&tokens, 0));
    let mut bytes = Vec::new();
    for position in (tokens.len() as i32..).take(limit) {
        let token = sampler.sample(&mut context, -1).unwrap();
        sampler.accept(token, true).unwrap();
        if vocab.is_eog(token) {
            break;
        }
        vocab.token_bytes(token, false, &mut bytes).unwrap();
        decode(&mut context, &batch_of(&[token], position));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn arg_max(logits: &[f32]) -> Token {
    (0..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0
}

#[test]
fn greedy_is_the_largest_logit() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    let mut sampler = Sampler::new(&model, &greedy(None)).unwrap();
    decode(&mut context, &batch_of(&[1, 2, 3], 0));
    let largest = arg_max(context.logits(-1).unwrap());
    assert_eq!(sampler.sample(&mut context, 2).unwrap(), largest);
    assert_eq!(sampler.sample(&mut context, -1).unwrap(), largest);
}

#[test]
fn a_seed_repeats_and_is_told() {
    let model = load(SMOLLM2);
    let with_seed = |seed| SamplerParams { seed, temperature: 1.5, ..SamplerParams::default() };
    let text = |seed| generate(&model, &with_seed(seed), "Once upon a time", 12);
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
    let seed = |seed| Sampler::new(&model, &with_seed(seed)).unwrap().seed();
    assert_eq!(seed(7), 7);
    assert_ne!(seed(u32::MAX), u32::MAX, "a random seed was chosen");
    assert_ne!(seed(u32::MAX), seed(u32::MAX));
}

#[test]
fn indices_without_logits_are_refused() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    let mut sampler = Sampler::new(&model, &greedy(None)).unwrap();
    let mut refused = |context: &mut Context, i| {
        let error = sampler.sample(context, i).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { what: "index", .. }), "{error:?}");
    };
    refused(&mut context, 0);
    decode(&mut context, &batch_of(&[1, 2, 3], 0));
    for i in [0, 1, 3, -2, i32::MAX, i32::MIN] {
        refused(&mut context, i);
    }
}

#[test]
fn a_context_of_another_model_is_refused() {
    let mut context = Context::new(&load(TINY), &params()).unwrap();
    decode(&mut context, &batch_of(&[1], 0));
    let mut sampler = Sampler::new(&load(TINY), &greedy(None)).unwrap();
    let error = sampler.sample(&mut context, -1).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { what: "context", .. }));
}

#[test]
fn a_grammar_is_obeyed_to_its_end() {
    let model = load(SMOLLM2);
    let grammar = r#"root ::= "yes" | "no" | "it is " [0-9]{3}"#;
    let text = generate(&model, &greedy(Some(grammar)), "Is water wet? Answer:", 20);
    let number = text
        .strip_prefix("it is ")
        .is_some_and(|number| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(number || text == "yes" || text == "no", "{text:?}");
}

#[test]
fn tokens_outside_the_grammar_are_refused_and_change_nothing() {
    let model = load(SMOLLM2);
    let vocab = model.vocab();
    let token = |text| vocab.tokenize(text, false, false).unwrap()[0];
    let mut sampler = Sampler::new(&model, &greedy(Some(r#"root ::= "ab""#))).unwrap();
    // An end before the grammar's would be an abort, any other token an unusable sampler.
    for refused in [vocab.eos().unwrap(), token("x")] {
        let error = sampler.accept(refused, true).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { what: "token", .. }));
    }
    sampler.accept(token("x"), false).unwrap();
    sampler.accept(token("a"), true).unwrap();
    sampler.accept(token("b"), true).unwrap();
    sampler.accept(token("a"), true).unwrap_err();
    sampler.accept(vocab.eos().unwrap(), true).unwrap();
    assert!(sampler.accept(-1, false).is_err());

    sampler.reset().unwrap();
    sampler.accept(token("b"), true).unwrap_err();
    sampler.accept(token("a"), true).unwrap();
}

#[test]
fn a_grammar_that_no_token_continues_is_an_error() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1, 2], 0));
    // A token number that the vocabulary does not have.
    let mut sampler = Sampler::new(&model, &greedy(Some("root ::= <[9999999]>"))).unwrap();
    let error = sampler.sample(&mut context, -1).unwrap_err();
    assert!(matches!(error, Error::InvalidSampling { .. }), "{error:?}");
}

#[test]
fn malformed_grammars_say_what_is_wrong() {
    let model = load(TINY);
    let deep = format!("root ::= {}\"a\"{}", "(".repeat(100_000), ")".repeat(100_000));
    let chain: String = (0..5000).map(|i| format!("r{i} ::= r{} \"a\"\n", i + 1)).collect();
    let chain = format!("root ::= r0\n{chain}r5000 ::= \"b\"\n");
    let name = format!("root ::= <{}>", "a".repeat(300_000));
    let cases = [
        ("", "no rule 'root'"),
        ("other ::= \"a\"", "no rule 'root'"),
        ("root ::= \"a", "unexpected end of input"),
        ("root ::= (\"a\"", "expecting ')'"),
        ("root = \"a\"", "expecting ::="),
        ("root ::= \"a\" [a-z]{3,1}", "a repetition ends below its beginning at {3,1}"),
        ("root ::= (\"{\" | [{9,1}]){ 3 , 2 }", "a repetition ends below its beginning at { 3 , 2 }"),
        ("root ::= missing", "undefined rule 'missing'"),
        ("root ::= \"a\"{99999}", "repetitions"),
        ("root ::= \"a\"{99999999999999999999999}", "stoull"),
        ("root ::= root \"a\" | \"b\"", "left recursion in rule 'root'"),
        ("root ::= \"x\" a\na ::= b a\nb ::= c\nc ::= \"\"", "left recursion in rule 'a'"),
        ("root ::= \"a\0b\"", "NUL"),
        ("%llguidance {}", "expecting name"),
        (deep.as_str(), "nested more than"),
        (chain.as_str(), "begin with other rules"),
        (name.as_str(), "name of a token"),
    ];
    for (grammar, reason) in cases {
        match Sampler::new(&model, &greedy(Some(grammar))) {
            Err(Error::InvalidGrammar { message }) => {
                assert!(message.contains(reason), "{reason}: {message}");
            }
            other => panic!("{:.40}: {other:?}", grammar),
        }
    }
    let long = "# ".repeat(1 << 20);
    let error = Sampler::new(&model, &greedy(Some(&long))).unwrap_err();
    assert!(matches!(error, Error::InvalidGrammar { .. }));
}

#[test]
fn grammars_that_look_like_those_are_fine() {
    let model = load(TINY);
    let nested = format!("root ::= {}\"a\"{}", "(".repeat(200), ")".repeat(200));
    for grammar in [
        "# (((( not a group\nroot ::= \"((\" [(] \"\\\"(\" | a*\na ::= \"b\" root?",
        "root ::= a b\na ::= \"\" | \"x\" a\nb ::= \"y\"",
        "root ::= [^\"\\\\] (\"a\" | \"b\"){2,5} .",
        nested.as_str(),
    ] {
        Sampler::new(&model, &greedy(Some(grammar))).unwrap();
    }
}

#[test]
fn samplers_are_named_and_ordered() {
    let model = load(TINY);
    let named = |names: &str| {
        let params = SamplerParams { samplers: Some(names.to_owned()), ..SamplerParams::default() };
        Sampler::new(&model, &params)
    };
    for names in ["top_k;temperature", "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature"] {
        named(names).unwrap();
    }
    for (names, unknown) in [("top_k;no_such;min_p", "'no_such'"), ("", "''"), ("top_k;;min_p", "''")] {
        let error = named(names).unwrap_err();
        assert!(matches!(error, Error::InvalidSampling { .. }));
        assert!(error.to_string().contains(unknown), "{error}");
    }
    assert!(named("top_k\0").is_err());
}

#[test]
fn ignore_eos_never_ends() {
    let model = load(TINY);
    let vocab = model.vocab();
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1], 0));
    let flat = |ignore_eos| SamplerParams {
        ignore_eos,
        seed: 1,
        temperature: 1e6,
        samplers: Some("temperature".to_owned()),
        ..SamplerParams::default()
    };
    let mut ends = |params| {
        let mut sampler = Sampler::new(&model, &params).unwrap();
        (0..20_000).filter(|_| vocab.is_eog(sampler.sample(&mut context, -1).unwrap())).count()
    };
    assert!(ends(flat(false)) > 0, "at this temperature every token comes");
    assert_eq!(ends(flat(true)), 0);
}

#[test]
fn a_bias_decides_and_a_ban_holds() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1], 0));
    let n_tokens = model.vocab().n_tokens() as Token;
    let mut sample = |logit_bias: Vec<(Token, f32)>| {
        let params = SamplerParams { logit_bias, temperature: 5.0, top_k: 0, ..SamplerParams::default() };
        Sampler::new(&model, &params)?.sample(&mut context, -1)
    };
    assert_eq!(sample(vec![(7, 1000.0)]).unwrap(), 7);
    assert_eq!(sample(vec![(7, 1000.0), (8, 999.0), (7, f32::NEG_INFINITY)]).unwrap(), 8);
    let all_but =
        |left: Token| (0..n_tokens).filter(move |token| *token != left).map(|token| (token, f32::NEG_INFINITY));
    assert_eq!(sample(all_but(9).collect()).unwrap(), 9);
    let error = sample(all_but(-1).collect()).unwrap_err();
    assert!(matches!(error, Error::InvalidSampling { .. }), "{error:?}");
    for token in [-1, n_tokens] {
        sample(vec![(token, 1.0)]).unwrap_err();
    }
}

#[test]
fn the_candidates_are_what_the_samplers_left() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1], 0));
    let mut sampler =
        Sampler::new(&model, &SamplerParams { top_k: 5, min_p: 0.0, top_p: 1.0, ..greedy(None) }).unwrap();
    assert_eq!(sampler.candidates().count(), 0, "nothing was chosen yet");
    let token = sampler.sample(&mut context, -1).unwrap();
    let mut candidates: Vec<_> = sampler.candidates().collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
    assert_eq!((candidates.len(), candidates[0]), (5, (token, 1.0)));
}

/// Parameters at and beyond their sensible ranges, in every sampler: llama.cpp must always choose a token.
#[test]
fn strange_parameters_still_choose_a_token() {
    let model = load(TINY);
    let n_tokens = model.vocab().n_tokens() as i32;
    let mut context = Context::new(&model, &params()).unwrap();
    let mut batch = Batch::new(1, 1);
    batch.push(1, 0, 0, true).unwrap();
    decode(&mut context, &batch);
    let values = [0.0, 1e-6, 0.5, 1.0, 2.0, 1e6];
    let mut state = 1_u32;
    let mut pick = |signed: bool| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = values[(state >> 16) as usize % values.len()];
        if signed && state & (1 << 12) != 0 { -value } else { value }
    };
    for round in 0..3000 {
        let params = SamplerParams {
            seed: round,
            temperature: pick(true),
            top_k: pick(true) as i32,
            top_p: pick(true),
            min_p: pick(true),
            typical_p: pick(true),
            top_n_sigma: pick(true),
            repeat_penalty: pick(false).max(1e-6),
            repeat_last_n: pick(false) as i32,
            presence_penalty: pick(true),
            frequency_penalty: pick(true),
            dry_multiplier: pick(true),
            dry_base: pick(true),
            dry_allowed_length: pick(false) as i32,
            dry_penalty_last_n: pick(false).min(64.0) as i32,
            xtc_probability: pick(true),
            xtc_threshold: pick(true),
            dynatemp_range: pick(true),
            dynatemp_exponent: pick(true),
            mirostat: (round % 3) as i32,
            mirostat_lr: pick(true),
            mirostat_ent: pick(true),
            samplers: (round % 2 == 0)
                .then(|| "temperature;xtc;typ_p;dry;penalties;top_n_sigma;min_p;top_p;top_k".to_owned()),
            ..SamplerParams::default()
        };
        let mut sampler = Sampler::new(&model, &params).unwrap();
        for _ in 0..4 {
            let token = sampler.sample(&mut context, -1).unwrap();
            assert!((0..n_tokens).contains(&token), "{token} with {params:?}");
            sampler.accept(token, true).unwrap();
        }
    }
}

/// A format whose grammar waits for `a`, after which only `b` may come.
const WAITS: &str = r#"{"generation_prompt": "", "lazy": true, "begun": false, "preserved": [], "grammar": "",
    "triggers": [{"type": 1, "value": "a"}], "think_start": "", "think_ends": []}"#;

#[test]
fn a_grammar_that_begins_in_the_middle_of_a_token_ends_there_where_it_does_not_fit() {
    let model = load(TINY);
    let mut context = Context::new(&model, &common::params()).unwrap();
    decode(&mut context, &batch_of(&[1, 2, 3], 0));
    let params = SamplerParams {
        grammar: Some("root ::= \"ab\"".to_owned()),
        format: Some(WAITS.to_owned()),
        seed: 1,
        ..SamplerParams::default()
    };
    // " a" and "an" both have the mark; after the latter the grammar has no way to go on.
    let token = |text: &str| model.vocab().tokenize(text, false, false).unwrap();
    let (fits, does_not) = (token(" a"), token("an"));
    assert_eq!((fits.len(), does_not.len()), (1, 1));
    let mut sampler = Sampler::new(&model, &params).unwrap();
    sampler.accept(fits[0], true).unwrap();
    assert_eq!(model.vocab().detokenize(&[sampler.sample(&mut context, -1).unwrap()], false, false).unwrap(), b"b");
    let mut sampler = Sampler::new(&model, &params).unwrap();
    sampler.accept(does_not[0], true).unwrap();
    for _ in 0..20 {
        let token = sampler.sample(&mut context, -1).unwrap();
        sampler.accept(token, true).unwrap();
    }
}

#[test]
fn adaptive_p_prefers_its_probability_and_is_named_to_be_used() {
    let model = load(SMOLLM2);
    let params = |samplers: &str, adaptive_target| SamplerParams {
        seed: 7,
        temperature: 1.0,
        samplers: Some(samplers.to_owned()),
        adaptive_target,
        ..SamplerParams::default()
    };
    let text = |samplers, target| generate(&model, &params(samplers, target), "Once upon a time", 24);
    assert_eq!(text("top_k", 0.2), text("top_k", -1.0), "without its name it does nothing");
    let unlikely = text("top_k;adaptive_p", 0.01);
    assert_ne!(unlikely, text("top_k;adaptive_p", 0.9));
    assert_ne!(unlikely, text("top_k", -1.0));
    // Wherever its name stands, it chooses last.
    assert_eq!(text("adaptive_p;top_k", 0.01), unlikely);
}

#[test]
fn a_repetition_ends_for_dry_where_it_is_told() {
    let model = load(SMOLLM2);
    let prompt = "one two three, one two three, one two three, one two";
    let text = |breakers: Option<&[&str]>| {
        let params = SamplerParams {
            dry_multiplier: 5.0,
            dry_allowed_length: 1,
            dry_sequence_breakers: breakers.map(|texts| texts.iter().map(|&text| text.to_owned()).collect()),
            ..greedy(None)
        };
        let mut context = Context::new(&model, &common::params()).unwrap();
        let mut sampler = Sampler::new(&model, &params).unwrap();
        let tokens = model.vocab().tokenize(prompt, true, true).unwrap();
        decode(&mut context, &batch_of(&tokens, 0));
        tokens.iter().for_each(|&token| sampler.accept(token, false).unwrap());
        let mut bytes = Vec::new();
        model.vocab().token_bytes(sampler.sample(&mut context, -1).unwrap(), false, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_ne!(text(None), " three");
    assert_ne!(text(Some(&[])), " three");
    assert_eq!(text(Some(&[" two"])), " three", "nothing before it counts as repeated");
    let nul = SamplerParams { dry_sequence_breakers: Some(vec!["a\0b".to_owned()]), ..greedy(None) };
    assert!(matches!(Sampler::new(&model, &nul), Err(Error::InvalidSampling { message }) if message.contains("NUL")));
}
