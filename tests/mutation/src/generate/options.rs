//! Every option of the library's own table, with values at and past the edges of its range, and of other types.

use chaku_abi::{OptionInfo, OptionKind, option_table};
use fastrand::Rng;

use super::any;
use crate::case::{Case, Given, Object, OptionValue};

const INTEGERS: &[i64] =
    &[0, 1, -1, 2, 3, 255, 257, 4096, 65537, 0x7fff_ff00, 0x7fff_ffff, 0xffff_ffff, i64::MIN, i64::MAX];
const FLOATS: &[f64] =
    &[0.0, -0.0, 1e-300, 0.5, 1.0, 1.5, -1.0, 100.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
const TEXTS: &[&str] = &[
    "",
    " ",
    "auto",
    "\u{0}",
    "é",
    "f16",
    "penalties;dry;;top_k",
    "temperature",
    "no_such_thing",
    "\n",
    "q4_0",
    "a=5",
    "7=-inf",
    "\"7\"=nan",
];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let table = option_table();
    for _ in 0..*any(rng, &[1, 1, 2, 2, 3, 6]) {
        let info = any(rng, &table);
        let to = match (rng.u32(0..4), info.scope.as_str()) {
            (0, _) => *any(rng, &[Object::Model, Object::Session, Object::Request]),
            (_, "session") => Object::Session,
            (_, "request") => Object::Request,
            _ => Object::Model,
        };
        let key = if rng.u32(0..30) == 0 { (*any(rng, TEXTS)).to_owned() } else { info.key.clone() };
        case.options.push(Given { to, key, value: value(rng, info) });
    }
}

/// More than there are processors wait for each other, after every operation, for seconds.
const MOST_THREADS: i64 = 4;

fn value(rng: &mut Rng, info: &OptionInfo) -> OptionValue {
    let kinds = [OptionKind::I64, OptionKind::F64, OptionKind::Bool, OptionKind::Str, OptionKind::List];
    match if rng.u32(0..6) == 0 { *any(rng, &kinds) } else { info.kind } {
        OptionKind::I64 => {
            let value = integer(rng, info);
            let threads = info.unit == "threads" && (MOST_THREADS..=512).contains(&value);
            OptionValue::I64(if threads { MOST_THREADS } else { value })
        }
        OptionKind::F64 => OptionValue::F64(number(rng, info)),
        OptionKind::Bool => OptionValue::Bool(rng.bool()),
        OptionKind::Str => OptionValue::Str(text(rng, info)),
        OptionKind::List => {
            let len = *any(rng, &[0, 1, 3, 64, 65]);
            OptionValue::List((0..len).map(|_| text(rng, info)).collect())
        }
    }
}

/// An edge of the option's own range, or of the type's.
fn integer(rng: &mut Rng, info: &OptionInfo) -> i64 {
    let edges: Vec<i64> = [&info.min, &info.max].into_iter().flatten().filter_map(|edge| edge.parse().ok()).collect();
    if edges.is_empty() || rng.bool() {
        return *any(rng, INTEGERS);
    }
    any(rng, &edges).saturating_add(rng.i64(-1..=1))
}

fn number(rng: &mut Rng, info: &OptionInfo) -> f64 {
    let edges: Vec<f64> = [&info.min, &info.max].into_iter().flatten().filter_map(|edge| edge.parse().ok()).collect();
    if edges.is_empty() || rng.bool() { *any(rng, FLOATS) } else { any(rng, &edges) + *any(rng, &[0.0, 1e-9, -1e-9]) }
}

fn text(rng: &mut Rng, info: &OptionInfo) -> String {
    match rng.u32(0..4) {
        0 => "x".repeat(1 << rng.u32(1..18)),
        1 | 2 if !info.choices.is_empty() => any(rng, &info.choices).clone(),
        _ => (*any(rng, TEXTS)).to_owned(),
    }
}
