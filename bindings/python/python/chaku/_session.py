"""Sessions: conversations with a model."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from . import _chaku
from ._errors import InvalidArgument
from ._keywords import keywords
from ._messages import Message, to_json
from ._request import Request
from ._tools import run_tools
from ._types import Reply

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self, Unpack

    from ._errors import Error
    from ._options import RequestOptions, SessionOptions

T = TypeVar("T")


class Stream(Request[Reply]):
    """An answer in the making: a request whose outcome is a Reply."""

    @property
    def text(self) -> str:
        """All text that was read so far."""
        return self._native.text

    def resume(self, logits: Buffer | Sequence[float] | None = None) -> None:
        """Lets a request with `pause_for_logits` go on after a "logits" event: a token is chosen from `logits`.

        One float for each token of the vocabulary, -inf for one that must not come; None = those of the event. Where
        nobody looks at the events, in `result()` and `await`, the request goes on by itself.
        """
        if logits is None:
            return self._native.resume(b"")
        floats = memoryview(array("f", logits)) if isinstance(logits, Sequence) else memoryview(logits)
        if floats.format != "f":
            floats = memoryview(array("f", floats.tolist()))
        if floats.nbytes == 0:
            raise InvalidArgument("the logits are empty; give one for each token, or None", "invalid_argument")
        self._native.resume(floats.tobytes())

    @property
    def reply(self) -> Reply | None:
        """The reply, even of a request that failed or was cancelled; None until the final event was read."""
        return self._native.reply

    def _outcome(self) -> Reply:
        reply, end = self._native.reply, self._native.end
        assert reply is not None and end is not None, "all events were read"
        if (error := self._failure(end)) is not None:
            raise error
        return reply

    def _failure(self, event: _chaku.Event) -> Error | None:
        error = event.error
        if error is not None:
            error.reply = self.reply
        return error


class Save(Request[T]):
    """A session that is being saved: a request whose outcome is its bytes, or None when it goes to a file."""

    def __init__(self, native: _chaku.Request, result: Callable[[_chaku.Request], T]) -> None:
        super().__init__(native)
        self._result = result

    def _outcome(self) -> T:
        end = self._native.end
        assert end is not None, "all events were read"
        if (error := self._failure(end)) is not None:
            raise error
        return self._result(self._native)


class Session:
    """A conversation, or a raw text that grows. `Model.session` makes one, and so do `fork` and `Model.restore`.

    It runs one request at a time; what was computed is kept for the next. A further request is refused with
    FailedPrecondition `concurrent_use`, unless the former was cancelled: then its end, which is near, is waited for.
    Any thread may use it.

    Every method that starts a request takes a `deadline` in seconds from the call, and options by name.
    """

    def __init__(self, native: _chaku.Session) -> None:
        self._native = native

    def chat(
        self, text: str | Iterable[Message], *, deadline: float | None = None, **options: Unpack[RequestOptions]
    ) -> Reply:
        """Says something as the user and waits for the whole answer.

        Instead of a text there may be messages, such as results of tools: {"role": "tool", "tool_call_id": ...,
        "content": ...}. The last one is a user's or a tool's; or, with
        `continue_final_message`, the assistant's, which the model then goes on with.
        """
        with self.stream(text, deadline=deadline, **options) as stream:
            return stream.result()

    def stream(
        self, text: str | Iterable[Message], *, deadline: float | None = None, **options: Unpack[RequestOptions]
    ) -> Stream:
        """Says something as the user, or several messages, in the form of the chat template, and starts the answer."""
        if isinstance(text, str):
            return Stream(self._native.chat(text, keywords(options, deadline)))
        return Stream(self._native.chat_messages(to_json(text), keywords(options, deadline)))

    def run_tools(
        self,
        text: str | Iterable[Message],
        functions: Iterable[Callable[..., object]],
        *,
        max_rounds: int = 8,
        deadline: float | None = None,
        **options: Unpack[RequestOptions],
    ) -> Reply:
        """As `chat`, and calls the functions that the model wants called, until it answers without.

        What the model is told of a function comes from its name, its docstring and the types of its parameters:
        str, int, float, bool, list, dict, Literal, None in a union, and Annotated with a text that describes one. What it
        returns goes back to the model, as JSON unless it is a str; so does the text of an exception. After
        `max_rounds` answers with calls the last one is returned, its calls not made. `tool_choice` is for the first
        answer; the deadline is for all of it.
        """
        return run_tools(self, text, list(functions), max_rounds, deadline, dict(options))

    def generate(self, text: str, *, deadline: float | None = None, **options: Unpack[RequestOptions]) -> Stream:
        """Appends raw text, without any template, and starts to generate after it."""
        return Stream(self._native.generate(text, keywords(options, deadline)))

    def ingest(
        self,
        text: str,
        role: Literal["user", "assistant", "system", "tool"] | None = None,
        *,
        deadline: float | None = None,
        **options: Unpack[RequestOptions],
    ) -> Stream:
        """Computes text ahead, a message with a role or raw text without: a later answer then starts sooner.

        Like every request it has to be waited for: `session.ingest(text).result()`, or `await session.ingest(text)`.
        """
        return Stream(self._native.ingest(role, text, keywords(options, deadline)))

    def continue_answer(self, *, deadline: float | None = None, **options: Unpack[RequestOptions]) -> Stream:
        """Goes on where the last answer ended: after max_tokens, a cancel or a deadline."""
        return Stream(self._native.continue_answer(keywords(options, deadline)))

    @overload
    def save(self, path: None = None, *, deadline: float | None = None) -> bytes: ...
    @overload
    def save(self, path: str | os.PathLike[str], *, deadline: float | None = None) -> None: ...
    def save(self, path: str | os.PathLike[str] | None = None, *, deadline: float | None = None) -> bytes | None:
        """Saves the session to a file, or without a path to the bytes it returns, for `Model.restore`; waits for it.

        What was computed is saved with it. A file appears under its name when it is complete, in the place of one that
        is there, and only the user may read it.
        """
        with self._save(path, deadline) as save:
            return save.result()

    @overload
    def save_async(self, path: None = None, *, deadline: float | None = None) -> Save[bytes]: ...
    @overload
    def save_async(self, path: str | os.PathLike[str], *, deadline: float | None = None) -> Save[None]: ...
    def save_async(
        self, path: str | os.PathLike[str] | None = None, *, deadline: float | None = None
    ) -> Save[bytes] | Save[None]:
        """Starts to save and returns at once. `await` the Save, or its `result()`, for what `save` returns."""
        return self._save(path, deadline)

    def _save(self, path: str | os.PathLike[str] | None, deadline: float | None) -> Save[bytes] | Save[None]:
        options = keywords({}, deadline)
        if path is None:
            return Save(self._native.save(None, options), _chaku.Request.buffer)
        return Save(self._native.save(os.fspath(path), options), lambda _: None)

    def fork(self, **options: Unpack[SessionOptions]) -> Session:
        """A session that goes on from here by itself; what both have in common is computed and kept once.

        While a request runs it begins as this one was before that. It has the options of this one, but for those given.
        """
        return Session(self._native.fork(keywords(options, None)))

    def rewind(self, length: int) -> None:
        """Keeps the first messages of the conversation, or tokens of the raw text, and forgets the rest.

        What is kept need not be computed again. The system prompt stays, and does not count.
        """
        self._native.rewind(length)

    @property
    def context_used(self) -> int:
        """Tokens of the context window in use."""
        return self._native.context_used

    @property
    def message_count(self) -> int:
        """Messages in the conversation, the system prompt not counted."""
        return self._native.message_count

    def reset(self) -> None:
        """Forgets the conversation, but not the system prompt."""
        self._native.reset()

    def cancel(self) -> None:
        """Cancels the request under way, if any, and returns at once."""
        self._native.cancel()

    def close(self, timeout: float | None = None) -> None:
        """Cancels the request under way, waits for its end, and refuses new ones with `closed`."""
        self._native.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
