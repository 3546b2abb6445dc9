//! Loading, metadata, tokenizer.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use chaku_llama::{Error, Model, ModelParams};
use common::{MAMBA, SMOLLM2, TINY, load, model_path};

fn load_error(path: &Path) -> Error {
    Model::load(path, &ModelParams::default(), &mut |_| true).unwrap_err()
}

#[test]
fn a_model_describes_itself() {
    let model = load(TINY);
    assert!(model.n_layer() > 0 && model.n_embd() > 0 && model.n_ctx_train() > 0);
    assert!(model.n_params() > 0 && model.size_bytes() > model.n_params());
    assert!(model.description().contains("llama"), "{model:?}");
    assert!(model.has_decoder() && !model.has_encoder());
    assert!(!model.is_recurrent() && !model.is_hybrid());
    assert!(model.chat_template().unwrap().contains("<|im_start|>"));

    let metadata = model.metadata();
    let architecture = "general.architecture".to_owned();
    assert!(metadata.contains(&(architecture, "llama".to_owned())));
    assert_eq!(model.metadata_value("general.architecture").as_deref(), Some("llama"));
    assert_eq!(model.metadata_value("no.such.key"), None);
    // Longer than the first buffer.
    let template = model.metadata_value("tokenizer.chat_template").unwrap();
    assert!(template.len() > 256 && model.chat_template() == Some(template));

    assert!(load(MAMBA).is_recurrent());
}

#[test]
fn what_is_not_a_model_is_refused_with_a_reason() {
    for (name, reason) in [("not-a-gguf.bin", "does not begin with `GGUF`"), ("truncated.gguf", "end behind the file")]
    {
        let error = load_error(&model_path(name));
        assert!(matches!(error, Error::BadFile { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{name}: {error}");
    }
    let error = load_error(Path::new("no/such/file.gguf"));
    assert!(error.to_string().contains("no/such/file.gguf"), "{error}");
    for path in ["", "a\0b"] {
        let error = load_error(Path::new(path));
        assert!(matches!(error, Error::InvalidInput { what: "path", .. }));
    }
}

#[test]
fn progress_reaches_one_and_can_cancel() {
    let path = model_path(SMOLLM2);
    let mut seen = Vec::new();
    Model::load(&path, &ModelParams::default(), &mut |progress| {
        seen.push(progress);
        true
    })
    .unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&1.0), "{seen:?}");

    let error = Model::load(&path, &ModelParams::default(), &mut |progress| progress < 0.3);
    assert!(matches!(error, Err(Error::Cancelled)), "{error:?}");
}

#[test]
fn a_panic_in_the_progress_callback_arrives_at_the_caller() {
    let path = model_path(TINY);
    let caught =
        catch_unwind(AssertUnwindSafe(|| Model::load(&path, &ModelParams::default(), &mut |_| panic!("stop"))));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"stop"));
    load(TINY);
}

#[test]
fn text_comes_back_from_its_tokens() {
    for name in [SMOLLM2, TINY] {
        let model = load(name);
        let vocab = model.vocab();
        for text in ["", "Hello, world!", "  two  spaces\n\nand lines\t", "grün, 日本語, 🦙", &"long ".repeat(5000)]
        {
            let tokens = vocab.tokenize(text, false, false).unwrap();
            let whole = vocab.detokenize(&tokens, false, false).unwrap();
            assert_eq!(String::from_utf8_lossy(&whole), text);
            let mut pieces = Vec::new();
            for &token in &tokens {
                vocab.token_bytes(token, false, &mut pieces).unwrap();
            }
            assert_eq!(pieces, whole);
        }
    }
}

/// Pre-tokenizers that llama.cpp runs by std::regex recurse over every character of a word. The tiny model's is not one of
/// them, so this gives it one whose name is as long.
#[test]
fn a_long_word_does_not_overflow_the_stack() {
    let mut file = std::fs::read(model_path(TINY)).unwrap();
    let find = |file: &[u8], text: &[u8]| file.windows(text.len()).position(|window| window == text).unwrap();
    let key = find(&file, b"tokenizer.ggml.pre");
    let value = key + find(&file[key..], b"gpt-2");
    file[value..value + 5].copy_from_slice(b"bloom");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiny-bloom.gguf");
    std::fs::write(&path, file).unwrap();

    let model = Model::load(&path, &ModelParams::default(), &mut |_| true).unwrap();
    assert_eq!(model.metadata_value("tokenizer.ggml.pre").as_deref(), Some("bloom"));
    let word = "a".repeat(300_000);
    let tokens = model.vocab().tokenize(&word, false, false).unwrap();
    assert_eq!(model.vocab().detokenize(&tokens, false, false).unwrap(), word.as_bytes());
}

#[test]
fn control_tokens_come_only_from_text_that_may_name_them() {
    let model = load(SMOLLM2);
    let vocab = model.vocab();
    let parsed = vocab.tokenize("<|im_end|>", false, true).unwrap();
    assert_eq!(parsed.len(), 1);
    let token = parsed[0];
    assert!(vocab.is_control(token) && vocab.is_special(token) && vocab.is_eog(token));

    let plain = vocab.tokenize("<|im_end|>", false, false).unwrap();
    assert!(plain.len() > 1 && !plain.iter().any(|&token| vocab.is_special(token)));

    let mut name = Vec::new();
    vocab.token_bytes(token, false, &mut name).unwrap();
    assert_eq!(name, b"");
    vocab.token_bytes(token, true, &mut name).unwrap();
    assert_eq!(name, b"<|im_end|>");
    assert_eq!(vocab.eos().map(|eos| vocab.is_eog(eos)), Some(true));
}

#[test]
fn numbers_that_are_no_tokens_are_refused() {
    let model = load(TINY);
    let vocab = model.vocab();
    let beyond = vocab.n_tokens() as i32;
    let mut out = b"kept".to_vec();
    for token in [-1, beyond, i32::MAX, i32::MIN] {
        let errors = [
            vocab.token_bytes(token, true, &mut out).unwrap_err(),
            vocab.detokenize(&[0, token], false, false).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::InvalidInput { what: "token", .. }));
        }
        assert!(!vocab.is_eog(token) && !vocab.is_control(token) && !vocab.is_special(token));
    }
    assert_eq!(out, b"kept");
}

#[test]
fn the_vocabulary_alone_can_be_loaded() {
    let params = ModelParams { vocab_only: true, ..ModelParams::default() };
    let model = Model::load(&model_path(TINY), &params, &mut |_| true).unwrap();
    assert!(model.is_vocab_only());
    assert!(!model.vocab().tokenize("hello", false, false).unwrap().is_empty());
}
