//! The numbers that describe a model: what llama.cpp divides by, counts to and asserts.
//!
//! Which keys must be there, and that the shapes of the weights agree with them, llama.cpp checks cleanly by itself.

use super::metadata::{Array, Kind, Value, wrong_kind};
use super::{File, Metadata, broken, families, unsupported};
use crate::Error;

/// llama.cpp's `LLAMA_MAX_LAYERS` and `LLAMA_MAX_EXPERTS`.
pub(super) const MAX_BLOCKS: u32 = 512;
const MAX_EXPERTS: u32 = 1024;
/// `LLAMA_POOLING_TYPE_RANK` and `LLAMA_EXPERT_GATING_FUNC_TYPE_SQRT_SOFTPLUS`, the last of their enums.
const LAST_POOLING: u32 = 4;
const LAST_GATING: u32 = 4;
const ROPE_SCALINGS: [&str; 4] = ["none", "linear", "yarn", "longrope"];

/// These divide by the number of heads without asking whether there are any.
const MUST_HAVE_HEADS: [&str; 6] = ["olmo2", "phimoe", "gemma2", "gemma3", "deepseek2", "deepseek2-ocr"];
/// These divide by the number of experts a token uses.
const MUST_HAVE_EXPERTS: [&str; 6] = ["qwen35moe", "qwen4exp", "glm4moe", "llada-moe", "grovemoe", "bailingmoe2"];
/// These turn no heads, whatever the file says about it.
const WITHOUT_ROPE: [&str; 22] = [
    "gpt2",
    "gptj",
    "mpt",
    "refact",
    "bloom",
    "jamba",
    "jina-bert-v2",
    "t5",
    "t5encoder",
    "jais",
    "wavtokenizer-dec",
    "mamba",
    "mamba2",
    "rwkv6",
    "rwkv6qwen2",
    "rwkv7",
    "arwkv7",
    "nemotron_h",
    "nemotron_h_moe",
    "kimi-linear",
    "kimi-k3",
    "glm5-next",
];

/// Keys and values of the same width: those without sliding windows.
const EVEN_WIDTHS: [&str; 40] = [
    "arcee",
    "baichuan",
    "bert",
    "bitnet",
    "bloom",
    "chatglm",
    "command-r",
    "dbrx",
    "deci",
    "deepseek",
    "dream",
    "eurobert",
    "exaone",
    "falcon",
    "glm4",
    "gpt2",
    "gptneox",
    "granite",
    "internlm2",
    "jais",
    "llada",
    "llama",
    "mpt",
    "nemotron",
    "olmo",
    "olmoe",
    "openelm",
    "orion",
    "phi2",
    "plamo",
    "qwen",
    "qwen2",
    "qwen2moe",
    "qwen2vl",
    "qwen3",
    "qwen3moe",
    "smollm3",
    "stablelm",
    "starcoder2",
    "xverse",
];
/// Heads that turn as a whole.
const TURN_WHOLE: [&str; 21] = [
    "arcee",
    "baichuan",
    "dbrx",
    "deci",
    "deepseek",
    "dream",
    "exaone",
    "falcon",
    "granite",
    "internlm2",
    "llada",
    "llama",
    "olmo",
    "olmoe",
    "orion",
    "qwen2",
    "qwen2moe",
    "qwen3",
    "qwen3moe",
    "smollm3",
    "xverse",
];

pub(super) fn check(file: &File) -> Result<(), Error> {
    let keys = Keys { metadata: &file.metadata, architecture: file.architecture().unwrap_or_default() };
    let Some(blocks) = check_sizes(&keys)? else { return Ok(()) };
    check_experts(&keys, blocks)?;
    check_heads(&keys, blocks)?;
    check_rope(&keys, blocks)?;
    check_widths(&keys, blocks)?;
    check_enums(&keys)?;
    families::check(&keys, blocks)?;
    check_epsilons(&keys)
}

/// The keys of one architecture, by what follows its name.
pub(super) struct Keys<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) architecture: &'a str,
}

