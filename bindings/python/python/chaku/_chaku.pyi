# The native half; see src/lib.rs.

from collections.abc import Mapping, Sequence
from typing import Literal, final

from ._errors import Error
from ._types import EventKind, FinishReason, Phase, Reply, Timings, TopLogprob, Usage

__all__ = [
    "Event",
    "Model",
    "Request",
    "Runtime",
    "Session",
    "Wake",
    "backends",
    "build_info",
    "devices",
    "download",
    "metrics",
    "options",
    "plan",
    "version",
]

@final
class Event:
    """What a request tells its reader: progress, text, reasoning, calls of tools, or its end."""

    @property
    def kind(self) -> EventKind:
        """What happened: "progress", "prompt", "text", "reasoning", "tool_call", "tool_call_arguments", "logits" or "final".

        Ignore kinds you do not know.
        """
    @property
    def text(self) -> str:
        """The text of a text event: whole characters. Empty for other events."""
    @property
    def reasoning(self) -> str:
        """The text of a reasoning event: what the model thinks before it answers. Empty for other events."""
    @property
    def prompt(self) -> str:
        """The text of a prompt event, under `prompt_logprobs`: a token of the prompt. Empty for other events."""
    @property
    def logits(self) -> memoryview[float]:
        """The logits of a logits event, a float for each token of the vocabulary. Empty for other events."""
    @property
    def position(self) -> int | None:
        """Tokens before the one that a logits event is about; None for other events."""
    @property
    def arguments(self) -> str:
        """A piece of a call's arguments: all pieces of one call together are JSON. Empty for other events."""
    @property
    def tool_call_index(self) -> int | None:
        """Which call of the answer the event is about, from 0 on."""
    @property
    def tool_call_id(self) -> str | None:
        """What the result of a call that begins has to name it by."""
    @property
    def tool_call_name(self) -> str | None:
        """The tool of a call that begins."""
    @property
    def token(self) -> int | None:
        """The token of a text, reasoning or prompt event."""
    @property
    def bytes(self) -> bytes:
        """The bytes of a text event's token, perhaps a part of a character. Empty for other events."""
    @property
    def replaced(self) -> bool:
        """Whether the text ends in a character that never became whole, shown as U+FFFD."""
    @property
    def logprob(self) -> float | None:
        """Natural logarithm of the probability of a text or prompt event's token, if the request asked for it."""
    @property
    def top_logprobs(self) -> tuple[TopLogprob, ...]:
        """The likeliest tokens in its place, the likeliest first."""
    @property
    def phase(self) -> Phase | None:
        """What a progress event is about: "load", "prefill" or "download"; None for other events."""
    @property
    def progress_done(self) -> int:
        """How much of it is done: tokens, bytes, or thousandths of a load."""
    @property
    def progress_total(self) -> int:
        """How much there is in all; 0 = that is not known."""
    @property
    def progress(self) -> float:
        """How far the work is, from 0 to 1; -1 = that is not known."""
    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the request ended; None before the final event."""
    @property
    def usage(self) -> Usage | None:
        """The tokens the request used; None before the final event."""
    @property
    def timings(self) -> Timings | None:
        """Where the time went; None before the final event."""
    @property
    def error(self) -> Error | None:
        """Why the request failed, if this is the final event of one that did."""

@final
class Request:
    def next(self, timeout: float | None) -> Event | None: ...
    def run(self, timeout: float | None) -> bool: ...
    def resume(self, logits: bytes) -> None: ...
    def cancel(self) -> None: ...
    def close(self, timeout: float | None = None) -> None: ...
    def on_ready(self, wake: Wake, token: int) -> None: ...
    def timeline(self) -> str: ...
    def buffer(self) -> bytes: ...
    def paths(self) -> list[str]: ...
    @property
    def queue_position(self) -> int | None: ...
    @property
    def touched(self) -> bool: ...
    @property
    def cancelled(self) -> bool: ...
    @property
    def finished(self) -> bool: ...
    @property
    def end(self) -> Event | None: ...
    @property
    def text(self) -> str: ...
    @property
    def reply(self) -> Reply | None: ...

@final
class Wake:
    def __new__(cls) -> Wake: ...
    def fileno(self) -> int: ...
    def drain(self) -> list[int]: ...

@final
class Runtime:
    def __new__(cls, keywords: Mapping[str, object]) -> Runtime: ...
    def set_log(self, level: int) -> None: ...
    def drain_log(self) -> tuple[list[tuple[float, int, str, str]], int]: ...

@final
class Model:
    def __new__(cls, load: Request) -> Model: ...
    @staticmethod
    def load(path: str, runtime: Runtime | None, keywords: Mapping[str, object]) -> Request: ...
    def chat(self, messages: str, keywords: Mapping[str, object]) -> Request: ...
    def restore(self, path: str, keywords: Mapping[str, object]) -> Session: ...
    def restore_bytes(self, data: bytes, keywords: Mapping[str, object]) -> Session: ...
    def metrics(self) -> str: ...
    def texts(self) -> tuple[dict[str, str], str, str | None]: ...
    def sizes(self) -> tuple[int, int, int, int, int]: ...
    def special_tokens(self) -> tuple[int | None, int | None, int | None, int | None]: ...
    def is_end_token(self, token: int) -> bool: ...
    def tokenize(self, value: str, add_special: bool, parse_special: bool) -> list[int]: ...
    def detokenize(self, tokens: Sequence[int], special: bool) -> bytes: ...
    def close(self, timeout: float | None) -> None: ...

@final
class Session:
    def __new__(cls, model: Model, keywords: Mapping[str, object]) -> Session: ...
    def chat(self, value: str, keywords: Mapping[str, object]) -> Request: ...
    def chat_messages(self, messages: str, keywords: Mapping[str, object]) -> Request: ...
    def generate(self, value: str, keywords: Mapping[str, object]) -> Request: ...
    def ingest(self, role: str | None, value: str, keywords: Mapping[str, object]) -> Request: ...
    def continue_answer(self, keywords: Mapping[str, object]) -> Request: ...
    def fork(self, keywords: Mapping[str, object]) -> Session: ...
    def rewind(self, length: int) -> None: ...
    def save(self, path: str | None, keywords: Mapping[str, object]) -> Request: ...
    def reset(self) -> None: ...
    def cancel(self) -> None: ...
    def close(self, timeout: float | None) -> None: ...
    @property
    def context_used(self) -> int: ...
    @property
    def message_count(self) -> int: ...

_DeviceKind = Literal["cpu", "gpu", "integrated_gpu", "accelerator"]
_OptionType = Literal["int", "float", "bool", "str", "list[str]"]
_OptionScope = Literal["runtime", "model", "session", "request"]

def version() -> str: ...
def build_info() -> str: ...
def backends() -> list[str]: ...
def devices() -> list[tuple[str, str, str, _DeviceKind, int, int]]: ...
def download(spec: str, runtime: Runtime | None, keywords: Mapping[str, object]) -> Request: ...
def metrics(runtime: Runtime | None) -> str: ...
def plan(runtime: Runtime | None, path: str, keywords: Mapping[str, object]) -> str: ...
def options() -> list[
    tuple[
        str,
        _OptionType,
        _OptionScope,
        str,
        str,
        tuple[str | None, str | None, str | None],
        list[str],
        bool,
        list[str],
    ]
]: ...
