//! A chat template is a program. Whatever it does, it ends with an error and the process goes on.
#![cfg(target_os = "linux")]

mod common;

use std::cell::Cell;
use std::time::{Duration, Instant};

use chaku_llama::{ChatTemplates, Error, Rendered, TemplateLimits};
use common::{TINY, ask, load};

/// What the preparing thread has.
const STACK: usize = 16 << 20;

/// Parses and renders on a thread with the stack that the limits are made for.
fn run(template: &str, limit: Duration) -> Result<Rendered, Error> {
    let model = load(TINY);
    let body = || {
        let until = Instant::now() + limit;
        let stop = || Instant::now() >= until;
        let limits = TemplateLimits { bytes: 64 << 20, stack: STACK / 4, stop: &stop };
        let templates = ChatTemplates::new(&model, Some(template), &limits)?;
        templates.render(&ask(&[("user", "hi")], true), &limits)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, body).unwrap();
        thread.join().unwrap()
    })
}

/// It ends with an error that says `words`.
fn refused(template: &str, words: &str) {
    match run(template, Duration::from_secs(60)) {
        Err(Error::Template { message }) => assert!(message.contains(words), "{template}: {message}"),
        other => panic!("{template}: {other:?}"),
    }
}

fn stopped(template: &str) {
    let result = run(template, Duration::from_millis(200));
    assert!(matches!(result, Err(Error::TemplateStopped)), "{template}: {result:?}");
}

fn renders(template: &str, text: &str) {
    match run(template, Duration::from_secs(60)) {
        Ok(rendered) => assert_eq!(rendered.prompt, text, "{template}"),
        Err(error) => panic!("{template}: {error}"),
    }
}

#[test]
fn loops_without_end_are_stopped() {
    let depth = 9;
    stopped(&format!("{}{}", "{% for i in [1, 2, 3, 4, 5, 6, 7, 8] %}".repeat(depth), "{% endfor %}".repeat(depth)));
    stopped("{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}");
}

#[test]
fn values_that_grow_are_stopped_before_memory_ends() {
    let words = "more text or values";
    refused(
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s }}",
        words,
    );
    refused("{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}", words);
    refused(&format!("{{% set s = 'xxxxxxxxxxxxxxxx' %}}{}", "{% set s = s ~ s %}".repeat(60)), words);
    refused("{{ 'x' * 9999999999 }}", words);
    refused("{{ 9999999999 * 'x' }}", words);
    refused("{% set a = range(999999999) %}", words);
    refused("{% set r = range %}{% set a = r(0, 999999999, 1) %}", words);
    refused("{% set a = range(9223372036854775807) %}", words);
    refused("{% set a = range(9223372036854775000, 9223372036854775807, 1000) %}", words);
    refused("{% set s = 'x' * 90000 %}{{ s | replace('x', s) }}", words);
    refused("{% set s = 'x' * 90000 %}{{ s.replace('', s) }}", words);
    refused("{% set s = 'x' * 90000 %}{% set f = s.replace %}{{ f('x', s) }}", words);
    refused("{% set s = 'x' * 90000 %}{{ s['replace']('x', s) }}", words);
    refused("{% set s = 'x' * 90000 %}{% filter replace('x', s) %}{{ s }}{% endfilter %}", words);
    refused("{% set s = 'x' * 90000 %}{{ range(90000) | join(s) }}", words);
    refused("{% set s = 'x' * 900000 %}{% set a = s.split('') %}", words);
    refused("{{ 'a\nb' | indent(999999999) }}", "indents by more than");
    refused("{{ 'a\nb' | indent(width=999999999) }}", "indents by more than");
    refused("{{ [[1]] | tojson(indent=999999999) }}", "indents by more than");
}

