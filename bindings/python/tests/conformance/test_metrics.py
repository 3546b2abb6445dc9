"""What a model, a runtime and a request tell about themselves."""

from __future__ import annotations

from itertools import pairwise

import chaku
from harness import LONG, busy, chat, path, read, run_program, wait_until


def test_metrics() -> None:
    runtime = chaku.Runtime()
    model = chaku.Model.load(path(LONG), runtime=runtime, threads=1)
    session = model.session()
    numbers = model.metrics()
    assert set(numbers) == set(chaku.Metrics.__annotations__)
    assert all(isinstance(number, (int, float)) and number >= 0 for number in numbers.values())
    assert (numbers["models"], numbers["sessions"], numbers["steps_total"]) == (1, 1, 0)

    reading = chat(session, "Count.", max_tokens=16)
    wait_until(lambda: model.metrics()["generated_tokens_total"] == 16)
    numbers = model.metrics()
    assert numbers["prompt_tokens_total"] == reading.usage.prompt_tokens <= numbers["kv_used_tokens"]
    assert numbers["steps_total"] >= 16
    cancelled = session.stream("Count.", event_queue=1)
    wait_until(lambda: model.metrics()["requests_running"] == 1)
    cancelled.cancel()
    read(cancelled).cancelled()
    assert model.metrics()["cancelled_total"] == 1
    chat(session, "Count.", deadline_ms=20, event_queue=1).late()
    assert model.metrics()["deadline_exceeded_total"] == 1
    wait_until(lambda: model.metrics()["requests_running"] == 0)

    # The runtime adds up, and keeps what is over.
    assert runtime.metrics()["generated_tokens_total"] >= 16
    assert runtime.metrics()["models"] == 1
    second = chaku.Model.load(path(LONG), runtime=runtime, threads=1)
    assert runtime.metrics()["models"] == 2
    second.session().chat("Count.", max_tokens=8)
    del second
    wait_until(lambda: runtime.metrics()["models"] == 1)
    assert runtime.metrics()["generated_tokens_total"] >= 16 + 8
    # The default runtime's are its own.
    assert run_program(
        """
        model = chaku.Model.load(path(LONG), runtime=chaku.Runtime(), threads=1)
        model.session().chat("Count.", max_tokens=8)
        print(chaku.metrics()["generated_tokens_total"], chaku.metrics()["models"])
        """
    ) == "0 0\n"


def test_timeline() -> None:
    model, other = busy()
    stream = model.session().stream("Go.", max_tokens=8)
    wait_until(lambda: stream.timeline()["prepared_ms"] is not None)
    assert set(stream.timeline()) == set(chaku.Timeline.__annotations__)
    assert stream.timeline()["started_ms"] is None and stream.timeline()["ended_ms"] is None
    other.cancel()
    reading, timeline = read(stream), stream.timeline()
    moments = [
        timeline["queued_ms"],
        timeline["prepare_began_ms"],
        timeline["prepared_ms"],
        timeline["started_ms"],
        timeline["first_token_ms"],
        timeline["ended_ms"],
    ]
    assert all(before is not None and after is not None and before <= after for before, after in pairwise(moments))
    assert timeline["ended_ms"] == reading.reply.timings.total_ms
    assert (timeline["preempted"], timeline["resumed"], timeline["stalled"]) == (0, 0, 0)
