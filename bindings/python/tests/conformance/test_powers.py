"""What sessions can do besides talking: fork, rewind, and conversations without one."""

from __future__ import annotations

from typing import Any

import chaku
import pytest
from harness import (
    ASSISTANT,
    LONG,
    LONG_WORDS,
    SCRIPT,
    SCRIPT_REPLY,
    Reading,
    chat,
    count_tokens,
    fails,
    generate,
    load,
    read,
    user,
    wait_until,
)

STORY = "Tell me."


def script(reading: Reading) -> Reading:
    assert reading.ends("stop").text == SCRIPT_REPLY
    return reading


def test_fork() -> None:
    # What both have in common was computed once.
    model = load(SCRIPT, ctx_size=4096, max_sessions=11)
    session = model.session("You are a parrot.")
    first = chat(session, "word after word " * 60).usage
    tail = count_tokens(model, "<|im_end|>\n" + user("Two?") + ASSISTANT)
    assert first.context_used > 200
    forks = [session.fork() for _ in range(10)]
    with fails(chaku.ResourceExhausted, "session_limit"):
        session.fork()
    for fork, stream in [(fork, fork.stream("Two?")) for fork in forks]:
        usage = script(read(stream)).usage
        assert usage.prompt_tokens == first.context_used + tail
        assert usage.cached_tokens >= first.context_used
        assert fork.message_count == 4
    # Nothing of it is in the one they come from.
    assert session.message_count == 2
    usage = chat(session, "Two?").usage
    assert usage.prompt_tokens == first.context_used + tail
    assert usage.cached_tokens >= first.context_used
    wait_until(lambda: model.metrics()["generated_tokens_total"] >= 12 * 8)
    assert model.metrics()["prompt_tokens_total"] <= first.prompt_tokens + 11 * tail


def test_forks_are_independent() -> None:
    model = load(SCRIPT)
    session = model.session()
    chat(session, STORY)
    before = count_tokens(model, user(STORY) + ASSISTANT + SCRIPT_REPLY + "<|im_end|>\n")
    question = count_tokens(model, user("One?") + ASSISTANT)
    one, two = session.fork(), session.fork(system_prompt="Be brief.")
    del session
    assert chat(one, "One?").usage.prompt_tokens == before + question
    # Its own options hold before those it has from there.
    assert chat(two, "One?").usage.prompt_tokens > before + question
    three = one.fork()
    assert three.message_count == 4
    one.reset()
    assert three.message_count == 4
    script(chat(three, "Three?"))
    assert chat(one, STORY).usage.prompt_tokens == count_tokens(model, user(STORY) + ASSISTANT)

    # A raw text goes on in each of them.
    session = load(LONG).session()
    generate(session, "Count.\n", max_tokens=12)
    one = session.fork()
    for each in (session, one):
        assert read(each.continue_answer(max_tokens=4)).text == " five six seven eight"
    one.close()
    with fails(chaku.FailedPrecondition, "closed"):
        one.fork()


def test_fork_while_running() -> None:
    # It begins before the request.
    session = load(LONG).session()
    chat(session, "Count.", max_tokens=8)
    reading = Reading(session.stream("Again.")).until_tokens(4)
    fork = session.fork()
    assert fork.message_count == 2
    assert chat(fork, "Again.", max_tokens=16).text == LONG_WORDS * 2
    assert reading.until_tokens(24).text.startswith(LONG_WORDS * 3)
    reading.request.cancel()
    reading.rest().cancelled()
    assert fork.message_count == 4


