#!/usr/bin/env python3
"""Every generated test file, by name: `make_models.py DIR`. Takes a second or two the first time, nothing afterwards."""
import hashlib
import os
import sys

from gguf_writer import Q8_0
from make_tiny_bert import random_bert
from make_tiny_gguf import random_llama, random_lora, script, vocabulary_only, words
from make_tiny_memories import random_gemma3, random_jamba, random_mamba
from make_tiny_mmproj import random_mmproj

HERE = os.path.dirname(os.path.abspath(__file__))
# Long enough that no test reaches the end of the window by chance.
ENDLESS_CONTEXT = 131072


def half(path, of):
    """A download that broke off: a valid header, and tensors that point past the end."""
    with open(of, "rb") as whole, open(path, "wb") as out:
        out.write(whole.read()[:os.path.getsize(of) // 2])


def text_file(path):
    with open(path, "w", encoding="utf-8") as out:
        out.write("This is a text file. It has the wrong first four bytes.\n" * 64)


CALL = ["<think>", "I", " think", ".", "</think>", "Wait", ":", "<tool_call>", '\n{"name": "', "add", '", "arguments": ', '{"a": 1', ', "b": 2}', "}\n", "</tool_call>"]


def thinking():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "thinking.jinja"), encoding="utf-8") as file:
        return file.read()


def files(folder):
    """name -> how it is made. The comment says what a test can rely on."""
    def at(name):
        return os.path.join(folder, name)

    return {
        # Any test that needs a model and no sense. A greedy reply never ends by itself.
        "tiny-random.gguf": lambda path: random_llama(path),
        # Replies exactly this, one token a word.
        "tiny-script.gguf": lambda path: script(path, words("Hello there, I am a test model.")),
        # "Hi 😀 llama 🦙!": the first emoji comes as four tokens, the second as two.
        "tiny-emoji.gguf": lambda path: script(path, ["Hi ", b"\xf0", b"\x9f", b"\x98", b"\x80", " llama ", b"\xf0\x9f", b"\xa6\x99", "!"]),
        # Ends inside a code point: "cut " and three of an emoji's four bytes.
        "tiny-cut.gguf": lambda path: script(path, ["cut ", b"\xf0\x9f", b"\x98"]),
        # "one two stop here three": the stop string "stop here" spans three tokens; "stop her!" begins like it and never comes.
        "tiny-stop.gguf": lambda path: script(path, ["one", " two", " st", "op he", "re", " three"]),
        # "one two three four five six seven eight " for ever.
        "tiny-long.gguf": lambda path: script(path, words(" one two three four five six seven eight"), context=ENDLESS_CONTEXT, loop=True),
        # Thinks "I think.", says "Wait:", and calls add with {"a": 1, "b": 2}.
        "tiny-tools.gguf": lambda path: script(path, CALL, template=thinking()),
        # Recurrent: its memory can neither drop a part nor shift.
        "tiny-mamba.gguf": lambda path: random_mamba(path),
        # Hybrid: two blocks of that kind, and one with a KV cache between them.
        "tiny-hybrid.gguf": lambda path: random_jamba(path),
        # Every other block sees the last 32 tokens only.
        "tiny-gemma3.gguf": lambda path: random_gemma3(path),
        # Its chat template always raises; raw generation works.
        "tiny-raise.gguf": lambda path: random_llama(path, template="{{ raise_exception('this template always raises') }}"),
        # No chat template at all.
        "tiny-nochat.gguf": lambda path: random_llama(path, template=None),
        # The same with weights in blocks of eight bits.
        "tiny-q8.gguf": lambda path: random_llama(path, kind=Q8_0),
        # Its vocabulary alone: loads with the option for that, and else not.
        "tiny-vocab.gguf": lambda path: vocabulary_only(path),
        # An adapter for it: a sound GGUF, and no model.
        "tiny-lora.gguf": lambda path: random_lora(path),
        # An encoder for embeddings, and one with a classification head, which makes it a reranker.
        "tiny-bert.gguf": lambda path: random_bert(path),
        "tiny-rank.gguf": lambda path: random_bert(path, pooling="rank"),
        # Encoders of pictures and sounds for models as wide as tiny-random: a sound GGUF, and no model.
        "tiny-mmproj.gguf": lambda path: random_mmproj(path),
        "truncated.gguf": lambda path: half(path, of=at("tiny-random.gguf")),
        "not-a-gguf.bin": text_file,
    }


def fingerprint():
    """Changes when a generator changes."""
    digest = hashlib.sha256()
    for name in ("gguf_writer.py", "make_tiny_bert.py", "make_tiny_gguf.py", "make_tiny_memories.py", "make_tiny_mmproj.py", "make_models.py"):
        with open(os.path.join(HERE, name), "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_models.py DIR")
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    wanted, stamp, now = files(folder), os.path.join(folder, ".generated"), fingerprint()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as old:
            if old.read() == now and all(os.path.exists(os.path.join(folder, name)) for name in wanted):
                return
    for name, make in wanted.items():
        make(os.path.join(folder, name))
    with open(stamp, "w", encoding="utf-8") as new:
        new.write(now)
    print(f"generated {len(wanted)} test files in {folder}")


if __name__ == "__main__":
    main()
