#![allow(warnings)]
mod common;
use common::*;
use chaku_llama::*;
use std::time::Instant;
#[test]
fn measure() {
    backend::set_log_handler(|_, l| if l.contains("buffer size") { eprintln!("{l}") });
    let model = load(SMOLLM2);
    for n in [1u32, 4, 64, 256] {
        eprintln!("--- n_seq_max {n}");
        let c = Context::new(&model, &ContextParams { n_ctx: 4096, n_batch: 2048, n_ubatch: 512, n_seq_max: n, ..params() }).unwrap();
    }
    for threads in [1u32, 2] {
        let mut c = Context::new(&model, &ContextParams { n_ctx: 1024, n_batch: 512, n_ubatch: 512, n_seq_max: 1, threads, threads_batch: threads, ..params() }).unwrap();
        let t0 = Instant::now();
        decode(&mut c, &batch_of(&[1; 256], 0));
        eprintln!("threads {threads} prefill {:?}", 256.0 / t0.elapsed().as_secs_f64());
        let t0 = Instant::now();
        for i in 0..100 { decode(&mut c, &batch_of(&[7], 256 + i)); std::hint::black_box(c.logits(-1).unwrap()[0]); }
        eprintln!("threads {threads} decode {:?} tok/s", 100.0 / t0.elapsed().as_secs_f64());
        let mut s = Sampler::new(&model, &Default::default()).unwrap();
        let t0 = Instant::now();
        for i in 0..100 { s.sample(&mut c, -1).unwrap(); }
        eprintln!("sample {:?}", t0.elapsed() / 100);
        let t0 = Instant::now();
        for i in 0..100 { std::hint::black_box(c.logits(-1).unwrap().iter().any(|l| l.is_nan())); }
        eprintln!("nan scan {:?}", t0.elapsed() / 100);
    }
}
