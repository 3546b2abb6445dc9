"""From keyword arguments to options."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence


JSON_KEYS = ("json_schema", "tools", "chat_template_kwargs")
"""Options that are JSON: a dict or list will do as well as its text."""


def json_text(value: object) -> object:
    """A dict or list as JSON."""
    if isinstance(value, Mapping):
        return json.dumps({**value}, ensure_ascii=False)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return json.dumps(list(value), ensure_ascii=False)
    return value


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
