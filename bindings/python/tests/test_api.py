"""What is Python's own: arguments, exceptions, replies, and requests that are let go."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import inspect
import json
import pickle
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Generator
from pathlib import Path
from types import MappingProxyType

import chaku
import pytest
from harness import (
    EVENT_SECONDS,
    LONG,
    LONG_WORDS,
    MODELS,
    RANDOM,
    SCRIPT,
    SCRIPT_REPLY,
    Reading,
    busy,
    fails,
    load,
    path,
    wait_until,
)

CODES = {
    "CANCELLED": chaku.Cancelled,
    "UNKNOWN": chaku.Unknown,
    "INVALID_ARGUMENT": chaku.InvalidArgument,
    "DEADLINE_EXCEEDED": chaku.DeadlineExceeded,
    "NOT_FOUND": chaku.NotFound,
    "ALREADY_EXISTS": chaku.AlreadyExists,
    "PERMISSION_DENIED": chaku.PermissionDenied,
    "RESOURCE_EXHAUSTED": chaku.ResourceExhausted,
    "FAILED_PRECONDITION": chaku.FailedPrecondition,
    "ABORTED": chaku.Aborted,
    "OUT_OF_RANGE": chaku.OutOfRange,
    "UNIMPLEMENTED": chaku.Unimplemented,
    "INTERNAL": chaku.Internal,
    "UNAVAILABLE": chaku.Unavailable,
    "DATA_LOSS": chaku.DataLoss,
    "UNAUTHENTICATED": chaku.Unauthenticated,
}


def test_one_exception_class_for_each_code() -> None:
    from chaku import _errors

    assert {kind.code: kind for kind in chaku.Error.__subclasses__()} == CODES
    for code, kind in CODES.items():
        error = _errors.of_code(code, "what happened", "some_reason", {"key": "value"})
        assert type(error) is kind and kind.__module__ == "chaku"
        assert str(error) == "what happened [some_reason]"
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), copy.args, copy.message) == (kind, error.args, "what happened")
        assert (copy.reason, copy.details, copy.reply) == ("some_reason", {"key": "value"}, None)
    assert type(_errors.of_code("A_NEW_CODE", "", "", {})) is chaku.Unknown


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (chaku.InvalidArgument, ValueError),
        (chaku.DeadlineExceeded, TimeoutError),
        (chaku.NotFound, FileNotFoundError),
        (chaku.AlreadyExists, FileExistsError),
        (chaku.PermissionDenied, PermissionError),
        (chaku.Unimplemented, NotImplementedError),
    ],
)
def test_exceptions_are_those_python_has(kind: type[chaku.Error], builtin: type[Exception]) -> None:
    assert issubclass(kind, chaku.Error) and issubclass(kind, builtin)


def test_wrong_types() -> None:
    model = load(SCRIPT)
    session = model.session()
    for call in (
        lambda: session.chat(3),  # type: ignore[arg-type]
        lambda: session.chat(b"Go."),  # type: ignore[arg-type]
        lambda: session.chat(),  # type: ignore[call-arg]
        lambda: session.chat("Go.", seed={}),  # type: ignore[arg-type]
        lambda: session.chat("Go.", seed=object()),  # type: ignore[arg-type]
        lambda: session.chat("Go.", stop=["a", 3]),  # type: ignore[list-item]
        lambda: session.chat("Go.", stop={"a": 3}),  # type: ignore[arg-type]
        lambda: session.chat("Go.", logit_bias={1.5: 3}),  # type: ignore[dict-item]
        lambda: session.chat("Go.", logit_bias={True: 3}),
        lambda: session.chat("Go.", logit_bias={"a": True}),
        lambda: session.chat("Go.", logit_bias={"a": "3"}),  # type: ignore[dict-item]
        lambda: session.chat("Go.", deadline="soon"),  # type: ignore[arg-type]
        lambda: session.ingest("Go.", 3),  # type: ignore[arg-type]
        lambda: model.tokenize(None),  # type: ignore[arg-type]
        lambda: model.detokenize("text"),  # type: ignore[arg-type]
        lambda: chaku.Model.load(3),  # type: ignore[arg-type]
        lambda: chaku.Model.load(path(SCRIPT), runtime=model),  # type: ignore[arg-type]
        lambda: session.chat("Go.", stop={"a"}),  # type: ignore[arg-type]
        lambda: session.chat("Go.", stop=b"a"),  # type: ignore[arg-type]
        lambda: session.rewind("2"),  # type: ignore[arg-type]
        lambda: session.save(3),  # type: ignore[call-overload]
        lambda: session.fork("Be brief."),  # type: ignore[call-arg]
        lambda: model.restore(3),  # type: ignore[arg-type]
        lambda: chaku.plan(3),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            call()
    with session.stream("Go.") as stream, pytest.raises(TypeError):
        stream.next("soon")  # type: ignore[arg-type]


def test_one_thing_is_given_once() -> None:
    model = load(SCRIPT)
    session = model.session()
    with pytest.raises(TypeError, match="deadline_ms"):
        session.chat("Go.", deadline=5, deadline_ms=5000)
    with pytest.raises(TypeError, match="system_prompt"):
        model.session("Be brief.", system_prompt="Be brief.")
    assert session.chat("Go.", deadline=60, deadline_ms=None).text == SCRIPT_REPLY


def test_deadlines() -> None:
    session = load(LONG, ctx_size=131072).session()
    for due in (0, -3.5, 0.0001):
        with fails(chaku.DeadlineExceeded, "deadline"):
            session.chat("Count.", deadline=due)
    with pytest.raises(ValueError, match="number"):
        session.chat("Count.", deadline=float("nan"))
    with fails(chaku.InvalidArgument, "invalid_option"):
        session.chat("Count.", deadline=1e30)


def test_timeouts() -> None:
    model, other = busy()
    stream = model.session().stream("Count.", max_tokens=8)
    for timeout in (0, -1, 0.01):
        assert stream.next(timeout) is None
        with pytest.raises(TimeoutError, match="goes on"):
            stream.result(timeout)
    with pytest.raises(ValueError, match="number"):
        stream.next(float("nan"))
    assert stream.reply is None and stream.text == ""
    other.cancel()
    assert stream.result(float("inf")).text == stream.result(0).text == LONG_WORDS
    assert stream.result(1e300) == stream.reply


def test_paths(tmp_path: Path) -> None:
    assert chaku.Model.load(MODELS / SCRIPT, threads=1).metadata["general.name"] == "tiny-script"
    strange = tmp_path / "ein Lama 🦙.gguf"
    strange.symlink_to(MODELS / SCRIPT)
    assert chaku.Model.load(strange, threads=1).metadata["general.name"] == "tiny-script"
    with fails(chaku.InvalidArgument, "invalid_utf8"):
        chaku.Model.load("\udcff.gguf")


def test_values_are_data() -> None:
    reply = load(SCRIPT).session().chat("Go.")
    assert pickle.loads(pickle.dumps(reply)) == reply
    assert dataclasses.asdict(reply.usage) == {
        "prompt_tokens": reply.usage.prompt_tokens,
        "cached_tokens": 0,
        "completion_tokens": 8,
        "context_used": session_tokens(reply),
    }
    with pytest.raises(dataclasses.FrozenInstanceError):
        reply.text = "another"  # type: ignore[misc]


def session_tokens(reply: chaku.Reply) -> int:
    return reply.usage.prompt_tokens + len(reply.tokens)


def test_how_things_show() -> None:
    with load(SCRIPT) as model:
        assert repr(model) == f"<chaku.Model {model.description!r}>"
        events = list(model.session().stream("Go."))
    assert repr(events[0]) == "Event(kind='progress', progress=1.000)"
    assert repr(events[1]) == "Event(kind='text', text='Hello', token=273)"
    assert repr(events[-1]) == "Event(kind='final', finish_reason='stop')"
    assert type(events[0]).__module__ == chaku.Model.__module__ == chaku.Reply.__module__ == "chaku"


def test_what_was_read_can_be_seen() -> None:
    stream = load(LONG).session().stream("Count.", max_tokens=8, event_queue=1)
    reading = Reading(stream).until_tokens(2)
    assert stream.text == reading.text == " one two"
    assert stream.reply is None
    assert stream.result().text == LONG_WORDS == stream.text
    assert stream.reply == stream.result()


def test_a_loop_that_is_left_can_be_taken_up_again() -> None:
    stream = load(LONG).session().stream("Count.", max_tokens=8)
    for event in stream:
        if event.text == " three":
            break
    assert "".join(event.text for event in stream) == " four five six seven eight"


def test_a_generator_dropped_half_way_cancels() -> None:
    model = load(LONG, ctx_size=131072)
    session = model.session()
    iterator = iter(session.stream("Count."))
    assert next(iterator).kind == "progress"
    assert model.metrics()["requests_running"] == 1
    del iterator
    wait_until(lambda: model.metrics()["requests_running"] == 0)
    iterator = iter(session.stream("Count."))
    next(iterator)
    assert isinstance(iterator, Generator)
    iterator.close()
    assert session.chat("Count.", max_tokens=8).text == LONG_WORDS


def test_a_request_that_an_interrupt_left_without_a_name_is_not_in_the_way() -> None:
    session = load(LONG, ctx_size=131072).session()
    session._native.chat("Count.", {})  # Ctrl-C came right here
    assert session.chat("Count.", max_tokens=8).text == LONG_WORDS
    session._native.chat("Count.", {})
    session.reset()


def test_a_cycle_is_collected() -> None:
    session = load(LONG, ctx_size=131072).session()
    cycle: list[object] = [session.stream("Count.")]
    stream = cycle[0]
    assert isinstance(stream, chaku.Stream) and stream.next()
    gone = weakref.ref(stream)
    cycle.append(cycle)
    del cycle, stream
    gc.collect()
    assert gone() is None
    assert session.chat("Count.", max_tokens=8).text == LONG_WORDS


def test_a_request_nobody_waits_for_is_told_of() -> None:
    session = load(LONG, ctx_size=131072).session()
    with pytest.warns(ResourceWarning, match="nobody waited"):
        session.ingest("A long text.", "user")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.ingest("A long text.", "user").result()
        session.stream("Count.").cancel()
        with session.stream("Count."):
            pass


def test_a_block_that_fails_ends_its_request() -> None:
    session = load(LONG, ctx_size=131072).session()
    with pytest.raises(ZeroDivisionError), session.stream("Count.") as stream:
        stream.next()
        1 / 0  # noqa: B018
    assert stream.finished
    with pytest.raises(ZeroDivisionError):
        chaku.Model.load(path(SCRIPT), threads=1, on_progress=lambda _: 1 // 0)


def test_a_cancelled_request_has_ended_before_its_session_is_used() -> None:
    # Whoever leaves a loop and goes on finds what was said, whatever is done next.
    session = load(LONG, ctx_size=131072).session()
    uses: list[Callable[[], object]] = [session.fork, session.save, lambda: session.rewind(6)]
    for turn, use in enumerate(uses, 1):
        for event in session.stream("Count."):
            if event.text == " three":
                break
        use()
        assert session.message_count == 2 * turn


def test_bytes_go_round() -> None:
    model = load(SCRIPT)
    session = model.session("You are a parrot.")
    reply = session.chat("Go.")
    data = session.save()
    restored = model.restore(pickle.loads(pickle.dumps(data)))
    assert model.restore(restored.save()).message_count == session.message_count == 2
    one, two = restored.chat("Go."), session.chat("Go.")
    assert (one.text, one.usage.prompt_tokens) == (SCRIPT_REPLY, two.usage.prompt_tokens)
    assert one.usage.cached_tokens == reply.usage.context_used


def test_a_save_ends_as_other_requests_do(tmp_path: Path) -> None:
    session = load(SCRIPT).session()
    session.chat("Go.")
    with session.save_async() as save:
        assert [event.kind for event in save] == ["final"]
        assert save.result() == save.result() and save.finished
    with session.save_async(tmp_path / "session.state") as to_file:
        assert to_file.result() is None
    assert session.save(tmp_path / "session.state", deadline=EVENT_SECONDS) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save = session.save_async()
        save.cancel()
        # It may have ended before that.
        with contextlib.suppress(chaku.Cancelled):
            save.result()
    assert session.chat("Go.").text == SCRIPT_REPLY


def test_messages_are_any_iterable() -> None:
    model = load(SCRIPT)
    messages = {"Go.": "user", "I went.": "assistant", "And then?": "user"}
    expected = model.chat([{"role": role, "content": text} for text, role in messages.items()])
    for same in (
        ((role, text) for text, role in messages.items()),
        tuple(MappingProxyType({"role": role, "content": text}) for text, role in messages.items()),
    ):
        reply = model.chat(same)
        assert (reply.text, reply.usage.prompt_tokens) == (SCRIPT_REPLY, expected.usage.prompt_tokens)
    assert model.chat([("user", "\u2028 \0 \"\\ 🦙")], deadline=EVENT_SECONDS).text == SCRIPT_REPLY
    with pytest.raises(TypeError, match="pair"):
        model.chat("Go.")  # type: ignore[arg-type]


def test_reports_are_plain_dicts() -> None:
    model = load(SCRIPT)
    with model.stream([("user", "Go.")]) as stream:
        stream.result()
    reports = (model.metrics(), chaku.metrics(), chaku.Runtime().metrics(), stream.timeline(), chaku.plan(path(SCRIPT)))
    for report in reports:
        assert type(report) is dict and json.loads(json.dumps(report)) == report
    assert chaku.Runtime(memory_budget=64).plan(MODELS / SCRIPT, ctx_size=256)["available"] == 64 << 20


def test_closing_takes_at_most_so_long() -> None:
    model, other = busy()
    other.close(EVENT_SECONDS)
    other.close(0)
    model.close(EVENT_SECONDS)
    model.close(0)


def test_threads_share_one_stream() -> None:
    # Each event goes to one of them, and the reply has all, in order.
    session = load(LONG).session()
    for _ in range(10):
        stream = session.stream("Count.", max_tokens=160, event_queue=3)
        seen: list[str] = []

        def read(stream: chaku.Stream = stream, seen: list[str] = seen) -> None:
            seen.extend(event.text for event in stream)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        assert stream.result().text == LONG_WORDS * 20 == stream.text
        for reader in readers:
            reader.join()
        assert set(seen) <= set(stream.text.replace(" ", "| ").split("|"))


def test_threads_share_one_session() -> None:
    session = load(LONG).session()
    answers: list[str] = []

    def ask() -> None:
        while len(answers) < 20:
            try:
                answers.append(session.chat("Count.", max_tokens=8).text)
            except chaku.FailedPrecondition as error:
                assert error.reason == "concurrent_use"
                time.sleep(0.001)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {LONG_WORDS}


def test_log_lines_nobody_fetches_are_dropped_and_counted() -> None:
    runtime = chaku.Runtime(log_level="debug")
    session = chaku.Model.load(path(RANDOM), runtime=runtime, threads=1).session()

    def lines_after(requests: int) -> list[chaku.LogLine]:
        for _ in range(requests):
            session.reset()
            session.chat("Go.", max_tokens=1)
        return runtime.drain_log()

    lines_after(1)  # and those of the load
    a_hundred = len(lines_after(100))
    rounds = 1 + 4096 // a_hundred
    lines = lines_after(100 * rounds)
    assert len(lines) == 1 + 4096
    assert lines[0].level == "warn"
    # The last line of a request may come after its final event.
    assert abs(int(lines[0].message.split()[0]) - (rounds * a_hundred - 4096)) <= rounds + 1
    assert not any("dropped" in line.message for line in lines_after(1))
    with pytest.raises(ValueError, match="log level"):
        runtime.set_log_level("loud")  # type: ignore[arg-type]


def test_the_package_says_what_it_is() -> None:
    assert chaku.__version__ in chaku.build_info()
    assert "cpu" in chaku.backends()
    assert chaku.devices()[0].kind == "cpu"
    assert set(chaku.__all__) <= set(dir(chaku))
    for name in chaku.__all__:
        public = getattr(chaku, name)
        if inspect.isclass(public) or inspect.isfunction(public):
            assert public.__doc__, name
