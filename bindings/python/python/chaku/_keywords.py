"""From keyword arguments to options."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from ._schema import schema

JSON_KEYS = ("json_schema", "tools", "chat_template_kwargs")
"""Options that are JSON: a dict or list will do as well as its text, a pydantic model or a dataclass as its schema."""


def json_text(value: object) -> object:
    """A dict or list as JSON, and the schema of a class; other values as they are."""
    if isinstance(value, type):
        value = schema(value, value.__name__)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def keywords(options: Mapping[str, object], deadline: float | None) -> dict[str, object]:
    """The options, and the deadline among them."""
    options = {key: json_text(value) if key in JSON_KEYS else value for key, value in options.items()}
    if deadline is None:
        return options
    if options.get("deadline_ms") is not None:
        raise TypeError("deadline and deadline_ms are one thing in two units: give one of them")
    if math.isnan(deadline):
        raise ValueError("a deadline must be a number")
    # 0 would mean none. What is due already, as a computed rest of time may be, expires at once.
    due = 0 if deadline == math.inf else max(1, math.ceil(deadline * 1000))
    return {**options, "deadline_ms": due}
