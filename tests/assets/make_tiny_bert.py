#!/usr/bin/env python3
"""A deterministic tiny BERT: random weights, a WordPiece vocabulary of single characters. Python's standard library only.

  make_tiny_bert.py OUT                       for embeddings, the mean over all tokens
  make_tiny_bert.py OUT --pooling cls         the first token's embedding instead
  make_tiny_bert.py OUT --pooling rank        with a classification head: a reranker
"""
import argparse

from gguf_writer import GgufWriter
from make_tiny_gguf import CONTROL, NORMAL, Weights

POOLING = {"mean": 1, "cls": 2, "rank": 4}  # llama_pooling_type
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# llama.cpp marks the beginning of a word, where BERT marks its continuation.
WORD = "\u2581"


def vocabulary():
    characters = [chr(c) for c in range(33, 127)]
    return SPECIAL + [WORD + c for c in characters] + characters + [WORD + "the", WORD + "cat", WORD + "dog", "ing", "ed"]


def metadata(gguf, pooling, tokens, width, blocks, heads, ff, context):
    gguf.string("general.name", "tiny-bert")
    gguf.string("general.license", "cc0-1.0")
    gguf.u32("bert.context_length", context)
    gguf.u32("bert.embedding_length", width)
    gguf.u32("bert.feed_forward_length", ff)
    gguf.u32("bert.block_count", blocks)
    gguf.u32("bert.attention.head_count", heads)
    gguf.f32("bert.attention.layer_norm_epsilon", 1e-12)
    gguf.bool("bert.attention.causal", False)
    gguf.u32("bert.pooling_type", POOLING[pooling])
    if pooling == "rank":
        gguf.strings("bert.classifier.output_labels", ["LABEL_0"])
    gguf.u32("tokenizer.ggml.token_type_count", 2)
    gguf.string("tokenizer.ggml.model", "bert")
    gguf.string("tokenizer.ggml.pre", "default")
    gguf.strings("tokenizer.ggml.tokens", tokens)
    gguf.i32s("tokenizer.ggml.token_type", [CONTROL] * len(SPECIAL) + [NORMAL] * (len(tokens) - len(SPECIAL)))
    for key, token in (("padding", "[PAD]"), ("unknown", "[UNK]"), ("bos", "[CLS]"), ("eos", "[SEP]"), ("seperator", "[SEP]"), ("mask", "[MASK]")):
        gguf.u32(f"tokenizer.ggml.{key}_token_id", SPECIAL.index(token))  # "seperator" is how the format spells it


def random_bert(path, pooling="mean", seed=42):
    width, blocks, heads, ff, context = 64, 2, 4, 128, 512
    tokens, weights, gguf = vocabulary(), Weights(seed), GgufWriter("bert")
    metadata(gguf, pooling, tokens, width, blocks, heads, ff, context)

    def linear(name, rows, columns):
        gguf.tensor(f"{name}.weight", (columns, rows), weights.matrix(rows, columns))
        gguf.tensor(f"{name}.bias", (rows,), [0.0] * rows)

    def norm(name):
        gguf.tensor(f"{name}.weight", (width,), [1.0] * width)
        gguf.tensor(f"{name}.bias", (width,), [0.0] * width)

    gguf.tensor("token_embd.weight", (width, len(tokens)), weights.vector(width * len(tokens)))
    gguf.tensor("position_embd.weight", (width, context), weights.vector(width * context, 0.1))
    gguf.tensor("token_types.weight", (width, 2), [0.0] * (width * 2))
    norm("token_embd_norm")
    for block in range(blocks):
        for name, rows, columns in (("attn_q", width, width), ("attn_k", width, width), ("attn_v", width, width),
                                    ("attn_output", width, width), ("ffn_up", ff, width), ("ffn_down", width, ff)):
            linear(f"blk.{block}.{name}", rows, columns)
        norm(f"blk.{block}.attn_output_norm")
        norm(f"blk.{block}.layer_output_norm")
    if pooling == "rank":
        linear("cls", width, width)
        linear("cls.output", 1, width)
    gguf.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--pooling", choices=POOLING, default="mean")
    parser.add_argument("--seed", type=int, default=42)
    a = parser.parse_args()
    random_bert(a.out, a.pooling, a.seed)


if __name__ == "__main__":
    main()
