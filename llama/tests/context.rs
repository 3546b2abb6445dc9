//! Decoding, the KV memory, threads.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chaku_llama::{Batch, CacheType, Context, ContextParams, Decoded, Error, FlashAttn, Model, ModelParams};
use common::{MAMBA, SMOLLM2, TINY, batch_of, decode, load, model_path, params};

fn input_error<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    match result {
        Err(Error::InvalidInput { what: named, .. }) => assert_eq!(named, what),
        other => panic!("expected {what} to be refused, got {other:?}"),
    }
}

#[test]
fn a_decode_leaves_logits_where_they_were_asked_for() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    assert_eq!(context.logits(0), None, "nothing was decoded yet");

    let mut batch = Batch::new(4, 2);
    for (token, position, sequence, output) in [(1, 0, 0, false), (2, 1, 0, true), (3, 0, 1, false), (4, 1, 1, true)] {
        batch.push(token, position, sequence, output).unwrap();
    }
    assert_eq!(decode(&mut context, &batch), Decoded::Done);

    let n_vocab = model.vocab().n_tokens() as usize;
    let first = context.logits(1).unwrap().to_vec();
    let second = context.logits(3).unwrap();
    assert_eq!((first.len(), second.len()), (n_vocab, n_vocab));
    assert!(first != second && first.iter().all(|logit| logit.is_finite()));
    assert_eq!(context.logits(-1), Some(second));
    assert_eq!(context.logits(-2), Some(&first[..]));
    for i in [0, 2, 4, -3, i32::MAX, i32::MIN] {
        assert_eq!(context.logits(i), None, "index {i}");
    }
}

#[test]
fn a_decode_that_does_not_succeed_leaves_no_logits() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1, 2], 0));
    assert!(context.logits(1).is_some());
    // Position 7 does not follow position 1: llama.cpp refuses the batch and says why.
    let error = context.decode(&batch_of(&[3, 4], 7), &|| false).unwrap_err();
    assert!(matches!(error, Error::Decode { code: -1, .. }), "{error:?}");
    assert!(error.to_string().contains("inconsistent sequence positions"), "{error}");
    assert_eq!(context.logits(1), None);
}

#[test]
fn batches_that_llama_cpp_would_assert_on_are_refused() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    let mut refused = |batch: &Batch, what| input_error(context.decode(batch, &|| false), what);

    refused(&Batch::new(1, 1), "batch");
    refused(&batch_of(&[1; 129], 0), "batch");
    refused(&batch_of(&[model.vocab().n_tokens() as i32], 0), "token");

    let mut sequence = Batch::new(1, 256);
    sequence.push(1, 0, 4, true).unwrap();
    refused(&sequence, "sequence");

    let mut outputs = Batch::new(5, 1);
    for position in 0..5 {
        outputs.push(1, position, 0, true).unwrap();
    }
    refused(&outputs, "batch");

    for second in [0, 2, 5] {
        let mut positions = Batch::new(2, 1);
        positions.push(1, 1, 0, false).unwrap();
        positions.push(1, if second == 2 { 1 } else { second }, 0, true).unwrap();
        refused(&positions, "position");
    }
    assert_eq!(decode(&mut context, &batch_of(&[1; 128], 0)), Decoded::Done);
}

#[test]
fn contexts_that_llama_cpp_would_assert_on_are_refused() {
    let model = load(TINY);
    let refused = |change: fn(&mut ContextParams), what| {
        let mut params = params();
        change(&mut params);
        input_error(Context::new(&model, &params), what);
    };
    refused(|p| p.n_ctx = u32::MAX, "n_ctx");
    refused(|p| p.n_batch = 0, "n_batch");
    refused(|p| p.n_ubatch = 0, "n_ubatch");
    refused(|p| p.n_seq_max = 0, "n_seq_max");
    refused(|p| p.n_seq_max = 257, "n_seq_max");
    refused(|p| p.threads = 0, "threads");
    refused(|p| p.threads_batch = 513, "threads_batch");

    let vocab_only = ModelParams { vocab_only: true, ..ModelParams::default() };
    let vocab = Model::load(&model_path(TINY), &vocab_only, &mut |_| true).unwrap();
    input_error(Context::new(&vocab, &params()), "model");
}

