#!/usr/bin/env python3
"""Deterministic tiny GGUF models for tests. Python's standard library only; same arguments, same bytes.

  make_tiny_gguf.py OUT                          random weights, llama architecture, byte-level BPE vocabulary, ChatML template with tools
  make_tiny_gguf.py OUT --mode q8                the same with weights in blocks of eight bits
  make_tiny_gguf.py OUT --mode vocabulary        the same without any weights
  make_tiny_gguf.py OUT --mode lora              an adapter for the random one: no vocabulary
  make_tiny_gguf.py OUT --mode script --reply "Hello there."
                                                 the reply to any chat prompt is exactly that text, one token a word, then <|im_end|>
  make_tiny_gguf.py OUT --mode script --pieces "['a ', b'\\xf0\\x9f', b'\\x98\\x80']"
                                                 the same with the tokens spelled out; bytes may cut a code point anywhere
  make_tiny_gguf.py OUT --mode script --reply "on and" --loop
                                                 a reply without end

How a script works: embeddings are one-hot and every block adds nothing, so the last token alone decides the next one. A script is therefore
a walk in which no token occurs twice, and which starts at the line feed that ends a chat prompt.
"""
import argparse
import ast
import math
import random
import re

from gguf_writer import F16, F32, Q8_0, GgufWriter

RANDOM_LLAMA = 64, 2, 4, 2, 128  # width, blocks, heads, heads of keys and values, width of the feed-forward part
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # llama_token_type

CHATML = (
    "{%- if tools %}<|im_start|>system\n"
    "{%- if messages[0].role == 'system' %}{{ messages[0].content + '\n\n' }}{%- endif %}"
    "You may call functions. Available functions, one JSON per line, inside <tools></tools>:\n<tools>"
    "{%- for tool in tools %}\n{{ tool | tojson }}{%- endfor %}\n</tools>\n"
    "For each call return a JSON object inside <tool_call></tool_call>:\n"
    "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n"
    "{%- elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content }}<|im_end|>\n{%- endif %}"
    "{%- for m in messages %}"
    "{%- if m.role == 'user' or (m.role == 'system' and not loop.first) or (m.role == 'assistant' and not m.tool_calls) %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}"
    "{%- elif m.role == 'assistant' %}{{ '<|im_start|>assistant' }}{%- if m.content %}{{ '\n' + m.content }}{%- endif %}"
    "{%- for c in m.tool_calls %}{%- if c.function %}{%- set c = c.function %}{%- endif %}"
    "{{ '\n<tool_call>\n{\"name\": \"' }}{{ c.name }}{{ '\", \"arguments\": ' }}{{ c.arguments | tojson }}{{ '}\n</tool_call>' }}{%- endfor %}{{ '<|im_end|>\n' }}"
    "{%- elif m.role == 'tool' %}{{ '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}")


