//! Sessions that share prompts, give way to each other and come back: whatever the engine reuses, what it says is what
//! the model says. Each answer is fed to a context of its own, token by token ("teacher forcing"): the token chosen must
//! be as likely as the likeliest, but for the noise of floating-point sums in another order.

use std::path::PathBuf;

use chaku::{Event, Model, Options, Request, Runtime, Token};
use chaku_llama::{Batch, Context, ContextParams, ModelParams};

/// In plain llama.cpp chunks of 63 tokens rather than 64 move the tiny model's logits by up to 0.005, and SmolLM2's, whose
/// weights have four bits, by up to 0.68. A wrong token in the KV cache moves them by several.
const EPSILON: f32 = 0.05;
const EPSILON_OF_FOUR_BITS: f32 = 1.4;

fn path(name: &str) -> PathBuf {
    let models = std::env::var_os("CHAKU_TEST_MODELS").map(PathBuf::from);
    models.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/models").into()).join(name)
}

fn options(values: &[(&str, i64)]) -> Options {
    let mut options = Options::new();
    for (key, value) in values {
        match *key {
            "ignore_eos" | "mmap" => options.set_bool(key, *value != 0).unwrap(),
            _ => options.set_i64(key, *value).unwrap(),
        }
    }
    options
}

fn load(name: &str, values: &[(&str, i64)]) -> Model {
    let mut given = vec![("threads", 1), ("ctx_size", 512), ("ubatch_size", 64)];
    given.extend_from_slice(values);
    Runtime::default_runtime().load_blocking(&path(name), &options(&given)).unwrap()
}

/// A raw prompt: a beginning that all share, and an end of its own.
fn prompt(shared: usize, own: &str) -> String {
    "The llama walks slowly over the hills. ".repeat(shared) + own
}

fn ask() -> Options {
    options(&[("temperature", 0), ("max_tokens", 24), ("ignore_eos", 1)])
}

/// The tokens of an answer, and how many of the prompt's tokens were known.
fn answer(request: &Request) -> (Vec<Token>, u32) {
    let mut tokens = Vec::new();
    let end = request.run(|event| {
        if let Event::Text(text) = event {
            tokens.extend(text.token);
        }
        true
    });
    let end = end.unwrap();
    assert!(end.error.is_none(), "{:?}", end.error);
    (tokens, end.usage.cached_tokens)
}

/// The same model, computing one sequence at a time.
struct Teacher {
    context: Context,
    batch: Batch,
}

impl Teacher {
    fn new(name: &str) -> Self {
        let model = chaku_llama::Model::load(&path(name), &ModelParams::default(), &mut |_| true).unwrap();
        let params = ContextParams {
            n_ctx: 512,
            n_batch: 64,
            n_ubatch: 64,
            n_seq_max: 1,
            threads: 1,
            threads_batch: 1,
            ..ContextParams::default()
        };
        Teacher { context: Context::new(&model, &params).unwrap(), batch: Batch::new(64, 1) }
    }

    /// How far the chosen tokens' logits lie below the highest ones, at most.
    fn gap(&mut self, prompt: &[Token], answer: &[Token]) -> f32 {
        self.context.clear();
        let mut position = 0;
        for chunk in prompt.chunks(64) {
            self.decode(chunk, &mut position);
        }
        let mut worst: f32 = 0.0;
        for &token in answer {
            let logits = self.context.logits(-1).unwrap();
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            worst = worst.max(highest - logits[token as usize]);
            self.decode(&[token], &mut position);
        }
        worst
    }

    fn decode(&mut self, tokens: &[Token], position: &mut i32) {
        self.batch.clear();
        for (i, &token) in tokens.iter().enumerate() {
            self.batch.push(token, *position, 0, i + 1 == tokens.len()).unwrap();
            *position += 1;
        }
        self.context.decode(&self.batch, &|| false).unwrap();
    }
}

