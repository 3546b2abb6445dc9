"""Closing and letting go, in any order, while work runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import chaku
from harness import (
    EVENT_SECONDS,
    LONG,
    LONG_WORDS,
    SCRIPT,
    SCRIPT_REPLY,
    SMOLLM2,
    Reading,
    busy,
    chat,
    fails,
    load,
    read,
    wait_until,
)


def test_unload_while_running() -> None:
    model = load(LONG)
    session = model.session()
    running, waiting = session.stream("Count.", event_queue=4), model.session().stream("Count.", event_queue=4)
    reading = Reading(running).until_tokens(3)
    model.close(EVENT_SECONDS)
    assert running.finished and waiting.finished
    # Not by the stream's own doing, so it is told with an exception.
    reading.rest().ends("cancelled", chaku.Cancelled, "closed_while_running")
    read(waiting).ends("cancelled", chaku.Cancelled, "closed_while_running")
    with fails(chaku.FailedPrecondition, "closed"):
        session.stream("Count.")
    with fails(chaku.FailedPrecondition, "closed"):
        model.session()
    model.close(EVENT_SECONDS)
    assert model.metadata["general.name"] == "tiny-script"
    assert chat(load(SCRIPT).session(), "Go.").text == SCRIPT_REPLY


def test_unload_in_prefill() -> None:
    # In the middle of a step of a slow prefill.
    model = load(SMOLLM2, ubatch_size=256)
    stream = model.session().stream("The llama walks up the mountain and looks back. " * 130)
    reading = Reading(stream).until_progress()
    model.close(EVENT_SECONDS)
    reading.rest().ends("cancelled", chaku.Cancelled, "closed_while_running")
    assert len(reading.progress) == 1


def test_free_model_before_session() -> None:
    model = load(SCRIPT)
    session = model.session()
    stream = session.stream("Go.", event_queue=1)
    del model
    assert read(stream).text == SCRIPT_REPLY
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_free_session_before_request() -> None:
    model = load(SCRIPT, max_sessions=1)
    session = model.session()
    stream = session.stream("Go.", event_queue=1)
    del session, model
    assert read(stream).text == SCRIPT_REPLY
    model = load(SCRIPT, max_sessions=1)
    session = model.session()
    stream = session.stream("Go.")
    del session
    assert read(stream).text == SCRIPT_REPLY

    def place_is_free() -> bool:
        try:
            model.session()
        except chaku.ResourceExhausted:
            return False
        return True

    wait_until(place_is_free)


def test_free_request_cancels() -> None:
    session = load(LONG, ctx_size=131072).session()
    stream = session.stream("Count.", event_queue=1 << 20)
    Reading(stream).until_tokens(2)
    del stream
    # The session waits for its end, which is near.
    assert chat(session, "Count.", max_tokens=8).text == LONG_WORDS
    for event in session.stream("Count."):
        if event.kind == "text":
            break
    assert chat(session, "Count.", max_tokens=8).text == LONG_WORDS


def test_free_while_another_thread_reads() -> None:
    # In Python the reader keeps the request alive; what ends it is the end of the block.
    model, _other = busy()
    errors: list[chaku.Error] = []

    def wait_for_the_end(stream: chaku.Stream) -> None:
        try:
            stream.result()
        except chaku.Error as error:
            errors.append(error)

    with model.session().stream("Count.") as stream:
        thread = threading.Thread(target=wait_for_the_end, args=(stream,))
        thread.start()
        time.sleep(0.02)
    thread.join()
    assert [type(error) for error in errors] == [chaku.Cancelled]


def test_close_then_use() -> None:
    model = load(LONG)
    session = model.session()
    stream = session.stream("Count.", event_queue=4)
    reading = Reading(stream).until_tokens(2)
    stream.close(EVENT_SECONDS)
    assert stream.finished
    reading.rest().cancelled()
    stream.close(EVENT_SECONDS)
    assert len(chat(session, "Count.", max_tokens=2).tokens) == 2

    model.close(EVENT_SECONDS)
    calls: list[Callable[[], object]] = [
        lambda: session.stream("Count."),
        lambda: session.generate("Count."),
        session.continue_answer,
    ]
    for call in calls:
        with fails(chaku.FailedPrecondition, "closed"):
            call()
    assert session.message_count == 4
    model.close(EVENT_SECONDS)


def test_session_close() -> None:
    model = load(LONG)
    session = model.session()
    stream = session.stream("Count.", event_queue=4)
    reading = Reading(stream).until_tokens(2)
    session.close(EVENT_SECONDS)
    assert stream.finished
    reading.rest().cancelled()
    session.close(EVENT_SECONDS)
    calls: list[Callable[[], object]] = [lambda: session.stream("Count."), session.continue_answer, session.reset]
    for call in calls:
        with fails(chaku.FailedPrecondition, "closed"):
            call()
    with model.session() as other:
        assert len(chat(other, "Count.", max_tokens=2).tokens) == 2
    with fails(chaku.FailedPrecondition, "closed"):
        other.stream("Count.")


def test_events_outlive_request() -> None:
    with load(SCRIPT) as model:
        session = model.session()
        events = list(session.stream("Go."))
    del session, model
    assert next(event.text for event in events if event.kind == "text") == "Hello"
    assert events[-1].finish_reason == "stop"
    assert events[-1].usage is not None and events[-1].usage.completion_tokens > 0
