//! Rules of single architectures: what they divide by, and how their numbers must fit together.

use super::hyperparameters::{Keys, MAX_BLOCKS, integers};
use crate::Error;

/// What is divided by in some architectures, and must not be zero there.
const DIVISORS: [(&str, &[&str]); 11] = [
    (
        "ssm.group_count",
        &["mamba2", "granitehybrid", "falcon-h1", "nemotron_h", "nemotron_h_moe", "qwen3next", "qwen35", "qwen35moe"],
    ),
    (
        "ssm.time_step_rank",
        &[
            "mamba2",
            "granitehybrid",
            "falcon-h1",
            "nemotron_h",
            "nemotron_h_moe",
            "qwen3next",
            "qwen35",
            "qwen35moe",
            "plamo2",
        ],
    ),
    ("full_attention_interval", &["minimax-01", "qwen3next", "qwen35", "qwen35moe"]),
    ("wkv.head_size", &["rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"]),
    ("experts_per_group", &["grovemoe"]),
    ("interleave_moe_layer_step", &["ernie4_5-moe"]),
    ("attention.output_group_count", &["deepseek4"]),
    ("attention.indexer.block_size", &["minimax-m3"]),
    ("attention.group_norm_groups", &["wavtokenizer-dec"]),
    ("attention.relative_buckets_count", &["t5", "t5encoder"]),
    ("shortconv.l_cache", &["lfm2", "lfm2moe"]),
];

pub(super) fn check(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    check_divisors(keys)?;
    match keys.architecture {
        "jamba" | "granitehybrid" => check_expansion(keys),
        "gemma-embedding" => check_dense(keys),
        "deepseek2" | "mistral4" | "hy_v4" => check_unturned_part(keys, blocks),
        "hrm_text" => check_stacks(keys, blocks),
        "nanbeige" => check_loops(keys, blocks),
        _ => Ok(()),
    }
}

fn check_divisors(keys: &Keys<'_>) -> Result<(), Error> {
    for (key, architectures) in DIVISORS {
        if keys.is_one_of(architectures) && keys.u32(key)? == Some(0) {
            return Err(keys.broken(key, "it is 0, expected at least 1"));
        }
    }
    if let Some(sizes) = keys.metadata.array(&keys.name("ple.head_vocab_sizes"))?
        && integers(sizes).is_some_and(|sizes| sizes.contains(&0))
    {
        return Err(keys.broken("ple.head_vocab_sizes", "an element is 0, expected at least 1"));
    }
    Ok(())
}

/// "only an expansion factor of 2 is supported for now"
fn check_expansion(keys: &Keys<'_>) -> Result<(), Error> {
    let width = u64::from(keys.u32("embedding_length")?.unwrap_or(0));
    match keys.u32("ssm.inner_size")? {
        Some(inner) if u64::from(inner) != 2 * width => {
            let message = format!("it is {inner}, expected twice embedding_length, {}", 2 * width);
            Err(keys.broken("ssm.inner_size", message))
        }
        _ => Ok(()),
    }
}

fn check_dense(keys: &Keys<'_>) -> Result<(), Error> {
    let width = keys.u32("embedding_length")?.unwrap_or(0);
    for key in ["dense_2_feat_in", "dense_3_feat_out"] {
        if let Some(size) = keys.u32(key)?.filter(|&size| size != 0 && size != width) {
            return Err(keys.broken(key, format!("it is {size}, expected embedding_length, {width}")));
        }
    }
    Ok(())
}

/// A part of each head does not turn.
fn check_unturned_part(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let Some((head, _)) = keys.head_widths(blocks)? else { return Ok(()) };
    let whole = keys.u32("attention.key_length_mla")?.filter(|&size| size > 0).unwrap_or(head);
    let turned = keys.u32("rope.dimension_count")?.unwrap_or(head);
    if turned >= whole {
        let message = format!("it is {turned}, expected less than the width of a head, {whole}");
        return Err(keys.broken("rope.dimension_count", message));
    }
    Ok(())
}

/// The number of blocks is that of all turns of both stacks.
fn check_stacks(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let number = |key| Ok::<_, Error>(u64::from(keys.u32(key)?.unwrap_or(1)));
    let (layers, high, low) = (number("hrm.layers_per_stack")?, number("hrm.h_cycles")?, number("hrm.l_cycles")?);
    let unrolled = layers.saturating_mul(high).saturating_mul(low + 1);
    if low == 0 || unrolled != u64::from(blocks) {
        let message = format!("it is {blocks}, expected that of all cycles, {unrolled}, and at least one of each");
        return Err(keys.broken("block_count", message));
    }
    Ok(())
}

fn check_loops(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let most = MAX_BLOCKS / blocks;
    match keys.u32("num_loops")? {
        Some(loops) if !(1..=most).contains(&loops) => {
            Err(keys.broken("num_loops", format!("it is {loops}, expected 1 to {most}")))
        }
        _ => Ok(()),
    }
}