/// Many sessions at once on few places and little room, each for two turns; then new ones with the same prompts.
fn check(name: &str, values: &[(&str, i64)], rounds: usize, epsilon: f32) -> u32 {
    let model = load(name, values);
    let mut teacher = Teacher::new(name);
    let mut reused = 0;
    for round in 0..rounds {
        let sessions: Vec<_> = (0..6).map(|_| model.session(&Options::new()).unwrap()).collect();
        let mut texts: Vec<Vec<Token>> = vec![Vec::new(); sessions.len()];
        for turn in 0..2 {
            let requests: Vec<Request> = (0..sessions.len())
                .map(|i| {
                    let text = match turn {
                        0 => prompt(8, &format!("Number {i} says")),
                        _ => format!(" And then number {i} of round {round} said"),
                    };
                    texts[i].extend(model.tokenize(&text, turn == 0, false).unwrap());
                    sessions[i].generate(&text, &ask()).unwrap()
                })
                .collect();
            for (i, request) in requests.iter().enumerate() {
                let (tokens, cached) = answer(request);
                assert_eq!(tokens.len(), 24, "{name}");
                let gap = teacher.gap(&texts[i], &tokens);
                assert!(gap <= epsilon, "{name}, round {round}, turn {turn}, session {i}: {gap} below the highest");
                texts[i].extend(tokens);
                reused += cached;
            }
        }
    }
    model.close(None).unwrap();
    reused
}

#[test]
fn sessions_share_and_say_what_the_model_says() {
    assert!(check("tiny-random.gguf", &[], 2, EPSILON) > 0);
}

#[test]
fn with_few_places_and_little_room_they_take_turns_and_lose_nothing() {
    assert!(check("tiny-random.gguf", &[("max_running", 2)], 2, EPSILON) > 0);
    assert!(check("tiny-random.gguf", &[("max_running", 4), ("prompt_cache_mib", 0)], 2, EPSILON) > 0);
}

#[test]
fn a_recurrent_memory_a_hybrid_one_and_a_sliding_window_are_never_wrong() {
    for name in ["tiny-mamba.gguf", "tiny-hybrid.gguf", "tiny-gemma3.gguf"] {
        check(name, &[], 2, EPSILON);
        check(name, &[("max_running", 2)], 2, EPSILON);
    }
}

#[test]
fn a_model_that_makes_sense_is_shared_as_well() {
    assert!(check("SmolLM2-135M-Instruct.Q4_1.gguf", &[("max_running", 3)], 1, EPSILON_OF_FOUR_BITS) > 0);
}

/// One request at a time, full chunks, one thread: with and without what was computed before, the same tokens.
#[test]
fn what_comes_from_the_prompt_cache_gives_the_same_tokens() {
    let texts: Vec<String> = ["a", "b", "c"].iter().map(|own| prompt(10, own)).collect();
    let said = |cache: i64| {
        let model = load("tiny-random.gguf", &[("max_running", 1), ("prompt_cache_mib", cache)]);
        let answers = (0..2).flat_map(|_| &texts).map(|text| {
            let session = model.session(&Options::new()).unwrap();
            // Another prompt in between, so that this one leaves the KV cache.
            answer(&session.generate("Something else altogether.", &ask()).unwrap());
            let session = model.session(&Options::new()).unwrap();
            answer(&session.generate(text, &ask()).unwrap())
        });
        answers.collect::<Vec<_>>()
    };
    let (with, without) = (said(64), said(0));
    let tokens = |answers: &[(Vec<Token>, u32)]| answers.iter().map(|(tokens, _)| tokens.clone()).collect::<Vec<_>>();
    assert_eq!(tokens(&with), tokens(&without));
    assert!(with.iter().map(|(_, cached)| cached).sum::<u32>() > without.iter().map(|(_, cached)| cached).sum());
}

/// The KV state goes with a saved session, into another instance of the model, and is what the model goes on from.
#[test]
fn a_saved_session_brings_its_computed_tokens_along() {
    for name in ["tiny-random.gguf", "tiny-mamba.gguf", "tiny-hybrid.gguf", "tiny-gemma3.gguf"] {
        let (model, other) = (load(name, &[]), load(name, &[]));
        let session = model.session(&Options::new()).unwrap();
        let text = prompt(8, "It says");
        let mut said = model.tokenize(&text, true, false).unwrap();
        let (tokens, _) = answer(&session.generate(&text, &ask()).unwrap());
        said.extend(tokens);
        let saved = session.save(None, &Options::new()).unwrap();
        assert!(saved.run(|_| true).unwrap().error.is_none());
        let restored = other.restore_bytes(&saved.data().unwrap(), &Options::new()).unwrap();
        let next = " And then it said";
        said.extend(other.tokenize(next, false, false).unwrap());
        let (tokens, cached) = answer(&restored.generate(next, &ask()).unwrap());
        assert!(cached > 50, "{name}: {cached} tokens came along");
        let gap = Teacher::new(name).gap(&said, &tokens);
        assert!(gap <= EPSILON, "{name}: {gap} below the highest");
    }
}
