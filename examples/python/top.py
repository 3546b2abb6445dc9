"""Watch a model at work: eight sessions ask at once, four of them are answered at a time, and twice a second a row of the
model's numbers is printed until all have their answer.

    top.py MODEL.gguf
"""

import asyncio
import itertools
import json
import sys

import chaku

SESSIONS = 8
QUESTIONS = ["Why is the sky blue?", "Tell me a story.", "What is a llama?", "How does rain form?"]


def print_row(row: int, now: chaku.Metrics) -> None:
    if row % 20 == 0:
        print("queue running paused prompt/s tokens/s        kv threads step ms cached")
    print(
        f"{now['queue_depth']:5} {now['requests_running']:7} {now['requests_paused']:6} "
        f"{now['prompt_tokens_per_second']:8.1f} {now['generated_tokens_per_second']:8.1f} "
        f"{now['kv_used_tokens']:4}/{now['kv_capacity_tokens']:<4} {now['threads']:7} {now['step_ms']:7.2f} "
        f"{now['cached_tokens_total']:6}",
        flush=True,
    )


async def main() -> None:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf", file=sys.stderr)
        sys.exit(2)
    model = await chaku.Model.load_async(sys.argv[1], max_running=4, max_tokens=64, system_prompt="You are a poet.")
    streams = [model.session().stream(QUESTIONS[i % 4]) for i in range(SESSIONS)]
    # Somebody must read the answers, or they would stand still.
    answers = asyncio.gather(*streams)
    for row in itertools.count():
        done, _ = await asyncio.wait([answers], timeout=0.5)
        print_row(row, model.metrics())
        if done:
            break
    await answers
    # Where the time of the last request went: most of it waiting for its turn.
    print("the last one:", json.dumps(streams[-1].timeline()))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
