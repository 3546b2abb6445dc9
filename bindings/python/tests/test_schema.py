"""Types as formats of an answer: pydantic models and dataclasses."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import chaku
import pytest
from chaku._schema import read, schema
from harness import RANDOM, load

sys.path.append(os.environ["CHAKU_TEST_BESIDE"])
import pydantic  # noqa: E402


@dataclass
class Home:
    country: Literal["Peru", "Chile"]
    height: float


@dataclass
class Animal:
    name: Annotated[str, "what it is called"]
    legs: int
    home: Home
    tags: list[str] = field(default_factory=list)
    wild: bool | None = None


class Place(pydantic.BaseModel):
    country: Literal["Peru", "Chile"]
    height: int = pydantic.Field(ge=0, le=9)


def test_the_schema_of_a_dataclass() -> None:
    assert schema(Animal, "") == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "what it is called"},
            "legs": {"type": "integer"},
            "home": {
                "type": "object",
                "properties": {"country": {"enum": ["Peru", "Chile"]}, "height": {"type": "number"}},
                "required": ["country", "height"],
                "additionalProperties": False,
            },
            "tags": {"type": "array", "items": {"type": "string"}},
            "wild": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        },
        "required": ["name", "legs", "home"],
        "additionalProperties": False,
    }


def test_an_object_is_read_from_its_json() -> None:
    text = '{"name": "Pulga", "legs": 4, "home": {"country": "Peru", "height": 3}, "wild": null}'
    assert read(Animal, text) == Animal("Pulga", 4, Home("Peru", 3.0))


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Pulga", "legs": 4, "home": {"country": "Peru", "height"',
        '{"name": "Pulga", "legs": 4}',
        '{"name": "Pulga", "legs": true, "home": {"country": "Peru", "height": 3}}',
        '{"name": "Pulga", "legs": 4, "home": {"country": "Spain", "height": 3}}',
        '{"name": "Pulga", "legs": 4, "home": {"country": "Peru", "height": 3}, "age": 1}',
        "[]",
    ],
)
def test_what_is_no_such_object_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        read(Animal, text)


@dataclass
class Den:
    country: Literal["Peru", "Chile"]
    wild: bool


@pytest.mark.parametrize("cls", [Den, Place])
def test_an_answer_is_an_object_of_a_dataclass_or_a_model(cls: Any) -> None:
    model = load(RANDOM)
    complete = 0
    for seed in range(16):
        # Space may be long: an answer that has too few tokens for it is cut short, and says so.
        reply = model.session().chat("Where?", json_schema=cls, seed=seed, max_tokens=200)
        if reply.finish_reason == "stop":
            assert reply.parse(cls).country in ("Peru", "Chile")
            complete += 1
        else:
            with pytest.raises(ValueError):
                reply.parse(cls)
    assert complete > 0


def test_a_type_without_json_is_refused() -> None:
    @dataclass
    class Odd:
        what: set[int]

    wrong: Any = Odd
    with pytest.raises(TypeError, match="field `what` of Odd"):
        load(RANDOM).session().chat("x", json_schema=wrong)
    assert issubclass(chaku.InvalidArgument, chaku.Error)
