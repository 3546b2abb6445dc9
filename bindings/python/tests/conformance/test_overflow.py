"""The end of the context window."""

from __future__ import annotations

from itertools import pairwise

import chaku
import pytest
from harness import ASSISTANT, LONG, LONG_WORDS, SCRIPT, SCRIPT_REPLY, chat, count_tokens, generate, load, read, user

WINDOW = 256
TOO_LONG = "word after word " * 100


def test_overflow_error_prompt() -> None:
    session = load(SCRIPT, ctx_size=WINDOW).session()
    reading = chat(session, TOO_LONG).ends("error", chaku.OutOfRange, "context_overflow")
    assert "256" in str(reading.error)
    assert reading.usage.completion_tokens == 0
    assert session.message_count == 0
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_overflow_error_details() -> None:
    error = chat(load(SCRIPT, ctx_size=WINDOW).session(), TOO_LONG).error
    assert error is not None
    assert int(error.details["tokens"]) > WINDOW
    assert error.details["ctx_size"] == "256"


def test_overflow_error_generation() -> None:
    session = load(LONG, ctx_size=WINDOW).session()
    reading = chat(session, "Count.").ends("error", chaku.OutOfRange, "context_overflow")
    assert reading.usage.completion_tokens > 100
    assert reading.usage.context_used <= WINDOW
    assert reading.text.startswith(LONG_WORDS[:8])
    assert session.message_count == 2
    assert session.context_used <= WINDOW
    session.reset()
    chat(session, "Count.", max_tokens=2).ends("length")


def test_overflow_stop() -> None:
    model = load(LONG, ctx_size=WINDOW)
    reading = chat(model.session(overflow="stop"), "Count.").ends("length")
    assert reading.usage.completion_tokens > 100
    assert model.context_size - 1 <= reading.usage.context_used <= model.context_size


def test_overflow_shift() -> None:
    # Ten windows of text in one go: the walk goes on word by word, whatever was dropped.
    model = load(LONG, ctx_size=WINDOW, overflow="shift", system_prompt="Be brief.", max_tokens=2560)
    reading = chat(model.session(), "Count.").ends("length")
    assert reading.text == LONG_WORDS * 320
    assert reading.usage.context_used <= model.context_size


def test_overflow_shift_raw() -> None:
    session = load(LONG, ctx_size=WINDOW, overflow="shift").session()
    reading = generate(session, "Count.\n", max_tokens=1280).ends("length")
    assert reading.text == LONG_WORDS * 160
    assert reading.usage.context_used <= WINDOW
    assert read(session.continue_answer(max_tokens=800)).text == LONG_WORDS * 100


def test_overflow_shift_turns() -> None:
    # A conversation goes on for ever: the oldest turns are left out, the system prompt stays.
    model = load(SCRIPT, ctx_size=WINDOW, overflow="shift")
    session = model.session(system="You are a parrot.")
    prompts = []
    for _ in range(40):
        reading = chat(session, "What do you say now?").ends("stop")
        assert reading.text == SCRIPT_REPLY
        prompts.append(reading.usage.prompt_tokens)
    assert max(prompts) < WINDOW
    shorter = [now for before, now in pairwise(prompts) if now < before]
    assert shorter  # turns were left out
    system = "<|im_start|>system\nYou are a parrot.<|im_end|>\n"
    assert min(shorter) > count_tokens(model, system + user("What do you say now?") + ASSISTANT)


def test_overflow_shift_then_chat() -> None:
    # After a shift inside an answer the next turn has a conversation that fits again.
    session = load(LONG, ctx_size=WINDOW, overflow="shift").session()
    chat(session, "Count.", max_tokens=600).ends("length")
    for _ in range(3):
        assert chat(session, "Again.", max_tokens=8).ends("length").text == LONG_WORDS


def test_overflow_shift_unsupported() -> None:
    session = load("tiny-mamba.gguf", ctx_size=WINDOW, overflow="shift").session()
    chat(session, "Go.", max_tokens=600).ends("error", chaku.Unimplemented, "shift_unsupported")
    session.reset()
    assert len(chat(session, "Go.", max_tokens=5).tokens) == 5


@pytest.mark.parametrize("policy", ["error", "stop", "shift"])
def test_prompt_longer_than_context(policy: str) -> None:
    session = load(SCRIPT, ctx_size=WINDOW, overflow=policy).session()
    for stream in (session.stream, session.generate, session.ingest):
        read(stream(TOO_LONG)).ends("error", chaku.OutOfRange, "context_overflow")
    assert chat(session, "Go.").text == SCRIPT_REPLY


def test_overflow_later_turn() -> None:
    # A turn that does not fit any more leaves the conversation before it alone.
    session = load(SCRIPT, ctx_size=WINDOW).session()
    first = chat(session, "Go.")
    chat(session, TOO_LONG).ends("error", chaku.OutOfRange, "context_overflow")
    assert session.message_count == 2
    third = chat(session, "Go.")
    assert third.text == SCRIPT_REPLY
    assert third.usage.cached_tokens == first.usage.context_used