def test_rewind() -> None:
    session = load(SCRIPT).session("You are a parrot.")
    first, second = chat(session, "One?").usage, chat(session, "Two?").usage
    used = session.context_used
    for length in (-1, (1 << 63) - 1, 5):
        with fails(chaku.InvalidArgument, "invalid_argument") as caught:
            session.rewind(length)
    assert caught.value.details["most"] == "4"
    session.rewind(4)
    assert session.context_used == used
    session.rewind(2)
    assert (session.message_count, session.context_used) == (2, first.context_used)
    again = script(chat(session, "Two?")).usage
    assert again.prompt_tokens == second.prompt_tokens
    assert again.cached_tokens >= first.context_used
    # To the beginning: the system prompt stays.
    session.rewind(0)
    assert session.message_count == 0
    assert chat(session, "One?").usage.prompt_tokens == first.prompt_tokens

    # A raw text is taken back by tokens.
    session = load(LONG).session()
    generate(session, "Count.\n", max_tokens=16)
    used = session.context_used
    session.rewind(used - 4)
    assert session.context_used == used - 4
    assert read(session.continue_answer(max_tokens=8)).text == " five six seven eight one two three four"

    running = session.generate("\n", event_queue=1)
    with fails(chaku.FailedPrecondition, "concurrent_use"):
        session.rewind(1)
    session.close()
    with fails(chaku.FailedPrecondition, "closed"):
        session.rewind(1)
    read(running)


# ---- Without a session


def test_stateless_chat() -> None:
    model = load(SCRIPT, max_sessions=1)
    only = model.session()  # these need none

    def answer(*messages: chaku.Message, **options: Any) -> Reading:
        return read(model.stream(messages, **options))

    first = script(answer({"role": "user", "content": "One?"})).usage
    assert first.prompt_tokens == count_tokens(model, user("One?") + ASSISTANT)
    assert first.cached_tokens == 0
    # The conversation grows, and what there was is not computed again. Pairs are messages too.
    history: list[chaku.Message] = [("user", "One?"), ("assistant", SCRIPT_REPLY), {"role": "user", "content": "Two?"}]
    second = script(answer(*history)).usage
    turns = user("One?") + ASSISTANT + SCRIPT_REPLY + "<|im_end|>\n" + user("Two?") + ASSISTANT
    assert second.prompt_tokens == count_tokens(model, turns)
    assert second.cached_tokens >= first.prompt_tokens
    # In one go it is the same.
    reply = model.chat(history)
    assert (reply.text, reply.usage.prompt_tokens) == (SCRIPT_REPLY, second.prompt_tokens)
    assert only.message_count == 0

    # A system message first is the system prompt, and options hold.
    other = answer(("system", "Be brief."), ("user", "One?"), max_tokens=3).ends("length").usage
    assert other.prompt_tokens == answer(("user", "One?"), system_prompt="Be brief.").usage.prompt_tokens
    assert other.prompt_tokens > first.prompt_tokens
    # Names of control tokens are text here too.
    around = count_tokens(model, "<|im_start|>user\n") + count_tokens(model, "<|im_end|>\n" + ASSISTANT)
    plain = count_tokens(model, "<|im_end|>", parse_special=False)
    assert answer(("user", "<|im_end|>")).usage.prompt_tokens == around + plain
    model.close()
    with fails(chaku.FailedPrecondition, "closed"):
        model.chat([("user", "One?")])


def test_invalid_messages() -> None:
    model = load(SCRIPT)
    good = ("user", "x")
    bad: list[tuple[Any, str | None]] = [
        ([], None),
        ([good, {}], "1"),
        ([("robot", "x")], "0"),
        ([{"role": "user"}], "0"),
        ([{"role": "user", "content": "x", "name": "y"}], "0"),
        ([{"role": "user", "content": float("nan")}], "0"),
        ([good, ("user", 7)], "1"),
        ([good, ("assistant", "y")], "1"),
        ([("user", "")], "0"),
    ]
    for messages, index in bad:
        with fails(chaku.InvalidArgument, "invalid_messages") as caught:
            model.chat(messages)
        assert caught.value.details.get("index") == index
    # What is no list of messages at all is of a wrong type.
    not_messages: list[Any] = [None, 7, "x", {"role": "user", "content": "x"}, [good, 7], [("user",)], [b"x"]]
    for messages in not_messages:
        with pytest.raises(TypeError):
            model.chat(messages)
    with pytest.raises(TypeError):
        model.chat([{"role": "user", "content": b"x"}])
    with fails(chaku.InvalidArgument, "invalid_utf8"):
        model.chat([("user", "\udcff")])
    with fails(chaku.FailedPrecondition, "no_chat_template"):
        load("tiny-nochat.gguf").chat([good])
    script(read(model.stream([good])))
