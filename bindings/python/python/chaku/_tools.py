"""Functions as tools: what the model is told of them, and the loop that calls them."""

from __future__ import annotations

import inspect
import json
import time
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ._types import Reply, ToolCall

if TYPE_CHECKING:
    from ._messages import Message
    from ._session import Session

Function = Callable[..., object]

SIMPLE: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def definition(function: Function) -> dict[str, object]:
    """A function as OpenAI defines a tool."""
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function, include_extras=True)
    properties: dict[str, object] = {}
    required = []
    for name, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"a tool cannot have a parameter like `{parameter}` of {function.__name__}")
        if name not in hints:
            raise TypeError(f"parameter `{name}` of the tool {function.__name__} has no type")
        properties[name] = schema(hints[name], f"parameter `{name}` of the tool {function.__name__}")
        if parameter.default is parameter.empty:
            required.append(name)
    about: dict[str, object] = {"name": function.__name__}
    if text := inspect.getdoc(function):
        about["description"] = text
    about["parameters"] = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": about}


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
    raise TypeError(f"{where}: there is no JSON for the type {hint!r}")


def run_tools(
    session: Session,
    text: str | Iterable[Message],
    functions: list[Function],
    max_rounds: int,
    deadline: float | None,
    options: dict[str, Any],
) -> Reply:
    """Chats, calls what the model wants called, and tells it what came of it, until it answers without a call."""
    if max_rounds < 1:
        raise ValueError("max_rounds must be 1 or more")
    if options.get("tools") is not None:
        raise TypeError("the tools are the functions: leave the option out")
    options["tools"] = [definition(function) for function in functions]
    by_name = {function.__name__: function for function in functions}
    until = None if deadline is None else time.monotonic() + deadline
    for _ in range(max_rounds):
        left = None if until is None else until - time.monotonic()
        reply = session.chat(text, deadline=left, **options)
        if not reply.tool_calls or reply.finish_reason != "tool_calls":
            break
        text = [
            {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": result(by_name, call)}
            for call in reply.tool_calls
        ]
        options.pop("tool_choice", None)
    return reply


def result(functions: dict[str, Function], call: ToolCall) -> str:
    """What a call comes to, in words for the model."""
    try:
        value = functions[call.name](**call.parsed())
    except Exception as error:  # the model may do better when it hears of it
        return f"{type(error).__name__}: {error}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