#[test]
fn a_context_that_cannot_be_made_says_why() {
    let model = load(TINY);
    let quantized = ContextParams { flash_attn: FlashAttn::Off, cache_type_v: CacheType::Q8_0, ..params() };
    match Context::new(&model, &quantized) {
        Err(Error::ContextFailed { message }) => {
            assert!(message.contains("requires flash_attn"), "{message}");
        }
        // Refused earlier if the heads do not fit the type's blocks.
        other => input_error(other, "cache type"),
    }
}

#[test]
fn more_sequences_than_a_batch_has_tokens() {
    let model = load(TINY);
    let small = ContextParams { n_batch: 2, n_ubatch: 1, n_seq_max: 256, ..params() };
    let mut context = Context::new(&model, &small).unwrap();
    let mut batch = Batch::new(2, 256);
    batch.push(1, 0, 0, true).unwrap();
    batch.push(2, 0, 255, true).unwrap();
    assert_eq!(decode(&mut context, &batch), Decoded::Done);
    assert!(context.logits(0).is_some() && context.logits(1).is_some());
}

#[test]
fn every_cache_type_either_works_or_is_refused() {
    use CacheType::{Bf16, F16, F32, Iq4Nl, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
    let model = load(SMOLLM2);
    for flash_attn in [FlashAttn::Auto, FlashAttn::On, FlashAttn::Off] {
        for cache_type_k in [F32, F16, Bf16, Q8_0, Q4_0, Q4_1, Iq4Nl, Q5_0, Q5_1] {
            for cache_type_v in [F16, Bf16, Q8_0, Q4_0, Iq4Nl, cache_type_k] {
                let params = ContextParams { n_ctx: 256, flash_attn, cache_type_k, cache_type_v, ..params() };
                match Context::new(&model, &params) {
                    Ok(mut context) => {
                        assert_eq!(decode(&mut context, &batch_of(&[1, 2, 3], 0)), Decoded::Done);
                        assert_eq!(decode(&mut context, &batch_of(&[4], 3)), Decoded::Done);
                    }
                    Err(Error::ContextFailed { message }) => {
                        assert!(message.contains("quantized V cache"), "{message}");
                        assert_eq!(flash_attn, FlashAttn::Off);
                    }
                    Err(error) => panic!("{params:?}: {error:?}"),
                }
            }
        }
    }
}

#[test]
fn the_window_is_what_llama_cpp_made_of_it() {
    let model = load(TINY);
    let odd = ContextParams { n_ctx: 300, ..params() };
    let mut context = Context::new(&model, &odd).unwrap();
    assert_eq!((context.n_ctx(), context.n_batch(), context.n_ubatch()), (512, 128, 64));

    let mut position = 0;
    for _ in 0..4 {
        assert_eq!(decode(&mut context, &batch_of(&[1; 128], position)), Decoded::Done);
        position += 128;
    }
    assert_eq!(decode(&mut context, &batch_of(&[1], position)), Decoded::NoSpace);
    assert_eq!(context.seq_pos_max(0), Some(511), "nothing was lost");
    assert!(context.seq_rm(0, 500, -1));
    assert_eq!(decode(&mut context, &batch_of(&[1], 500)), Decoded::Done);
}

#[test]
fn sequences_share_and_forget() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    assert_eq!(context.seq_pos_max(0), None);
    decode(&mut context, &batch_of(&[1; 10], 0));
    context.seq_cp(0, 3, 0, 6).unwrap();
    assert_eq!(context.seq_pos_max(0), Some(9));
    assert_eq!(context.seq_pos_max(3), Some(5));
    assert!(context.seq_rm(0, -1, -1));
    assert_eq!((context.seq_pos_max(0), context.seq_pos_max(3)), (None, Some(5)));

    assert!(context.can_shift());
    assert!(context.seq_rm(3, 0, 2));
    context.seq_add(3, 2, -1, -2).unwrap();
    assert_eq!((context.seq_pos_min(3), context.seq_pos_max(3)), (Some(0), Some(3)));
    let mut next = Batch::new(1, 4);
    next.push(1, 4, 3, true).unwrap();
    assert_eq!(decode(&mut context, &next), Decoded::Done);

    context.clear();
    assert_eq!(context.seq_pos_max(3), None);

    input_error(context.seq_cp(0, 4, 0, -1), "sequence");
    input_error(context.seq_cp(-1, 0, 0, -1), "sequence");
    input_error(context.seq_add(9, 0, -1, 1), "sequence");
    assert!(!context.seq_rm(-1, 0, -1), "-1 is not every sequence");
    assert_eq!((context.seq_pos_min(-1), context.seq_pos_max(4)), (None, None));
}

