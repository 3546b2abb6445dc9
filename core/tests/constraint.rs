//! What an answer must be: a JSON Schema, a JSON object, a regular expression, a Lark grammar. A model with random weights
//! says what it is forced to say, and nothing else.

mod common;

use chaku::{FinishReason, Model, Options, Reason};
use common::{load, options, text};
use serde_json::Value;

const RANDOM: &str = "tiny-random.gguf";
const SCRIPT: &str = "tiny-script.gguf";

/// Options, the reason they are refused for, and the key it names.
type Refused<'a> = (&'a [(&'a str, &'a str)], Reason, &'a str);

const PERSON: &str = r#"{"type": "object", "properties": {
    "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
    "colour": {"enum": ["red", "blue"]}, "tags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}},
    "required": ["name", "age", "colour", "tags"], "additionalProperties": false}"#;

/// The answer of a model without sense to a question.
fn answer(model: &Model, seed: u64, set: &[(&str, &str)]) -> String {
    let seed = seed.to_string();
    let common = [("temperature", "1"), ("top_k", "0"), ("min_p", "0"), ("top_p", "1"), ("seed", &seed)];
    let session = model.session(&Options::new()).unwrap();
    let request = session.chat("abc", &options(&[&common, set].concat())).unwrap();
    let (answer, end) = text(&request);
    assert!(end.error.is_none(), "{:?}", end.error);
    assert_eq!(end.finish_reason, FinishReason::Stop, "{answer}");
    answer
}

#[test]
fn json_follows_its_schema() {
    let model = load(RANDOM, &[]);
    for seed in 0..20 {
        let answer = answer(&model, seed, &[("json_schema", PERSON)]);
        let person: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let fields = person.as_object().unwrap();
        assert_eq!(fields.len(), 4, "{answer}");
        assert!(fields["name"].as_str().unwrap().chars().count() <= 12, "{answer}");
        assert!((0..=150).contains(&fields["age"].as_i64().unwrap()), "{answer}");
        assert!(["red", "blue"].contains(&fields["colour"].as_str().unwrap()), "{answer}");
        let tags = fields["tags"].as_array().unwrap();
        assert!(tags.len() <= 3 && tags.iter().all(Value::is_boolean), "{answer}");
    }
}

#[test]
fn a_regex_and_a_grammar_hold_the_whole_answer() {
    let model = load(RANDOM, &[]);
    for seed in 0..10 {
        let said = answer(&model, seed, &[("regex", "(yes|no), [0-9]{3}")]);
        let (word, number) = said.split_once(", ").unwrap();
        assert!(["yes", "no"].contains(&word) && number.len() == 3 && number.parse::<u32>().is_ok(), "{said}");
        let said = answer(&model, seed, &[("lark", "start: word (\",\" word)~2\nword: \"a\" | \"bc\"")]);
        assert!(said.split(',').count() == 3 && said.split(',').all(|word| ["a", "bc"].contains(&word)), "{said}");
    }
}

#[test]
fn an_answer_that_is_cut_says_so() {
    let session = load(RANDOM, &[]).session(&Options::new()).unwrap();
    let (said, end) = text(&session.chat("abc", &options(&[("json_schema", PERSON), ("max_tokens", "3")])).unwrap());
    assert_eq!(end.finish_reason, FinishReason::Length);
    assert!(said.starts_with('{') && serde_json::from_str::<Value>(&said).is_err(), "{said}");
}

/// The model has a text it would say by itself; those without a constraint beside say it.
#[test]
fn constraints_of_others_change_nothing() {
    let model = load(SCRIPT, &[("max_running", "6")]);
    let greedy = [("temperature", "0"), ("max_tokens", "12")];
    let sessions: Vec<_> = (0..6).map(|_| model.session(&Options::new()).unwrap()).collect();
    let ask = |i: usize| {
        let set = if i.is_multiple_of(2) {
            options(&greedy)
        } else {
            options(&[&greedy[..], &[("regex", "the|cat")]].concat())
        };
        sessions[i].chat("Count.", &set).unwrap()
    };
    let requests: Vec<_> = (0..6).map(ask).collect();
    let said: Vec<String> = requests.iter().map(|request| text(request).0).collect();
    let alone = text(&model.session(&Options::new()).unwrap().chat("Count.", &options(&greedy)).unwrap()).0;
    for (i, said) in said.iter().enumerate() {
        assert!(
            if i.is_multiple_of(2) { *said == alone } else { ["the", "cat"].contains(&said.as_str()) },
            "{i}: {said}"
        );
    }
}

#[test]
fn what_cannot_be_followed_is_refused_before_anything_is_computed() {
    let model = load(RANDOM, &[]);
    let cases: &[Refused<'_>] = &[
        (&[("json_schema", "{")], Reason::InvalidGrammar, "json_schema"),
        (&[("json_schema", "3")], Reason::InvalidGrammar, "json_schema"),
        (&[("json_schema", r#"{"type": "nonsense"}"#)], Reason::InvalidGrammar, "json_schema"),
        (
            &[("json_schema", r#"{"type": "string", "minLength": 3, "maxLength": 2}"#)],
            Reason::InvalidGrammar,
            "json_schema",
        ),
        (&[("json_schema", r##"{"$ref": "#/nowhere"}"##)], Reason::InvalidGrammar, "json_schema"),
        (&[("regex", "(")], Reason::InvalidGrammar, "regex"),
        (&[("regex", "(?=a)b")], Reason::InvalidGrammar, "regex"),
        (&[("regex", &"a".repeat(70_000))], Reason::InvalidGrammar, "regex"),
        (&[("lark", "start: nowhere")], Reason::InvalidGrammar, "lark"),
        (&[("lark", "word: \"a\"")], Reason::InvalidGrammar, "lark"),
        (&[("regex", "a"), ("json_object", "1")], Reason::InvalidOption, "regex"),
        (&[("grammar", "root ::= \"a\""), ("lark", "start: \"a\"")], Reason::InvalidOption, "lark"),
        (&[("regex", "a"), ("typical_p", "0.5")], Reason::InvalidOption, "typical_p"),
        (&[("grammar", "root ::= \"a\""), ("typical_p", "0.5")], Reason::InvalidOption, "typical_p"),
        (&[("regex", "a"), ("ignore_eos", "1")], Reason::InvalidOption, "ignore_eos"),
    ];
    let session = model.session(&Options::new()).unwrap();
    for (set, reason, key) in cases {
        let (said, end) = text(&session.chat("abc", &options(set)).unwrap());
        let error = end.error.clone().unwrap_or_else(|| panic!("{set:?}: {said}"));
        assert_eq!((error.reason(), error.detail("key")), (*reason, Some(*key)), "{set:?}: {error}");
        assert!(error.to_string().len() < 400 && said.is_empty(), "{error}");
    }
    assert_eq!(session.message_count(), 0, "nothing was said");
    let (said, _) = text(&session.chat("abc", &options(&[("regex", "yes")])).unwrap());
    assert_eq!(said, "yes");
}
