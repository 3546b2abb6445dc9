"""How likely tokens are: those of the prompt, those of several answers, and those a host chooses by itself."""

from __future__ import annotations

import asyncio
import math
from array import array
from typing import Any

import chaku
from harness import ASSISTANT, RANDOM, SCRIPT, SCRIPT_REPLY, fails, load, user

MESSAGES = [{"role": "user", "content": "Tell me something about llamas, and then about alpacas."}]


def prompt(stream: chaku.Stream) -> tuple[list[chaku.Event], chaku.Reply]:
    """The events of a prompt's tokens."""
    events = list(stream)
    kinds = [event.kind for event in events if event.kind != "progress"]
    told = [event for event in events if event.kind == "prompt"]
    assert kinds[: len(told)] == ["prompt"] * len(told), "before the answer"
    assert all(event.text == "" for event in told)
    reply = stream.result()
    scores = [(one.token, one.logprob, one.bytes, one.top_logprobs) for one in reply.prompt_logprobs]
    assert scores == [(event.token, event.logprob, event.bytes, event.top_logprobs) for event in told]
    return told, reply


def test_prompt_logprobs() -> None:
    session = load(SCRIPT).session()
    for _ in range(2):
        told, reply = prompt(session.stream("Go.", prompt_logprobs=2))
        assert (len(told), reply.usage.cached_tokens) == (reply.usage.prompt_tokens, 0)
        assert (told[0].logprob, told[0].top_logprobs) == (None, ())
        assert all(event.logprob is not None and len(event.top_logprobs) == 2 for event in told[1:])
        assert user("Go.") + ASSISTANT in "".join(event.prompt for event in told)
        assert reply.text == SCRIPT_REPLY
    ahead = load(RANDOM).session().ingest("abc", prompt_logprobs=0).result()
    assert (len(ahead.prompt_logprobs), ahead.text) == (ahead.usage.prompt_tokens, "")
    assert b"".join(one.bytes for one in ahead.prompt_logprobs) == b"abc"
    assert prompt(session.stream("Go."))[0] == []


def test_choices() -> None:
    model = load(RANDOM)
    options: Any = {"temperature": 2, "max_tokens": 12, "ignore_eos": True}
    replies = model.choices(MESSAGES, 3, seed=7, **options)
    assert len({reply.text for reply in replies}) == 3
    for reply in replies[1:]:
        assert reply.usage.cached_tokens == reply.usage.prompt_tokens - 1
    assert model.chat(MESSAGES, seed=7, choice=1, **options).text == replies[1].text
    assert model.chat(MESSAGES, seed=8, **options).text == replies[1].text
    with fails(chaku.InvalidArgument, "invalid_messages"):
        model.choices([], 2)


def test_pause_for_logits() -> None:
    model = load(SCRIPT)
    with model.session().stream("Go.", pause_for_logits=True) as stream:
        position = None
        for event in stream:
            if event.kind != "logits":
                assert len(event.logits) == 0 and event.position is None
                continue
            assert len(event.logits) == model.vocab_size
            assert position is None or event.position == position + 1
            if position is None:
                for wrong in (event.logits[1:], [], [math.nan] * model.vocab_size, array("d", [0.0])):
                    with fails(chaku.InvalidArgument, "invalid_argument"):
                        stream.resume(wrong)
                stream.resume()
            else:
                stream.resume(event.logits)
            position = event.position
        with fails(chaku.FailedPrecondition, "not_paused"):
            stream.resume()
    assert stream.text == SCRIPT_REPLY

    # One token left: it comes.
    random = load(RANDOM)
    [z] = random.tokenize("z")
    edited = [-math.inf] * random.vocab_size
    edited[z] = 0.0
    stream = random.session().stream("Go.", pause_for_logits=True, max_tokens=3)
    for event in stream:
        if event.kind == "logits":
            stream.resume(edited)
    assert stream.text == "zzz"

    # Nobody looks; nobody answers.
    assert model.session().chat("Go.", pause_for_logits=True).text == SCRIPT_REPLY

    async def unseen() -> str:
        return (await model.session().stream("Go.", pause_for_logits=True)).text

    assert asyncio.run(unseen()) == SCRIPT_REPLY
    waiting = model.session().stream("Go.", pause_for_logits=True)
    while waiting.next().kind != "logits":
        pass
    waiting.close()
