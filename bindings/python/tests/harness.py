"""What the tests share: models, readers that check what holds for every stream, and programs to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chaku
import pytest

ROOT = Path(__file__).resolve().parents[3]
MODELS = Path(os.environ.get("CHAKU_TEST_MODELS", ROOT / "target/models"))

SCRIPT = "tiny-script.gguf"  # replies SCRIPT_REPLY to every chat, and to raw text that ends in a line feed
SCRIPT_REPLY = "Hello there, I am a test model."
RANDOM = "tiny-random.gguf"  # endless printable nonsense
LONG = "tiny-long.gguf"  # LONG_WORDS for ever
LONG_WORDS = " one two three four five six seven eight"
SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"  # sense, and enough work to be caught in the middle of it

# Longest wait for one event: far beyond what a slow machine needs.
EVENT_SECONDS = 60.0
ASSISTANT = "<|im_start|>assistant\n"


def user(text: str) -> str:
    return f"<|im_start|>user\n{text}<|im_end|>\n"


def path(file: str) -> str:
    return str(MODELS / file)


def load(file: str, **options: Any) -> chaku.Model:
    """On one compute thread: several lose much time when others want the processor too."""
    return chaku.Model.load(path(file), **{"threads": 1, **options})


def count_tokens(model: chaku.Model, text: str, parse_special: bool = True) -> int:
    return len(model.tokenize(text, parse_special=parse_special))


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + EVENT_SECONDS
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.002)


class Hub:
    """A hub on this machine: tests/hub/server.py, which ends with the block."""

    def __init__(self, cache: Path, *arguments: str) -> None:
        self.cache = cache
        server = [sys.executable, str(ROOT / "tests/hub/server.py"), *arguments]
        self._server = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address: str = self.line()["hub"]

    def line(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        line: dict[str, Any] = json.loads(self._server.stdout.readline())
        return line

    def say(self, command: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(command + "\n")
        self._server.stdin.flush()

    def wait_stalled(self) -> None:
        while "stalled" not in self.line():
            pass

    @property
    def options(self) -> dict[str, Any]:
        return {"hub_endpoint": self.address, "cache_dir": str(self.cache), "hub_token": ""}

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()


class fails:
    """The block raises this exception of chaku's, with this reason: `with fails(chaku.NotFound, "file_not_found"):`"""

    def __init__(self, kind: type[chaku.Error], reason: str) -> None:
        self._raises = pytest.raises(kind)
        self._kind, self._reason = kind, reason

    def __enter__(self) -> pytest.ExceptionInfo[Any]:
        self._info = self._raises.__enter__()
        return self._info

    def __exit__(self, *what: Any) -> bool:
        handled = bool(self._raises.__exit__(*what))
        if handled:
            error = self._info.value
            assert type(error) is self._kind
            assert (error.code, error.reason) == (self._kind.code, self._reason), error
            assert error.message
        return handled


