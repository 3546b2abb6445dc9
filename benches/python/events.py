#!/usr/bin/env python3
"""Microseconds an event costs when a full queue is drained: `events.py MODEL EVENTS [sync|async|result]`. As drain.cpp does in C.

Prints {"us": U, "events": N, "characters": C, "tokens": T}: each event's kind, text and token is read, or, for `result`, the reply's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import chaku


def drain(stream: chaku.Stream) -> tuple[int, int, int]:
    texts = characters = tokens = 0
    for event in stream:
        if event.kind == "text":
            characters += len(event.text)
            tokens += event.token or 0
            texts += 1
    return texts, characters, tokens


async def drain_in_a_loop(stream: chaku.Stream) -> tuple[int, int, int]:
    texts = characters = tokens = 0
    async for event in stream:
        if event.kind == "text":
            characters += len(event.text)
            tokens += event.token or 0
            texts += 1
    return texts, characters, tokens


def drain_at_once(stream: chaku.Stream) -> tuple[int, int, int]:
    reply = stream.result()
    return len(reply.tokens), len(reply.text), sum(reply.tokens)


def main() -> None:
    path, events, way = sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "sync"
    with chaku.Model.load(path, ctx_size=256, threads=1, threads_batch=1) as model:
        session = model.session(overflow="shift")
        stream = session.stream("Hi", max_tokens=events, event_queue=2 * events, ignore_eos=True)
        while not stream.finished:
            time.sleep(0.02)
        began = time.perf_counter()
        if way == "async":
            texts, characters, tokens = asyncio.run(drain_in_a_loop(stream))
        else:
            texts, characters, tokens = drain(stream) if way == "sync" else drain_at_once(stream)
        took = time.perf_counter() - began
        if texts < events:
            sys.exit(f"only {texts} events came")
        print(json.dumps({"us": took * 1e6 / texts, "events": texts, "characters": characters, "tokens": tokens}))


if __name__ == "__main__":
    main()
