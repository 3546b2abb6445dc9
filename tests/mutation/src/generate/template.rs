//! Chat templates out of a grammar of Jinja: sound ones, broken ones, and programs that want all of time and memory.

use fastrand::Rng;

use crate::case::{Case, Given, Object, OptionValue};
use crate::edit::Edit;
use crate::generate::any as one_of;
use crate::gguf::Value;

const NUMBERS: &[&str] =
    &["0", "1", "-1", "3", "2.5", "99999", "1000000000", "9223372036854775807", "99999999999999999999"];
const NAMES: &[&str] = &[
    "messages",
    "messages[0]",
    "messages[0].content",
    "message.role",
    "bos_token",
    "tools",
    "loop",
    "loop.index",
    "ns.x",
    "undefined_name",
    "add_generation_prompt",
    "messages[-1]['role']",
    "messages[99].content",
    "none",
    "true",
    "self",
    "x",
];
const FILTERS: &[&str] = &[
    "trim",
    "upper",
    "lower",
    "title",
    "capitalize",
    "length",
    "count",
    "first",
    "last",
    "join",
    "join(x)",
    "join(messages)",
    "tojson",
    "tojson(indent=999999)",
    "indent(4)",
    "indent(-1)",
    "indent(100000)",
    "replace('a', 'bb')",
    "replace('', 'x')",
    "selectattr('role', 'equalto', 'user')",
    "selectattr(1)",
    "rejectattr('x')",
    "map(attribute='content')",
    "map('upper')",
    "map()",
    "list",
    "string",
    "int",
    "float",
    "abs",
    "sort",
    "sort(attribute='x')",
    "reverse",
    "unique",
    "items",
    "dictsort",
    "default('d')",
    "default",
    "round",
    "round(99)",
    "safe",
    "e",
    "groupby('role')",
    "batch(0)",
    "slice(0)",
    "sum",
    "min",
    "max",
    "random",
    "wordcount",
    "format(1, 2)",
    "truncate(-5)",
    "center(100000000)",
    "no_such_filter",
    "first(1, 2, 3)",
];
const TESTS: &[&str] = &[
    "defined",
    "none",
    "string",
    "mapping",
    "iterable",
    "divisibleby(0)",
    "equalto(1)",
    "in messages",
    "odd",
    "sameas(x)",
    "no_such_test",
];
const CALLS: &[&str] = &[
    "range(3)",
    "range(1000)",
    "range(100000000)",
    "range(5, 0, -1)",
    "range(0, 5, 0)",
    "range(-1)",
    "range('a')",
    "range(9223372036854775807)",
    "raise_exception('no')",
    "raise_exception()",
    "strftime_now('%Y %q')",
    "namespace(x=1)",
    "dict(a=1)",
    "messages[0].content.split('')",
    "messages[0].content.split()",
    "'abc'.strip('a')",
    "'a'.startswith(1)",
    "[1, 2].append(3)",
    "no_such_function(1)",
    "messages.items()",
    "cycler(1, 2)",
    "joiner(',')",
    "'%s' % 1",
    "'x'.format(1)",
    "'a'.replace('', 'aaaaaaaa')",
];
const OPERATORS: &[&str] =
    &["+", "-", "*", "/", "//", "%", "~", "==", "<", "and", "or", "in", "not in", "is", "**", "|", "."];
/// Programs whose only aim is time, memory or stack.
const GREEDY: &[&str] = &[
    "{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(100000000) %}{% endfor %}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{% macro f(x) %}{{ g(x) }}{{ g(x) }}{% endmacro %}{% macro g(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
    "{% for i in range(1000000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ range(1000000000) | list | length }}",
    "{{ 'abc' | indent(2000000000) }}",
    "{% set a = [] %}{% for i in range(10000000) %}{{ a.append(a) }}{% endfor %}{{ a }}",
    "{% set a = [1] %}{{ a.append(a) }}{{ a | tojson }}",
    "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns | tojson }}",
];

pub(super) fn fill(rng: &mut Rng, case: &mut Case) {
    let template = any(rng);
    if rng.bool() {
        let value = OptionValue::Str(template);
        case.options.push(Given { to: Object::Model, key: "chat_template".into(), value });
    } else {
        let value = Value::Str(template.as_str().into());
        case.edits.push(Edit::Set { key: "tokenizer.chat_template".into(), value });
    }
}

/// A template of any sort.
pub(super) fn any(rng: &mut Rng) -> String {
    match rng.u32(0..16) {
        0 | 1 => (*one_of(rng, GREEDY)).to_owned(),
        2 | 3 => deep(rng),
        4 => noise(rng),
        5 => broken(rng),
        _ => (0..rng.u32(1..5)).map(|_| statement(rng, 3)).collect(),
    }
}

