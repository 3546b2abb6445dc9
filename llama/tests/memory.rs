//! Sequences: copies, cuts, saved states. What goes on from them must be what a fresh computation gives.

mod common;

use std::cell::Cell;

use chaku_llama::{Batch, CacheType, Context, ContextParams, Decoded, Error, FlashAttn, SeqId, Token};
use common::{GEMMA3, HYBRID, MAMBA, SMOLLM2, TINY, decode, load, params};

/// Every kind of memory, with and without fused attention. Not the quantized SmolLM2: that rounds so coarsely that noise
/// and mistakes look alike.
fn every_memory(test: impl Fn(&str, &ContextParams)) {
    for name in [TINY, MAMBA, HYBRID, GEMMA3] {
        for flash_attn in [FlashAttn::On, FlashAttn::Off] {
            test(name, &ContextParams { flash_attn, ..params() });
        }
    }
}

/// A text without sense; longer than the sliding window of tiny-gemma3.
fn text(length: usize) -> Vec<Token> {
    (0..length as Token).map(|i| 33 + i * 7 % 90).collect()
}

/// Appends tokens to a sequence, as far as they fit one decode.
fn append(context: &mut Context, seq: SeqId, tokens: &[Token]) {
    let first = context.seq_pos_max(seq).map_or(0, |last| last + 1);
    let mut batch = Batch::new(tokens.len() as u32, 4);
    for (i, &token) in tokens.iter().enumerate() {
        batch.push(token, first + i as i32, seq, i + 1 == tokens.len()).unwrap();
    }
    assert_eq!(decode(context, &batch), Decoded::Done);
}

fn logits(context: &mut Context, seq: SeqId, tokens: &[Token]) -> Vec<f32> {
    append(context, seq, tokens);
    context.logits(-1).unwrap().to_vec()
}

/// What a new context gives for the last of these parts, each decoded by itself.
fn fresh(name: &str, params: &ContextParams, parts: &[&[Token]]) -> Vec<f32> {
    let mut context = Context::new(&load(name), params).unwrap();
    let (last, before) = parts.split_last().unwrap();
    before.iter().for_each(|part| append(&mut context, 0, part));
    logits(&mut context, 0, last)
}

/// How far apart two rows of logits are, in proportion to their length.
fn distance(got: &[f32], wanted: &[f32]) -> f32 {
    let length = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|number| number * number).sum::<f32>().sqrt();
    assert_eq!(got.len(), wanted.len());
    length(&mut got.iter().zip(wanted).map(|(a, b)| a - b)) / length(&mut wanted.iter().copied())
}

/// In the same cells all numbers are the same. In others, or in a batch with others, sums may have another order, and
/// fused attention sums in half precision.
fn allowed(name: &str) -> f32 {
    if name == MAMBA { 1e-5 } else { 1e-3 }
}

fn assert_close(got: &[f32], wanted: &[f32], name: &str) {
    let distance = distance(got, wanted);
    assert!(distance < allowed(name), "{name}: {distance}");
}

fn input_error<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    assert!(matches!(&result, Err(Error::InvalidInput { what: named, .. }) if *named == what), "{result:?}");
}

/// Else the other tests would prove nothing.
#[test]
fn one_other_token_in_the_prompt_is_seen() {
    every_memory(|name, params| {
        let prompt = text(100);
        let wanted = fresh(name, params, &[&prompt, &[40]]);
        for place in [0, 30, 60, 99] {
            let mut other = prompt.clone();
            other[place] = 34;
            let distance = distance(&fresh(name, params, &[&other, &[40]]), &wanted);
            assert!(distance > 4.0 * allowed(name), "{name}: {distance} with another token at {place}");
        }
    });
}

#[test]
fn a_copy_of_a_sequence_goes_on_like_it_and_leaves_it_alone() {
    every_memory(|name, params| {
        let prompt = text(100);
        let mut context = Context::new(&load(name), params).unwrap();
        append(&mut context, 0, &prompt);
        context.seq_cp(0, 1, 0, -1).unwrap();
        context.seq_cp(1, 2, 0, -1).unwrap();
        assert_eq!(context.seq_pos_max(2), Some(99));
        assert_eq!(logits(&mut context, 2, &[40]), fresh(name, params, &[&prompt, &[40]]), "{name}");
        let (after_50, after_60) = (fresh(name, params, &[&prompt, &[50]]), fresh(name, params, &[&prompt, &[60]]));
        assert_close(&logits(&mut context, 1, &[50]), &after_50, name);
        assert_close(&logits(&mut context, 0, &[60]), &after_60, name);
        let further = fresh(name, params, &[&prompt, &[40], &[41, 42]]);
        assert_close(&logits(&mut context, 2, &[41, 42]), &further, name);

        // What is copied outlives its source.
        assert!(context.seq_rm(0, -1, -1) && context.seq_rm(2, -1, -1));
        let further = fresh(name, params, &[&prompt, &[50], &[51]]);
        assert_close(&logits(&mut context, 1, &[51]), &further, name);
    });
}

