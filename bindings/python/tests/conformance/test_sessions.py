"""Several sessions of one model, and the limits that keep everything bounded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import chaku
from harness import LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, Reading, busy, chat, fails, load, read


def test_several_sessions_at_once() -> None:
    model = load(SCRIPT)

    def talk(number: int) -> tuple[chaku.Reply, chaku.Reply]:
        text = "I am one of those who ask, and you are the one to answer."[: 1 + number * 5] + "?"
        session = model.session()
        return session.chat(text), session.chat(text)

    with ThreadPoolExecutor(8) as pool:
        talks = list(pool.map(talk, range(8)))
    for first, second in talks:
        assert first.text == second.text == SCRIPT_REPLY
        # Each has its own conversation: its own first turn in the cache.
        assert second.usage.cached_tokens == first.usage.context_used
    assert len({first.usage.prompt_tokens for first, _ in talks}) == 8


def test_sessions_share_memory() -> None:
    # More text in all sessions than the memory holds: the least recently used one gives way, and computes again.
    model = load(SCRIPT, ctx_size=256)
    sessions = [model.session() for _ in range(6)]
    for turn in range(3):
        for session in sessions:
            assert chat(session, "What do you say?").ends("stop").text == SCRIPT_REPLY
            assert session.message_count == 2 * (turn + 1)


def test_session_busy() -> None:
    session = load(LONG).session()
    running = session.stream("Count.", event_queue=1)
    calls: list[Callable[[], object]] = [
        lambda: session.chat("Go."),
        lambda: session.stream("Go."),
        lambda: session.generate("Go."),
        lambda: session.ingest("Go.", "user"),
        session.continue_answer,
        session.reset,
    ]
    for call in calls:
        with fails(chaku.FailedPrecondition, "concurrent_use"):
            call()
    reading = Reading(running).until_tokens(3)
    running.cancel()
    reading.rest().cancelled()
    assert chat(session, "Go.", max_tokens=8).text == LONG_WORDS


def test_session_limit() -> None:
    model = load(SCRIPT, max_sessions=2)
    first, second = model.session(), model.session()
    with fails(chaku.ResourceExhausted, "session_limit") as caught:
        model.session()
    assert caught.value.details["limit"] == "2"
    del first
    assert chat(second, "Go.").text == SCRIPT_REPLY
    assert chat(model.session(), "Go.").text == SCRIPT_REPLY
    # Places are given back for ever.
    del second
    for _ in range(300):
        model.session()


def test_queue_full() -> None:
    model, other = busy(queue_limit=2)
    one, two, three = model.session(), model.session(), model.session()
    first, second = one.stream("Go.", max_tokens=1), two.stream("Go.", max_tokens=1)
    with fails(chaku.ResourceExhausted, "queue_full") as caught:
        three.stream("Go.")
    assert (caught.value.details["limit"], caught.value.details["queued"]) == ("2", "2")
    assert not other.finished
    # One that is cancelled makes room at once, and the refused session is as before.
    first.cancel()
    third = three.stream("Go.", max_tokens=1)
    other.cancel()
    read(first).cancelled()
    read(second).ends("length")
    read(third).ends("length")


def test_first_come_first_served() -> None:
    model, other = busy()
    streams = [model.session().stream("Go.", max_tokens=50) for _ in range(5)]
    other.cancel()
    for position in range(4, -1, -1):
        read(streams[position]).ends("length")
        assert all(stream.finished for stream in streams[:position])


def test_slow_reader_pauses_only_itself() -> None:
    model = load(LONG)
    other = model.session()
    slow = model.session().stream("Count.", event_queue=4)
    for _ in range(3):
        assert chat(other, "Count.", max_tokens=40).text == LONG_WORDS * 5
    assert not slow.finished
    # It goes on where it was, and no token is lost.
    reading = Reading(slow).until_tokens(80)
    assert reading.text.startswith(LONG_WORDS * 10)
    slow.cancel()
    assert len(reading.rest().cancelled().tokens) <= 80 + 4 + 2
