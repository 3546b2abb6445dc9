"""Functions as tools: what the model is told of them, and the loop that calls them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import chaku
import pytest
from chaku._tools import definition
from harness import load

TOOLS = "tiny-tools.gguf"  # calls add with {"a": 1, "b": 2} whatever it is asked


def test_a_function_is_described_by_its_signature_and_docstring() -> None:
    def book(
        city: Annotated[str, "where to"],
        nights: int = 1,
        kind: Literal["tent", "hut"] = "hut",
        extras: list[str] | None = None,
    ) -> None:
        """Books a place to sleep."""

    assert definition(book) == {
        "type": "function",
        "function": {
            "name": "book",
            "description": "Books a place to sleep.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "where to"},
                    "nights": {"type": "integer"},
                    "kind": {"enum": ["tent", "hut"]},
                    "extras": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
                },
                "required": ["city"],
            },
        },
    }


def test_what_cannot_be_described_is_a_type_error() -> None:
    def untyped(a) -> None:  # type: ignore[no-untyped-def]
        pass

    def many(*a: int) -> None:
        pass

    def odd(a: complex) -> None:
        pass

    for function, words in ((untyped, "no type"), (many, r"\*a"), (odd, "no JSON")):
        with pytest.raises(TypeError, match=words):
            definition(function)


def test_calls_are_made_and_answered_until_the_rounds_are_over() -> None:
    asked: list[tuple[int, int]] = []

    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        asked.append((a, b))
        return a + b

    session = load(TOOLS).session()
    reply = session.run_tools("Go.", [add], max_rounds=3)
    # The third answer's call is not made: it is for the caller to see.
    assert asked == [(1, 2)] * 2 and [call.name for call in reply.tool_calls] == ["add"]
    assert session.message_count == 6


def test_an_exception_of_a_tool_goes_to_the_model_and_one_of_chaku_to_the_caller() -> None:
    def add(a: int, b: int) -> int:
        raise LookupError("no numbers today")

    session = load(TOOLS).session()
    assert session.run_tools("Go.", [add], max_rounds=2).finish_reason == "tool_calls"
    with pytest.raises(chaku.DeadlineExceeded):
        session.run_tools("Go.", [add], deadline=1e-9)
    for bad in ({"tools": []}, {"max_rounds": 0}):
        arguments: dict[str, Any] = bad
        with pytest.raises((TypeError, ValueError)):
            session.run_tools("Go.", [add], **arguments)