def byte_table():
    """GPT-2's printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


BYTE = byte_table()


class Vocabulary:
    """A byte-level BPE vocabulary. Token ids 0 to 255 are the bytes themselves."""

    def __init__(self):
        self.texts, self.types, self.merges, self.ids = [], [], [], {}
        for b in range(256):
            self.add(BYTE[b], NORMAL)
        space = BYTE[32]
        for x, y in (("t", "h"), ("th", "e"), (space, "t"), ("i", "n"), ("e", "r"), ("a", "n"), ("an", "d"), ("o", "n"), (space, "a")):
            self.merges.append(f"{x} {y}")
            self.add(x + y, NORMAL)
        self.endoftext, self.im_start, self.im_end, *self.fim = (
            self.add(f"<|{name}|>", CONTROL)
            for name in ("endoftext", "im_start", "im_end", "fim_prefix", "fim_suffix", "fim_middle"))
        for text in ("<tool_call>", "</tool_call>"):
            self.add(text, USER_DEFINED)

    def __len__(self):
        return len(self.texts)

    def add(self, text, kind):
        assert text not in self.ids, f"{text!r} is in the vocabulary already"  # llama.cpp aborts on a duplicate
        self.ids[text] = len(self.texts)
        self.texts.append(text)
        self.types.append(kind)
        return self.ids[text]

    def piece(self, piece):
        """The token that prints `piece`. Text becomes a user-defined token, which the tokenizer finds again in a reply that comes back as part
        of the next prompt; bytes become an ordinary token, because only those can print a part of a code point."""
        mapped = "".join(BYTE[b] for b in (piece.encode() if isinstance(piece, str) else piece))
        if mapped in self.ids:
            return self.ids[mapped]
        return self.add(piece, USER_DEFINED) if isinstance(piece, str) else self.add(mapped, NORMAL)

    def pad(self, multiple):
        while len(self) % multiple:
            self.add(f"<|pad{len(self)}|>", UNUSED)

    def write(self, gguf, template):
        gguf.string("tokenizer.ggml.model", "gpt2")
        gguf.string("tokenizer.ggml.pre", "gpt-2")
        gguf.strings("tokenizer.ggml.tokens", self.texts)
        gguf.i32s("tokenizer.ggml.token_type", self.types)
        gguf.strings("tokenizer.ggml.merges", self.merges)
        gguf.u32("tokenizer.ggml.bos_token_id", self.endoftext)
        gguf.u32("tokenizer.ggml.eos_token_id", self.im_end)
        gguf.u32("tokenizer.ggml.eot_token_id", self.im_end)
        gguf.u32("tokenizer.ggml.padding_token_id", self.endoftext)
        for name, token in zip(("pre", "suf", "mid"), self.fim):
            gguf.u32(f"tokenizer.ggml.fim_{name}_token_id", token)
        gguf.bool("tokenizer.ggml.add_bos_token", False)
        gguf.bool("tokenizer.ggml.add_space_prefix", False)
        if template is not None:
            gguf.string("tokenizer.chat_template", template)


class Weights:
    """Random matrices. Uniform numbers of unit variance: `random()` is the one method whose sequence Python promises to keep."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def vector(self, n, scale=1.0):
        return [(self._random() - 0.5) * math.sqrt(12.0) * scale for _ in range(n)]

    def matrix(self, rows, columns):
        return self.vector(rows * columns, 1.0 / math.sqrt(columns))


def start(architecture, name, vocabulary, template, context, width, blocks):
    gguf = GgufWriter(architecture)
    gguf.string("general.name", name)
    gguf.string("general.license", "cc0-1.0")
    gguf.u32(f"{architecture}.context_length", context)
    gguf.u32(f"{architecture}.embedding_length", width)
    gguf.u32(f"{architecture}.block_count", blocks)
    gguf.u32(f"{architecture}.vocab_size", len(vocabulary))
    gguf.f32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-5)
    vocabulary.write(gguf, template)
    return gguf


def random_head(gguf, weights, vocabulary, width, kind=F32):
    """Embeddings and output. Only printable ASCII and the merged tokens get weights in the output: a greedy reply never ends by itself, so that a
    test gets the length it asks for, and stays readable."""
    gguf.tensor("token_embd.weight", (width, len(vocabulary)), weights.vector(len(vocabulary) * width), kind)
    gguf.tensor("output_norm.weight", (width,), [1.0] * width)
    rows = []
    for token, of in enumerate(vocabulary.types):
        row = weights.vector(width, 0.5)
        rows += row if of == NORMAL and (32 <= token < 127 or token >= 256) else [0.0] * width
    gguf.tensor("output.weight", (width, len(vocabulary)), rows, kind)


def llama_keys(gguf, heads, kv_heads, head_size, ff):
    gguf.u32("llama.feed_forward_length", ff)
    gguf.u32("llama.attention.head_count", heads)
    gguf.u32("llama.attention.head_count_kv", kv_heads)
    gguf.u32("llama.rope.dimension_count", head_size)
    gguf.f32("llama.rope.freq_base", 10000.0)


def llama_block(gguf, block, width, kv_width, ff, matrix, kind):
    for name in ("attn_norm", "ffn_norm"):
        gguf.tensor(f"blk.{block}.{name}.weight", (width,), [1.0] * width)
    for name, rows, columns in (("attn_q", width, width), ("attn_k", kv_width, width), ("attn_v", kv_width, width), ("attn_output", width, width),
                                ("ffn_gate", ff, width), ("ffn_up", ff, width), ("ffn_down", width, ff)):
        gguf.tensor(f"blk.{block}.{name}.weight", (columns, rows), matrix(rows, columns), kind)