#[test]
fn several_sequences_in_one_batch_do_not_mix() {
    every_memory(|name, params| {
        let (short, long) = (text(20), text(70));
        let mut context = Context::new(&load(name), params).unwrap();
        append(&mut context, 0, &long);
        append(&mut context, 1, &short);
        context.seq_cp(0, 2, 0, -1).unwrap();
        // Of different lengths, as a batch of prefill and decodes has them.
        let mut batch = Batch::new(16, 4);
        let rows = [(0, 70, &[50][..]), (1, 20, &[60, 61, 62]), (2, 70, &[70, 71])];
        for (seq, first, tokens) in rows {
            for (i, &token) in tokens.iter().enumerate() {
                batch.push(token, first + i as i32, seq, i + 1 == tokens.len()).unwrap();
            }
        }
        assert_eq!(decode(&mut context, &batch), Decoded::Done);
        for (index, prompt, tokens) in [(0, &long, rows[0].2), (3, &short, rows[1].2), (5, &long, rows[2].2)] {
            let wanted = fresh(name, params, &[prompt, tokens]);
            assert_close(context.logits(index).unwrap(), &wanted, name);
        }
    });
}

#[test]
fn a_part_is_shared_and_cut_where_the_memory_can() {
    for name in [TINY, GEMMA3] {
        let (prompt, params) = (text(100), params());
        let mut context = Context::new(&load(name), &params).unwrap();
        append(&mut context, 0, &prompt);
        assert!(context.can_cut() && context.can_share_part());
        assert!((0..=100).all(|length| context.has_prefix(0, length)), "nothing was lost");
        assert!(!context.has_prefix(0, 101) && !context.has_prefix(0, -1) && !context.has_prefix(1, 1));

        context.seq_cp(0, 1, 0, 50).unwrap();
        let after_copy = fresh(name, &params, &[&prompt, &[40]]);
        assert_close(&logits(&mut context, 0, &[40]), &after_copy, name);
        assert!(context.seq_rm(0, 50, -1));
        // Whole pieces again, as a fresh computation has them.
        for seq in [0, 1] {
            let wanted = fresh(name, &params, &[&prompt[..50], &[60]]);
            assert_close(&logits(&mut context, seq, &[60]), &wanted, name);
        }
        // A share can be extended by what follows, and by nothing else.
        assert!(context.seq_rm(1, 30, -1));
        input_error(context.seq_cp(0, 1, 0, 40), "sequence");
        context.seq_cp(0, 1, 30, 51).unwrap();
        assert_close(&logits(&mut context, 1, &[70]), &fresh(name, &params, &[&prompt[..50], &[60], &[70]]), name);
    }
}

#[test]
fn where_the_memory_is_a_state_parts_are_refused_and_nothing_changes() {
    for name in [MAMBA, HYBRID] {
        let (prompt, params) = (text(40), params());
        let mut context = Context::new(&load(name), &params).unwrap();
        append(&mut context, 0, &prompt);
        assert!(!context.can_cut() && !context.can_share_part() && !context.can_shift());
        assert!(context.has_prefix(0, 0) && context.has_prefix(0, 40) && !context.has_prefix(0, 39));
        assert!(!context.seq_rm(0, 39, -1) && !context.seq_rm(0, 0, 39) && !context.seq_rm(0, 5, 10));
        assert!(context.seq_rm(0, 40, -1), "there is nothing to drop");
        input_error(context.seq_cp(0, 1, 0, 39), "range");
        input_error(context.seq_add(0, 0, -1, 1), "model");
        assert_eq!((context.seq_pos_max(0), context.seq_pos_max(1)), (Some(39), None));
        assert_eq!(logits(&mut context, 0, &[50]), fresh(name, &params, &[&prompt, &[50]]), "{name}");
    }
}

#[test]
fn a_decode_that_ends_early_leaves_no_half_done_state() {
    for name in [MAMBA, HYBRID] {
        let (prompt, params) = (text(40), params());
        let mut context = Context::new(&load(name), &params).unwrap();
        append(&mut context, 0, &prompt);
        append(&mut context, 1, &prompt);
        let mut batch = Batch::new(1, 4);
        batch.push(50, 40, 0, true).unwrap();
        let asked = Cell::new(0);
        let abort = || asked.replace(asked.get() + 1) == 30;
        assert_eq!(context.decode(&batch, &abort).unwrap(), Decoded::Aborted);
        assert_eq!((context.seq_pos_max(0), context.seq_pos_max(1)), (None, Some(39)));
        assert_close(&logits(&mut context, 0, &prompt), &fresh(name, &params, &[&prompt]), name);
        assert_close(&logits(&mut context, 1, &[50]), &fresh(name, &params, &[&prompt, &[50]]), name);
    }
}

