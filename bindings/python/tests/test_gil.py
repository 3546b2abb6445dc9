"""Nothing waits with the GIL: nearly each wait here ends by what another Python thread does, and else would never end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import chaku
import pytest
from harness import LONG, SCRIPT, SMOLLM2, busy, fails, load


def soon(call: Callable[[], object]) -> threading.Thread:
    """Calls it on another thread, when this one waits."""

    def wait_and_call() -> None:
        time.sleep(0.05)
        call()

    thread = threading.Thread(target=wait_and_call)
    thread.start()
    return thread


def test_load() -> None:
    turns = 0
    for _ in range(100):  # a thread that waited for the GIL would get one turn a load, or two
        before = turns
        thread = threading.Thread(target=load, args=(SMOLLM2,), kwargs={"mmap": False, "check_tensors": True})
        thread.start()
        while thread.is_alive():
            turns += 1
            time.sleep(0.005)
        if turns - before >= 10:
            return
    pytest.fail("no other thread got a turn")


@pytest.mark.parametrize("wait", ["next", "result", "loop"])
def test_reading(wait: str) -> None:
    model, other = busy()
    stream = model.session().stream("Count.", max_tokens=3)
    thread = soon(other.cancel)
    if wait == "next":
        assert stream.next() is not None
    elif wait == "result":
        assert stream.result().finish_reason == "length"
    else:
        assert [event.kind for event in stream][-1] == "final"
    thread.join()


def test_chat() -> None:
    session = load(LONG, ctx_size=131072).session()
    thread = soon(session.cancel)
    with fails(chaku.Cancelled, "cancelled") as caught:
        session.chat("Count.")
    assert caught.value.reply is not None and caught.value.reply.tokens
    thread.join()


def test_chat_without_a_session() -> None:
    model = load(LONG, ctx_size=131072)
    thread = soon(model.close)
    with fails(chaku.Cancelled, "closed_while_running"):
        model.chat([("user", "Count.")])
    thread.join()


def test_tokenizing_megabytes() -> None:
    model = load(SCRIPT)
    text, turns = "some words to cut, " * 50_000, 0
    while turns < 10:  # a thread that waited for the GIL would get two or three
        turns = 0
        thread = threading.Thread(target=model.tokenize, args=(text,))
        thread.start()
        while thread.is_alive():
            turns += 1
            time.sleep(0.01)
        assert len(text) < 1 << 27, "no other thread got a turn"
        text *= 2