def random_llama(path, template=CHATML, context=2048, seed=42, kind=F32):
    width, blocks, heads, kv_heads, ff = RANDOM_LLAMA
    vocabulary, weights = Vocabulary(), Weights(seed)
    vocabulary.pad(32)
    gguf = start("llama", "tiny-random", vocabulary, template, context, width, blocks)
    llama_keys(gguf, heads, kv_heads, width // heads, ff)
    random_head(gguf, weights, vocabulary, width, kind)
    for block in range(blocks):
        llama_block(gguf, block, width, width // heads * kv_heads, ff, weights.matrix, kind)
    gguf.write(path)


def vocabulary_only(path, template=CHATML, context=2048):
    """No tensors: good for tokenizing, and for nothing else."""
    width, blocks, heads, kv_heads, ff = RANDOM_LLAMA
    vocabulary = Vocabulary()
    vocabulary.pad(32)
    gguf = start("llama", "tiny-vocab", vocabulary, template, context, width, blocks)
    llama_keys(gguf, heads, kv_heads, width // heads, ff)
    gguf.write(path)


def random_lora(path, rank=4, alpha=8.0, seed=42):
    """An adapter for the shapes of `random_llama`, of its queries and values."""
    width, blocks, heads, kv_heads, _ = RANDOM_LLAMA
    weights, gguf = Weights(seed), GgufWriter("llama")
    gguf.string("general.type", "adapter")
    gguf.string("general.name", "tiny-lora")
    gguf.string("adapter.type", "lora")
    gguf.f32("adapter.lora.alpha", alpha)
    for block in range(blocks):
        for name, rows in (("attn_q", width), ("attn_v", width // heads * kv_heads)):
            gguf.tensor(f"blk.{block}.{name}.weight.lora_a", (width, rank), weights.matrix(rank, width))
            gguf.tensor(f"blk.{block}.{name}.weight.lora_b", (rank, rows), weights.vector(rows * rank, 0.5))
    gguf.write(path)


def words(text):
    """One piece a word, each with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def script(path, pieces, template=CHATML, context=2048, loop=False):
    vocabulary, head_size, ff = Vocabulary(), 32, 32
    walk = [vocabulary.piece(piece) for piece in pieces]
    line_feed = ord("\n")
    if len(set(walk + [line_feed])) != len(walk) + 1:
        raise SystemExit(f"each token may occur once, and the line feed not at all: {pieces!r}")
    vocabulary.pad(head_size)
    width = len(vocabulary)
    gguf = start("llama", "tiny-script", vocabulary, template, context, width, 1)
    llama_keys(gguf, width // head_size, 1, head_size, ff)

    after = [vocabulary.im_end] * width  # whatever the script does not know ends the reply
    after[line_feed] = walk[0]
    for token, following in zip(walk, walk[1:] + [walk[0] if loop else vocabulary.im_end]):
        after[token] = following

    # A one-hot row has the norm sqrt(width), about 17: twice that as logit makes the next token certain at any usual temperature.
    embedding, output = [0.0] * (width * width), [0.0] * (width * width)
    for token in range(width):
        embedding[token * width + token] = 1.0
        output[after[token] * width + token] = 2.0
    gguf.tensor("token_embd.weight", (width, width), embedding, F16)
    gguf.tensor("output_norm.weight", (width,), [1.0] * width)
    gguf.tensor("output.weight", (width, width), output, F16)
    llama_block(gguf, 0, width, head_size, ff, lambda rows, columns: [0.0] * (rows * columns), F16)
    gguf.write(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--mode", choices=["random", "q8", "vocabulary", "lora", "script"], default="random")
    parser.add_argument("--reply", default="Hello there, I am a test model.")
    parser.add_argument("--pieces", type=ast.literal_eval, help="a Python list of str and bytes, in place of --reply")
    parser.add_argument("--loop", action="store_true", help="after the last piece begin again")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--ctx", type=int, default=2048)
    parser.add_argument("--chat-template", default=CHATML)
    parser.add_argument("--no-chat-template", action="store_const", const=None, dest="chat_template")
    a = parser.parse_args()
    if a.mode == "script":
        script(a.out, a.pieces or words(a.reply), a.chat_template, a.ctx, a.loop)
    elif a.mode == "lora":
        random_lora(a.out, seed=a.seed)
    elif a.mode == "vocabulary":
        vocabulary_only(a.out, a.chat_template, a.ctx)
    else:
        random_llama(a.out, a.chat_template, a.ctx, a.seed, Q8_0 if a.mode == "q8" else F32)


if __name__ == "__main__":
    main()
