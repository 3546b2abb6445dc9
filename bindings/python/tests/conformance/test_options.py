"""Options: checked in the call, in force where they belong and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chaku
from harness import ASSISTANT, RANDOM, SCRIPT, SCRIPT_REPLY, chat, count_tokens, fails, generate, load, path, read, user


def test_bad_option() -> None:
    session = load(RANDOM).session(max_tokens=7)
    wrong: list[dict[str, Any]] = [
        {"max_tokens": -5},
        {"max_tokens": 10**30},
        {"max_tokens": "many"},
        {"max_tokens": 1.0},
        {"typical_p": 1.5},
        {"temperature": float("nan")},
        {"ignore_eos": 1},
        {"grammar": ['root ::= "a"']},
        {"stop": [""]},
        {"stop": ["x"] * 65},
    ]
    for options in wrong:
        with fails(chaku.InvalidArgument, "invalid_option") as caught:
            session.stream("Go.", **options)
        assert [caught.value.details["key"]] == list(options)
    with fails(chaku.InvalidArgument, "invalid_option") as caught:
        session.stream("Go.", max_tokens=-5)
    assert (caught.value.details["min"], caught.value.details["max"]) == ("0", "2147483647")
    with fails(chaku.InvalidArgument, "invalid_option") as caught:
        load(RANDOM).session(overflow="explode")  # type: ignore[arg-type]
    assert "shift" in str(caught.value)
    # A refused call changes nothing.
    assert len(chat(session, "Go.").tokens) == 7


def test_unknown_option() -> None:
    session = load(SCRIPT).session()
    misspelt: list[tuple[dict[str, Any], str]] = [
        ({"temprature": 1.0}, "temperature"),
        ({"max_token": 1}, "max_tokens"),
        ({"max_token": None}, "max_tokens"),
    ]
    for options, nearest in misspelt:
        with fails(chaku.InvalidArgument, "unknown_option") as caught:
            session.stream("Go.", **options)
        assert caught.value.details["nearest"] == nearest
        assert nearest in str(caught.value)


def test_option_wrong_scope() -> None:
    model = load(SCRIPT)
    session = model.session()
    loading: Any = chaku.Model.load_async
    anything: Any = session
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: anything.stream("Go.", ctx_size=256), "ctx_size"),
        (lambda: anything.stream("Go.", overflow="shift"), "overflow"),
        (lambda: model.session(threads=1), "threads"),  # type: ignore[call-arg]
        (lambda: loading(path(SCRIPT), default_deadline_ms=1), "default_deadline_ms"),
    ]
    for call, key in calls:
        with fails(chaku.InvalidArgument, "invalid_option") as caught:
            call()
        assert caught.value.details["key"] == key
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_options_isolation() -> None:
    model = load(SCRIPT)
    one, other = model.session(), model.session()
    stop = ["there"]
    options: chaku.RequestOptions = {"max_tokens": 2, "stop": stop, "seed": 1, "event_queue": 1}
    stream = one.stream("Go.", **options)
    # Copied: what happens to the objects afterwards is of no effect.
    options["max_tokens"] = 100
    stop.clear()
    assert chat(other, "Go.").text == SCRIPT_REPLY
    reading = read(stream)
    assert (reading.text, reading.usage.completion_tokens) == ("Hello ", 2)
    assert chat(one, "Go.").text == SCRIPT_REPLY


def test_option_defaults() -> None:
    # The request's own value wins, then the session's, the model's, the runtime's.
    runtime = chaku.Runtime(max_tokens=1, ctx_size=512, threads=1)
    model = chaku.Model.load(path(RANDOM), runtime=runtime)
    assert model.context_size == 512
    assert len(chat(model.session(), "Go.").tokens) == 1
    model = chaku.Model.load(path(RANDOM), runtime=runtime, max_tokens=2)
    plain, other = model.session(), model.session(max_tokens=3)
    assert len(chat(plain, "Go.").tokens) == 2
    assert len(chat(other, "Go.").tokens) == 3
    assert len(chat(other, "Go.", max_tokens=4).tokens) == 4
    assert len(chat(other, "Go.", temperature=0).tokens) == 3
    assert len(chat(other, "Go.", max_tokens=None).tokens) == 3
    # An empty text or list is a value too: none, whatever the session says.
    other = load(SCRIPT).session(stop="there", grammar='root ::= "no"')
    assert chat(other, "Go.").text == "no"
    assert chat(other, "Go.", grammar="").text == "Hello "
    assert chat(other, "Go.", stop=[], grammar="").text == SCRIPT_REPLY


def test_option_table() -> None:
    table = {row.key: row for row in chaku.options()}
    assert len(table) > 40
    for row in table.values():
        assert row.type in ("int", "float", "bool", "str", "list[str]")
        assert row.scope in ("runtime", "model", "session", "request")
        assert len(row.doc) > 5
        assert (row.min is not None) == (row.max is not None) == (row.type in ("int", "float"))
        assert all(alias.startswith(("-", "LLAMA_ARG_")) for alias in row.aliases)
    assert table["temperature"].default == "0.8"
    assert table["top_p"].max == "1"
    assert table["overflow"].choices == ("error", "stop", "shift")
    assert table["deadline_ms"].unit == "ms"
    assert "no_such_key" not in table
    assert table["temperature"].aliases == ("--temp", "--temperature", "LLAMA_ARG_TEMPERATURE")
    assert table["top_p"].soft and not table["typical_p"].soft


def test_soft_range() -> None:
    runtime = chaku.Runtime(log_level="warn")
    session = chaku.Model.load(path(RANDOM), runtime=runtime, fixed_shape=True, threads=1).session()
    reply = chat(session, "Go.", temperature=-1, top_k=-5, top_p=1.5, max_tokens=16)
    lines = [line.message for line in runtime.drain_log() if line.level == "warn" and "clamped" in line.message]
    assert [key for key in ("temperature", "top_k", "top_p") if any(key in line for line in lines)] == [
        "temperature",
        "top_k",
        "top_p",
    ]
    assert len(lines) == 3
    session.reset()
    assert chat(session, "Go.", temperature=0, top_k=0, top_p=1, max_tokens=16).text == reply.text
    assert runtime.drain_log() == []


def test_invalid_utf8() -> None:
    # A str holds no broken bytes, but it may hold half of a surrogate pair, which no UTF-8 has.
    model = load(SCRIPT)
    session = model.session()
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: session.stream("ab\ud800c"), "2"),
        (lambda: session.generate("caf\u00e9\udcff"), "5"),
        (lambda: session.ingest("\udfff"), "0"),
        (lambda: model.tokenize("a\ud800"), "1"),
        (lambda: session.stream("Go.", stop=["\ud800"]), "0"),
        (lambda: model.session(system="x\ud800"), "1"),
    ]
    for call, offset in calls:
        with fails(chaku.InvalidArgument, "invalid_utf8") as caught:
            call()
        assert caught.value.details["offset"] == offset
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_text_length() -> None:
    # A str knows its length; a NUL inside is a character like any other.
    model = load(SCRIPT)
    reading = generate(model.session(), "a\0b\n")
    assert (reading.usage.prompt_tokens, reading.text) == (4, SCRIPT_REPLY)
    assert chat(model.session(), "a\0b").usage.prompt_tokens == count_tokens(model, user("a\0b") + ASSISTANT)
    assert model.detokenize(model.tokenize("a\0b")) == b"a\0b"
    with fails(chaku.InvalidArgument, "invalid_argument"):
        chaku.Model.load_async("a\0b")


def test_empty_prompt() -> None:
    session = load(SCRIPT).session()
    calls: list[Callable[[], object]] = [
        lambda: session.chat(""),
        lambda: session.stream(""),
        lambda: session.generate(""),
        lambda: session.ingest(""),
        lambda: session.ingest("", "user"),
    ]
    for call in calls:
        with fails(chaku.InvalidArgument, "empty_prompt"):
            call()
    assert chat(session, "Go.").text == SCRIPT_REPLY
