//! What several test programs need.

use std::path::PathBuf;
use std::sync::Arc;

use chaku::options::{Kind, find};
use chaku::{Event, Final, Model, Options, Request, Runtime};

pub(crate) fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name);
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    path
}

/// Options from texts.
pub(crate) fn options(set: &[(&str, &str)]) -> Options {
    let mut options = Options::new();
    for &(key, value) in set {
        match find(key).map(|spec| spec.kind) {
            Some(Kind::I64 { .. }) => options.set_i64(key, value.parse().unwrap()),
            Some(Kind::F64 { .. }) => options.set_f64(key, value.parse().unwrap()),
            Some(Kind::Bool { .. }) => options.set_bool(key, value == "1"),
            _ => options.set_str(key, value),
        }
        .unwrap();
    }
    options
}

pub(crate) fn load(name: &str, set: &[(&str, &str)]) -> Model {
    let options = options(&[&[("threads", "1")], set].concat());
    Runtime::default_runtime().load_blocking(&path(name), &options).unwrap()
}

/// Reads a request to its end.
pub(crate) fn text(request: &Request) -> (String, Arc<Final>) {
    let mut text = String::new();
    let end = request.run(|event| {
        if let Event::Text(piece) = event {
            text.push_str(&piece.text);
        }
        true
    });
    (text, end.unwrap())
}
