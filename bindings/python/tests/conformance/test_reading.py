"""The ways to read, and the one final event."""

from __future__ import annotations

import asyncio

import chaku
from harness import LONG, SCRIPT, SCRIPT_REPLY, busy, chat, fails, load, read, wait_until


def test_three_ways_of_reading() -> None:
    # A for loop, one event at a time, the outcome; and the same in an event loop, which ready wakes.
    model = load("tiny-emoji.gguf")
    pulled = chat(model.session(), "Go.")
    expected = pulled.text, tuple(pulled.tokens), "stop"

    def start() -> chaku.Stream:
        return model.session().stream("Go.")

    def seen(events: list[chaku.Event]) -> tuple[str, tuple[int | None, ...], str | None]:
        tokens = tuple(event.token for event in events if event.kind == "text")
        return "".join(event.text for event in events), tokens, events[-1].finish_reason

    def outcome(reply: chaku.Reply) -> tuple[str, tuple[int, ...], str]:
        return reply.text, reply.tokens, reply.finish_reason

    async def in_a_loop() -> None:
        assert seen([event async for event in start()]) == expected
        assert outcome(await start()) == expected
        async with start() as stream:
            assert [event async for event in stream][-1].kind == "final"
            assert outcome(await stream) == expected

    assert seen(list(start())) == expected
    assert outcome(start().result()) == expected
    assert outcome(model.session().chat("Go.")) == expected
    stream = start()
    begun = [next(iter(stream)), *stream]  # a second loop goes on where the first one stopped
    assert seen(begun) == expected
    assert list(stream) == [] and outcome(stream.result()) == expected
    asyncio.run(in_a_loop())


def test_run_without_callback() -> None:
    session = load(SCRIPT).session()
    assert session.stream("Go.").result().text == SCRIPT_REPLY
    stream = session.stream("Go.", grammar="(")
    for _ in range(2):
        with fails(chaku.InvalidArgument, "invalid_grammar"):
            stream.result()


def test_exactly_one_final_event() -> None:
    model = load(LONG, ctx_size=1024)
    length = model.session().stream("Go.", max_tokens=3)
    stop = model.session().stream("Go.", stop="three")
    cancelled = model.session().stream("Go.", event_queue=2)
    late = model.session().stream("Go.", event_queue=2, deadline=0.3)
    failed = model.session().stream("Go.", event_queue=2000)
    for _ in range(3):
        cancelled.cancel()
    wait_until(lambda: late.finished)  # read, it would reach the end of the window first
    read(length).ends("length")
    read(stop).ends("stop")
    read(cancelled).cancelled()
    read(late).late()
    read(failed).ends("error", chaku.OutOfRange, "context_overflow")
    for stream in (length, stop, cancelled, late, failed):
        stream.cancel()
        with fails(chaku.OutOfRange, "finished"):
            stream.next(0.02)
        assert list(stream) == []


def test_finished_after_final() -> None:
    stream = load(SCRIPT).session().stream("Go.")
    read(stream)
    assert stream.finished
    for timeout in (None, 0, 1):
        with fails(chaku.OutOfRange, "finished"):
            stream.next(timeout)
    assert stream.result().text == SCRIPT_REPLY


def test_next_times_out() -> None:
    model, _other = busy()
    stream = model.session().stream("Go.")
    assert stream.next(0) is None
    assert stream.next(0.03) is None
    assert not stream.finished
    stream.cancel()
