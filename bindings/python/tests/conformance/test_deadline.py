"""Deadlines, which count from the call. That of a load is in test_load.py."""

from __future__ import annotations

import chaku
from harness import LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, SMOLLM2, busy, chat, fails, load, path, read, wait_until


def test_deadline_in_queue() -> None:
    model, other = busy()
    session = model.session()
    reading = chat(session, "Go.", deadline=0.1).late()
    assert reading.usage.completion_tokens == 0
    assert reading.reply.timings.total_ms >= 100
    assert session.message_count == 0
    assert not other.finished


def test_deadline_unread() -> None:
    # Nobody reads, and still it ends in time.
    model, other = busy()
    stream = model.session().stream("Go.", deadline=0.1)
    wait_until(lambda: stream.finished)
    assert not other.finished
    read(stream).late()


def test_deadline_in_decode() -> None:
    session = load(LONG, ctx_size=131072).session()
    with fails(chaku.DeadlineExceeded, "deadline") as caught:
        session.chat("Count.", deadline=0.5)
    reply = caught.value.reply
    assert isinstance(caught.value, TimeoutError)
    assert reply is not None and reply.finish_reason == "deadline"
    assert reply.usage.completion_tokens > 0
    assert reply.timings.total_ms >= 500
    assert reply.text.startswith(LONG_WORDS[:8])
    assert session.message_count == 2


def test_deadline_while_paused() -> None:
    stream = load(LONG).session().stream("Count.", deadline_ms=500, event_queue=1)
    wait_until(lambda: stream.finished)
    read(stream).late()


def test_deadline_in_prefill() -> None:
    session = load(SMOLLM2, ubatch_size=16).session()
    reading = chat(session, "The llama walks up the mountain and looks back. " * 300, deadline=2).late()
    assert reading.usage.completion_tokens == 0
    assert 0 < reading.progress[-1] < 1
    assert session.context_used == 0
    assert len(chat(session, "Hi.", max_tokens=2, ignore_eos=True).tokens) == 2


def test_runtime_default_deadline() -> None:
    runtime = chaku.Runtime(default_deadline_ms=1500)
    session = chaku.Model.load(path(LONG), runtime=runtime, ctx_size=131072, threads=1).session()
    chat(session, "Count.").late()
    # A deadline of its own speaks first, and 0 milliseconds, or endless seconds, are none.
    chat(session, "Count.", deadline=0.2).late()
    chat(session, "Count.", deadline_ms=0, max_tokens=3).ends("length")
    chat(session, "Count.", deadline=float("inf"), max_tokens=3).ends("length")


def test_deadline_met() -> None:
    assert chat(load(SCRIPT).session(), "Go.", deadline=60).ends("stop").text == SCRIPT_REPLY
