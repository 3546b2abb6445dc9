#!/usr/bin/env python3
"""A tiny model with random weights whose vocabulary has the marks of all templates:   markers.py OUT TEMPLATE...

What a model calls control tokens is known to its vocabulary alone. Those of the templates look like `<|this|>`, `<｜this｜>`, `[THIS]`
or `<start_of_this>`; other tags, such as `<think>`, are user-defined tokens in most models.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "assets"))
import make_tiny_gguf  # noqa: E402

MARK = re.compile(r"<\|[A-Za-z_0-9.]+\|?>|<[A-Za-z_]+\|>|<｜[^｜<>{}'\"\s]+｜>|\[/?[A-Z]{3,}(?:_[A-Z]+)*\]|<(?:start|end)_of_[a-z]+>|</?s>")
TAG = re.compile(r"</?(?:think|seed:think|mm:think|tool_call|tool_calls|tool_response|arg_key|arg_value)>")


def main(out, *templates):
    texts = [pathlib.Path(path).read_text(encoding="utf-8") for path in templates]
    marks = sorted({mark for text in texts for mark in MARK.findall(text)})
    tags = sorted({tag for text in texts for tag in TAG.findall(text)})

    class Vocabulary(make_tiny_gguf.Vocabulary):
        def __init__(self):
            super().__init__()
            for texts, kind in ((marks, make_tiny_gguf.CONTROL), (tags, make_tiny_gguf.USER_DEFINED)):
                for text in texts:
                    if text not in self.ids:
                        self.add(text, kind)

    make_tiny_gguf.Vocabulary = Vocabulary
    make_tiny_gguf.random_llama(out, context=32768)
    print("\n".join(marks))


main(*sys.argv[1:])
