#!/usr/bin/env python3
"""One streamed answer through the module for each line of stdin: `stream.py MODEL [sync|async]`.

Prints {"tokens": N, "seconds": S} for each: from the first token to the last, so that no prefill counts. As stream.cpp does in C.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import chaku

TOKENS, THREADS, SEED = 64, 2, 42
PROMPT = "Tell me everything you know about wool."


def read(stream: chaku.Stream) -> list[float]:
    return [time.perf_counter() for event in stream if event.kind == "text"]


async def read_in_a_loop(stream: chaku.Stream) -> list[float]:
    return [time.perf_counter() async for event in stream if event.kind == "text"]


def main() -> None:
    path, way = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "sync"
    with chaku.Model.load(path, ctx_size=2048, threads=THREADS, threads_batch=THREADS) as model:
        for _ in sys.stdin:
            time.sleep(0.3)  # a thread pool spins for a moment after its last graph
            stream = model.session().stream(PROMPT, max_tokens=TOKENS, seed=SEED, ignore_eos=True)
            times = read(stream) if way == "sync" else asyncio.run(read_in_a_loop(stream))
            if len(times) != TOKENS:
                sys.exit(f"expected {TOKENS} tokens, got {len(times)}")
            print(json.dumps({"tokens": TOKENS - 1, "seconds": times[-1] - times[0]}), flush=True)


if __name__ == "__main__":
    main()
