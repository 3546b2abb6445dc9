"""Who waits, who goes first, and what happens when too many wait."""

from __future__ import annotations

from typing import Any

import chaku
from harness import LONG_WORDS, SCRIPT, Reading, busy, chat, fails, path, read, wait_until


def ask(model: chaku.Model, **options: Any) -> chaku.Stream:
    return model.session().stream("Go.", **{"max_tokens": 8, **options})


def quick(reading: Reading) -> None:
    assert reading.ends("length").text == LONG_WORDS


def test_priority() -> None:
    model, other = busy()
    low, normal = ask(model, priority="low"), ask(model)
    wait_until(lambda: normal.timeline()["prepared_ms"] is not None)
    # It takes even the place of the one that runs, which never ends.
    quick(read(ask(model, priority="high")))
    assert not (other.finished or normal.finished or low.finished)
    # That one goes on without a gap.
    wait_until(lambda: other.timeline()["resumed"] >= 1)
    assert other.timeline()["preempted"] >= 1
    while len(other.text) < 10 * len(LONG_WORDS):
        other.next()
    assert other.text.startswith(LONG_WORDS * 10)
    other.cancel()
    quick(read(low))
    assert normal.finished
    quick(read(normal))


def test_overload_wait() -> None:
    model, other = busy(queue_limit=1)
    queued, outside = ask(model), ask(model, overload="wait")
    session = model.session()
    with fails(chaku.ResourceExhausted, "queue_full"):
        session.chat("Go.")
    # As many stand outside as may wait inside.
    with fails(chaku.ResourceExhausted, "queue_full"):
        session.chat("Go.", overload="wait")
    assert (queued.queue_position, outside.queue_position) == (0, 1)
    outside.cancel()
    read(outside).cancelled()
    # The wait counts, and ends at the deadline.
    chat(session, "Go.", overload="wait", deadline=0.1).late()
    outside = ask(model, overload="wait")
    other.cancel()
    quick(read(queued))
    quick(read(outside))
    assert model.metrics()["overload_total"] >= 2


def test_overload_displace() -> None:
    model, other = busy(queue_limit=2)
    old, young = ask(model, priority="low"), ask(model, priority="low")
    session = model.session()
    first = ask(model, overload="displace")
    read(young).ends("error", chaku.ResourceExhausted, "displaced")
    assert not old.finished
    second = ask(model, overload="displace")
    read(old).ends("error", chaku.ResourceExhausted, "displaced")
    # None is less urgent any more.
    with fails(chaku.ResourceExhausted, "queue_full") as caught:
        session.chat("Go.", overload="displace")
    assert caught.value.details["limit"] == "2"
    other.cancel()
    quick(read(second))
    quick(read(first))
    # Who was displaced may come again.
    quick(chat(session, "Go.", max_tokens=8))


def test_queue_position() -> None:
    model, other = busy()
    low = [ask(model, priority="low") for _ in range(2)]
    assert [request.queue_position for request in (other, *low)] == [None, 0, 1]
    normal = ask(model)
    assert [request.queue_position for request in (normal, *low)] == [0, 1, 2]
    wait_until(lambda: model.metrics()["queue_depth"] == 3)
    low[0].cancel()
    assert [request.queue_position for request in (normal, *low)] == [0, None, 1]
    other.cancel()
    for request in (low[1], normal):
        quick(read(request))
    assert low[1].queue_position is None
    with chaku.Model.load_async(path(SCRIPT)) as load:
        assert load.queue_position is None  # it never waits
