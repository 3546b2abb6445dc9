"""The values that chaku's objects give."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ._schema import read

T = TypeVar("T")

EventKind = Literal[
    "progress", "prompt", "text", "reasoning", "tool_call", "tool_call_arguments", "logits", "final"
]
Phase = Literal["load", "prefill", "download"]
FinishReason = Literal["stop", "length", "tool_calls", "cancelled", "deadline", "error"]
LogLevel = Literal["error", "warn", "info", "debug", "trace"]


@dataclass(frozen=True)
class Usage:
    """Tokens a request used."""

    prompt_tokens: int
    """Of the whole prompt."""
    cached_tokens: int
    """Of the prompt, computed before, for nothing."""
    completion_tokens: int
    """Generated, those of a stop text included."""
    context_used: int
    """Of the context window, when the request ended."""


@dataclass(frozen=True)
class Timings:
    """Where a request's time went, in milliseconds."""

    queue_ms: float
    """Waiting for the engine."""
    prepare_ms: float
    """Template and tokenizer."""
    prefill_ms: float
    """From the start of compute to the first token."""
    decode_ms: float
    """From the first token to the last."""
    total_ms: float
    """From the call to the end."""


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool by the model."""

    id: str
    """What its result has to name it by."""
    name: str
    """The tool."""
    arguments: str
    """Its arguments, as JSON; cut short if the answer was."""

    def parsed(self) -> dict[str, Any]:
        """The arguments. ValueError if they were cut short."""
        arguments: dict[str, Any] = json.loads(self.arguments)
        return arguments


@dataclass(frozen=True)
class TopLogprob:
    """A token that could have been chosen, and how likely it was."""

    token: int
    logprob: float
    """Natural logarithm of its probability."""
    bytes: bytes
    """What it would add to the answer: perhaps a part of a character, and nothing for a control token."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token of an answer, and how likely it was."""

    token: int
    logprob: float
    """Natural logarithm of its probability."""
    bytes: bytes
    top_logprobs: tuple[TopLogprob, ...]
    """The likeliest tokens in its place, the likeliest first: as many as `logprobs` asked for."""


@dataclass(frozen=True)
class PromptLogprob:
    """A token of a prompt, and how likely it was."""

    token: int
    logprob: float | None
    """Natural logarithm of its probability; None for the first one, before which nothing comes."""
    bytes: bytes
    top_logprobs: tuple[TopLogprob, ...]
    """The likeliest tokens in its place, the likeliest first: as many as `prompt_logprobs` asked for."""


@dataclass(frozen=True)
class Reply:
    """What a request came to. `str(reply)` is its text."""

    text: str
    """All text: whole characters."""
    tokens: tuple[int, ...]
    """The tokens of the answer, reasoning and calls included."""
    finish_reason: FinishReason
    """Why it ended: "stop" when the answer is complete, "tool_calls" when the model calls tools, "length" at a limit."""
    usage: Usage
    timings: Timings
    reasoning: str = ""
    """What the model thought before it answered."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What the model calls. Say what came of it with `Session.chat([{"role": "tool", ...}])`, or use `run_tools`."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """How likely each of the tokens was; empty unless the option `logprobs` asked for it."""
    prompt_logprobs: tuple[PromptLogprob, ...] = ()
    """How likely the tokens of the prompt were; empty unless the option `prompt_logprobs` asked for it."""

    def parse(self, cls: type[T]) -> T:
        """The text as an object of a pydantic model or a dataclass, the one that was given as `json_schema`.

        ValueError if the answer was cut short, or is no such object.
        """
        return read(cls, self.text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Device:
    """Something that computes."""

    name: str
    """Short name, for instance "CPU"."""
    description: str
    """The maker's name."""
    backend: str
    """The backend that drives it."""
    kind: Literal["cpu", "gpu", "integrated_gpu", "accelerator"]
    memory_total: int
    """In bytes; -1 = not known."""
    memory_free: int
    """In bytes, when asked; -1 = not known."""


@dataclass(frozen=True)
class OptionInfo:
    """A row of the table of options."""

    key: str
    type: Literal["int", "float", "bool", "str", "list[str]"]
    scope: Literal["runtime", "model", "session", "request"]
    """The object it belongs to. Given to an object above, it is the default of all below."""
    unit: str
    """For instance "ms"; empty when it has none."""
    doc: str
    default: str | None
    """As text; None without a fixed one."""
    min: str | None
    max: str | None
    choices: tuple[str, ...]
    """The values it may have; empty when it takes any."""
    soft: bool
    """A value outside the range is taken as the nearest one inside, and a warning logged; else it is refused."""
    aliases: tuple[str, ...]
    """What llama.app calls it: flags and environment variables."""


@dataclass(frozen=True)
class LogLine:
    """A line of a runtime's log."""

    time: float
    """When, in seconds since 1970."""
    level: LogLevel
    target: str
    """The part of chaku that speaks, for instance "chaku::engine"."""
    message: str
