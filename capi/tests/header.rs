//! The committed header and symbol list are what the sources say.

#[path = "../examples/header/generate.rs"]
mod generate;
#[path = "../examples/header/nullability.rs"]
mod nullability;

#[test]
fn header_and_symbols_are_up_to_date() {
    for (path, text) in generate::files() {
        let committed = std::fs::read_to_string(generate::workspace().join(path)).unwrap_or_default();
        assert!(committed == text, "{path} is out of date: run `make header`");
    }
}

#[test]
fn the_header_has_every_option_by_name() {
    let [(_, header), _] = generate::files();
    for spec in chaku::options::table() {
        let line = format!("#define CHAKU_OPT_{} \"{}\"\n", spec.key.to_uppercase(), spec.key);
        assert!(header.contains(&line), "{}", spec.key);
    }
}

#[test]
fn what_the_comment_allows_to_be_null_is_marked_and_nothing_else() {
    let section = "\
/**
 * Frees it.
 *
 * - `thing`: consumed. NULL does nothing.
 */
chaku_code chaku_thing_free(chaku_thing *thing);

/**
 * Its name.
 *
 * - `thing`: borrowed.
 * - `out_len`: borrowed, written to: the length; may be NULL.
 * - Returns: valid until `thing` is freed. NULL when it has none.
 */
const char *chaku_thing_name(const chaku_thing *thing, int64_t *out_len);

/**
 * The kind of it.
 *
 * - Returns: valid for ever. Never NULL.
 */
const char *chaku_thing_kind(void);";
    let annotated = nullability::annotate(section);
    let prototypes: Vec<_> = annotated.lines().filter(|line| line.ends_with(';')).collect();
    assert_eq!(
        prototypes,
        [
            "chaku_code chaku_thing_free(chaku_thing *CHAKU_NULLABLE thing);",
            "const char *CHAKU_NULLABLE chaku_thing_name(const chaku_thing *thing, int64_t *CHAKU_NULLABLE out_len);",
            "const char *chaku_thing_kind(void);",
        ]
    );
}