/// Even with room for all of it, llama.cpp uses cells again that their sequence cannot see any more.
#[test]
fn a_sliding_window_that_lost_positions_is_not_cut_below_them() {
    let params = ContextParams { n_ctx: 256, ..params() };
    let mut context = Context::new(&load(GEMMA3), &params).unwrap();
    let prompt = text(100);
    append(&mut context, 0, &prompt);
    append(&mut context, 1, &prompt);
    assert!(context.has_prefix(1, 50));
    assert!(context.seq_rm(0, -1, -1));
    append(&mut context, 2, &prompt);
    append(&mut context, 2, &text(20));
    assert!(!context.has_prefix(1, 40), "its first positions were overwritten");
    assert!(!context.seq_rm(1, 40, -1));
    input_error(context.seq_cp(1, 3, 0, 40), "range");
    assert_eq!(context.seq_pos_max(1), Some(99), "nothing changed");
    for (seq, parts) in [(1, [&prompt[..], &[50]].to_vec()), (2, [&prompt[..], &text(20), &[50]].to_vec())] {
        assert_close(&logits(&mut context, seq, &[50]), &fresh(GEMMA3, &params, &parts), GEMMA3);
    }
}

#[test]
fn a_saved_sequence_goes_on_where_it_was() {
    every_memory(|name, params| {
        let prompt = text(100);
        let (model, wanted) = (load(name), fresh(name, params, &[&prompt, &[40]]));
        let mut context = Context::new(&model, params).unwrap();
        append(&mut context, 0, &prompt);
        let state = context.state_seq_get(0).unwrap();
        assert_eq!((state.len(), state.capacity()), (context.state_seq_size(0).unwrap(), state.len()));

        // Beside the original, after it, and in another context of the same kind.
        assert!(context.state_seq_set(2, &state).unwrap());
        assert_close(&logits(&mut context, 2, &[40]), &wanted, name);
        context.clear();
        assert!(context.state_seq_set(1, &state).unwrap());
        assert_eq!(logits(&mut context, 1, &[40]), wanted, "{name}");
        let other = ContextParams { n_ctx: 1024, n_seq_max: 2, ..params.clone() };
        let mut other = Context::new(&model, &other).unwrap();
        append(&mut other, 0, &text(10));
        assert!(other.state_seq_set(0, &state).unwrap(), "replaces what was there");
        assert_eq!(other.seq_pos_max(0), Some(99));
        assert_close(&logits(&mut other, 0, &[40]), &wanted, name);

        let last_again = [&prompt[..99], &prompt[99..]];
        if other.seq_rm(0, 99, -1) {
            assert_close(&logits(&mut other, 0, last_again[1]), &fresh(name, params, &last_again), name);
        } else {
            assert!([MAMBA, HYBRID].contains(&name), "{name}: the last token can be computed again");
        }
    });
}

#[test]
fn a_state_of_an_empty_sequence_empties() {
    every_memory(|name, params| {
        let mut context = Context::new(&load(name), params).unwrap();
        let empty = context.state_seq_get(0).unwrap();
        append(&mut context, 0, &text(10));
        assert!(context.state_seq_set(0, &empty).unwrap());
        assert_eq!(context.seq_pos_max(0), None, "{name}");
    });
}

