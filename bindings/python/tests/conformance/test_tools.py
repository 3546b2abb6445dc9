"""What an answer is made of: reasoning, content, calls of tools."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import chaku
import pytest
from harness import ASSISTANT, RANDOM, chat, count_tokens, fails, load, read, user

TOOLS = "tiny-tools.gguf"  # thinks "I think.", says "Wait:", and calls add with {"a": 1, "b": 2}
NUMBERS = {"a": {"type": "integer"}, "b": {"type": "integer"}}
ADD = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "parameters": {"type": "object", "properties": NUMBERS, "required": ["a", "b"]},
        },
    },
    {"type": "function", "function": {"name": "now"}},
]


def test_tool_calls() -> None:
    session = load(TOOLS).session()
    reading = chat(session, "Go.", tools=ADD).ends("tool_calls")
    assert reading.reasoning == "I think." and reading.text.startswith("Wait:")
    assert [call[1:] for call in reading.calls] == [["add", '{"a": 1, "b": 2}']]
    assert reading.reply.tool_calls[0].parsed() == {"a": 1, "b": 2}
    assert session.message_count == 2


def test_tool_results() -> None:
    session = load(TOOLS).session()
    id_ = chat(session, "Go.", tools=ADD).calls[0][0]
    chat(session, [{"role": "tool", "tool_call_id": id_, "content": "3"}], tools=ADD).ends("tool_calls")
    assert session.message_count == 4
    with fails(chaku.InvalidArgument, "invalid_messages") as caught:
        session.stream([{"role": "tool"}])
    assert caught.value.details["index"] == "0"
    assert session.message_count == 4


def test_tool_choice() -> None:
    model = load(RANDOM)
    for _ in range(4):
        reading = chat(model.session(), "Go.", tools=ADD, tool_choice="now").ends("tool_calls")
        assert [call[1] for call in reading.calls] == ["now"]
    reading = chat(load(TOOLS).session(), "Go.", tools=ADD, tool_choice="none").ends("stop")
    assert reading.calls == [] and reading.text.startswith("Wait:<tool_call>")


def test_run_tools() -> None:
    called: list[tuple[int, int]] = []

    def count(a: int, b: int) -> int:
        called.append((a, b))
        return a + b

    count.__name__ = "add"
    session = load(TOOLS).session()
    reply = session.run_tools("Go.", [count], max_rounds=3)
    assert reply.finish_reason == "tool_calls" and called == [(1, 2)] * 2
    assert session.message_count == 6
    session.run_tools([{"role": "user", "content": "Go."}], [count], max_rounds=1)
    assert len(called) == 2

    with pytest.raises(ValueError, match="max_rounds"):
        session.run_tools("Go.", [count], max_rounds=0)
    with fails(chaku.InvalidArgument, "invalid_messages"):
        session.run_tools([{"role": "tool"}], [count])
    assert len(called) == 2


def test_run_tools_deadline() -> None:
    def slow(a: int, b: int) -> int:
        time.sleep(1)
        return a + b

    slow.__name__ = "add"
    with pytest.raises(chaku.DeadlineExceeded):
        load(TOOLS).session().run_tools("Go.", [slow], deadline=0.9)


def test_run_tools_result() -> None:
    model = load(TOOLS)

    def used(result: str) -> int:
        def say(a: int, b: int) -> str:
            return result

        say.__name__ = "add"
        session = model.session()
        session.run_tools("Go.", [say], max_rounds=2)
        return session.context_used

    more = count_tokens(model, "ab") - count_tokens(model, "a")
    assert more > 0 and used("ab") - used("a") == more


def test_bad_tools() -> None:
    session = load(RANDOM).session()
    bad = ("{}", "auto"), ([{"function": {"name": "<|im_end|>"}}], "auto"), ([], "required")
    for tools, choice in bad:
        reading = chat(session, "Go.", tools=tools, tool_choice=choice)
        reading.ends("error", chaku.InvalidArgument, "invalid_tools")
    chat(session, "Go.", tools=ADD, json_object=True).ends("error", chaku.InvalidArgument, "invalid_option")
    assert session.message_count == 0


def test_reasoning() -> None:
    model = load(TOOLS)
    reading = chat(model.session(), "Go.").ends("stop")
    assert reading.reasoning == "I think." and reading.text.startswith("Wait:")
    reading = chat(model.session(), "Go.", reasoning_format="none")
    assert reading.reasoning == "" and reading.text.startswith("<think>I think.</think>Wait:")


def test_constraint_after_thinking() -> None:
    model = load(TOOLS)
    held = (
        ("regex", "(yes|no)!", {"yes!", "no!"}),
        ("json_schema", {"enum": ["yes!", "no!"]}, {'"yes!"', '"no!"'}),
        ("grammar", 'root ::= "yes!" | "no!"', {"yes!", "no!"}),
        ("lark", 'start: "yes!" | "no!"', {"yes!", "no!"}),
    )
    for key, value, allowed in held:
        options: dict[str, Any] = {key: value}
        reading = chat(model.session(), "Go.", **options).ends("stop")
        assert reading.reasoning == "I think." and reading.text in allowed
        reading = chat(model.session(), "Go.", reasoning="off", **options).ends("stop")
        assert reading.reasoning == "" and reading.text in allowed


def test_continue_final_message() -> None:
    model = load(TOOLS)
    ask: chaku.Message = {"role": "user", "content": "Go."}
    thought: chaku.Message = {"role": "assistant", "content": "", "reasoning_content": "I"}
    reading = read(model.stream([ask, thought], continue_final_message=True)).ends("stop")
    assert reading.reasoning == " think." and reading.text.startswith("Wait:")

    session = model.session()
    begun: chaku.Message = {"role": "assistant", "content": "Wait"}
    with fails(chaku.InvalidArgument, "invalid_messages"):
        session.stream([ask, begun])
    empty: chaku.Message = {"role": "assistant", "content": ""}
    for wrong in ([begun, begun], [ask, empty]):
        with fails(chaku.InvalidArgument, "invalid_messages") as caught:
            session.stream(wrong, continue_final_message=True)
        assert caught.value.details["index"] == "1"
    reading = chat(session, [ask, begun], continue_final_message=True).ends("stop")
    assert reading.reasoning == "" and reading.text.startswith(":<tool_call>")
    assert session.message_count == 2


def test_override_kv() -> None:
    assert load(RANDOM, override_kv=["llama.context_length=int:512"]).context_size == 512
    with fails(chaku.InvalidArgument, "invalid_option") as caught:
        load(RANDOM, override_kv=["llama.context_length=float:1"])
    assert caught.value.details["key"] == "override_kv"
    with fails(chaku.InvalidArgument, "invalid_option") as caught:
        load(RANDOM, devices="CUDA7")
    assert caught.value.details["key"] == "devices"


def test_chat_template_file(tmp_path: Path) -> None:
    path = tmp_path / "template.jinja"
    path.write_text("{% for m in messages %}{{ m.content }}{% endfor %}:\n")
    model = load(RANDOM, chat_template_file=str(path))
    assert chat(model.session(), "Go.", max_tokens=1).usage.prompt_tokens == count_tokens(model, "Go.:")
    with fails(chaku.NotFound, "file_not_found") as caught:
        load(RANDOM, chat_template_file=f"{path}.not")
    assert caught.value.details["path"] == f"{path}.not"
    model = load("tiny-nochat.gguf", chat_template="chatml")
    assert chat(model.session(), "Go.", max_tokens=1).usage.prompt_tokens == count_tokens(model, user("Go.") + ASSISTANT)
    with fails(chaku.InvalidArgument, "invalid_option"):
        load(RANDOM, chat_template="llama3")