class Reading:
    """Reads a request event by event, and checks what holds for every stream."""

    def __init__(self, request: chaku.Request[Any]) -> None:
        self.request = request
        self.text, self.bytes, self.reasoning = "", b"", ""
        self.calls: list[list[str]] = []  # id, tool, arguments
        self.tokens: list[int] = []
        self.progress: list[float] = []
        self.replaced = 0
        self.final: chaku.Event | None = None
        self.error: chaku.Error | None = None

    def event(self) -> chaku.Event | None:
        """The next one; None when the request has failed."""
        assert self.final is None and self.error is None, "nothing follows the end"
        try:
            event = self.request.next(EVENT_SECONDS)
        except chaku.Error as error:
            self.error = error
            return None
        assert event is not None, "no event came"
        {
            "text": self._text,
            "reasoning": self._reasoning,
            "tool_call": self._call,
            "tool_call_arguments": self._arguments,
            "progress": self._progress,
            "final": self._final,
        }[event.kind](event)
        return event

    def until_tokens(self, count: int) -> Reading:
        while len(self.tokens) < count:
            self.event()
            assert self.final is None and self.error is None, self.error
        return self

    def until_progress(self) -> Reading:
        event = self.event()
        assert event is not None and event.kind == "progress", event or self.error
        return self

    def rest(self) -> Reading:
        while self.final is None and self.error is None:
            self.event()
        if self.replaced == 0:
            assert self.text.encode() == self.bytes
        if isinstance(self.request, chaku.Stream):
            assert self.request.text == self.text
            assert self.reply.text == self.text
            assert self.reply.tokens == tuple(self.tokens)
            assert self.reply.reasoning == self.reasoning
            assert self.reply.tool_calls == tuple(chaku.ToolCall(*call) for call in self.calls)
            assert self.error is None or self.error.reply == self.reply
            assert self.usage.cached_tokens <= self.usage.prompt_tokens
            assert self.usage.completion_tokens >= len(self.tokens)
            timings = self.reply.timings
            assert min(timings.queue_ms, timings.prepare_ms, timings.prefill_ms, timings.decode_ms) >= 0
        return self

    def ends(self, finish_reason: str, kind: type[chaku.Error] | None = None, reason: str = "") -> Reading:
        """Checks the end: its finish reason, and the exception it raises."""
        error = self.error
        if error is None and self.final is not None:
            error = self.final.error
            assert self.final.finish_reason == finish_reason
        assert (type(error), error.reason if error else "") == (kind or type(None), reason), error
        if isinstance(self.request, chaku.Stream):
            assert self.reply.finish_reason == finish_reason
        return self

    def cancelled(self) -> Reading:
        # Iteration ends without an exception; the outcome is one.
        assert self.error is None
        with fails(chaku.Cancelled, "cancelled"):
            self.request.result(EVENT_SECONDS)
        return self.ends("cancelled", chaku.Cancelled, "cancelled")

    def late(self) -> Reading:
        return self.ends("deadline", chaku.DeadlineExceeded, "deadline")

    @property
    def reply(self) -> chaku.Reply:
        assert isinstance(self.request, chaku.Stream)
        assert self.request.reply is not None
        return self.request.reply

    @property
    def usage(self) -> chaku.Usage:
        return self.reply.usage

    def _text(self, event: chaku.Event) -> None:
        assert event.finish_reason is None and event.error is None and event.usage is None and event.timings is None
        self.text += event.text
        self.bytes += event.bytes
        self._token(event)
        self.replaced += event.replaced

    def _reasoning(self, event: chaku.Event) -> None:
        assert event.reasoning and (event.text, event.tool_call_index) == ("", None)
        self.reasoning += event.reasoning
        self._token(event)

    def _token(self, event: chaku.Event) -> None:
        if event.token is not None:
            self.tokens.append(event.token)

    def _call(self, event: chaku.Event) -> None:
        assert event.tool_call_index == len(self.calls) and (event.text, event.arguments) == ("", "")
        assert event.tool_call_id and event.tool_call_name
        self.calls.append([event.tool_call_id, event.tool_call_name, ""])

    def _arguments(self, event: chaku.Event) -> None:
        assert event.tool_call_index is not None and (event.text, event.tool_call_name) == ("", None)
        self.calls[event.tool_call_index][2] += event.arguments

    def _progress(self, event: chaku.Event) -> None:
        assert not self.tokens, "progress comes before the first text"
        assert 0 <= event.progress <= 1 and event.progress >= max(self.progress, default=0)
        assert (event.text, event.bytes, event.token) == ("", b"", None)
        self.progress.append(event.progress)

    def _final(self, event: chaku.Event) -> None:
        assert event.finish_reason is not None and event.usage is not None and event.timings is not None
        assert (event.progress, event.text, event.token) == (1, "", None)
        self.final = event


def read(request: chaku.Request[Any]) -> Reading:
    return Reading(request).rest()


def chat(session: chaku.Session, text: Any, **options: Any) -> Reading:
    return read(session.stream(text, **options))


def generate(session: chaku.Session, text: str, **options: Any) -> Reading:
    return read(session.generate(text, **options))


def busy(**options: Any) -> tuple[chaku.Model, chaku.Stream]:
    """A model whose engine computes an answer nobody waits for: whatever else it is asked has to queue."""
    model = load(LONG, **{"ctx_size": 131072, "max_running": 1, **options})
    stream = model.session().stream("Count.", event_queue=1 << 20)
    Reading(stream).until_tokens(1)
    return model, stream


def program(source: str, *, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A Python program in a process of its own, with `import chaku` and the names of this module at hand."""
    head = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom harness import *\nimport chaku\n"
    return subprocess.Popen(
        [sys.executable, "-I", "-B", "-X", "faulthandler", "-c", head + textwrap.dedent(source)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def run_program(source: str, *, code: int = 0, environment: dict[str, str] | None = None) -> str:
    """Runs it; it must end with this code and write nothing to stderr. Returns its output."""
    child = program(source, environment=environment)
    try:
        output, complaints = child.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    assert (child.returncode, complaints) == (code, ""), (child.returncode, complaints, output)
    return output


def threads() -> list[str]:
    """The names of this process's threads (Linux), without those that end a load."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return sorted(name for name in names if name != "chaku-load")
