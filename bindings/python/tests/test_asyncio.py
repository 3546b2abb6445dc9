"""Event loops: woken, not polled; without threads; in any number."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Coroutine
from typing import Any

import chaku
import pytest
from harness import (
    EVENT_SECONDS,
    LONG,
    LONG_WORDS,
    RANDOM,
    SCRIPT,
    SCRIPT_REPLY,
    busy,
    fails,
    load,
    path,
    threads,
)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 2 * EVENT_SECONDS))


async def text_of(stream: chaku.Stream) -> str:
    return "".join([event.text async for event in stream])


def test_eight_streams_in_one_loop_need_no_thread_each() -> None:
    model = load(LONG, ctx_size=131072)

    async def main() -> None:
        first = model.session().stream("Count.", event_queue=4)
        await first.__anext__()
        with_one = threads()
        streams = [model.session().stream("Count.", event_queue=4) for _ in range(7)]
        tasks = [asyncio.create_task(text_of(stream)) for stream in streams]
        while not all(stream.text for stream in streams):
            await asyncio.sleep(0.01)
        assert threads() == with_one
        for stream in [first, *streams]:
            stream.cancel()
        assert all(text.startswith(LONG_WORDS[:4]) for text in await asyncio.gather(*tasks))

    run(main())


def test_replies_of_many_sessions() -> None:
    model = load(SCRIPT)

    async def main() -> None:
        for _ in range(5):
            streams = [model.session().stream("Go.") for _ in range(8)]
            assert [str(reply) for reply in await asyncio.gather(*streams)] == [SCRIPT_REPLY] * 8

    run(main())


def test_saves_and_conversations_without_a_session() -> None:
    model = load(SCRIPT)
    session = model.session()

    async def main() -> None:
        replies = await asyncio.gather(*(model.stream([("user", text)]) for text in ("One?", "Two?", "Three?")))
        assert [str(reply) for reply in replies] == [SCRIPT_REPLY] * 3
        await session.stream("Go.")
        data = await session.save_async()
        assert model.restore(data).message_count == 2
        async with session.save_async() as save:
            assert [event.kind async for event in save] == ["final"]
        assert await save == data

    run(main())


def test_the_loop_goes_on_while_a_request_waits() -> None:
    model, other = busy()

    async def main() -> None:
        stream = model.session().stream("Count.", max_tokens=2)
        asyncio.get_running_loop().call_later(0.05, other.cancel)
        assert (await stream).finish_reason == "length"

    run(main())


def test_a_cancelled_task_cancels_its_request() -> None:
    session = load(LONG, ctx_size=131072).session()

    async def main() -> None:
        for read in (text_of, asyncio.ensure_future):
            stream = session.stream("Count.", event_queue=1 << 20)
            task = asyncio.ensure_future(read(stream))
            while not stream.text:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The session is free for the next one at once.
            assert (await session.stream("Count.", max_tokens=8)).text == LONG_WORDS
            with fails(chaku.Cancelled, "cancelled"):
                await stream
            assert stream.text.startswith(LONG_WORDS[:4])

    run(main())


def test_a_timeout_cancels_its_request() -> None:
    model, other = busy()
    session = model.session()

    async def main() -> None:
        stream = session.stream("Count.")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream, 0.05)
        assert stream.finished and not other.finished

    run(main())


def test_a_block_ends_its_request() -> None:
    session = load(LONG, ctx_size=131072).session()

    async def main() -> None:
        async with session.stream("Count.") as stream:
            async for event in stream:
                if event.kind == "text":
                    break
        assert stream.finished and stream.reply is not None and stream.reply.finish_reason == "cancelled"
        async for event in session.stream("Count."):
            if event.kind == "text":
                break
        assert (await session.stream("Count.", max_tokens=8)).text == LONG_WORDS

    run(main())


def test_errors() -> None:
    session = load(RANDOM).session()

    async def main() -> None:
        with fails(chaku.InvalidArgument, "invalid_grammar"):
            await session.stream("Go.", grammar="(")
        with fails(chaku.InvalidArgument, "invalid_grammar"):
            await text_of(session.stream("Go.", grammar="("))
        stream = session.stream("Go.")
        stream.cancel()
        assert [event.finish_reason async for event in stream] == ["cancelled"]

    run(main())


def test_loading() -> None:
    async def main() -> None:
        load = chaku.Model.load_async(path(SCRIPT), threads=1)
        progress = [event.progress async for event in load if event.kind == "progress"]
        assert progress == sorted(progress)
        model = await load
        assert str(await model.session().stream("Go.")) == SCRIPT_REPLY
        with fails(chaku.NotFound, "file_not_found"):
            await chaku.Model.load_async(path("no-such-file.gguf"))

    run(main())


def test_two_tasks_share_the_events_of_one_stream() -> None:
    session = load(LONG).session()

    async def main() -> None:
        stream = session.stream("Count.", max_tokens=200, event_queue=2)

        async def tokens() -> list[int | None]:
            seen = []
            async for event in stream:
                await asyncio.sleep(0)  # the other one's turn
                seen += [event.token] if event.kind == "text" else []
            return seen

        parts = await asyncio.gather(tokens(), tokens(), stream)
        assert len(parts[0]) + len(parts[1]) <= 200
        assert parts[2].text == LONG_WORDS * 25

    run(main())


def test_a_thread_and_a_loop_share_the_events_of_one_stream() -> None:
    session = load(LONG).session()

    async def main() -> None:
        for _ in range(20):
            stream = session.stream("Count.", max_tokens=16, event_queue=2)
            thread = threading.Thread(target=stream.result)
            thread.start()
            assert (await stream).text == LONG_WORDS * 2
            await asyncio.to_thread(thread.join)

    run(main())


def test_closing_in_another_thread_wakes_the_reader() -> None:
    model, _other = busy()

    async def main() -> None:
        stream = model.session().stream("Count.")
        asyncio.get_running_loop().call_later(0.05, lambda: threading.Thread(target=stream.close).start())
        with fails(chaku.Cancelled, "cancelled"):
            await stream

    run(main())


def test_several_loops_in_several_threads() -> None:
    model = load(SCRIPT)
    failures: list[BaseException] = []

    async def talk() -> None:
        session = model.session()
        for _ in range(10):
            assert str(await session.stream("Go.")) == SCRIPT_REPLY
            session.reset()

    def thread() -> None:
        try:
            run(talk())
        except BaseException as failure:
            failures.append(failure)

    loops = [threading.Thread(target=thread) for _ in range(6)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    assert failures == []


def test_a_stream_may_move_to_another_loop() -> None:
    stream = load(LONG).session().stream("Count.", max_tokens=64, event_queue=2)

    async def some() -> None:
        async for event in stream:
            if event.kind == "text":
                break

    for _ in range(5):
        run(some())
    assert asyncio.run(_outcome(stream)).text == LONG_WORDS * 8


async def _outcome(stream: chaku.Stream) -> chaku.Reply:
    return await stream


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_nothing_stays_of_loops_that_were_closed() -> None:
    session = load(SCRIPT).session()

    async def talk() -> None:
        await session.stream("Go.")
        session.reset()

    run(talk())
    before = descriptors()
    for _ in range(30):
        run(talk())
    assert descriptors() <= before + 2  # the last loop's pair may still be there


def test_nothing_stays_of_loops_that_were_closed_with_readers_in_them() -> None:
    model, _other = busy(max_sessions=64)
    before = descriptors()
    for _ in range(20):
        loop = asyncio.new_event_loop()
        reader = loop.create_task(text_of(model.session().stream("Count.")))
        loop.run_until_complete(asyncio.sleep(0.001))
        reader._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        del loop, reader
    asyncio.run(_outcome(load(SCRIPT).session().stream("Go.")))
    assert descriptors() <= before + 2


class _Unwatchful(asyncio.SelectorEventLoop):
    """A loop that watches no file descriptors, as Windows' does not."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


def test_a_loop_that_cannot_watch() -> None:
    session = load(LONG, ctx_size=131072).session()

    async def main() -> None:
        assert (await session.stream("Count.", max_tokens=8)).text == LONG_WORDS
        assert await text_of(session.stream("Count.", max_tokens=8)) == LONG_WORDS
        task = asyncio.ensure_future(session.stream("Count."))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.stream("Count.", max_tokens=8)).text == LONG_WORDS
        assert threads().count("chaku-notify") == 0  # nobody was asked to wake it

    loop = _Unwatchful()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), EVENT_SECONDS))
    finally:
        loop.close()
