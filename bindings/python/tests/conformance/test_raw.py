"""Raw text, and text that is computed ahead."""

from __future__ import annotations

from collections.abc import Callable

import chaku
from harness import ASSISTANT, RANDOM, SCRIPT, SCRIPT_REPLY, chat, count_tokens, fails, generate, load, read, user


def test_generate_raw() -> None:
    model = load(SCRIPT)
    session = model.session()
    first = generate(session, "Text.\n", max_tokens=2).ends("length")
    assert first.text == "Hello there,"
    assert first.usage.prompt_tokens == count_tokens(model, "Text.\n")
    assert session.message_count == 0
    second = generate(session, " More.\n").ends("stop")
    assert second.text == SCRIPT_REPLY
    assert second.usage.prompt_tokens == first.usage.context_used + count_tokens(model, " More.\n")
    assert second.usage.cached_tokens >= first.usage.context_used - 1


def test_continue_raw() -> None:
    session = load(SCRIPT).session()
    assert generate(session, "Text.\n", max_tokens=3).text == "Hello there, I"
    assert read(session.continue_answer()).ends("stop").text == " am a test model."


def test_special_tokens_in_raw_text() -> None:
    model = load(RANDOM)
    plain = generate(model.session(), "<|im_end|>", max_tokens=1)
    assert plain.usage.prompt_tokens == count_tokens(model, "<|im_end|>", parse_special=False) > 1
    assert generate(model.session(), "<|im_end|>", max_tokens=1, parse_special=True).usage.prompt_tokens == 1


def test_ingest() -> None:
    model = load(SCRIPT)
    session = model.session()
    ahead = read(session.ingest("A long text to come back to.")).ends("stop")
    assert (ahead.text, ahead.tokens, ahead.usage.completion_tokens) == ("", [], 0)
    used = ahead.usage.context_used
    assert used == session.context_used == count_tokens(model, "A long text to come back to.")
    reading = generate(session, "\n")
    assert reading.text == SCRIPT_REPLY
    assert reading.usage.cached_tokens == used


def test_ingest_messages() -> None:
    model = load(SCRIPT)
    session = model.session()
    read(session.ingest("Are you there?", "user")).ends("stop")
    assert session.message_count == 1
    read(session.ingest("Yes.", role="assistant")).ends("stop")
    reading = chat(session, "Good.")
    assert reading.text == SCRIPT_REPLY
    history = user("Are you there?") + "<|im_start|>assistant\nYes.<|im_end|>\n"
    assert reading.usage.prompt_tokens == count_tokens(model, history + user("Good.") + ASSISTANT)
    assert reading.usage.cached_tokens > 0
    assert session.message_count == 4
    with fails(chaku.InvalidArgument, "invalid_argument"):
        session.ingest("Hm.", "bystander")  # type: ignore[arg-type]


def test_session_mode() -> None:
    model = load(SCRIPT)
    talk, raw = model.session(), model.session()
    chat(talk, "Hi.")
    generate(raw, "Hi.\n")
    calls: list[Callable[[], object]] = [
        lambda: talk.generate("Hi."),
        lambda: talk.ingest("Hi."),
        lambda: raw.stream("Hi."),
        lambda: raw.ingest("Hi.", "user"),
    ]
    for call in calls:
        with fails(chaku.FailedPrecondition, "session_mode"):
            call()
    assert chat(talk, "Hi.").text == SCRIPT_REPLY
    assert generate(raw, "\n").text == SCRIPT_REPLY
    raw.reset()
    assert chat(raw, "Hi.").text == SCRIPT_REPLY
