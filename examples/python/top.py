"""What a busy model does, twice a second: several sessions stream at once, each asking again when its answer is done.
At the end comes where the time of a request went.

top.py MODEL.gguf [SECONDS] [SESSIONS]
"""

import asyncio
import itertools
import json
import sys
import time
from collections import deque

import chaku

QUESTIONS = ["Why is the sky blue?", "Tell me a story.", "What is a llama?", "How does rain form?"]
HEAD = ("s", "queue", "running", "paused", "prompt/s", "tokens/s", "kv", "threads", "step ms", "cached", "evict")
ROW = "{:>6} {:>5} {:>7} {:>6} {:>8} {:>8} {:>13} {:>7} {:>8} {:>6} {:>6}"


async def talk(model: chaku.Model, question: str, latest: deque[chaku.Stream]) -> None:
    """Asks again and again, until its task is cancelled; that cancels the answer under way."""
    session = model.session()
    while True:
        async with session.stream(question) as stream:
            latest.append(stream)
            await stream
        session.reset()


async def watch(model: chaku.Model, seconds: float) -> None:
    """Prints a row of the model's numbers every half second."""
    began = time.monotonic()
    for row in itertools.count():
        if row % 20 == 0:
            print(ROW.format(*HEAD))
        await asyncio.sleep(0.5)
        elapsed, now = time.monotonic() - began, model.metrics()
        print(
            ROW.format(
                f"{elapsed:.1f}",
                now["queue_depth"],
                now["requests_running"],
                now["requests_paused"],
                f"{now['prompt_tokens_per_second']:.1f}",
                f"{now['generated_tokens_per_second']:.1f}",
                f"{now['kv_used_tokens']}/{now['kv_capacity_tokens']}",
                now["threads"],
                f"{now['step_ms']:.2f}",
                now["cached_tokens_total"],
                now["evictions_total"],
            ),
            flush=True,
        )
        if elapsed >= seconds:
            return


async def main() -> None:
    if not 2 <= len(sys.argv) <= 4:
        print(f"usage: {sys.argv[0]} MODEL.gguf [SECONDS] [SESSIONS]", file=sys.stderr)
        sys.exit(2)
    seconds = float(sys.argv[2] if len(sys.argv) > 2 else 10)
    sessions = int(sys.argv[3] if len(sys.argv) > 3 else 4)
    latest: deque[chaku.Stream] = deque(maxlen=1)
    model = await chaku.Model.load_async(sys.argv[1], max_sessions=sessions, max_tokens=64, overflow="shift")
    talks = [asyncio.create_task(talk(model, QUESTIONS[i % 4], latest)) for i in range(sessions)]
    try:
        await watch(model, seconds)
    finally:
        for task in talks:
            task.cancel()
        ends = await asyncio.gather(*talks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end
    for stream in latest:
        print("\na request:", json.dumps(stream.timeline()))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
