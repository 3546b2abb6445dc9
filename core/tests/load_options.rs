//! Options of a model that say how it is loaded, and how positions are computed.

#[allow(dead_code, reason = "each test program uses a part of it")]
mod common;

use chaku::{Error, Model, Options, Reason, Runtime};
use common::{load, options, path, text};

const TINY: &str = "tiny-random.gguf";

fn with_list(key: &str, items: &[&str]) -> Options {
    let mut options = options(&[("threads", "1")]);
    items.iter().for_each(|item| options.add_str(key, item).unwrap());
    options
}

fn refused(options: &Options) -> Error {
    Runtime::default_runtime().load_blocking(&path(TINY), options).err().expect("an error")
}

fn answer(model: &Model) -> String {
    let session = model.session(&options(&[("temperature", "0"), ("max_tokens", "24")])).unwrap();
    text(&session.generate("the quick brown fox and the lazy dog", &Options::new()).unwrap()).0
}

#[test]
fn what_is_wrong_names_its_option_before_anything_is_loaded() {
    for (key, item, words) in [
        ("override_kv", "llama.context_length=float:1", "type u32"),
        ("override_kv", "llama.attention.head_count_kv=int:3", "llama.attention.head_count_kv"),
        ("override_tensor", "a=CUDA7", "CUDA7"),
        ("override_tensor", "(=CPU", "regular expression"),
    ] {
        let error = refused(&with_list(key, &[item]));
        assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some(key)), "{item}: {error}");
        assert!(error.message().contains(words), "{item}: {error}");
        let planned = Runtime::default_runtime().plan(&path(TINY), &with_list(key, &[item])).unwrap_err();
        assert_eq!(planned.message(), error.message());
    }
    for (key, value) in
        [("devices", "CUDA7"), ("tensor_split", "1,x"), ("rope_freq_base", "1"), ("yarn_beta_slow", "0")]
    {
        let error = refused(&options(&[(key, value)]));
        assert_eq!((error.reason(), error.detail("key")), (Reason::InvalidOption, Some(key)), "{error}");
    }
}

#[test]
fn overrides_count_in_the_model_and_in_its_plan() {
    let shorter = with_list("override_kv", &["llama.context_length=int:512"]);
    let runtime = Runtime::default_runtime();
    assert_eq!(runtime.plan(&path(TINY), &shorter).unwrap().ctx_size, 512);
    assert_eq!(runtime.load_blocking(&path(TINY), &shorter).unwrap().context_size(), 512);
}

#[test]
fn where_weights_are_changes_no_answer() {
    let plain = answer(&load(TINY, &[("fixed_shape", "1")]));
    for set in [
        [("load_mode", "none")],
        [("load_mode", "mmap+mlock")],
        [("load_mode", "dio")],
        [("devices", "none")],
        [("split_mode", "none")],
        [("kv_offload", "0")],
        [("op_offload", "0")],
        [("cpu_moe", "1")],
        [("n_cpu_moe", "3")],
        [("n_cpu_ffn", "3")],
    ] {
        let model = load(TINY, &[&set[..], &[("fixed_shape", "1")]].concat());
        assert_eq!(answer(&model), plain, "{set:?}");
    }
}

#[test]
fn what_was_computed_with_other_positions_is_not_taken_over() {
    let plain = load(TINY, &[]);
    let stretched = [("rope_scaling", "yarn"), ("rope_scale", "4")];
    let other = load(TINY, &stretched);
    assert_ne!(answer(&plain), answer(&other));

    let saved = |model: &Model| {
        let session = model.session(&options(&[("temperature", "0"), ("max_tokens", "8")])).unwrap();
        text(&session.generate(&"a llama by the river, ".repeat(8), &Options::new()).unwrap());
        let save = session.save(None, &Options::new()).unwrap();
        text(&save);
        save.data().unwrap().to_vec()
    };
    // How many tokens of the next prompt were there already.
    let cached = |model: &Model, bytes: &[u8]| {
        let session = model.restore_bytes(bytes, &options(&[("max_tokens", "1")])).unwrap();
        text(&session.generate(" drinks", &Options::new()).unwrap()).1.usage.cached_tokens
    };
    let bytes = saved(&other);
    assert!(cached(&other, &bytes) > 0);
    assert!(cached(&load(TINY, &stretched), &bytes) > 0);
    assert_eq!(cached(&plain, &bytes), 0);
}
