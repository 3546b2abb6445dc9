"""Runtimes, and what this build is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, get_args

from . import _chaku
from ._types import Device, LogLevel, LogLine, OptionInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import ModelOptions, RuntimeOptions
    from ._reports import Metrics, Plan

_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)


class Runtime:
    """The owner of models, of their limits and of the log. Most programs need none: there is a default one.

    Options of models, sessions and requests become the defaults of all of this runtime.
    """

    def __init__(self, *, log_level: LogLevel | None = None, **options: Unpack[RuntimeOptions]) -> None:
        self._native = _chaku.Runtime({**options})
        if log_level is not None:
            self.set_log_level(log_level)

    def set_log_level(self, level: LogLevel | None) -> None:
        """Keeps the log, up to this level, of models loaded from now on; None = none of it."""
        if level is not None and level not in _LEVELS:
            raise ValueError(f"a log level is one of {', '.join(_LEVELS)}, not {level!r}")
        self._native.set_log(0 if level is None else 1 + _LEVELS.index(level))

    def drain_log(self) -> list[LogLine]:
        """The lines since the last call.

        The log waits to be fetched, because it is written on threads that never enter the interpreter. Of 4096 lines
        and more the oldest are dropped; then the first line says how many.
        """
        rows, dropped = self._native.drain_log()
        lines = [LogLine(time, _LEVELS[level - 1], target, message) for time, level, target, message in rows]
        if dropped:
            lines.insert(
                0, LogLine(lines[0].time, "warn", "chaku::python", f"{dropped} lines before this were dropped")
            )
        return lines

    def metrics(self) -> Metrics:
        """The numbers of all its models together. What models did that are gone stays counted."""
        return _metrics(self._native)

    def plan(self, path: str | os.PathLike[str], **options: Unpack[ModelOptions]) -> Plan:
        """What memory a model would take, loaded with these options, and whether this runtime's budget is enough.

        The file is read up to its weights, and nothing is loaded.
        """
        return _plan(self._native, path, options)


def metrics() -> Metrics:
    """`Runtime.metrics` of the default runtime."""
    return _metrics(None)


def plan(path: str | os.PathLike[str], **options: Unpack[ModelOptions]) -> Plan:
    """`Runtime.plan` of the default runtime."""
    return _plan(None, path, options)


def _metrics(runtime: _chaku.Runtime | None) -> Metrics:
    metrics: Metrics = json.loads(_chaku.metrics(runtime))
    return metrics


def _plan(runtime: _chaku.Runtime | None, path: str | os.PathLike[str], options: ModelOptions) -> Plan:
    plan: Plan = json.loads(_chaku.plan(runtime, os.fspath(path), {**options}))
    return plan


def build_info() -> str:
    """Versions and build settings, for bug reports."""
    return _chaku.build_info()


def backends() -> list[str]:
    """The names of the backends that are compiled in."""
    return _chaku.backends()


def devices() -> list[Device]:
    """The devices of this machine. None when it cannot run this build, which a load then explains."""
    return [Device(*row) for row in _chaku.devices()]


def options() -> list[OptionInfo]:
    """All options there are."""
    return [
        OptionInfo(key, type, scope, unit, doc, default, min, max, tuple(choices), soft, tuple(aliases))
        for key, type, scope, unit, doc, (default, min, max), choices, soft, aliases in _chaku.options()
    ]
