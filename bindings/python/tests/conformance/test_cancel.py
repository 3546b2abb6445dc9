"""Cancelling in each phase, from any thread, and what is left of it. Loading is in test_load.py."""

from __future__ import annotations

import threading
import time

import chaku
from harness import (
    ASSISTANT,
    LONG,
    LONG_WORDS,
    SCRIPT,
    SCRIPT_REPLY,
    SMOLLM2,
    Reading,
    busy,
    chat,
    count_tokens,
    load,
    read,
    user,
    wait_until,
)

# A prompt SmolLM2 needs seconds for on one thread, and steps small enough to be seen between.
LONG_PROMPT = "The llama walks up the mountain and looks back. " * 130


def slow_model() -> chaku.Model:
    return load(SMOLLM2, ubatch_size=64, ctx_size=4096)


def cut_short(session: chaku.Session) -> Reading:
    """Stops an endless answer after some tokens."""
    stream = session.stream("Count.", event_queue=4)
    reading = Reading(stream).until_tokens(5)
    stream.cancel()
    return reading.rest().cancelled()


def test_cancel_queued() -> None:
    model, other = busy()
    session = model.session()
    stream = session.stream("Go.")
    stream.cancel()
    assert read(stream).cancelled().usage.completion_tokens == 0
    assert session.message_count == 0
    assert not other.finished  # it is the other one that keeps the engine busy
    other.cancel()
    assert len(chat(session, "Go.", max_tokens=2).tokens) == 2


def test_cancel_preparing() -> None:
    # As much text as this window might just hold: more is refused at once.
    session = load(SCRIPT, ctx_size=131072).session()
    stream = session.stream("some words to cut, " * 90000)
    time.sleep(0.02)
    stream.cancel()
    assert read(stream).cancelled().usage.completion_tokens == 0
    assert session.message_count == 0
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_cancel_prefill() -> None:
    session = slow_model().session()
    stream = session.stream(LONG_PROMPT)
    reading = Reading(stream).until_progress()
    stream.cancel()
    reading.rest().cancelled()
    assert reading.usage.completion_tokens == 0
    assert reading.progress[-1] < 1
    assert reading.usage.prompt_tokens > 1000
    assert (session.context_used, session.message_count) == (0, 0)


def test_cancel_inside_a_prefill_step() -> None:
    # The step under way is given up: it would end in a progress event.
    session = load(SMOLLM2, ubatch_size=256).session()
    stream = session.stream(LONG_PROMPT)
    reading = Reading(stream).until_progress()
    stream.cancel()
    assert len(reading.rest().cancelled().progress) == 1
    assert len(chat(session, "Hi.", max_tokens=2, ignore_eos=True).tokens) == 2


def test_cancel_decode() -> None:
    # From another thread, while the reader waits.
    session = load(LONG, ctx_size=131072).session()
    stream = session.stream("Count.", event_queue=8)
    reading = Reading(stream).until_tokens(10)
    timer = threading.Timer(0.05, stream.cancel)
    timer.start()
    reading.rest().cancelled()
    timer.join()
    assert reading.usage.completion_tokens >= 10


def test_cancel_paused() -> None:
    stream = load(LONG).session().stream("Count.", event_queue=1)
    reading = Reading(stream).until_tokens(1)
    time.sleep(0.05)  # the queue is full again, the request waits for its reader
    stream.cancel()
    wait_until(lambda: stream.finished)
    assert len(reading.rest().cancelled().tokens) <= 4


def test_cancel_keeps_partial_answer() -> None:
    model = load(LONG)
    session = model.session()
    cut = cut_short(session)
    assert cut.text.startswith(" one two three four five")
    assert session.message_count == 2
    assert session.context_used == cut.usage.context_used
    after = chat(session, "More.", max_tokens=3)
    history = count_tokens(model, user("Count.") + ASSISTANT) + count_tokens(model, cut.text)
    assert after.usage.prompt_tokens == history + count_tokens(model, "<|im_end|>\n" + user("More.") + ASSISTANT)
    assert after.usage.cached_tokens >= cut.usage.context_used - 1
    assert after.text == " one two three"


def test_cancel_then_continue() -> None:
    session = load(LONG).session()
    cut = cut_short(session)
    rest = read(session.continue_answer(max_tokens=8)).ends("length")
    # Together they are the walk without a gap: the rest begins where the partial answer ended.
    assert (LONG_WORDS * 3000).startswith(cut.text + rest.text)
    assert session.message_count == 2


def test_cancel_rollback() -> None:
    model = load(LONG)
    session = model.session(on_cancel="rollback")
    cut_short(session)
    assert (session.message_count, session.context_used) == (0, 0)
    after = chat(session, "More.", max_tokens=3)
    assert after.usage.prompt_tokens == count_tokens(model, user("More.") + ASSISTANT)
    cut_short(session)
    assert (session.message_count, session.context_used) == (2, after.usage.context_used)


def test_cancel_before_first_token_leaves_session() -> None:
    session = slow_model().session()
    before = chat(session, "Hi.", max_tokens=4, ignore_eos=True)
    stream = session.stream(LONG_PROMPT)
    cut = Reading(stream).until_progress()
    stream.cancel()
    assert cut.rest().cancelled().usage.completion_tokens == 0
    assert (session.message_count, session.context_used) == (2, before.usage.context_used)
    after = chat(session, "Hi.", max_tokens=4, ignore_eos=True).ends("length")
    assert after.usage.cached_tokens >= before.usage.prompt_tokens
    assert after.usage.prompt_tokens < before.usage.context_used + 40


def test_session_usable_after_cancel() -> None:
    session = load(SCRIPT).session()
    for attempt in range(20):
        stream = session.stream("Go.", event_queue=1)
        reading = Reading(stream)
        if attempt % 2:
            reading.until_tokens(1)  # in decode; else wherever it happens to be
        stream.cancel()
        reading.rest().cancelled()
        assert session.chat("Go.").text == SCRIPT_REPLY


def test_cancel_after_the_end() -> None:
    stream = load(SCRIPT).session().stream("Go.")
    wait_until(lambda: stream.finished)
    stream.cancel()
    stream.cancel()
    assert read(stream).ends("stop").text == SCRIPT_REPLY


def test_cancel_through_session() -> None:
    # Without the request, and also when there is nothing to cancel.
    session = load(LONG).session()
    session.cancel()
    stream = session.stream("Count.", event_queue=4)
    reading = Reading(stream).until_tokens(2)
    session.cancel()
    reading.rest().cancelled()
    assert len(chat(session, "Count.", max_tokens=2).tokens) == 2
