"""Chat with a model in the terminal.

    chat.py MODEL.gguf             a conversation; /exit or end of file ends it
    chat.py MODEL.gguf "QUESTION"  one answer

The answer goes to stdout, word by word; numbers and errors go to stderr.
"""

import sys

import chaku


def answer(session: chaku.Session, question: str) -> None:
    stream = session.stream(question)
    for event in stream:
        print(event.text, end="", flush=True)  # empty for other events than text
    print(flush=True)
    reply = stream.result()
    tokens, seconds = reply.usage.completion_tokens, reply.timings.decode_ms / 1000
    # decode_ms runs from the first token to the last, so the first one is not counted.
    speed = (tokens - 1) / seconds if seconds > 0 else 0
    cached, prompt = reply.usage.cached_tokens, reply.usage.prompt_tokens
    print(
        f"[{tokens} tokens, {speed:.1f} tokens/s, {cached} of the prompt's {prompt} tokens were computed before]",
        file=sys.stderr,
    )


def converse(session: chaku.Session) -> None:
    print("Say something; /exit ends.", file=sys.stderr)
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if line.strip() == "/exit" or not line:
            return
        if line.strip():
            answer(session, line.rstrip("\r\n"))


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [QUESTION]", file=sys.stderr)
        sys.exit(2)
    with chaku.Model.load(sys.argv[1]) as model:
        session = model.session(system="You are a helpful assistant. Answer briefly.", max_tokens=512)
        if len(sys.argv) > 2:
            answer(session, sys.argv[2])
        elif sys.stdin.isatty():
            converse(session)
        else:
            answer(session, "Why is the sky blue?")


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
