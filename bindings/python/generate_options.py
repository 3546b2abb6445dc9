#!/usr/bin/env python3
"""Prints the types of options, python/chaku/_options.py, from the table of the installed chaku:

python generate_options.py > python/chaku/_options.py
"""

from __future__ import annotations

import textwrap

from chaku import _chaku
from chaku._keywords import JSON_KEYS

HEAD = '''"""The options, as types. Generated from the table by generate_options.py. Do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

# None is the same as leaving an option out: it keeps its default.
'''
# An option may also be given to an object above its own, as a default for all below.
CLASSES = (
    ("request", "RequestOptions", "TypedDict", "Options of a request."),
    ("session", "SessionOptions", "RequestOptions", "Options of a session, and defaults for its requests."),
    ("model", "ModelOptions", "SessionOptions", "Options of a model, and defaults for its sessions and requests."),
    ("runtime", "RuntimeOptions", "ModelOptions", "Options of a runtime, and defaults for all below."),
)


def field(row: tuple[object, ...]) -> str:
    key, type_, _, unit, doc, (default, least, most), choices, soft, _ = row
    if key in JSON_KEYS:
        type_ = "str | dict[str, Any] | list[Any]" + " | type[Any]" * (key == "json_schema")
    elif choices:
        type_ = "Literal[" + ", ".join(f'"{choice}"' for choice in choices) + "]"
    elif key == "logit_bias":
        type_ = "str | Sequence[str] | Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float]"
    elif type_ == "list[str]":
        type_ = "str | Sequence[str]"
    if type_ == "bool":
        default = {"0": "False", "1": "True"}.get(str(default))
    range_ = f"{least} to {most} {unit}".rstrip() + ", else clamped" * bool(soft) if least is not None else ""
    facts = [range_, f"default {default}" if default else ""]
    facts = ", ".join(fact for fact in facts if fact)
    text = textwrap.fill(f'"""{doc}' + (f" ({facts})" if facts else "") + '"""', 116)
    return textwrap.indent(f"{key}: {type_} | None\n{text}", "    ")


def generate() -> str:
    rows = _chaku.options()
    text = HEAD
    for scope, name, base, doc in CLASSES:
        fields = "\n".join(field(row) for row in rows if row[2] == scope)
        text += f'\n\nclass {name}({base}, total=False):\n    """{doc}"""\n\n{fields}\n'
    return text


if __name__ == "__main__":
    print(generate(), end="")
