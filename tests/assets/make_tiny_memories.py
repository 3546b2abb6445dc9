#!/usr/bin/env python3
"""Deterministic tiny models with random weights whose memory is no plain KV cache. Python's standard library only; vocabulary and chat template
are those of the tiny random model.

  make_tiny_memories.py OUT --architecture mamba     recurrent: a state for each sequence, of which no part can be dropped or copied
  make_tiny_memories.py OUT --architecture jamba     hybrid: blocks with such a state around one with a KV cache
  make_tiny_memories.py OUT --architecture gemma3    every other block sees the last 32 tokens only
"""
import argparse

from gguf_writer import F32
from make_tiny_gguf import CHATML, Vocabulary, Weights, llama_block, random_head, start

WIDTH, HEADS, KV_HEADS, FF = 64, 4, 2, 128
KERNEL, STATE, INNER, RANK = 4, 16, 2 * WIDTH, WIDTH // 16
WINDOW = 32


def begin(architecture, template, context, seed, blocks):
    vocabulary, weights = Vocabulary(), Weights(seed)
    vocabulary.pad(32)
    gguf = start(architecture, f"tiny-{architecture}", vocabulary, template, context, WIDTH, blocks)
    return gguf, weights, vocabulary


def state_keys(gguf, architecture):
    for key, value in (("conv_kernel", KERNEL), ("inner_size", INNER), ("state_size", STATE), ("time_step_rank", RANK)):
        gguf.u32(f"{architecture}.ssm.{key}", value)


def state_block(gguf, block, weights):
    """A block with a recurrent state."""
    def put(name, shape, values):
        gguf.tensor(f"blk.{block}.{name}", shape, values)
    put("attn_norm.weight", (WIDTH,), [1.0] * WIDTH)
    put("ssm_in.weight", (WIDTH, 2 * INNER), weights.matrix(2 * INNER, WIDTH))
    put("ssm_conv1d.weight", (KERNEL, INNER), weights.matrix(INNER, KERNEL))
    put("ssm_conv1d.bias", (INNER,), [0.0] * INNER)
    put("ssm_x.weight", (INNER, RANK + 2 * STATE), weights.matrix(RANK + 2 * STATE, INNER))
    # Small steps, as in trained models: a state that forgot everything within ten tokens would hide the mistakes of those who copy it.
    put("ssm_dt.weight", (RANK, INNER), [value / 4 for value in weights.matrix(INNER, RANK)])
    put("ssm_dt.bias", (INNER,), [-4.0] * INNER)
    put("ssm_a", (STATE, INNER), [-float(s + 1) for _ in range(INNER) for s in range(STATE)])
    put("ssm_d", (INNER,), [1.0] * INNER)
    put("ssm_out.weight", (INNER, WIDTH), weights.matrix(WIDTH, INNER))


def ones(gguf, block, *names_and_sizes):
    for name, size in names_and_sizes:
        gguf.tensor(f"blk.{block}.{name}.weight", (size,), [1.0] * size)


def random_mamba(path, template=CHATML, context=2048, seed=42):
    blocks = 2
    gguf, weights, vocabulary = begin("mamba", template, context, seed, blocks)
    gguf.u32("mamba.feed_forward_length", 0)
    gguf.u32("mamba.attention.head_count", 0)
    state_keys(gguf, "mamba")
    random_head(gguf, weights, vocabulary, WIDTH)
    for block in range(blocks):
        state_block(gguf, block, weights)
    gguf.write(path)


def random_jamba(path, template=CHATML, context=2048, seed=42):
    kv_heads = [0, KV_HEADS, 0]  # none: a block with a state
    gguf, weights, vocabulary = begin("jamba", template, context, seed, len(kv_heads))
    gguf.u32("jamba.feed_forward_length", FF)
    gguf.u32("jamba.attention.head_count", HEADS)
    gguf.i32s("jamba.attention.head_count_kv", kv_heads)
    state_keys(gguf, "jamba")
    random_head(gguf, weights, vocabulary, WIDTH)
    for block, heads in enumerate(kv_heads):
        if heads:
            llama_block(gguf, block, WIDTH, WIDTH // HEADS * heads, FF, weights.matrix, F32)
            continue
        state_block(gguf, block, weights)
        ones(gguf, block, ("ssm_dt_norm", RANK), ("ssm_b_norm", STATE), ("ssm_c_norm", STATE), ("ffn_norm", WIDTH))
        for name, rows, columns in (("ffn_gate", FF, WIDTH), ("ffn_up", FF, WIDTH), ("ffn_down", WIDTH, FF)):
            gguf.tensor(f"blk.{block}.{name}.weight", (columns, rows), weights.matrix(rows, columns))
    gguf.write(path)


def random_gemma3(path, template=CHATML, context=2048, seed=42):
    blocks, head = 4, WIDTH // HEADS
    gguf, weights, vocabulary = begin("gemma3", template, context, seed, blocks)
    gguf.u32("gemma3.feed_forward_length", FF)
    gguf.u32("gemma3.attention.head_count", HEADS)
    gguf.u32("gemma3.attention.head_count_kv", KV_HEADS)
    gguf.u32("gemma3.attention.key_length", head)
    gguf.u32("gemma3.attention.value_length", head)
    gguf.u32("gemma3.attention.sliding_window", WINDOW)
    gguf.u32("gemma3.attention.sliding_window_pattern", 2)
    gguf.f32("gemma3.rope.freq_base", 10000.0)
    random_head(gguf, weights, vocabulary, WIDTH)
    for block in range(blocks):
        llama_block(gguf, block, WIDTH, head * KV_HEADS, FF, weights.matrix, F32)
        ones(gguf, block, ("attn_q_norm", head), ("attn_k_norm", head), ("post_attention_norm", WIDTH), ("post_ffw_norm", WIDTH))
    gguf.write(path)


MAKE = {"mamba": random_mamba, "jamba": random_jamba, "gemma3": random_gemma3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--architecture", choices=MAKE, required=True)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--ctx", type=int, default=2048)
    a = parser.parse_args()
    MAKE[a.architecture](a.out, context=a.ctx, seed=a.seed)


if __name__ == "__main__":
    main()