#[test]
fn a_window_saved_and_restored_is_cut_only_where_its_positions_are() {
    let mut context = Context::new(&load(GEMMA3), &params()).unwrap();
    append(&mut context, 0, &text(100));
    let state = context.state_seq_get(0).unwrap();
    assert!(context.state_seq_set(1, &state).unwrap());
    assert!(context.has_prefix(1, 100) && context.has_prefix(1, 99) && !context.has_prefix(1, 98));
    assert!(!context.seq_rm(1, 98, -1) && context.seq_rm(1, 99, -1));
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_leaves_the_sequence_empty() {
    every_memory(|name, params| {
        let mut context = Context::new(&load(name), params).unwrap();
        append(&mut context, 0, &text(100));
        let state = context.state_seq_get(0).unwrap();
        let mut longer = state.clone();
        longer.extend([0; 5]);
        let mut wrong_magic = state.clone();
        wrong_magic[0] ^= 1;
        let other_model = if name == TINY { SMOLLM2 } else { TINY };
        let mut other = Context::new(&load(other_model), params).unwrap();
        append(&mut other, 0, &text(100));
        let foreign = other.state_seq_get(0).unwrap();
        let half = &state[..state.len() / 2];
        for bad in [&[][..], &state[..7], &state[..8], half, &state[..state.len() - 1], &longer, &wrong_magic, &foreign]
        {
            append(&mut context, 1, &text(3));
            let refused = context.state_seq_set(1, bad);
            assert!(matches!(refused, Err(Error::StateFailed { .. } | Error::InvalidInput { .. })), "{refused:?}");
            assert_eq!((context.seq_pos_max(1), context.seq_pos_min(1)), (None, None), "{name}");
        }
        assert!(context.state_seq_set(1, &state).unwrap());
        assert_close(&logits(&mut context, 1, &[40]), &fresh(name, params, &[&text(100), &[40]]), name);
        for seq in [-1, 4] {
            input_error(context.state_seq_size(seq), "sequence");
            input_error(context.state_seq_get(seq), "sequence");
            input_error(context.state_seq_set(seq, &state), "sequence");
        }
    });
}

#[test]
fn a_state_of_other_cache_types_or_attention_is_refused() {
    let model = load(SMOLLM2);
    let state = {
        let mut context = Context::new(&model, &params()).unwrap();
        append(&mut context, 0, &text(50));
        context.state_seq_get(0).unwrap()
    };
    let quantized = ContextParams { cache_type_k: CacheType::Q8_0, cache_type_v: CacheType::Q8_0, ..params() };
    for params in [quantized, ContextParams { flash_attn: FlashAttn::Off, ..params() }] {
        let mut context = Context::new(&model, &params).unwrap();
        assert!(matches!(context.state_seq_set(0, &state), Err(Error::StateFailed { .. })));
        append(&mut context, 0, &text(50));
        let own = context.state_seq_get(0).unwrap();
        let wanted = logits(&mut context, 0, &[40]);
        context.clear();
        assert!(context.state_seq_set(1, &own).unwrap());
        assert_eq!(logits(&mut context, 1, &[40]), wanted, "{params:?}");
    }
}

#[test]
fn a_state_without_room_says_so() {
    for name in [TINY, HYBRID, GEMMA3] {
        let params = ContextParams { n_ctx: 256, ..params() };
        let mut context = Context::new(&load(name), &params).unwrap();
        append(&mut context, 0, &text(120));
        let state = context.state_seq_get(0).unwrap();
        append(&mut context, 0, &text(60));
        assert!(!context.state_seq_set(1, &state).unwrap(), "{name}");
        assert_eq!((context.seq_pos_max(0), context.seq_pos_max(1)), (Some(179), None), "{name}");
        let whole = [text(120), text(60)].concat();
        let wanted = fresh(name, &params, &[&whole[..120], &whole[120..], &[40]]);
        assert_close(&logits(&mut context, 0, &[40]), &wanted, name);
    }
}

#[test]
fn shifting_a_sequence_leaves_those_it_shares_with_alone() {
    for name in [TINY, GEMMA3] {
        let (prompt, params) = (text(100), params());
        let mut context = Context::new(&load(name), &params).unwrap();
        append(&mut context, 0, &prompt);
        let shift = |context: &mut Context, seq| {
            assert!(context.seq_rm(seq, 10, 30));
            context.seq_add(seq, 30, -1, -20)
        };
        context.seq_cp(0, 1, 0, -1).unwrap();
        shift(&mut context, 1).unwrap();
        assert_eq!((context.seq_pos_max(0), context.seq_pos_max(1)), (Some(99), Some(79)));
        assert_close(&logits(&mut context, 0, &[40]), &fresh(name, &params, &[&prompt, &[40]]), name);

        // Shared or not, the shifted ones agree, and are moved at once: a saved state has its keys in place.
        let mut alone = Context::new(&load(name), &params).unwrap();
        append(&mut alone, 0, &prompt);
        shift(&mut alone, 0).unwrap();
        let state = alone.state_seq_get(0).unwrap();
        let wanted = logits(&mut alone, 0, &[40]);
        assert_close(&logits(&mut context, 1, &[40]), &wanted, name);
        assert!(alone.state_seq_set(1, &state).unwrap());
        assert_close(&logits(&mut alone, 1, &[40]), &wanted, name);
    }
}

#[test]
fn shifting_a_share_without_room_for_a_copy_says_so() {
    let mut context = Context::new(&load(TINY), &ContextParams { n_ctx: 256, ..params() }).unwrap();
    append(&mut context, 0, &text(128));
    append(&mut context, 0, &text(60));
    context.seq_cp(0, 1, 0, -1).unwrap();
    assert!(context.seq_rm(1, 10, 30));
    assert!(matches!(context.seq_add(1, 30, -1, -20), Err(Error::NoRoom)));
    assert_eq!((context.seq_pos_max(0), context.seq_pos_max(1)), (Some(187), None));
}