#[test]
fn a_recurrent_memory_says_that_it_cannot_forget_a_part() {
    let model = load(MAMBA);
    let mut context = Context::new(&model, &params()).unwrap();
    decode(&mut context, &batch_of(&[1; 10], 0));
    assert!(!context.seq_rm(0, 5, -1));
    assert_eq!(context.seq_pos_max(0), Some(9));
    assert!(context.seq_rm(0, -1, -1));
    assert_eq!(decode(&mut context, &batch_of(&[1; 3], 0)), Decoded::Done);
}

#[test]
fn an_abort_stops_at_the_next_node() {
    let model = load(SMOLLM2);
    let mut context = Context::new(&model, &params()).unwrap();
    let asked = Cell::new(0);
    let decoded = context.decode(&batch_of(&[1; 128], 0), &|| {
        asked.set(asked.get() + 1);
        asked.get() == 20
    });
    assert_eq!(decoded.unwrap(), Decoded::Aborted);
    assert_eq!(asked.get(), 20, "not asked again");
    assert_eq!(context.seq_pos_max(0), None, "it was the first piece");
    assert_eq!(context.logits(-1), None);

    // In the second of two pieces: the first one stays.
    let count = |stop_after: usize, context: &mut Context| {
        let asked = Cell::new(0);
        let decoded = context.decode(&batch_of(&[1; 128], 0), &|| {
            asked.set(asked.get() + 1);
            asked.get() > stop_after
        });
        (decoded.unwrap(), asked.get())
    };
    let (decoded, nodes) = count(usize::MAX, &mut context);
    assert_eq!(decoded, Decoded::Done);
    context.clear();
    let (decoded, _) = count(nodes * 3 / 4, &mut context);
    assert_eq!(decoded, Decoded::Aborted);
    assert_eq!(context.seq_pos_max(0), Some(63));
    assert_eq!(decode(&mut context, &batch_of(&[1; 64], 64)), Decoded::Done);
}

#[test]
fn a_panic_in_the_abort_callback_arrives_at_the_caller() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    let batch = batch_of(&[1; 8], 0);
    let caught = catch_unwind(AssertUnwindSafe(|| context.decode(&batch, &|| panic!("stop"))));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"stop"));
    assert_eq!(decode(&mut context, &batch), Decoded::Done);
}

#[test]
fn the_number_of_threads_does_not_change_what_is_computed() {
    let model = load(TINY);
    let batch = batch_of(&[1, 2, 3, 4, 5], 0);
    let mut logits = Vec::new();
    let mut context = Context::new(&model, &params()).unwrap();
    for (threads, threads_batch) in [(1, 1), (2, 2), (1, 3), (1, 1)] {
        context.clear();
        context.set_threads(threads, threads_batch).unwrap();
        decode(&mut context, &batch);
        logits.push(context.logits(-1).unwrap().to_vec());
    }
    assert!(logits.iter().all(|other| *other == logits[0]));
    input_error(context.set_threads(0, 1), "threads");
    input_error(context.set_threads(1, 1000), "threads_batch");
}

#[test]
fn a_context_moves_between_threads() {
    let model = load(TINY);
    let mut context = Context::new(&model, &params()).unwrap();
    drop(model);
    let context = std::thread::spawn(move || {
        decode(&mut context, &batch_of(&[1, 2], 0));
        context
    })
    .join()
    .unwrap();
    assert_eq!(context.seq_pos_max(0), Some(1));
}

#[test]
fn a_model_that_only_embeds_gets_no_window() {
    match Context::new(&load("tiny-bert.gguf"), &params()) {
        Err(Error::InvalidInput { what: "model", message }) => {
            assert!(message.contains("does not generate text"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}
