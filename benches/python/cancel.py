#!/usr/bin/env python3
"""How long a cancelled request takes to its final event, at a random moment of its decode: `cancel.py MODEL COUNT [sync|async]`. As cancel.cpp.

Prints milliseconds, one a line. `sync` cancels between two reads; `async` cancels the task that reads, and times until it has ended and
the request has too.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time

import chaku

PROMPT = "Tell me everything you know about wool."
# Cancelled up to so many seconds after the first token.
WINDOW = 0.5


def begun(session: chaku.Session) -> chaku.Stream:
    """An answer whose first token has come."""
    session.reset()
    stream = session.stream(PROMPT, max_tokens=1000, ignore_eos=True)
    while stream.next().kind != "text":
        pass
    return stream


def cancel(session: chaku.Session, wait: float) -> float:
    stream = begun(session)
    until = time.perf_counter() + wait
    while (left := until - time.perf_counter()) > 0:
        stream.next(left)  # a reader that stopped reading would pause the request
    began = time.perf_counter()
    stream.cancel()
    last = [event.finish_reason for event in stream][-1]
    took = time.perf_counter() - began
    assert last == "cancelled", last
    return took


async def cancel_task(session: chaku.Session, wait: float) -> float:
    stream = begun(session)
    task = asyncio.ensure_future(stream)
    await asyncio.sleep(wait)
    began = time.perf_counter()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with contextlib.suppress(chaku.Cancelled):
        await stream
    took = time.perf_counter() - began
    assert stream.reply is not None and stream.reply.finish_reason == "cancelled"
    return took


def main() -> None:
    path, count, way = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "sync"
    source = random.Random(42)
    with chaku.Model.load(path, ctx_size=2048, threads=2, threads_batch=2) as model:
        session = model.session()
        for _ in range(count):
            wait = source.uniform(0, WINDOW)
            took = cancel(session, wait) if way == "sync" else asyncio.run(cancel_task(session, wait))
            print(f"{took * 1e3:.4f}", flush=True)


if __name__ == "__main__":
    main()
