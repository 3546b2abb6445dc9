//! No side effects on the host: a child process does a bit of everything, and nothing of it may show.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use chaku_llama::{
    Batch, CacheType, ChatTemplates, Context, ContextParams, Error, FlashAttn, Model, ModelParams, Sampler,
    SamplerParams, backend, devices,
};
use common::{LIMITS, SMOLLM2, TINY, ask, batch_of, decode, load, model_path, params};

const CHILD: &str = "CHAKU_LLAMA_TEST_CHILD";

fn main() {
    if !cfg!(target_os = "linux") {
        // Signals and threads are read from /proc.
        return;
    }
    match std::env::var(CHILD).as_deref() {
        Ok("everything") => everything(),
        Ok("threads") => no_threads_left(),
        _ => parent(),
    }
}

fn parent() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(&program).env(CHILD, "everything").output().unwrap();
    check(&output);

    // An address space in which the stacks of a few hundred threads do not fit.
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 3000000; exec \"$0\""])
        .arg(&program)
        .env(CHILD, "threads")
        .output()
        .unwrap();
    check(&output);
}

fn check(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let silent = stdout.is_empty() && stderr.is_empty();
    assert!(output.status.success() && silent, "{}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", output.status);
}

fn everything() {
    let before = Host::look();
    #[cfg(target_env = "gnu")]
    check_terminate_handler();
    backend::init().unwrap();
    backend::system_info();
    assert!(!devices().unwrap().is_empty());
    Host::look().check_unchanged_since(&before);

    succeed();
    fail();
    Host::look().check_unchanged_since(&before);
}

/// ggml's static initialiser would have replaced it before main.
#[cfg(target_env = "gnu")]
fn check_terminate_handler() {
    unsafe extern "C" {
        // std::get_terminate() and __gnu_cxx::__verbose_terminate_handler(), the default of libstdc++.
        #[link_name = "_ZSt13get_terminatev"]
        fn get_terminate() -> *const ();
        #[link_name = "_ZN9__gnu_cxx27__verbose_terminate_handlerEv"]
        fn default_handler();
    }
    // SAFETY: takes nothing and returns a function pointer.
    let handler = unsafe { get_terminate() };
    assert_eq!(handler, default_handler as *const (), "a terminate handler was set");
}

fn succeed() {
    let model = load(SMOLLM2);
    let two_threads = ContextParams { threads: 2, threads_batch: 2, ..params() };
    let one = Context::new(&model, &params()).unwrap();
    assert_eq!(Host::threads(), 1, "one compute thread is the caller's own");
    let mut context = Context::new(&model, &two_threads).unwrap();
    assert_eq!(Host::threads(), 2, "two are one more");
    context.set_threads(3, 1).unwrap();
    decode(&mut context, &batch_of(&[1], 0));
    assert_eq!(Host::threads(), 3);
    drop(one);
    context.clear();

    let templates = ChatTemplates::new(&model, None, &LIMITS).unwrap();
    let prompt = templates.render(&ask(&[("user", "Hello")], true), &LIMITS).unwrap().prompt;
    let tokens = model.vocab().tokenize(&prompt, true, true).unwrap();
    let grammar = Some("root ::= [a-z]+".to_owned());
    let mut sampler = Sampler::new(&model, &SamplerParams { grammar, ..SamplerParams::default() }).unwrap();
    decode(&mut context, &batch_of(&tokens, 0));
    for i in 0..4 {
        let token = sampler.sample(&mut context, -1).unwrap();
        sampler.accept(token, true).unwrap();
        decode(&mut context, &batch_of(&[token], tokens.len() as i32 + i));
    }
}

fn fail() {
    for name in ["not-a-gguf.bin", "truncated.gguf"] {
        Model::load(&model_path(name), &ModelParams::default(), &mut |_| true).unwrap_err();
    }
    let missing = Path::new("no/such/file.gguf");
    Model::load(missing, &ModelParams::default(), &mut |_| true).unwrap_err();
    Model::load(&model_path(SMOLLM2), &ModelParams::default(), &mut |_| false).unwrap_err();

    let model = load(TINY);
    let quantized = ContextParams { flash_attn: FlashAttn::Off, cache_type_v: CacheType::Q8_0, ..params() };
    Context::new(&model, &quantized).unwrap_err();

    let mut context = Context::new(&model, &params()).unwrap();
    context.decode(&Batch::new(1, 1), &|| false).unwrap_err();
    decode(&mut context, &batch_of(&[1], 0));
    context.decode(&batch_of(&[1], 5), &|| false).unwrap_err();
    context.decode(&batch_of(&[1; 64], 1), &|| true).unwrap();
    while context.seq_pos_max(0).unwrap() < 448 {
        let next = context.seq_pos_max(0).unwrap() + 1;
        decode(&mut context, &batch_of(&[1; 64], next));
    }
    let next = context.seq_pos_max(0).unwrap() + 1;
    decode(&mut context, &batch_of(&[1; 64], next));
    assert_eq!(context.logits(9), None);

    for (samplers, grammar) in [
        (None, Some("root ::= \"open")),
        (None, Some("root ::= root")),
        (None, Some("root ::= nowhere")),
        (Some("no_such"), None),
    ] {
        let params = SamplerParams {
            samplers: samplers.map(str::to_owned),
            grammar: grammar.map(str::to_owned),
            ..SamplerParams::default()
        };
        Sampler::new(&model, &params).unwrap_err();
    }

    let question = ask(&[("user", "")], true);
    ChatTemplates::new(&model, Some("{% for %}"), &LIMITS).unwrap_err();
    let raises = ChatTemplates::new(&model, Some("{{ raise_exception('no') }}"), &LIMITS).unwrap();
    raises.render(&question, &LIMITS).unwrap_err();
    let raises = ChatTemplates::new(&load("tiny-raise.gguf"), None, &LIMITS).unwrap();
    raises.render(&question, &LIMITS).unwrap_err();
}

/// ggml would abort: the pool is not even tried.
fn no_threads_left() {
    let model = load(TINY);
    let many = ContextParams { threads: 512, ..params() };
    match Context::new(&model, &many) {
        Err(Error::NoThread { message }) => {
            assert!(message.contains("511 more compute threads"), "{message}");
        }
        other => panic!("expected too few threads, got {other:?}"),
    }
    Context::new(&model, &params()).unwrap();
}

/// What a library must leave as it finds it.
struct Host {
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    folder: std::path::PathBuf,
    /// The masks of ignored and handled signals.
    signals: Vec<u64>,
    threads: usize,
}

impl Host {
    fn look() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        // Signals 32 and 33 are glibc's own, which it sets up with the first thread.
        let glibc = 0b11 << 31;
        let signals = ["SigIgn:", "SigCgt:"].map(|name| {
            let mask = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() & !glibc
        });
        Self {
            environment: std::env::vars_os().collect(),
            folder: std::env::current_dir().unwrap(),
            signals: signals.to_vec(),
            threads: Self::threads(),
        }
    }

    fn threads() -> usize {
        let count = || std::fs::read_dir("/proc/self/task").unwrap().count();
        // A joined thread leaves the list a moment after its joiner goes on.
        let mut least = count();
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(2));
            least = least.min(count());
        }
        least
    }

    #[track_caller]
    fn check_unchanged_since(&self, before: &Self) {
        assert!(self.environment == before.environment, "the environment changed");
        assert_eq!(self.folder, before.folder);
        assert_eq!(self.signals, before.signals);
        assert_eq!(self.threads, before.threads);
    }
}
