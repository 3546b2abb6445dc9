//! GBNF grammars: good ones, cut and mixed.

use fastrand::Rng;

use super::any;
use crate::case::{Case, Given, Object, OptionValue};

const GOOD: &[&str] = &[
    "root ::= \"yes\" | \"no\"",
    "root ::= [a-z]+ (\" \" [a-z]+)*",
    "root ::= object\nobject ::= \"{\" ws (pair (\",\" ws pair)*)? \"}\" ws\npair ::= string \":\" ws value\n\
     value ::= object | string | number | \"true\" | \"null\"\nstring ::= \"\\\"\" [^\"\\\\]* \"\\\"\" ws\n\
     number ::= \"-\"? [0-9]+ ws\nws ::= [ \\t\\n]*",
    "root ::= (expr \"=\" term \"\\n\")+\nexpr ::= term ([-+*/] term)*\nterm ::= num | \"(\" expr \")\"\nnum ::= [0-9]{1,5}",
    "root ::= [\\u4e00-\\u9fff]{2,4} \"\\x41\" [^\\n]? .",
];
const PIECES: &[&str] = &[
    "root",
    "::=",
    "|",
    "(",
    ")",
    "*",
    "+",
    "?",
    "{2}",
    "{0}",
    "{3,1}",
    "{1,}",
    "{100000}",
    "{4294967296}",
    "{,",
    "[a-z]",
    "[^",
    "[]",
    "[z-a]",
    "]",
    "\"\"",
    "\"",
    "\"a\"",
    "\n",
    ".",
    "\\",
    "\\x4",
    "\\U00110000",
    "#",
    "é",
    "\u{0}",
    "a-b",
    "<[3]>",
    "!<[1]>",
    "<think>",
    "root root",
    "a ::= a",
    "a ::= | a b\nb ::= a",
    "-",
    "/",
];
/// Grammars that no run of time or stack would end.
const GREEDY: &[&str] = &[
    "root ::= root",
    "root ::= a\na ::= b\nb ::= a",
    "root ::= (((\"a\"{1000}){1000}){1000})",
    "root ::= (\"a\"? ){5000}",
    "root ::= (a | a | a)*\na ::= (b | b)*\nb ::= \"\" | \"a\"",
    "root ::= \"\"",
    "root ::= x\n",
    "root ::= \"Z\" \"\\u0000\"",
    "root ::= [^\\x00-\\U0010FFFF]",
];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let value = OptionValue::Str(grammar(rng));
    case.options.push(Given { to: Object::Request, key: "grammar".into(), value });
}

fn grammar(rng: &mut Rng) -> String {
    match rng.u32(0..8) {
        0 => (*any(rng, GREEDY)).to_owned(),
        1 => (0..rng.u32(1..40)).map(|_| format!("{} ", any(rng, PIECES))).collect(),
        2 => nested(rng),
        _ => {
            let mut whole: Vec<char> = any(rng, GOOD).chars().collect();
            for _ in 0..rng.u32(0..4) {
                edit(rng, &mut whole);
            }
            whole.into_iter().collect()
        }
    }
}

fn nested(rng: &mut Rng) -> String {
    let depth = 1 << rng.u32(3..17);
    let (open, close) = *any(rng, &[("(", ")"), ("(\"a\" ", ")*"), ("(", "){2}"), ("(\"\" | ", ")?"), ("\"a\" ", "")]);
    format!("root ::= {}\"b\"{}", open.repeat(depth), close.repeat(depth))
}

fn edit(rng: &mut Rng, whole: &mut Vec<char>) {
    let at = rng.usize(0..=whole.len());
    let until = whole.len().min(at + rng.usize(0..6));
    let new = if rng.bool() { any(rng, PIECES) } else { "" };
    whole.splice(at..until, new.chars());
}