impl Keys<'_> {
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    pub(super) fn u32(&self, key: &str) -> Result<Option<u32>, Error> {
        self.metadata.u32(&self.name(key))
    }

    pub(super) fn is_one_of(&self, architectures: &[&str]) -> bool {
        architectures.contains(&self.architecture)
    }

    pub(super) fn broken(&self, key: &str, message: impl Into<String>) -> Error {
        broken(self.name(key), message)
    }

    /// One number for each block, or one for all.
    fn per_block(&self, key: &str, blocks: u32) -> Result<Option<Vec<u32>>, Error> {
        let name = self.name(key);
        let array = match self.metadata.get(&name) {
            None => return Ok(None),
            Some(Value::Array(array)) => array,
            Some(_) => return Ok(self.u32(key)?.map(|number| vec![number; blocks as usize])),
        };
        if !matches!(array.kind(), Kind::U32 | Kind::I32) {
            return Err(broken(name, format!("it is an array of {}, expected one of u32", array.kind())));
        }
        if array.len() != blocks as usize {
            return Err(broken(
                name,
                format!("it has {} elements, expected one for each of the {blocks} blocks", array.len()),
            ));
        }
        integers(array).map(Some).ok_or_else(|| broken(name, "it has a negative element"))
    }

    /// The widths of a head's keys: usually, and in blocks with a sliding window. Nothing for models without heads.
    pub(super) fn head_widths(&self, blocks: u32) -> Result<Option<(u32, u32)>, Error> {
        let heads = self.per_block("attention.head_count", blocks)?.map_or(0, |heads| heads[0]);
        if heads == 0 {
            return Ok(None);
        }
        let width = self.u32("embedding_length")?.unwrap_or(0) / heads;
        let full = self.u32("attention.key_length")?.unwrap_or(width);
        Ok(Some((full, self.u32("attention.key_length_swa")?.unwrap_or(full))))
    }

    fn at_most(&self, key: &str, limit: u32) -> Result<(), Error> {
        match self.u32(key)? {
            Some(number) if number > limit => {
                Err(self.broken(key, format!("it is {number}, expected at most {limit}")))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn integers(array: &Array) -> Option<Vec<u32>> {
    let one = |value| match value {
        Value::Unsigned(_, number) => u32::try_from(number).ok(),
        Value::Signed(_, number) => u32::try_from(number).ok(),
        _ => None,
    };
    array.numbers().map(one).collect()
}

/// The number of blocks, unless the file has none to tell, which llama.cpp refuses.
fn check_sizes(keys: &Keys<'_>) -> Result<Option<u32>, Error> {
    let Some(blocks) = keys.u32("block_count")? else { return Ok(None) };
    if !(1..=MAX_BLOCKS).contains(&blocks) {
        return Err(keys.broken("block_count", format!("it is {blocks}, expected 1 to {MAX_BLOCKS}")));
    }
    let most = i32::MAX as u32;
    for key in ["context_length", "embedding_length"] {
        if let Some(size) = keys.u32(key)?.filter(|size| !(1..=most).contains(size)) {
            return Err(keys.broken(key, format!("it is {size}, expected 1 to {most}")));
        }
    }
    // More of them than blocks would wrap a number around, or be counted to beyond the blocks.
    for key in [
        "nextn_predict_layers",
        "attention.shared_kv_layers",
        "n_deepstack_layers",
        "posnet.block_count",
        "convnext.block_count",
    ] {
        keys.at_most(key, blocks)?;
    }
    keys.at_most("decoder_block_count", MAX_BLOCKS)?;
    Ok(Some(blocks))
}

fn check_experts(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let experts = keys.u32("expert_count")?.unwrap_or(0);
    // Dense models of these two families may say that they have one expert.
    if experts <= 1 && keys.is_one_of(&["hunyuan-dense", "hunyuan_vl"]) {
        return match keys.u32("expert_group_count")? {
            Some(groups) if groups > 0 => {
                Err(keys.broken("expert_group_count", "it is not 0, but there are no experts"))
            }
            _ => Ok(()),
        };
    }
    keys.at_most("expert_count", MAX_EXPERTS)?;
    let used = keys.per_block("expert_used_count", blocks)?;
    let most_used = used.iter().flatten().copied().max().unwrap_or(0);
    if most_used > experts || (most_used == 0 && (experts > 0 || keys.is_one_of(&MUST_HAVE_EXPERTS))) {
        let range = if experts == 0 { "0, as there are no experts".to_owned() } else { format!("1 to {experts}") };
        return Err(keys.broken("expert_used_count", format!("it is {most_used}, expected {range}")));
    }
    // The width of an expert is then the whole width divided by the number of those used.
    if used.is_some_and(|used| used.contains(&0))
        && experts > 0
        && keys.per_block("expert_feed_forward_length", blocks)?.is_none()
    {
        return Err(
            keys.broken("expert_used_count", "a block uses no expert, and expert_feed_forward_length is missing")
        );
    }
    check_expert_groups(keys, experts)
}

fn check_expert_groups(keys: &Keys<'_>, experts: u32) -> Result<(), Error> {
    let groups = keys.u32("expert_group_count")?.unwrap_or(0);
    if groups > 0 && groups >= experts || groups > 1 && !experts.is_multiple_of(groups) {
        let message = format!("it is {groups}, expected fewer than the {experts} experts, and a divisor of them");
        return Err(keys.broken("expert_group_count", message));
    }
    let used = keys.u32("expert_group_used_count")?.unwrap_or(0);
    if groups > 1 && !(1..groups).contains(&used) {
        return Err(keys.broken("expert_group_used_count", format!("it is {used}, expected 1 to {}", groups - 1)));
    }
    Ok(())
}

fn check_heads(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let heads = keys.per_block("attention.head_count", blocks)?;
    let key_heads = keys.per_block("attention.head_count_kv", blocks)?;
    if keys.is_one_of(&MUST_HAVE_HEADS) && heads.as_ref().is_none_or(|heads| heads.contains(&0)) {
        return Err(keys.broken("attention.head_count", "it is missing or 0, expected at least 1"));
    }
    let (Some(heads), Some(key_heads)) = (heads, key_heads) else { return Ok(()) };
    let uneven = heads.iter().zip(&key_heads).find(|&(&n, &kv)| n > 0 && kv > 0 && n % kv != 0);
    match uneven {
        Some((n, kv)) => {
            let message = format!("it is {kv}, expected a divisor of attention.head_count, which is {n}");
            Err(keys.broken("attention.head_count_kv", message))
        }
        None => Ok(()),
    }
}

fn check_rope(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    if let Some(scaling) = keys.metadata.str(&keys.name("rope.scaling.type"))?
        && !ROPE_SCALINGS.contains(&scaling)
    {
        let message = format!("`{scaling}` is not known to this build, expected one of {}", ROPE_SCALINGS.join(", "));
        return Err(unsupported(keys.name("rope.scaling.type"), message));
    }
    if keys.is_one_of(&WITHOUT_ROPE) {
        return Ok(());
    }
    let Some((full, window)) = keys.head_widths(blocks)? else { return Ok(()) };
    // ggml turns nothing for ever. This family may turn nothing at all.
    let least = if keys.is_one_of(&["granitehybrid"]) { 0 } else { 2 };
    for (key, head) in [("rope.dimension_count", full), ("rope.dimension_count_swa", window)] {
        if let Some(turned) = keys.u32(key)?.filter(|turned| turned % 2 != 0 || !(least..=head).contains(turned)) {
            let message =
                format!("it is {turned}, expected an even number from {least} to {head}, the width of a head");
            return Err(keys.broken(key, message));
        }
    }
    check_sections(keys)
}

/// Most architectures assert, once they compute, that keys are as wide as values, and that all of it turns.
fn check_widths(keys: &Keys<'_>, blocks: u32) -> Result<(), Error> {
    let Some((width, _)) = keys.head_widths(blocks)? else { return Ok(()) };
    let values = keys.u32("attention.value_length")?;
    if let Some(values) = values.filter(|&values| values != width && keys.is_one_of(&EVEN_WIDTHS)) {
        let message = format!("it is {values}, expected the width of the keys, {width}");
        return Err(keys.broken("attention.value_length", message));
    }
    let turned = keys.u32("rope.dimension_count")?;
    if let Some(turned) = turned.filter(|&turned| turned != width && keys.is_one_of(&TURN_WHOLE)) {
        let message = format!("it is {turned}, expected the width of a head, {width}");
        return Err(keys.broken("rope.dimension_count", message));
    }
    Ok(())
}

/// The parts of a head that turn with time, height and width. The compute threads assert that there are any.
fn check_sections(keys: &Keys<'_>) -> Result<(), Error> {
    const MUST_TURN: [&str; 7] = ["qwen2vl", "qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe", "paddleocr", "qwen4exp"];
    let key = "rope.dimension_sections";
    let sections = match keys.metadata.get(&keys.name(key)) {
        None => Vec::new(),
        Some(Value::Array(array)) => integers(array).ok_or_else(|| keys.broken(key, "expected numbers from 0"))?,
        // llama.cpp also takes one number for all.
        Some(_) => return Ok(()),
    };
    let sum = sections.iter().fold(0_u32, |sum, section| sum.saturating_add(*section));
    let none_turns = sections.iter().take(3).all(|&section| section == 0);
    if sum > i32::MAX as u32 || none_turns && keys.is_one_of(&MUST_TURN) {
        return Err(keys.broken(
            key,
            format!("it is missing or {sections:?}, expected parts of a head for time, height and width"),
        ));
    }
    Ok(())
}

fn check_enums(keys: &Keys<'_>) -> Result<(), Error> {
    for (key, last) in
        [("pooling_type", LAST_POOLING), ("classifier.pooling_type", LAST_POOLING), ("expert_gating_func", LAST_GATING)]
    {
        // All bits set is -1, not specified.
        if let Some(number) = keys.u32(key)?.filter(|&number| number > last && number != u32::MAX) {
            let message = format!("{number} is not known to this build, expected 0 to {last}");
            return Err(unsupported(keys.name(key), message));
        }
    }
    Ok(())
}

/// The compute threads assert that these are no less than zero.
fn check_epsilons(keys: &Keys<'_>) -> Result<(), Error> {
    let prefix = keys.name("");
    for (name, value) in keys.metadata.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        if !["layer_norm_epsilon", "layer_norm_rms_epsilon", "group_norm_epsilon"].iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        match value {
            Value::Float(Kind::F32, number) if *number >= 0.0 => {}
            Value::Float(Kind::F32, number) => return Err(broken(name, format!("it is {number}, expected 0 or more"))),
            other => return Err(wrong_kind(name, other.kind(), Kind::F32)),
        }
    }
    Ok(())
}
