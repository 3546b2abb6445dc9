"""Waiting for requests in event loops, without a thread and without polling.

Each loop watches one socket. When a request has something to read, chaku's own thread writes the request's token there;
it never enters the interpreter, which may be ending at that moment.
"""

from __future__ import annotations

import asyncio
import itertools
from weakref import WeakKeyDictionary

from . import _chaku

# Where a loop or a system watches no file descriptors (Windows' proactor), requests are looked after this often.
_POLL_SECONDS = 0.01

_tokens = itertools.count()


class _Waker:
    """What wakes the requests that are waited for in one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.wake = _chaku.Wake()
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}
        loop.add_reader(self.wake.fileno(), self._on_readable)

    def _on_readable(self) -> None:
        for token in self.wake.drain():
            for future in self._waiting.get(token, ()):
                if not future.done():
                    future.set_result(None)

    async def wait(self, token: int) -> None:
        # A token that comes from now on is seen, because this very thread drains them.
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        futures = self._waiting.setdefault(token, set())
        futures.add(future)
        try:
            await future
        finally:
            futures.discard(future)
            if not futures:
                self._waiting.pop(token, None)


# None = the loop cannot be woken.
_wakers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waker | None] = WeakKeyDictionary()


def _waker_of(loop: asyncio.AbstractEventLoop) -> _Waker | None:
    if loop not in _wakers:
        for reference in _wakers.keyrefs():
            if (other := reference()) is not None and other.is_closed():
                _wakers.pop(other, None)
        try:
            _wakers[loop] = _Waker(loop)
        except NotImplementedError:
            _wakers[loop] = None
    return _wakers[loop]


class Reader:
    """Waits in one loop for one request."""

    def __init__(self, request: _chaku.Request, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._token = next(_tokens)
        self._waker = _waker_of(loop)
        if self._waker is not None:
            request.on_ready(self._waker.wake, self._token)

    async def wait(self) -> None:
        """Waits until the request may have something to read, after it had nothing."""
        if self._waker is None:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            await self._waker.wait(self._token)
