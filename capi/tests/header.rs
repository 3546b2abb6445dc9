//! The committed header and symbol list are what the sources say.

#[path = "../examples/header/generate.rs"]
mod generate;

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
