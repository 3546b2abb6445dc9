"""Types as JSON Schemas, and JSON as their objects: pydantic models, dataclasses and what those are made of."""

from __future__ import annotations

import dataclasses
import json
import types
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

SIMPLE: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def schema(hint: object, where: str) -> dict[str, object]:
    """The JSON Schema of a type."""
    if (simple := SIMPLE.get(hint)) is not None:
        return {"type": simple}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        described = schema(arguments[0], where)
        texts = [text for text in arguments[1:] if isinstance(text, str)]
        return {**described, "description": texts[0]} if texts else described
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema(argument, where) for argument in arguments]}
    if hint is list:
        return {"type": "array"}
    if origin is list:
        return {"type": "array", "items": schema(arguments[0], where)}
    if hint is dict or origin is dict:
        return {"type": "object"}
    if is_pydantic(hint):
        model: Any = hint
        made: dict[str, object] = model.model_json_schema()
        return made
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return of_dataclass(hint)
    raise TypeError(f"{where}: there is no JSON for the type {hint!r}")


def is_pydantic(hint: object) -> bool:
    """Whether it is a model of pydantic, which need not be installed."""
    return isinstance(hint, type) and hasattr(hint, "model_json_schema") and hasattr(hint, "model_validate_json")


def of_dataclass(cls: type) -> dict[str, object]:
    hints = get_type_hints(cls, include_extras=True)
    fields = [field for field in dataclasses.fields(cls) if field.init]
    properties = {field.name: schema(hints[field.name], f"field `{field.name}` of {cls.__name__}") for field in fields}
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def read(cls: type[T], text: str) -> T:
    """An object from its JSON."""
    if is_pydantic(cls):
        model: Any = cls
        validated: T = model.model_validate_json(text)
        return validated
    made: T = build(cls, json.loads(text), cls.__name__)
    return made


def build(hint: Any, value: Any, where: str) -> Any:
    """A value of a type, from what JSON has in its place."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return build(arguments[0], value, where)
    if origin in (Union, types.UnionType):
        for argument in arguments:
            try:
                return build(argument, value, where)
            except ValueError:
                continue
        raise ValueError(f"{where}: {value!r} is none of {hint}")
    if origin is list:
        return [build(arguments[0], item, where) for item in expect(list, value, where)]
    if is_pydantic(hint):
        return hint.model_validate(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        given = expect(dict, value, where)
        try:
            return hint(**{name: build(hints[name], item, f"{where}.{name}") for name, item in given.items()})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from error
    if hint is float and type(value) is int:
        return float(value)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where}: {value!r} is none of {arguments}")
        return value
    return expect(without_arguments(hint), value, where)


def without_arguments(hint: Any) -> Any:
    return get_origin(hint) or hint


def expect(hint: type, value: Any, where: str) -> Any:
    # A bool is an int to Python, and none to JSON.
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{where}: {value!r} is no {hint.__name__}")
    return value
