//! How a model is loaded, and what is refused of that before llama.cpp sees it.

mod common;

use chaku_llama::{
    Context, ContextParams, Error, KvOverride, KvValue, LazyMode, LoadMode, Model, ModelParams, Planner, Rope,
    RopeScaling, SplitMode,
};
use common::{HYBRID, MAMBA, SMOLLM2, TINY, batch_of, decode, load, model_path, params};

/// Far enough for a stretched position to be another one.
const TEXT: [i32; 9] = [1, 20, 33, 47, 50, 61, 70, 85, 90];

fn open(name: &str, change: impl FnOnce(&mut ModelParams)) -> Result<Model, Error> {
    let mut params = ModelParams::default();
    change(&mut params);
    Model::load(&model_path(name), &params, &mut |_| true)
}

fn logits(model: &Model, params: &ContextParams) -> Vec<f32> {
    let mut context = Context::new(model, params).unwrap();
    decode(&mut context, &batch_of(&TEXT, 0));
    context.logits(TEXT.len() as i32 - 1).unwrap().to_vec()
}

fn stretched(change: impl FnOnce(&mut Rope)) -> ContextParams {
    let mut rope = Rope::default();
    change(&mut rope);
    ContextParams { rope, ..params() }
}

fn overridden(key: &str, value: KvValue) -> Result<Model, Error> {
    open(SMOLLM2, |params| params.kv_overrides = vec![KvOverride { key: key.to_owned(), value }])
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, field: &str, words: &str) {
    match result {
        Err(Error::InvalidInput { what, message }) => {
            assert!(what == field && message.contains(words), "{what}: {message}");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn however_the_file_is_read_the_numbers_are_the_same() {
    let plain = logits(&load(TINY), &params());
    for mode in [LoadMode::Read, LoadMode::Map, LoadMode::Lock, LoadMode::MapLock, LoadMode::DirectIo] {
        for lazy in [LazyMode::Auto, LazyMode::On, LazyMode::Off] {
            let model = open(TINY, |params| (params.load_mode, params.lazy_mode) = (mode, lazy)).unwrap();
            assert_eq!(logits(&model, &params()), plain, "{mode:?} {lazy:?}");
            let asked = ModelParams { load_mode: mode, lazy_mode: lazy, ..ModelParams::default() };
            Planner::new(&model_path(TINY), &asked).unwrap().plan(&params()).unwrap();
        }
    }
}

#[test]
fn positions_are_stretched_as_asked() {
    let model = load(SMOLLM2);
    let trained = model.n_ctx_train();
    let plain = logits(&model, &params());
    let same = [
        stretched(|rope| rope.scaling = Some(RopeScaling::None)),
        stretched(|rope| rope.freq_scale = 1.0),
        stretched(|rope| (rope.scaling, rope.freq_scale) = (Some(RopeScaling::None), 0.25)),
        stretched(|rope| (rope.yarn_beta_fast, rope.yarn_beta_slow) = (16.0, 2.0)),
    ];
    for params in &same {
        assert_eq!(logits(&model, params), plain, "{:?}", params.rope);
    }
    let mut seen = vec![plain];
    for params in [
        stretched(|rope| rope.freq_scale = 0.25),
        stretched(|rope| rope.freq_base = 500_000.0),
        stretched(|rope| (rope.scaling, rope.freq_scale) = (Some(RopeScaling::Yarn), 0.25)),
        stretched(|rope| {
            (rope.scaling, rope.freq_scale, rope.yarn_beta_fast) = (Some(RopeScaling::Yarn), 0.25, 1.5);
        }),
    ] {
        let other = logits(&model, &params);
        assert!(other.iter().all(|logit| logit.is_finite()), "{:?}", params.rope);
        assert!(!seen.contains(&other), "{:?} changes nothing", params.rope);
        seen.push(other);
    }
    assert_eq!(model.n_ctx_train(), trained, "a context does not change the model that others share");
}

#[test]
fn positions_that_cannot_be_computed_are_refused() {
    let model = load(TINY);
    let wrong =
        |field: &str, change: fn(&mut Rope)| refused(Context::new(&model, &stretched(change)), field, "between");
    wrong("rope_freq_base", |rope| rope.freq_base = 1.0);
    wrong("rope_freq_base", |rope| rope.freq_base = f32::NAN);
    wrong("rope_freq_scale", |rope| rope.freq_scale = 1e-7);
    wrong("rope_freq_scale", |rope| rope.freq_scale = -1.0);
    wrong("yarn_ext_factor", |rope| rope.yarn_ext_factor = f32::INFINITY);
    wrong("yarn_attn_factor", |rope| rope.yarn_attn_factor = 1e4);
    wrong("yarn_beta_fast", |rope| rope.yarn_beta_fast = 0.0);
    wrong("yarn_beta_slow", |rope| rope.yarn_beta_slow = f32::NAN);
    refused(Context::new(&model, &stretched(|rope| rope.yarn_orig_ctx = u32::MAX)), "yarn_orig_ctx", "more than");
}

#[test]
fn values_of_the_file_are_overridden_and_checked_as_if_they_stood_there() {
    let model = overridden("llama.context_length", KvValue::Int(77)).unwrap();
    assert_eq!(model.n_ctx_train(), 77);
    assert_eq!(logits(&model, &params()), logits(&load(SMOLLM2), &params()));
    let tokens = |model: &Model| model.vocab().tokenize("hello", true, false).unwrap().len();
    let with_bos = overridden("tokenizer.ggml.add_bos_token", KvValue::Bool(true)).unwrap();
    assert_eq!(tokens(&with_bos), tokens(&load(SMOLLM2)) + 1);
    // The base as the model has it is 100000.
    let rope = overridden("llama.rope.freq_base", KvValue::Float(500_000.0)).unwrap();
    assert_eq!(logits(&rope, &params()), logits(&load(SMOLLM2), &stretched(|rope| rope.freq_base = 500_000.0)));

    for (key, value, words) in [
        ("llama.context_length", KvValue::Float(1.0), "of type u32"),
        ("llama.context_length", KvValue::Int(-1), "between 0 and 4294967295"),
        ("tokenizer.ggml.tokens", KvValue::Str("a".to_owned()), "of type array"),
        ("general.alignment", KvValue::Int(32), "laid out"),
        ("llama.attention.head_count_kv", KvValue::Int(2), "llama.attention.head_count_kv"),
        ("llama.rope.dimension_count", KvValue::Int(3), "llama.rope.dimension_count"),
        ("", KvValue::Int(1), "empty"),
        ("general.name", KvValue::Str("x".repeat(128)), "127 bytes"),
    ] {
        refused(overridden(key, value), "override_kv", words);
    }
    // What only llama.cpp can know is its own error.
    assert!(matches!(overridden("llama.block_count", KvValue::Int(31)), Err(Error::LoadFailed { .. })));
}

#[test]
fn a_plan_sees_what_the_load_would() {
    let asked = ModelParams {
        kv_overrides: vec![KvOverride { key: "llama.context_length".to_owned(), value: KvValue::Int(512) }],
        ..ModelParams::default()
    };
    let plan = |params: &ModelParams| {
        let planner = Planner::new(&model_path(SMOLLM2), params).unwrap();
        planner.plan(&ContextParams { n_ctx: 0, ..common::params() }).unwrap().n_ctx
    };
    assert_eq!((plan(&asked), plan(&ModelParams::default())), (512, 8192));
}

#[test]
fn tensors_go_where_they_are_told() {
    let plain = load("tiny-q8.gguf");
    let close = |other: &Model| {
        let pairs = logits(&plain, &params());
        pairs.iter().zip(logits(other, &params())).all(|(a, b)| (a - b).abs() < 0.05)
    };
    for (pattern, buffer) in [(".*", "CPU"), (r"blk\.0\.ffn_(up|down)\.weight", "CPU"), ("^nothing$", "CPU")] {
        let model = open("tiny-q8.gguf", |params| {
            params.tensor_buffers = vec![(pattern.to_owned(), buffer.to_owned())];
        });
        assert!(close(&model.unwrap()), "{pattern}");
    }
    assert!(close(&open("tiny-q8.gguf", |params| params.repack = false).unwrap()));
    assert!(close(&open("tiny-q8.gguf", |params| params.no_host = true).unwrap()));
    for (pattern, buffer, words) in [
        ("a", "CUDA7", "there are CPU"),
        ("(", "CPU", "no regular expression"),
        ("(a+)+", "CPU", "repeats a group"),
        ("", "CPU", "1 to 256 bytes"),
    ] {
        let place = vec![(pattern.to_owned(), buffer.to_owned())];
        refused(open(TINY, |params| params.tensor_buffers = place), "override_tensor", words);
    }
}

#[test]
fn devices_that_are_not_there_are_named() {
    let devices = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    open(TINY, |params| params.devices = Some(Vec::new())).unwrap();
    for (names, words) in [(["CUDA7"], "`CUDA7`"), (["CPU"], "`CPU`"), ([""], "``")] {
        refused(open(TINY, |params| params.devices = Some(devices(&names))), "devices", words);
    }
    // They are about GPUs, of which none need be there.
    for split_mode in [SplitMode::None, SplitMode::Layer, SplitMode::Row] {
        for name in [TINY, MAMBA, HYBRID] {
            open(name, |params| {
                (params.split_mode, params.tensor_split) = (split_mode, vec![0.0, 3.0, 1.0]);
                params.devices = Some(Vec::new());
            })
            .unwrap();
        }
    }
    refused(open(TINY, |params| params.tensor_split = vec![1.0; 1000]), "tensor_split", "at most");
    refused(open(TINY, |params| params.tensor_split = vec![-1.0]), "tensor_split", "between");
}
