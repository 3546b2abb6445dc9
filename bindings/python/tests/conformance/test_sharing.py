"""Many sessions at once: what they share, and how they leave each other alone."""

from __future__ import annotations

from harness import LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, Reading, chat, count_tokens, load, read, wait_until


def words(reading: Reading, times: int) -> None:
    assert reading.ends("length").text == LONG_WORDS * times


def test_shared_prompt() -> None:
    # One computes the system prompt, the others find it, also those that arrive while it is being computed.
    model = load(SCRIPT, ctx_size=4096)
    system = "You are one of those who answer. " * 20
    shared = count_tokens(model, system, parse_special=False)
    assert shared > 100
    readings = [read(stream) for stream in [model.session(system).stream("Go! " * (i + 1)) for i in range(8)]]
    for reading in readings:
        assert reading.ends("stop").text == SCRIPT_REPLY
        assert reading.usage.prompt_tokens > shared
    assert len([reading for reading in readings if reading.usage.cached_tokens < shared]) == 1
    assert model.metrics()["cached_tokens_total"] >= shared * 7
    # Nor is it computed for one that comes later.
    assert chat(model.session(system), "Later.").usage.cached_tokens >= shared


def test_stalled_reader_beside_lively_ones() -> None:
    model = load(LONG, ctx_size=4096)
    stalled = model.session().stream("Count.", event_queue=4, max_tokens=80)
    for stream in [model.session().stream("Count. " * (i + 1), max_tokens=160) for i in range(7)]:
        words(read(stream), 20)
    assert not stalled.finished
    assert stalled.timeline()["stalled"] >= 1
    wait_until(lambda: model.metrics()["requests_paused"] == 1)
    words(read(stalled), 10)


def test_many_streams_at_once() -> None:
    # More than can be computed at once.
    model = load(SCRIPT, ctx_size=4096)
    alone = chat(model.session(), "Go.").usage.prompt_tokens
    sessions = [model.session() for _ in range(32)]
    for turn in range(2):
        streams = [session.stream("Go.") for session in sessions]
        for session, stream in reversed(list(zip(sessions, streams, strict=True))):
            reading = read(stream).ends("stop")
            assert reading.text == SCRIPT_REPLY
            assert turn > 0 or reading.usage.prompt_tokens == alone
            assert session.message_count == 2 * (turn + 1)


def test_kv_pool_overflow() -> None:
    # Answers that would need three times the memory there is: they give way to each other, and nothing of them is lost.
    model = load(LONG, ctx_size=512, kv_pool=1024)
    for stream in [model.session().stream("Count! " * (i + 1), max_tokens=400) for i in range(8)]:
        words(read(stream), 50)
    assert model.context_size == 512
    metrics = model.metrics()
    assert metrics["kv_capacity_tokens"] == 1024
    assert metrics["kv_used_tokens"] <= 1024
    assert metrics["evictions_total"] > 0
