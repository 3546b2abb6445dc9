//! What a model would take, against what it takes.

mod common;

use chaku_llama::{
    CacheType, Context, ContextParams, DeviceKind, Error, FlashAttn, LoadMode, Model, ModelParams, Planner,
};
use common::{GEMMA3, HYBRID, MAMBA, SMOLLM2, TINY, model_path, params};

fn read() -> ModelParams {
    ModelParams { load_mode: LoadMode::Read, ..ModelParams::default() }
}

fn planner(name: &str) -> Planner {
    Planner::new(&model_path(name), &read()).unwrap()
}

#[test]
fn a_plan_is_what_the_context_then_takes() {
    let quantized = ContextParams { cache_type_k: CacheType::Q8_0, cache_type_v: CacheType::Q8_0, ..params() };
    for name in [TINY, SMOLLM2, MAMBA, HYBRID, GEMMA3, "tiny-q8.gguf"] {
        let planner = planner(name);
        let model = Model::load(&model_path(name), &read(), &mut |_| true).unwrap();
        for params in [
            params(),
            ContextParams { n_ctx: 0, n_ubatch: 512, n_batch: 2048, n_seq_max: 16, ..params() },
            ContextParams { n_ctx: 300, flash_attn: FlashAttn::Off, ..params() },
            quantized.clone(),
        ] {
            let Ok(context) = Context::new(&model, &params) else {
                assert!(planner.plan(&params).is_err(), "{name}: {params:?}");
                continue;
            };
            let plan = planner.plan(&params).unwrap();
            let planned: Vec<_> = plan.devices.iter().map(|device| device.memory.clone()).collect();
            assert_eq!(planned, context.memory().unwrap(), "{name}: {params:?}");
            assert_eq!(plan.n_ctx, context.n_ctx(), "{name}");
            assert_eq!(plan.outputs, u64::from(params.n_seq_max * model.vocab().n_tokens() * 4), "{name}");
        }
    }
}

#[test]
fn the_parts_of_a_plan_are_what_they_are_called() {
    let planner = planner(SMOLLM2);
    let plan = planner.plan(&params()).unwrap();
    let cpu = plan.devices.iter().find(|device| device.memory.kind == DeviceKind::Cpu).unwrap();
    // 30 layers, of keys and values, three heads of 64 numbers in two bytes.
    assert_eq!(cpu.context_per_position, 30 * 2 * 3 * 64 * 2);
    assert_eq!(cpu.memory.context, 512 * cpu.context_per_position);
    assert!(cpu.memory.compute > 0 && plan.outputs > 0);
    assert_eq!((planner.n_layer(), planner.n_tokens()), (30, 49152));
    // As much as the tensors, and what aligns them.
    let size = Model::load(&model_path(SMOLLM2), &read(), &mut |_| true).unwrap().size_bytes();
    assert!((size..size + 300 * 64).contains(&cpu.memory.model), "{} of {size}", cpu.memory.model);

    let states = Planner::new(&model_path(MAMBA), &read()).unwrap();
    let states = |n_seq_max| states.plan(&ContextParams { n_seq_max, ..params() }).unwrap().devices[0].clone();
    assert_eq!((states(1).context_per_position, states(1).memory.context * 8), (0, states(8).memory.context));
}

/// llama.cpp would make a table of all positions; the same numbers in proportion do without.
#[test]
fn a_window_without_bounds_has_a_plan() {
    let planner = planner(TINY);
    let at = |n_ctx| planner.plan(&ContextParams { n_ctx, ..params() }).unwrap();
    let (large, endless) = (at(1 << 20), at(2_147_483_392));
    assert_eq!((large.n_ctx, endless.n_ctx), (1 << 20, 2_147_483_392));
    let device = &endless.devices[0];
    assert_eq!(device.context_per_position, large.devices[0].context_per_position);
    assert_eq!(device.memory.context, device.context_per_position * 2_147_483_392);
    assert!(device.memory.compute > 1000 * large.devices[0].memory.compute);
    assert!(planner.bytes_meanwhile(&ContextParams { n_ctx: 2_147_483_392, ..params() }) < 100 << 20);
}

/// No context of this crate computes embeddings yet; what they would take is known all the same.
#[test]
fn encoders_have_plans() {
    for name in ["tiny-bert.gguf", "tiny-rank.gguf"] {
        let planner = planner(name);
        let plan = planner.plan(&params()).unwrap();
        // A row of logits, which nobody computes, and one of the embedding for each token of a micro-batch.
        let rows = u64::from(params().n_ubatch.min(plan.n_ctx));
        let row = 4 * u64::from(planner.n_tokens());
        assert!(plan.outputs > rows * row && plan.outputs.is_multiple_of(rows), "{plan:?}");
        assert!(plan.devices[0].memory.model > 100_000 && plan.devices[0].memory.compute > 0, "{plan:?}");
        assert_eq!(plan.devices[0].memory.context, 0);
    }
}

#[test]
fn what_cannot_be_loaded_has_no_plan() {
    for (name, broken) in [("truncated.gguf", true), ("not-a-gguf.bin", true), ("tiny-lora.gguf", false)] {
        match Planner::new(&model_path(name), &read()) {
            Err(Error::BadFile { .. }) if broken => {}
            Err(Error::UnsupportedFile { .. }) if !broken => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    let wrong = ContextParams { n_seq_max: 0, ..params() };
    assert!(matches!(planner(TINY).plan(&wrong), Err(Error::InvalidInput { what: "n_seq_max", .. })));
}