#[test]
fn what_nests_does_not_use_up_the_stack() {
    refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recurses too deeply");
    let deep = "nests lists or objects too deeply";
    refused("{% set n = namespace(a=[]) %}{% for i in range(99999) %}{% set n.a = [n.a] %}{% endfor %}", deep);
    refused("{% set n = namespace(a={}) %}{% for i in range(99999) %}{% set n.a = {'a': n.a} %}{% endfor %}", deep);
    refused(
        "{% set n = namespace(a=1) %}{% for i in range(99999) %}{% set n.a = namespace(a=n.a) %}{% endfor %}",
        deep,
    );
    let chain = "{% set a = [] %}{% set n = namespace(last=a) %}{% for i in range(99999) %}{% set b = [] %}\
                 {% set x = n.last.append(b) %}{% set n.last = b %}{% if a %}{% endif %}{% endfor %}";
    refused(chain, deep);
    let large = "lists or objects that are too large";
    refused(&format!("{{% set a = [1] %}}{}{{{{ a | tojson }}}}", "{% set a = [a, a] %}".repeat(60)), large);
    let itself = "into itself";
    refused("{% set a = [1] %}{{ a.append(a) }}{{ a | tojson }}", itself);
    refused("{% set a = [1] %}{% set b = [a] %}{% set f = a.append %}{{ f(b) }}{{ a }}", itself);
    refused("{% set a = [1] %}{% set b = a | append(a) %}{{ a | tojson }}", itself);
    refused("{% set n = namespace() %}{% set n.x = n %}{{ n | tojson }}", itself);
    refused("{% set n = namespace() %}{% set n.x = {'a': [n]} %}{{ n | tojson }}", itself);
    let nests = "nests brackets or blocks too deeply";
    for (open, middle, close) in [("(", "1", ")"), ("[", "1", "]"), ("{'a':", "1", "}"), ("f(", "1", ")")] {
        refused(&format!("{{{{ {}{middle}{} }}}}", open.repeat(40000), close.repeat(40000)), nests);
    }
    for (open, close) in [
        ("{% if true %}", "{% endif %}"),
        ("{% for i in [1] %}", "{% endfor %}"),
        ("{% set x %}", "{% endset %}"),
        ("{% macro m() %}", "{% endmacro %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% if false %}{% elif false %}", "{% endif %}"),
    ] {
        refused(&format!("{}x{}", open.repeat(9000), close.repeat(9000)), nests);
    }
    refused(&format!("{{% if false %}}{}{{% endif %}}", "{% elif false %}".repeat(20000)), nests);
    let parts = "an expression of too many parts";
    refused(&format!("{{{{ {}1 }}}}", "not ".repeat(60000)), parts);
    refused(&format!("{{{{ {}1 }}}}", "-".repeat(60000)), parts);
    refused(&format!("{{{{ 1{} }}}}", "+1".repeat(60000)), parts);
    refused(&format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(30000)), parts);
    refused(&format!("{{{{ 'a'{} }}}}", "|upper".repeat(60000)), parts);
    refused(&format!("{{{{ a{} }}}}", ".a".repeat(60000)), parts);
    refused(&"{{ 1 }}".repeat(99999), "is too long");
}

/// The limits leave what they bound as it was: just below them everything still works.
#[test]
fn what_stays_within_the_limits_works() {
    renders("{{ 'ab' * 3 }}{{ 2 * 'x' }}{{ 2 * 3 }}{{ '' * 5 }}{{ 'x' * -1 }}", "abababxx6");
    renders("{{ range(3) | join(',') }}{{ range(5, 0, -2) | join }}{{ range(0) | join('x') }}", "0,1,2531");
    renders("{{ 'a-b' | replace('-', '+') }}{{ 'a-b'.replace('-', '') }}{{ 'ab'.replace('', '.') }}", "a+bab.a.b.");
    renders("{% filter replace('a', 'b') %}aXa{% endfilter %}{% filter upper %}x{% endfilter %}", "bXbX");
    renders("{% set f = 'a,b'.split %}{{ f(',') | last }}{{ 'a b' | upper | lower }}", "ba b");
    renders("{{ 'a\nb' | indent(2) }}", "a\n  b");
    renders(
        "{{ [1, {'a': [2, 'x']}] | tojson }}{{ [[1]] | tojson(indent=1) }}",
        "[1, {\"a\": [2, \"x\"]}][\n [\n  1\n ]\n]",
    );
    renders(
        "{% set n = namespace(a=[]) %}{% for i in range(3) %}{% set n.a = n.a + [[i]] %}{% endfor %}{{ n.a }}",
        "012",
    );
    renders(
        "{% set a = [] %}{% for i in range(3) %}{% set x = a.append([i]) %}{% endfor %}{{ a | length }}{{ a }}",
        "3012",
    );
    renders("{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(9) }}", "9876543210");
    let call = "{% macro m() %}<{{ caller('x') }}>{% endmacro %}{% call(a) m() %}{{ a }}!{% endcall %}";
    renders(call, "<x!>");
}

#[test]
fn a_stop_that_panics_ends_the_call_and_comes_out() {
    let model = load(TINY);
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        panic!("on purpose");
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let limits = TemplateLimits { bytes: 64 << 20, stack: 1 << 20, stop: &stop };
        ChatTemplates::new(&model, Some("{% for i in range(99999) %}{{ i }}{% endfor %}"), &limits)
    }));
    assert_eq!(*result.unwrap_err().downcast::<&str>().unwrap(), "on purpose");
    assert!(asked.get() > 0);
}
