"""Give an answer a deadline: whatever was written when the time is up is kept, and can be continued.

deadline.py MODEL.gguf [MILLISECONDS]
"""

import sys

import chaku


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [MILLISECONDS]", file=sys.stderr)
        sys.exit(2)
    seconds = float(sys.argv[2] if len(sys.argv) > 2 else 500) / 1000
    with chaku.Model.load(sys.argv[1]) as model:
        session = model.session()
        # The deadline counts from the call, waiting included.
        stream = session.stream("Explain photosynthesis in detail.", deadline=seconds)
        try:
            for event in stream:
                print(event.text, end="", flush=True)
        except chaku.DeadlineExceeded:
            pass  # which is what this program shows
        if reply := stream.reply:
            how = "time is up" if reply.finish_reason == "deadline" else "done"
            print(f"\n-- {how} after {reply.timings.total_ms:.0f} ms and {reply.usage.completion_tokens} tokens")


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
