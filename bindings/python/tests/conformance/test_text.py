"""What the text of an answer may and may not contain."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import chaku
from harness import ASSISTANT, RANDOM, SCRIPT, SCRIPT_REPLY, SMOLLM2, Reading, chat, count_tokens, fails, load, user


def test_stop_string_across_tokens() -> None:
    model = load("tiny-stop.gguf")
    session = model.session()
    reading = chat(session, "Go.", stop="stop here").ends("stop")
    assert (reading.text, reading.bytes) == ("one two ", b"one two ")
    assert reading.usage.completion_tokens == 5  # one, two, and the three the stop string is in
    # The conversation goes on with what was shown.
    reading = chat(session, "Again.", stop=["stop here"])
    assert reading.text == "one two "
    history = user("Go.") + ASSISTANT + "one two <|im_end|>\n"
    assert reading.usage.prompt_tokens == count_tokens(model, history + user("Again.") + ASSISTANT)


def test_stop_string_that_never_comes() -> None:
    reading = chat(load("tiny-stop.gguf").session(), "Go.", stop=["stop her!", "threesome"]).ends("stop")
    assert reading.text == "one two stop here three"
    assert len(reading.tokens) == 6


def test_several_stop_strings() -> None:
    model = load("tiny-stop.gguf")
    assert chat(model.session(), "Go.", stop=("three", "op h", "stop here")).text == "one two st"
    assert chat(model.session(), "Go.", stop="one").ends("stop").text == ""
    assert chat(load("tiny-emoji.gguf").session(), "Go.", stop="🦙").text == "Hi 😀 llama "


def test_emoji_split_over_tokens() -> None:
    reading = chat(load("tiny-emoji.gguf").session(), "Go.").ends("stop")
    assert reading.text == "Hi 😀 llama 🦙!"
    assert reading.bytes == reading.text.encode()
    assert (reading.replaced, len(reading.tokens)) == (0, 9)


def test_unfinished_character() -> None:
    reading = chat(load("tiny-cut.gguf").session(), "Go.").ends("stop")
    assert reading.text == "cut \N{REPLACEMENT CHARACTER}"
    assert (reading.replaced, reading.bytes) == (1, b"cut \xf0\x9f\x98")


def test_any_bytes() -> None:
    # Tokens drawn blindly: bytes in every order there is.
    model = load(RANDOM)
    for _ in range(3):
        reading = chat(
            model.session(),
            "Go.",
            temperature=100,
            top_k=0,
            top_p=1,
            min_p=0,
            ignore_eos=True,
            max_tokens=1500,
            stop="🦙",
        ).ends("length")
        assert reading.usage.completion_tokens == len(reading.tokens) == 1500
        assert reading.replaced > 0
        assert reading.text.count("\N{REPLACEMENT CHARACTER}") >= reading.replaced


def test_max_tokens() -> None:
    session = load(RANDOM).session()
    for most in (1, 3, 5):
        reading = chat(session, "Go.", max_tokens=most).ends("length")
        assert reading.usage.completion_tokens == len(reading.tokens) == most
    # An answer that is over in time ends by itself.
    chat(load(SCRIPT).session(), "Go.", max_tokens=100).ends("stop")


def test_bad_grammar() -> None:
    session = load(RANDOM).session()
    for grammar in ("root ::= (", 'no ::= "root"'):
        chat(session, "Go.", grammar=grammar).ends("error", chaku.InvalidArgument, "invalid_grammar")
    assert session.message_count == 0
    assert len(chat(session, "Go.", max_tokens=2).tokens) == 2


def test_grammar_constrains() -> None:
    model = load(RANDOM)
    for _ in range(4):
        reading = chat(model.session(), "Go.", grammar='root ::= "yes!" | "no!"').ends("stop")
        assert reading.text in ("yes!", "no!")


def test_constraint_holds() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    model = load(RANDOM)
    for _ in range(4):
        answer = json.loads(chat(model.session(), "Go.", json_schema=json.dumps(schema)).ends("stop").text)
        assert isinstance(answer["a"], bool) and answer["b"] in (1, 2) and len(answer) == 2
        assert re.fullmatch("(yes|no), [0-9]{3}", chat(model.session(), "Go.", regex="(yes|no), [0-9]{3}").ends("stop").text)
        assert chat(model.session(), "Go.", lark='start: "yes" | "no"').ends("stop").text in ("yes", "no")
    assert chat(model.session(), "Go.", json_object=True, max_tokens=4).text.startswith("{")


def test_bad_constraint() -> None:
    session = load(RANDOM).session()
    bad = ({"json_schema": "{"}, {"json_schema": '{"type": "nonsense"}'}, {"regex": "("}, {"lark": "start: nowhere"})
    for options in bad:
        chat(session, "Go.", **options).ends("error", chaku.InvalidArgument, "invalid_grammar")
    two = chat(session, "Go.", regex="a", grammar='root ::= "a"')
    two.ends("error", chaku.InvalidArgument, "invalid_option")
    assert session.message_count == 0
    assert chat(session, "Go.", regex="yes").text == "yes"


def scores(session: chaku.Session, **options: Any) -> list[chaku.Event]:
    """The text events; the others have no log probabilities."""
    stream = session.stream("Go.", **options)
    events = list(stream)
    texts = [event for event in events if event.kind == "text"]
    for event in events:
        assert event.kind == "text" or (event.logprob is None and event.top_logprobs == ())
        logprobs = [top.logprob for top in event.top_logprobs]
        assert logprobs == sorted(logprobs, reverse=True)
    told = [(event.token, event.logprob, event.bytes, event.top_logprobs) for event in texts]
    told = [one for one in told if one[1] is not None]
    assert [(one.token, one.logprob, one.bytes, one.top_logprobs) for one in stream.result().logprobs] == told
    return texts


def test_logprobs() -> None:
    events = scores(load(SCRIPT).session(), logprobs=3, temperature=0)
    assert len(events) == 7
    for event in events:
        assert len(event.top_logprobs) == 3
        likeliest = event.top_logprobs[0]
        assert (likeliest.token, likeliest.logprob, likeliest.bytes) == (event.token, event.logprob, event.bytes)
    session = load(RANDOM).session()
    for event in scores(session, logprobs=0, max_tokens=4):
        assert event.logprob is not None and event.logprob <= 0 and event.top_logprobs == ()
    for event in scores(session, max_tokens=4):
        assert event.logprob is None and event.top_logprobs == ()
    two = {"temperature": 1, "top_k": 2, "top_p": 1, "min_p": 0}
    for event in scores(session, logprobs=5, logprobs_after_sampling=True, max_tokens=4, **two):
        assert event.token in [top.token for top in event.top_logprobs] and len(event.top_logprobs) == 2
        assert abs(sum(math.exp(top.logprob) for top in event.top_logprobs) - 1) < 1e-4
    with fails(chaku.InvalidArgument, "invalid_option"):
        session.chat("Go.", logprobs=65)


def test_logit_bias() -> None:
    model = load(RANDOM)

    def say(**options: Any) -> Reading:
        return chat(model.session(), "Go.", **options)

    assert say(logit_bias="a=1000", max_tokens=3).text == "aaa"
    assert say(logit_bias={"a": 1000}, max_tokens=3).text == "aaa"
    [b] = model.tokenize("b")
    assert say(logit_bias={b: 1e3}, max_tokens=3).text == "bbb"
    # In a dict a text is a text, even if it is a number.
    for text in ("7", '"', "\\", "="):
        assert say(logit_bias={text: 1000}, max_tokens=3).text == 3 * text
    assert say(logit_bias=["a=1000", "b=500", "a=false"], max_tokens=3).text == "bbb"
    assert say(logit_bias={"a": False, "b": 500.5}, max_tokens=3).text == "bbb"
    assert say(logit_bias={"a": -math.inf}, regex="a|b").text == "b"
    assert say(logit_bias={"a": 1000}, regex="a|b").text == "a"
    say(logit_bias={"a": False}, regex="a").ends("error", chaku.InvalidArgument, "invalid_option")


def test_bad_logit_bias() -> None:
    session = load(RANDOM).session()
    for bad in ("a", "a=much", "a=nan", "a=inf", "a=1e7", "-1=1", "999999=1", "=1"):
        reading = chat(session, "Go.", logit_bias=bad).ends("error", chaku.InvalidArgument, "invalid_option")
        assert reading.error is not None and f"`{bad}`" in reading.error.message
    biases: list[tuple[dict[Any, float], str]] = [({"a": math.nan}, '"a"=NaN'), ({-1: 1}, "-1=1"), ({10**30: 1}, "=1")]
    for biases_of, entry in biases:
        reading = chat(session, "Go.", logit_bias=biases_of).ends("error", chaku.InvalidArgument, "invalid_option")
        assert reading.error is not None and entry in reading.error.message
    assert session.message_count == 0
    assert chat(session, "Go.", logit_bias="a=1000", max_tokens=2).text == "aa"


def test_unknown_sampler() -> None:
    session = load(RANDOM).session()
    chat(session, "Go.", samplers="top_k;no_such_sampler").ends("error", chaku.InvalidArgument, "invalid_option")
    assert len(chat(session, "Go.", samplers="top_k;temperature", max_tokens=2).tokens) == 2


def test_ignore_eos() -> None:
    reading = chat(load(SCRIPT).session(), "Go.", ignore_eos=True, max_tokens=20).ends("length")
    assert reading.usage.completion_tokens == 20
    assert reading.text.startswith(SCRIPT_REPLY)


def test_seed_repeats() -> None:
    session = load(RANDOM, fixed_shape=True).session()

    def sample(seed: int) -> str:
        session.reset()
        return chat(session, "Go.", seed=seed, temperature=2, max_tokens=32).text

    first = sample(7)
    assert sample(7) == first != sample(8)


def test_unset_seed_differs() -> None:
    model = load(RANDOM)
    hot = {"temperature": 20, "top_k": 20, "min_p": 0, "top_p": 1, "max_tokens": 32}
    assert chat(model.session(), "Go.", **hot).text != chat(model.session(), "Go.", **hot).text


def test_greedy_repeats_in_fixed_shape() -> None:
    readings = []
    for _ in range(2):
        with load(SMOLLM2, fixed_shape=True, ctx_size=1024) as model:
            readings.append(chat(model.session(), "Write a sentence about a llama.", temperature=0, max_tokens=48))
    assert len(readings[0].tokens) > 4
    assert (readings[1].text, readings[1].tokens) == (readings[0].text, readings[0].tokens)
