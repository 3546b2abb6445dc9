"""From keyword arguments to options."""

from __future__ import annotations

import math
from collections.abc import Mapping


def keywords(options: Mapping[str, object], deadline: float | None) -> dict[str, object]:
    """The options, and the deadline among them."""
    if deadline is None:
        return dict(options)
    if options.get("deadline_ms") is not None:
        raise TypeError("deadline and deadline_ms are one thing in two units: give one of them")
    if math.isnan(deadline):
        raise ValueError("a deadline must be a number")
    # 0 would mean none. What is due already, as a computed rest of time may be, expires at once.
    due = 0 if deadline == math.inf else max(1, math.ceil(deadline * 1000))
    return {**options, "deadline_ms": due}
