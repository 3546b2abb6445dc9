//! JSON Schemas, regular expressions and Lark grammars: good ones, cut and mixed.

use fastrand::Rng;

use super::any;
use crate::case::{Case, Given, Object, OptionValue};

const SCHEMAS: &[&str] = &[
    r#"{"type":"object","properties":{"a":{"type":"string","maxLength":5},"b":{"type":"integer","minimum":0}},"required":["a"]}"#,
    r#"{"type":"array","items":{"anyOf":[{"type":"boolean"},{"enum":[1,"two",null]}]},"minItems":1,"maxItems":3}"#,
    r##"{"$defs":{"tree":{"type":"object","properties":{"left":{"$ref":"#/$defs/tree"},"n":{"type":"number"}}}},"$ref":"#/$defs/tree"}"##,
    r#"{"allOf":[{"type":"string","pattern":"^[a-z]{2,4}$"},{"minLength":3}]}"#,
    r#"{"oneOf":[{"const":{"x":1}},{"type":"number","multipleOf":0.5}],"title":"t"}"#,
    r#"{"type":"string","format":"date-time"}"#,
    r#"{"patternProperties":{"^x":{"type":"null"}},"additionalProperties":false,"minProperties":1,"maxProperties":2}"#,
];
const SCHEMA_PIECES: &[&str] = &[
    "{}",
    "[]",
    "null",
    "true",
    "-1",
    "1e308",
    "99999999999999999999",
    "0.1",
    "\"\"",
    "\"type\":",
    "\"$ref\":\"#\"",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"not\":",
    "\"if\":",
    "\"enum\":[]",
    "\"maxLength\":-1",
    "\"minLength\":4294967296",
    "\"maxItems\":1000000",
    "\"multipleOf\":0",
    "\"pattern\":\"(\"",
    "\"pattern\":\"(a{1000}){1000}\"",
    "\"x-guidance\":{\"whitespace_pattern\":\"(\"}",
    "\"x-guidance\":{\"lenient\":true}",
    "\\u0000",
    "é",
];
const REGEXES: &[&str] = &[
    "(yes|no), [0-9]{3}",
    "[a-z]+( [a-z]+)*",
    "\\p{L}{1,5}\\d?",
    "(?i)hello|.*x",
    "[^a]{0,9}\\n",
    "((a|b)*c){2,5}",
    "\\x41\\u{1F999}?",
];
const REGEX_PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "*",
    "+",
    "?",
    "{2}",
    "{0}",
    "{3,1}",
    "{1000}",
    "{100000}",
    "{4294967296}",
    "|",
    "\\",
    "\\b",
    "\\p{Greek}",
    "\\p{No}",
    "(?=a)",
    "(?P<n>a)",
    "^",
    "$",
    ".",
    "[[:alpha:]]",
    "[^",
    "(?s)",
    "\u{0}",
    "é",
    "[a-",
    "&",
    "~",
];
const LARKS: &[&str] = &[
    "start: \"yes\" | \"no\"",
    "start: word (\",\" word)*\nword: /[a-z]+/",
    "start: expr\nexpr: NUMBER | expr \"+\" expr | \"(\" expr \")\"\nNUMBER: /[0-9]{1,3}/\n%ignore /[ ]+/",
    "start: %json {\"type\": \"object\"}",
    "start: a~1..3 b?\na: \"x\"i\nb[capture, max_tokens=3]: /.*/",
    "start: <|im_end|> TEXT\nTEXT: /(?s:.*)/",
];
const LARK_PIECES: &[&str] = &[
    "start",
    ":",
    "|",
    "(",
    ")",
    "*",
    "+",
    "?",
    "~3",
    "~5..2",
    "~100000",
    "\"\"",
    "\"a\"",
    "/a/",
    "/(/",
    "/",
    "\"",
    "\n",
    "%ignore",
    "%import common.INT",
    "%json {",
    "%regex {",
    "%llguidance {}",
    "<|im_end|>",
    "<[3]>",
    "<[*]>",
    "&",
    "[max_tokens=0]",
    "[temperature=2]",
    "A: A",
    "a: a",
    "a: a a |",
    "#",
    "\\",
    "é",
    "\u{0}",
    "->",
];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let (key, good, pieces) = *any(
        rng,
        &[("json_schema", SCHEMAS, SCHEMA_PIECES), ("regex", REGEXES, REGEX_PIECES), ("lark", LARKS, LARK_PIECES)],
    );
    let text = match rng.u32(0..8) {
        0 => (0..rng.u32(1..40)).map(|_| any(rng, pieces)).copied().collect(),
        1 => nested(rng, key),
        _ => {
            let mut whole: Vec<char> = any(rng, good).chars().collect();
            for _ in 0..rng.u32(0..4) {
                edit(rng, &mut whole, pieces);
            }
            whole.into_iter().collect()
        }
    };
    case.options.push(Given { to: Object::Request, key: key.into(), value: OptionValue::Str(text) });
}

/// A JSON Schema of any sort.
pub(super) fn schema(rng: &mut Rng) -> String {
    let mut whole: Vec<char> = any(rng, SCHEMAS).chars().collect();
    for _ in 0..rng.u32(0..3) {
        edit(rng, &mut whole, SCHEMA_PIECES);
    }
    whole.into_iter().collect()
}

/// What no stack would hold.
fn nested(rng: &mut Rng, key: &str) -> String {
    let depth = 1 << rng.u32(3..17);
    let (head, pairs): (_, &[_]) = match key {
        "json_schema" => {
            ("", &[(r#"{"items":"#, "}"), (r#"{"anyOf":["#, "]}"), (r#"{"not":"#, "}"), (r#"{"const":["#, "]}")])
        }
        "regex" => ("", &[("(", ")"), ("(a|", ")*"), ("[a", "]"), ("a", "")]),
        _ => ("start: ", &[("(", ")"), ("(\"a\" ", ")*"), ("\"a\" ", ""), ("\"a\" | ", ""), ("a\na: ", "")]),
    };
    let (open, close) = *any(rng, pairs);
    format!("{head}{}{}{}", open.repeat(depth), if key == "lark" { "\"b\"" } else { "{}" }, close.repeat(depth))
}

pub(super) fn edit(rng: &mut Rng, whole: &mut Vec<char>, pieces: &[&str]) {
    let at = rng.usize(0..=whole.len());
    let until = whole.len().min(at + rng.usize(0..6));
    let new = if rng.bool() { any(rng, pieces) } else { "" };
    whole.splice(at..until, new.chars());
}
