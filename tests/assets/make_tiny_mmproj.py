#!/usr/bin/env python3
"""A deterministic tiny projector with random weights: SigLIP-like pictures ('gemma3') and Whisper-like sound ('ultravox') in one file, for any
text model as wide as `--width`. Python's standard library only.

  make_tiny_mmproj.py OUT                     for the tiny random model
  make_tiny_mmproj.py OUT --width 576         for SmolLM2
"""
import argparse
import math

from gguf_writer import F16, GgufWriter
from make_tiny_gguf import RANDOM_LLAMA, Weights

WIDTH, BLOCKS, HEADS, FF = 32, 2, 2, 64
IMAGE, PATCH, MERGE = 64, 16, 2
MELS, STACK, HIDDEN, FRAMES = 80, 20, 32, 1500


def common_keys(gguf, kind, text_width):
    for key, value in (("embedding_length", WIDTH), ("attention.head_count", HEADS), ("feed_forward_length", FF), ("block_count", BLOCKS),
                       ("projection_dim", text_width)):
        gguf.u32(f"clip.{kind}.{key}", value)
    gguf.f32(f"clip.{kind}.attention.layer_norm_epsilon", 1e-6)


def norm(gguf, name):
    gguf.tensor(f"{name}.weight", (WIDTH,), [1.0] * WIDTH)
    gguf.tensor(f"{name}.bias", (WIDTH,), [0.0] * WIDTH)


def encoder(gguf, weights, prefix, without_bias=()):
    for block in range(BLOCKS):
        for name, rows, columns in (("attn_q", WIDTH, WIDTH), ("attn_k", WIDTH, WIDTH), ("attn_v", WIDTH, WIDTH), ("attn_out", WIDTH, WIDTH),
                                    ("ffn_up", FF, WIDTH), ("ffn_down", WIDTH, FF)):
            gguf.tensor(f"{prefix}.blk.{block}.{name}.weight", (columns, rows), weights.matrix(rows, columns))
            if name not in without_bias:
                gguf.tensor(f"{prefix}.blk.{block}.{name}.bias", (rows,), [0.0] * rows)
        norm(gguf, f"{prefix}.blk.{block}.ln1")
        norm(gguf, f"{prefix}.blk.{block}.ln2")
    norm(gguf, f"{prefix}.post_ln")


def pictures(gguf, weights, text_width):
    patches = (IMAGE // PATCH) ** 2
    gguf.tensor("v.patch_embd.weight", (PATCH, PATCH, 3, WIDTH), weights.matrix(WIDTH, 3 * PATCH * PATCH))
    gguf.tensor("v.patch_embd.bias", (WIDTH,), [0.0] * WIDTH)
    gguf.tensor("v.position_embd.weight", (WIDTH, patches), weights.matrix(patches, WIDTH))
    encoder(gguf, weights, "v")
    gguf.tensor("mm.soft_emb_norm.weight", (WIDTH,), [1.0] * WIDTH)
    gguf.tensor("mm.input_projection.weight", (text_width, WIDTH), weights.matrix(WIDTH, text_width))


def waves():
    """The fixed position embedding of Whisper: sines, then cosines."""
    half = WIDTH // 2
    angles = [[frame / 10000 ** (i / (half - 1)) for i in range(half)] for frame in range(FRAMES)]
    return [wave(angle) for row in angles for wave in (math.sin, math.cos) for angle in row]


def sounds(gguf, weights, text_width):
    for layer, channels in ((1, MELS), (2, WIDTH)):
        gguf.tensor(f"a.conv1d.{layer}.weight", (3, channels, WIDTH), weights.matrix(WIDTH, channels * 3), F16)
        gguf.tensor(f"a.conv1d.{layer}.bias", (1, WIDTH), [0.0] * WIDTH)
    gguf.tensor("a.position_embd.weight", (WIDTH, FRAMES), waves())
    encoder(gguf, weights, "a", without_bias=("attn_k",))
    stacked = WIDTH * STACK
    gguf.tensor("mm.a.norm_pre.weight", (stacked,), [1.0] * stacked)
    gguf.tensor("mm.a.mlp.1.weight", (stacked, 2 * HIDDEN), weights.matrix(2 * HIDDEN, stacked))
    gguf.tensor("mm.a.norm_mid.weight", (HIDDEN,), [1.0] * HIDDEN)
    gguf.tensor("mm.a.mlp.2.weight", (HIDDEN, text_width), weights.matrix(text_width, HIDDEN))


def random_mmproj(path, text_width=RANDOM_LLAMA[0], seed=42):
    weights, gguf = Weights(seed), GgufWriter("clip")
    gguf.string("general.type", "mmproj")
    gguf.string("general.name", "tiny-mmproj")
    gguf.string("general.license", "cc0-1.0")
    for key in ("has_vision_encoder", "has_audio_encoder", "use_gelu"):
        gguf.bool(f"clip.{key}", True)
    gguf.string("clip.vision.projector_type", "gemma3")
    common_keys(gguf, "vision", text_width)
    gguf.u32("clip.vision.image_size", IMAGE)
    gguf.u32("clip.vision.patch_size", PATCH)
    gguf.u32("clip.vision.projector.scale_factor", MERGE)
    gguf.f32s("clip.vision.image_mean", [0.5] * 3)
    gguf.f32s("clip.vision.image_std", [0.5] * 3)
    gguf.string("clip.audio.projector_type", "ultravox")
    common_keys(gguf, "audio", text_width)
    gguf.u32("clip.audio.num_mel_bins", MELS)
    gguf.u32("clip.audio.projector.stack_factor", STACK)
    pictures(gguf, weights, text_width)
    sounds(gguf, weights, text_width)
    gguf.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--width", type=int, default=RANDOM_LLAMA[0])
    parser.add_argument("--seed", type=int, default=42)
    a = parser.parse_args()
    random_mmproj(a.out, a.width, a.seed)


if __name__ == "__main__":
    main()
