"""Functions as tools: what the model is told of them, and the loop that calls them."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, get_type_hints

from ._schema import schema
from ._types import Reply, ToolCall

if TYPE_CHECKING:
    from ._messages import Message
    from ._session import Session

Function = Callable[..., object]

def definition(function: Function) -> dict[str, object]:
    """A function as OpenAI defines a tool."""
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function, include_extras=True)
    properties: dict[str, object] = {}
    required: list[str] = []
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

    def chat(said: str | Iterable[Message]) -> Reply:
        left = None if until is None else until - time.monotonic()
        return session.chat(said, deadline=left, **options)

    reply = chat(text)
    options.pop("tool_choice", None)
    for _ in range(max_rounds - 1):
        if reply.finish_reason != "tool_calls":
            break
        reply = chat([answer(by_name, call) for call in reply.tool_calls])
    return reply


def answer(functions: dict[str, Function], call: ToolCall) -> dict[str, object]:
    """Calls, and says what came of it, as a message."""
    return {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": result(functions, call)}


def result(functions: dict[str, Function], call: ToolCall) -> str:
    """What a call comes to, in words for the model."""
    try:
        value = functions[call.name](**call.parsed())
    except Exception as error:  # the model may do better when it hears of it
        return f"{type(error).__name__}: {error}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