fn deep(rng: &mut Rng) -> String {
    let depth = 1 << rng.u32(4..18);
    let (open, middle, close) = *one_of(
        rng,
        &[
            ("(", "1", ")"),
            ("[", "", "]"),
            ("{'a':", "1", "}"),
            ("not ", "1", ""),
            ("-", "1", ""),
            ("1+", "1", ""),
            ("x.", "x", ""),
            ("x[", "0", "]"),
            ("1|abs", "", ""),
            ("f(", "", ")"),
            ("1 if ", "1", " else 2"),
        ],
    );
    let expression = [&open.repeat(depth), middle, &close.repeat(depth)].concat();
    let (open, middle, close) = *one_of(
        rng,
        &[
            ("{% if true %}", "x", "{% endif %}"),
            ("{% for i in [1] %}", "x", "{% endfor %}"),
            ("{% macro m() %}", "x", "{% endmacro %}"),
            ("{% if x %}{% else %}", "", ""),
            ("{{", "", ""),
        ],
    );
    match rng.bool() {
        true => format!("{{{{ {expression} }}}}"),
        false => [&open.repeat(depth), middle, &close.repeat(depth)].concat(),
    }
}

/// Bytes that are text at least: options take no others, and files with others are another case.
fn noise(rng: &mut Rng) -> String {
    let parts = [
        "{%", "%}", "{{", "}}", "{#", "#}", "-", " ", "if", "for", "'", "\"", "\\", "(", "|", "é", "\u{0}", "set", "=",
    ];
    (0..rng.u32(1..60)).map(|_| *one_of(rng, &parts)).collect()
}

/// A good one with a piece cut out.
fn broken(rng: &mut Rng) -> String {
    let whole: Vec<char> = statement(rng, 3).chars().collect();
    let at = rng.usize(0..=whole.len());
    let until = whole.len().min(at + rng.usize(1..8));
    whole[..at].iter().chain(&whole[until..]).collect()
}

fn statement(rng: &mut Rng, depth: u32) -> String {
    if depth == 0 {
        return "{{ messages[0].content }}".to_owned();
    }
    let (value, body) = (expression(rng, depth), statement(rng, depth - 1));
    match rng.u32(0..11) {
        0 => format!("{{% for x in {value} %}}{body}{{% endfor %}}"),
        1 => format!("{{% for x in messages %}}{body}{{{{ x.role }}}}{{% endfor %}}"),
        2 => format!("{{% if {value} %}}{body}{{% elif x %}}a{{% else %}}b{{% endif %}}"),
        3 => format!("{{%- set x = {value} -%}}{body}"),
        4 => format!("{{% macro m(x, y={value}) %}}{body}{{% endmacro %}}{{{{ m({value}) }}}}"),
        5 => format!("{{% set ns = namespace(x={value}) %}}{{% set ns.x = {value} %}}{body}"),
        6 => format!("{{% for i in range(4) %}}{{% if i == 2 %}}{{% break %}}{{% endif %}}{body}{{% endfor %}}"),
        7 => format!("{{% filter upper %}}{body}{{% endfilter %}}"),
        8 => format!("{{% generation %}}{body}{{% endgeneration %}}{{# {value} #}}"),
        9 => format!("{{% set x %}}{body}{{% endset %}}{{{{ x }}}}"),
        _ => format!("{{{{ {value} }}}}{body}"),
    }
}

fn expression(rng: &mut Rng, depth: u32) -> String {
    if depth == 0 {
        return (*one_of(rng, NAMES)).to_owned();
    }
    let inner = expression(rng, depth - 1);
    match rng.u32(0..12) {
        0 => (*one_of(rng, NUMBERS)).to_owned(),
        1 => (*one_of(rng, CALLS)).to_owned(),
        2 => format!("{inner} | {}", one_of(rng, FILTERS)),
        3 => format!("({inner}) is {}", one_of(rng, TESTS)),
        4 => format!("({inner}) {} ({})", one_of(rng, OPERATORS), expression(rng, depth - 1)),
        5 => format!("({inner})[{}:{}:{}]", one_of(rng, NUMBERS), one_of(rng, NUMBERS), one_of(rng, NUMBERS)),
        6 => format!("[{inner}, {}]", one_of(rng, NUMBERS)),
        7 => format!("{{'a': {inner}, {}: 1}}", one_of(rng, NAMES)),
        8 => format!("({inner} if {} else 'b')", one_of(rng, NAMES)),
        9 => format!("'text' ~ ({inner})"),
        10 => format!("({inner}).x"),
        _ => format!("({inner})({})", one_of(rng, NUMBERS)),
    }
}
