"""Let a conversation go on in several ways at once: what was said before is computed once, for all of them.

fork.py MODEL.gguf
"""

import sys

import chaku

QUESTIONS = ["What does it eat?", "Where does it live?", "Give it a name."]


def show(question: str, stream: chaku.Stream) -> None:
    print(f"\n> {question}")
    for event in stream:
        print(event.text, end="", flush=True)
        if usage := event.usage:
            print(f"\n-- {usage.cached_tokens} of the prompt's {usage.prompt_tokens} tokens were computed before")


def main() -> None:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf", file=sys.stderr)
        sys.exit(2)
    with chaku.Model.load(sys.argv[1], max_tokens=48) as model:
        session = model.session()
        first = "Think of an animal of the Andes, and describe it."
        show(first, session.stream(first))
        # All are asked before the first answer is read: they are computed together.
        streams = [session.fork().stream(question) for question in QUESTIONS]
        for question, stream in zip(QUESTIONS, streams, strict=True):
            show(question, stream)


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
