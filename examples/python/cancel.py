"""Cancel an answer while it is written, then go on in the same session: the question and the part that was written are
kept.

    cancel.py MODEL.gguf
"""

import sys

import chaku


def run(stream: chaku.Stream, cancel_after: int = 0) -> None:
    """Shows an answer; cancels it after some tokens, unless that is 0."""
    tokens, finish_reason = 0, None
    for event in stream:
        print(event.text, end="", flush=True)
        tokens += event.kind == "text"
        finish_reason = event.finish_reason
        if event.kind == "text" and tokens == cancel_after:
            stream.cancel()  # may come from any thread and at any time
    print(f"\n-- cancelled after {tokens} tokens" if finish_reason == "cancelled" else "\n-- done")


def main() -> None:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf", file=sys.stderr)
        sys.exit(2)
    with chaku.Model.load(sys.argv[1]) as model:
        session = model.session()
        # A model with little to say may be done before it is cancelled.
        run(session.stream("Tell me a long story about a llama."), cancel_after=8)
        run(session.stream("And how does it end?", max_tokens=32))


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
