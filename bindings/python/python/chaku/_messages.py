"""From a list of messages to the JSON that the C interface takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

Message = Mapping[str, object] | tuple[str, str]
"""What somebody said: a dict in OpenAI's form, or a pair of role and content.

Roles are "system", "user", "assistant" and "tool".
"""


def to_json(messages: Iterable[Message]) -> str:
    """The list as JSON. Whether it is a conversation is for the library to say."""
    # As text: what Python allows and UTF-8 does not is refused on the way, and not hidden by escapes.
    return json.dumps([_object(message) for message in messages], ensure_ascii=False)


def _object(message: Message) -> Mapping[str, object]:
    match message:
        case Mapping():
            return {**message}
        case (role, content):
            return {"role": role, "content": content}
    raise TypeError(f"a message must be a dict with role and content, or a pair of both, not {message!r}")
