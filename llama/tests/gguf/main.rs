//! The checker of model files: every rule refuses its file and names the place, and no sound file is refused.

mod builder;
#[path = "../common/mod.rs"]
mod common;
mod structure;

use std::io::Cursor;
use std::path::PathBuf;

use builder::{Gguf, array, f32, f32s, i32, i32s, text, texts, u8s, u16, u32};
use chaku_llama::gguf::{self, File};
use chaku_llama::{Error, Model, ModelParams};
use common::model_path;

fn check(file: &Gguf) -> Result<(), Error> {
    File::read(Cursor::new(file.bytes()))?.check_model(false)
}

type Change<'a> = &'a dyn Fn(&mut Gguf) -> &mut Gguf;

/// Each change makes a sound file broken, at that place, with these words.
fn refused(cases: &[(&str, &str, Change<'_>)]) {
    for (place, words, change) in cases {
        let mut file = Gguf::sound();
        change(&mut file);
        match check(&file) {
            Err(Error::BadFile { what, message } | Error::UnsupportedFile { what, message }) => {
                assert_eq!(what, *place, "{message}");
                assert!(message.contains(words), "{place}: `{message}` does not say `{words}`");
            }
            other => panic!("{place}, {words}: {other:?}"),
        }
    }
}

fn accepted(cases: &[(&str, Change<'_>)]) {
    for (name, change) in cases {
        let mut file = Gguf::sound();
        change(&mut file);
        check(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A file in a folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("chaku-gguf-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, file: &Gguf) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, file.bytes()).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(path: &std::path::Path, vocab_only: bool) -> Result<Model, Error> {
    Model::load(path, &ModelParams { vocab_only, ..ModelParams::default() }, &mut |_| true)
}

#[test]
fn sound_models_are_accepted_and_load() {
    for name in ["tiny-random", "tiny-script", "tiny-mamba", "tiny-nochat", "tiny-q8", "tiny-bert", "tiny-rank"] {
        let path = model_path(&format!("{name}.gguf"));
        let file = gguf::check(&path, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(file.architecture().is_some() && !file.tensors.is_empty());
        load(&path, false).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let path = model_path("tiny-vocab.gguf");
    gguf::check(&path, true).unwrap();
    assert_eq!(
        load(&path, true).unwrap().vocab().n_tokens(),
        load(&model_path(common::TINY), true).unwrap().vocab().n_tokens()
    );
    gguf::check(&model_path(common::SMOLLM2), false).unwrap();

    let folder = Folder::new("sound");
    load(&folder.put("model.gguf", &Gguf::sound()), false).unwrap();
}

#[test]
fn adapters_and_projectors_are_sound_files_and_no_models() {
    for (name, key) in [("tiny-lora.gguf", "general.type"), ("tiny-mmproj.gguf", "general.architecture")] {
        assert!(!File::open(&model_path(name)).unwrap().tensors.is_empty());
        let error = load(&model_path(name), false).unwrap_err();
        assert!(matches!(&error, Error::UnsupportedFile { what, .. } if what == key), "{name}: {error:?}");
    }
}

#[test]
fn a_file_says_what_is_in_it() {
    let file = File::open(&model_path(common::TINY)).unwrap();
    assert_eq!((file.version, file.alignment, file.architecture()), (3, 32, Some("llama")));
    let tokens = file.metadata.strings("tokenizer.ggml.tokens").unwrap().unwrap();
    assert_eq!(
        (tokens.get(65), tokens.iter().nth(65), tokens.get(tokens.len())),
        (Some(&b"A"[..]), Some(&b"A"[..]), None)
    );
    let output = file.tensors.iter().find(|tensor| tensor.name == "output.weight").unwrap();
    assert_eq!((output.shape, output.kind.name), ([64, tokens.len() as u64, 1, 1], "f32"));
    assert_eq!(file.metadata.iter().next().map(|(key, _)| key), Some("general.architecture"));
}

#[test]
fn the_architecture_must_be_there() {
    refused(&[
        ("general.architecture", "missing", &|f| f.without("general.architecture")),
        ("general.architecture", "is of type u32, expected string", &|f| f.set("general.architecture", u32(1))),
        ("general.architecture", "not UTF-8", &|f| f.set("general.architecture", text(b"\xff"))),
    ]);
    // An unknown one passes, because llama.cpp has the list. It says so cleanly.
    let folder = Folder::new("unknown");
    let error = load(&folder.put("model.gguf", Gguf::sound().architecture("nobody")), false).unwrap_err();
    assert!(error.to_string().contains("unknown model architecture"), "{error}");
}

#[test]
fn vocabularies_that_llama_cpp_dies_of_are_refused() {
    let tokens = "tokenizer.ggml.tokens";
    let (types, scores, merges) = ("tokenizer.ggml.token_type", "tokenizer.ggml.scores", "tokenizer.ggml.merges");
    refused(&[
        (tokens, "missing", &|f| f.without(tokens)),
        (tokens, "array of i32, expected one of string", &|f| f.set(tokens, i32s(&[1]))),
        (tokens, "type u32, expected array", &|f| f.set(tokens, u32(1))),
        (tokens, "expected at most 4194304", &|f| f.set(tokens, array(8, (1 << 22) + 1, vec![0; 8 * ((1 << 22) + 1)]))),
        (merges, "expected at most 4194304", &|f| f.set(merges, array(8, (1 << 22) + 1, vec![0; 8 * ((1 << 22) + 1)]))),
        (tokens, "no tokens", &|f| f.set(tokens, texts::<&str>(&[]))),
        (tokens, "token 2 is the same as token 0, `a`", &|f| f.set(tokens, texts(&["a", "b", "a", "c"]))),
        (tokens, "token 3 is the same as token 1, `b`", &|f| f.set(tokens, texts(&["a", "b", "c", "b\0x"]))),
        (tokens, "token 2 is the same as token 1, `[EMPTY_1]`", &|f| {
            f.set(tokens, texts(&["a", "", "[EMPTY_1]", "c"]))
        }),
        (types, "3 elements, expected one for each of the 4", &|f| f.set(types, i32s(&[1, 1, 1]))),
        (types, "array of u8, expected one of i32", &|f| f.set(types, u8s(&[1; 4]))),
        (types, "token 0, `a`, is a byte", &|f| f.set(types, i32s(&[6, 1, 1, 3]))),
        (scores, "2 elements", &|f| f.set(scores, f32s(&[1.0; 2]))),
        (scores, "array of string, expected one of f32 or i32", &|f| f.set(scores, texts(&["a"]))),
        (merges, "array of i32", &|f| f.set(merges, i32s(&[1]))),
        ("tokenizer.ggml.model", "not a tokenizer", &|f| f.set("tokenizer.ggml.model", text("test"))),
    ]);
    accepted(&[
        ("two empty tokens", &|f| f.set(tokens, texts(&["a", "", "", "c"]))),
        ("more scores than tokens", &|f| f.set(scores, f32s(&[1.0; 9]))),
        // It works for every text that the tokens cover.
        ("SentencePiece without bytes", &|f| f.set("tokenizer.ggml.model", text("llama"))),
        ("special tokens that are none, which llama.cpp leaves out", &|f| {
            f.set("tokenizer.ggml.eos_token_id", u32(99)).set("tokenizer.ggml.padding_token_id", u32(u32::MAX))
        }),
        ("a merge without space", &|f| f.set(merges, texts(&["ab", ""]))),
        ("a byte that is spelled out", &|f| {
            f.set(tokens, texts(&["<0x0A>", "b", "c", "d"])).set(types, i32s(&[6, 1, 1, 3]))
        }),
    ]);
}

#[test]
fn each_kind_of_tokenizer_has_its_own_rules() {
    let (model, tokens, types) = ("tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type");
    let charsmap = "tokenizer.ggml.precompiled_charsmap";
    let long = ["x".repeat(5000)];
    let longer = ["x".repeat(40_000)];
    refused(&[
        (types, "a BERT tokenizer does not have", &|f| f.set(model, text("bert")).set(types, i32s(&[1, 1, 6, 1]))),
        // llama.cpp would look for the end of "\n" for ever.
        (tokens, "token 1 begins with byte 0x0a", &|f| {
            f.set(model, text("rwkv")).set(tokens, texts(&["a", "\\n\\n", "b", "c"]))
        }),
        (tokens, "begins with byte 0xe2", &|f| {
            f.set(model, text("rwkv")).set(tokens, texts(&["a", "\\xe2\\x96", "b", "c"]))
        }),
        (tokens, "expected at most 4096", &|f| f.without(types).set(model, text("rwkv")).set(tokens, texts(&long))),
        (tokens, "expected at most 4096", &|f| f.without(types).set(model, text("t5")).set(tokens, texts(&long))),
        (tokens, "suffixes", &|f| f.without(types).set(model, text("plamo2")).set(tokens, texts(&longer))),
        (charsmap, "at least four", &|f| f.set(model, text("t5")).set(charsmap, u8s(&[1, 0]))),
        (charsmap, "its table has 9 bytes, but only 2 follow", &|f| {
            f.set(model, text("t5")).set(charsmap, u8s(&[9, 0, 0, 0, 1, 1]))
        }),
        (charsmap, "array of i32", &|f| f.set(model, text("t5")).set(charsmap, i32s(&[1]))),
        ("llama.vocab_size", "it is 99, expected 4", &|f| f.set(model, text("none")).set("llama.vocab_size", u32(99))),
        ("llama.vocab_size", "expected at most", &|f| {
            f.set(model, text("no_vocab")).set("llama.vocab_size", u32(u32::MAX)).with(|f| f.tensors.clear())
        }),
    ]);
    accepted(&[
        ("rwkv", &|f| f.set(model, text("rwkv")).set(tokens, texts(&["a", "\\n\\n", "\\n", "ab"]))),
        ("charsmap", &|f| f.set(model, text("t5")).set(charsmap, u8s(&[4, 0, 0, 0, 1, 1, 1, 1, 0]))),
        ("no tokenizer", &|f| f.set(model, text("none")).set("llama.vocab_size", u32(4))),
    ]);
}

#[test]
fn impossible_sizes_are_refused() {
    refused(&[
        ("llama.block_count", "it is 0, expected 1 to 512", &|f| f.set("llama.block_count", u32(0))),
        ("llama.block_count", "it is 513", &|f| f.set("llama.block_count", u32(513))),
        ("llama.block_count", "is of type i32, expected u32", &|f| f.set("llama.block_count", i32(1))),
        ("llama.context_length", "it is 0", &|f| f.set("llama.context_length", u32(0))),
        ("llama.context_length", "it is 4294967295", &|f| f.set("llama.context_length", u32(u32::MAX))),
        ("llama.embedding_length", "it is 0", &|f| f.set("llama.embedding_length", u32(0))),
        ("llama.nextn_predict_layers", "at most 1", &|f| f.set("llama.nextn_predict_layers", u32(2))),
        ("gemma4.attention.shared_kv_layers", "at most 1", &|f| {
            f.architecture("gemma4").set("gemma4.attention.shared_kv_layers", u32(2))
        }),
        ("t5.decoder_block_count", "at most 512", &|f| f.architecture("t5").set("t5.decoder_block_count", u32(513))),
    ]);
}

#[test]
fn impossible_heads_and_ropes_are_refused() {
    let heads = "llama.attention.head_count";
    refused(&[
        ("llama.attention.head_count_kv", "it is 3, expected a divisor", &|f| {
            f.set("llama.attention.head_count_kv", u32(3))
        }),
        (heads, "it has 2 elements", &|f| f.set(heads, i32s(&[2, 2]))),
        (heads, "negative", &|f| f.set(heads, i32s(&[-1]))),
        (heads, "array of f32", &|f| f.set(heads, f32s(&[2.0]))),
        ("olmo2.attention.head_count", "missing or 0", &|f| f.without(heads).architecture("olmo2")),
        ("gemma2.attention.head_count", "missing or 0", &|f| f.set(heads, u32(0)).architecture("gemma2")),
        ("llama.rope.dimension_count", "an even number from 2 to 16", &|f| {
            f.set("llama.rope.dimension_count", u32(15))
        }),
        ("gemma.rope.dimension_count", "it is 0", &|f| {
            f.architecture("gemma").set("gemma.rope.dimension_count", u32(0))
        }),
        ("paddleocr.rope.dimension_sections", "missing", &|f| f.architecture("paddleocr")),
        ("qwen2.attention.value_length", "expected the width of the keys, 16", &|f| {
            f.architecture("qwen2").set("qwen2.attention.value_length", u32(8))
        }),
        ("granite.rope.dimension_count", "expected the width of a head, 16", &|f| {
            f.architecture("granite").set("granite.rope.dimension_count", u32(8))
        }),
        ("llama.rope.dimension_count", "it is 18", &|f| f.set("llama.rope.dimension_count", u32(18))),
        ("llama.rope.dimension_count_swa", "it is 18", &|f| f.set("llama.rope.dimension_count_swa", u32(18))),
        ("llama.rope.scaling.type", "`twisted` is not known", &|f| f.set("llama.rope.scaling.type", text("twisted"))),
        ("qwen2vl.rope.dimension_sections", "[0, 0, 0, 0]", &|f| {
            f.architecture("qwen2vl").set("qwen2vl.rope.dimension_sections", i32s(&[0; 4]))
        }),
        ("qwen2vl.rope.dimension_sections", "numbers from 0", &|f| {
            f.architecture("qwen2vl").set("qwen2vl.rope.dimension_sections", i32s(&[1, -1, 0, 0]))
        }),
    ]);
    accepted(&[
        ("one number for each block", &|f| f.set(heads, i32s(&[2]))),
        ("a block without heads", &|f| f.set(heads, u32(0)).architecture("mamba")),
        ("a rope for models that have none", &|f| f.architecture("gpt2").set("gpt2.rope.dimension_count", u32(99))),
        ("yarn", &|f| f.set("llama.rope.scaling.type", text("yarn"))),
    ]);
}

#[test]
fn impossible_experts_are_refused() {
    let (all, used, groups) = ("llama.expert_count", "llama.expert_used_count", "llama.expert_group_count");
    refused(&[
        (all, "at most 1024", &|f| f.set(all, u32(1025))),
        (used, "it is 2, expected 0", &|f| f.set(used, u32(2))),
        (used, "it is 9, expected 1 to 8", &|f| f.set(all, u32(8)).set(used, u32(9))),
        (used, "it is 0, expected 1 to 8", &|f| f.set(all, u32(8))),
        ("qwen35moe.expert_used_count", "it is 0", &|f| f.architecture("qwen35moe")),
        (used, "a block uses no expert", &|f| {
            f.set("llama.block_count", u32(2)).set(all, u32(8)).set(used, i32s(&[0, 2]))
        }),
        (groups, "it is 8", &|f| f.set(all, u32(8)).set(used, u32(2)).set(groups, u32(8))),
        (groups, "it is 3", &|f| f.set(all, u32(8)).set(used, u32(2)).set(groups, u32(3))),
        ("llama.expert_group_used_count", "expected 1 to 3", &|f| {
            f.set(all, u32(8)).set(used, u32(2)).set(groups, u32(4))
        }),
        ("hunyuan-dense.expert_group_count", "there are no experts", &|f| {
            f.set(groups, u32(1)).architecture("hunyuan-dense")
        }),
        ("llama.expert_gating_func", "9 is not known", &|f| f.set("llama.expert_gating_func", u32(9))),
        ("grovemoe.experts_per_group", "it is 0", &|f| {
            f.set(all, u32(8)).set(used, u32(2)).architecture("grovemoe").set("grovemoe.experts_per_group", u32(0))
        }),
    ]);
    accepted(&[
        ("experts", &|f| {
            f.set(all, u32(8)).set(used, u32(2)).set(groups, u32(4)).set("llama.expert_group_used_count", u32(2))
        }),
        ("one expert of a dense model", &|f| f.set(all, u32(1)).set(used, u32(1)).architecture("hunyuan-dense")),
    ]);
}

#[test]
fn what_llama_cpp_divides_by_or_asserts_is_checked() {
    let epsilon = "llama.attention.layer_norm_rms_epsilon";
    refused(&[
        ("mamba2.ssm.group_count", "it is 0", &|f| f.architecture("mamba2").set("mamba2.ssm.group_count", u32(0))),
        ("rwkv6.wkv.head_size", "it is 0", &|f| f.architecture("rwkv6").set("rwkv6.wkv.head_size", u32(0))),
        ("qwen3next.full_attention_interval", "it is 0", &|f| {
            f.architecture("qwen3next").set("qwen3next.full_attention_interval", u32(0))
        }),
        ("llama.ple.head_vocab_sizes", "an element is 0", &|f| f.set("llama.ple.head_vocab_sizes", i32s(&[3, 0]))),
        ("jamba.ssm.inner_size", "expected twice embedding_length, 64", &|f| {
            f.architecture("jamba").set("jamba.ssm.inner_size", u32(63))
        }),
        ("gemma-embedding.dense_2_feat_in", "expected embedding_length, 32", &|f| {
            f.architecture("gemma-embedding").set("gemma-embedding.dense_2_feat_in", u32(33))
        }),
        ("deepseek2.rope.dimension_count", "less than the width of a head, 16", &|f| f.architecture("deepseek2")),
        ("hrm_text.block_count", "expected that of all cycles, 12", &|f| {
            f.architecture("hrm_text").set("hrm_text.hrm.layers_per_stack", u32(2));
            f.set("hrm_text.hrm.h_cycles", u32(2)).set("hrm_text.hrm.l_cycles", u32(2))
        }),
        ("nanbeige.num_loops", "expected 1 to 512", &|f| f.architecture("nanbeige").set("nanbeige.num_loops", u32(0))),
        (epsilon, "it is -1", &|f| f.set(epsilon, f32(-1.0))),
        (epsilon, "it is NaN", &|f| f.set(epsilon, f32(f32::NAN))),
        (epsilon, "is of type u32, expected f32", &|f| f.set(epsilon, u32(0))),
        ("llama.pooling_type", "7 is not known", &|f| f.set("llama.pooling_type", u32(7))),
    ]);
    accepted(&[
        ("no pooling", &|f| f.set("llama.pooling_type", u32(u32::MAX))),
        ("a zero that nobody divides by", &|f| f.set("llama.ssm.group_count", u32(0))),
    ]);
}

#[test]
fn weights_must_be_of_a_type_that_can_be_computed() {
    refused(&[
        ("blk.0.attn_q.weight", "weights of type i32", &|f| f.with(|f| f.find("blk.0.attn_q.weight").kind = 26)),
        ("output_norm.weight", "weights of type i32", &|f| f.with(|f| f.find("output_norm.weight").kind = 26)),
        ("blk.0.ssm_d", "its type is f16", &|f| f.tensor("blk.0.ssm_d", &[8], 1)),
        ("output.bias", "its type is f16", &|f| f.tensor("output.bias", &[8], 1)),
        ("empty", "has no elements", &|f| f.tensor("empty", &[32, 0], 0)),
    ]);
    accepted(&[
        ("a table of token numbers", &|f| f.tensor("d2t", &[8], 26)),
        ("half precision", &|f| f.tensor("output.weight", &[32, 4], 1)),
    ]);
}

/// llama.cpp asserts that mapped weights lie at multiples of 32. It can still read them.
#[test]
fn a_file_of_small_alignment_is_read_instead_of_mapped() {
    let mut file = Gguf::sound();
    file.alignment = 4;
    file.set("general.alignment", u32(4));
    while file.bytes().len() % 32 != 4 {
        file.keys.push((b"padding".to_vec(), text("")));
        let length = file.bytes().len();
        file.keys.pop();
        file.set("padding", text("x".repeat((4 + 32 - length % 32) % 32)));
    }
    let folder = Folder::new("alignment");
    load(&folder.put("model.gguf", &file), false).unwrap();
}

fn parts() -> [Gguf; 2] {
    let mut first = Gguf::sound();
    let mut second = Gguf { keys: Vec::new(), ..first.clone() };
    let all = first.tensors.len();
    (first.tensors, first.data) = (Vec::new(), 0);
    for tensor in std::mem::take(&mut second.tensors) {
        second.data = 0;
        let half = if first.tensors.len() < 5 { &mut first } else { &mut second };
        half.data = half.tensors.iter().map(|tensor| tensor.shape.iter().product::<u64>() * 4).sum();
        half.tensor(str::from_utf8(&tensor.name).unwrap(), &tensor.shape, 0);
    }
    first.set("split.no", u16(0)).set("split.count", u16(2)).set("split.tensors.count", i32(all as i32));
    second.set("split.no", u16(1)).set("split.count", u16(2)).set("split.tensors.count", i32(all as i32));
    [first, second]
}

#[test]
fn models_in_parts_load_and_each_part_is_checked() {
    let folder = Folder::new("parts");
    let refused = |first: &std::path::Path, place: &str, words: &str| match gguf::check(first, false) {
        Err(Error::BadFile { what, message }) => {
            assert!(what.contains(place) && message.contains(words), "{what}: {message}");
        }
        other => panic!("{place}: {other:?}"),
    };
    let [one, mut two] = parts();
    let first = folder.put("model-00001-of-00002.gguf", &one);
    refused(&first, "part 2 of 2", "cannot be read");
    let second = folder.put("model-00002-of-00002.gguf", &two);
    load(&first, false).unwrap();
    refused(&second, "split.no", "this is part 2 of 2; load part 1");
    refused(&folder.put("other.gguf", &one), "split.count", "must end in `-00001-of-00002.gguf`");

    folder.put("model-00002-of-00002.gguf", two.set("split.no", u16(5)));
    refused(&first, "part 2 of 2", "split.no is 5, expected 1");
    folder.put("model-00002-of-00002.gguf", two.without("split.no"));
    refused(&first, "part 2 of 2", "missing");
    folder.put("model-00002-of-00002.gguf", two.set("split.no", u32(1)));
    refused(&first, "split.no", "is of type u32, expected u16");
    two.set("split.no", u16(1)).tensors[1].offset += 32;
    folder.put("model-00002-of-00002.gguf", &two);
    refused(&first, "part 2 of 2", "tensors follow one another");
}

#[test]
fn only_files_are_opened() {
    let folder = Folder::new("opened");
    for path in [folder.0.clone(), folder.0.join("missing.gguf")] {
        let error = load(&path, false).unwrap_err();
        assert!(matches!(error, Error::Unreadable(_)), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    // An array is only as long as the file.
    let mut file = Gguf::sound();
    file.set("long", array(8, 1 << 30, Vec::new()));
    let error = load(&folder.put("long.gguf", &file), false).unwrap_err();
    assert!(matches!(&error, Error::BadFile { what, .. } if what == "long"), "{error:?}");
    // A file may claim to be long and have nothing on the disk.
    file.set("long", array(0, 300 << 20, Vec::new()));
    let path = folder.put("hole.gguf", &file);
    std::fs::File::options().write(true).open(&path).unwrap().set_len(400 << 20).unwrap();
    let error = load(&path, false).unwrap_err();
    assert!(error.to_string().contains("longer than 268435456 bytes"), "{error}");
}
