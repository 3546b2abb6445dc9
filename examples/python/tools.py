"""Let a model call functions of yours, and answer with what they came to.

    tools.py MODEL.gguf ["QUESTION"]

The call and the answer go to stdout, errors go to stderr. The model must call a tool here: leave tool_choice out, and it does
so only where it likes to.
"""

import sys
from typing import Annotated

import chaku


def get_weather(city: Annotated[str, "in which city"]) -> str:
    """Tells the weather of a city."""
    print(f"get_weather({city!r})")
    return "19 degrees Celsius, and fog from the sea"


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [QUESTION]", file=sys.stderr)
        sys.exit(2)
    question = sys.argv[2] if len(sys.argv) > 2 else "What is the weather in Lima?"
    with chaku.Model.load(sys.argv[1]) as model:
        session = model.session(temperature=0, max_tokens=200)
        print(session.run_tools(question, [get_weather], tool_choice="required", max_rounds=3))


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
