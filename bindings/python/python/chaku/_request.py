"""Requests: work under way, of whatever kind."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from . import _chaku
from ._asyncio import Reader
from ._errors import Error, OutOfRange

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._reports import Timeline

T = TypeVar("T")


class Request(Generic[T]):
    """Work under way. Read its events with `for` or `async for`, or wait for its outcome with `result()` or `await`.

    Each event is read once: a second loop goes on where the first one stopped. A request that nobody refers to any more
    is cancelled; one used as a context manager is cancelled, and has ended, at the end of the block. Any thread may
    use it.
    """

    def __init__(self, native: _chaku.Request) -> None:
        self._native = native
        self._reader: Reader | None = None

    # ---- Reading

    def __iter__(self) -> Iterator[_chaku.Event]:
        """Every event, up to the final one.

        A request that failed raises its exception in place of the final event. One that was cancelled on purpose, by
        `cancel()` or `close()`, does not: its final event says so.
        """
        while (event := self._native.next(None)) is not None:
            self._check(event)
            yield event

    @overload
    def next(self, timeout: None = None) -> _chaku.Event: ...
    @overload
    def next(self, timeout: float | None) -> _chaku.Event | None: ...
    def next(self, timeout: float | None = None) -> _chaku.Event | None:
        """The next event; None if there is none within so many seconds. After the final event: OutOfRange."""
        event = self._native.next(timeout)
        if event is not None:
            self._check(event)
        elif self._native.end is not None:
            raise OutOfRange("the final event was read already", "finished")
        return event

    def result(self, timeout: float | None = None) -> T:
        """Reads all events and returns the outcome.

        Raises the request's exception if it failed, Cancelled if it was cancelled, and TimeoutError if it takes longer
        than `timeout` seconds: then it goes on, and may be asked again.
        """
        if not self._native.run(timeout):
            raise TimeoutError(f"the request has not ended within {timeout} seconds; it goes on")
        return self._outcome()

    # ---- Reading in an event loop

    def __aiter__(self) -> Self:
        """As `__iter__`. A task that is cancelled while it waits here, or in `await`, cancels the request."""
        return self

    async def __anext__(self) -> _chaku.Event:
        while (event := self._native.next(0)) is None:
            if self._native.end is not None:
                raise StopAsyncIteration
            await self._ready()
        self._check(event)
        return event

    def __await__(self) -> Generator[Any, None, T]:
        """As `result()`."""
        yield from self._end().__await__()
        return self._outcome()

    async def _end(self) -> None:
        while not self._native.run(0):
            await self._ready()

    async def _ready(self) -> None:
        """Waits until there may be something to read."""
        loop = asyncio.get_running_loop()
        if self._reader is None or self._reader.loop is not loop:
            self._reader = Reader(self._native, loop)
        try:
            await self._reader.wait()
        except BaseException:  # the task is cancelled, or is thrown away
            self.cancel()
            raise

    # ---- Watching

    @property
    def queue_position(self) -> int | None:
        """How many waiting requests go before this one: 0 = it is the next to start; None = it does not wait.

        It may grow when a more urgent request arrives.
        """
        return self._native.queue_position

    def timeline(self) -> Timeline:
        """When it got how far."""
        timeline: Timeline = json.loads(self._native.timeline())
        return timeline

    # ---- Ending

    @property
    def finished(self) -> bool:
        """Whether it has ended: the final event exists, read or not."""
        return self._native.finished

    def cancel(self) -> None:
        """Cancels, whatever the request is doing, and returns at once. The final event follows promptly."""
        self._native.cancel()

    def close(self, timeout: float | None = None) -> None:
        """Cancels and waits for the end. DeadlineExceeded if it takes longer than `timeout` seconds."""
        self._native.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        await self._end()

    def __del__(self) -> None:
        if not (self._native.touched or self._native.cancelled):
            warnings.warn(f"{self!r} is cancelled: nobody waited for it", ResourceWarning, stacklevel=2, source=self)

    # ---- What kinds of requests differ in

    def _outcome(self) -> T:
        """What it came to. All events were read."""
        raise NotImplementedError

    def _failure(self, event: _chaku.Event) -> Error | None:
        """Why it failed, if this is the final event of one that did."""
        return event.error

    def _check(self, event: _chaku.Event) -> None:
        if event.kind == "final" and (error := self._failure(event)) is not None and error.reason != "cancelled":
            raise error
