#!/usr/bin/env python3
"""From SIGINT to KeyboardInterrupt, at a random moment: `ctrl_c.py MODEL load|prefill|decode COUNT`. Prints milliseconds, one a line.

The signal comes from another process, as from a terminal. One that comes when the phase is over does not count.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import chaku

PREFILL_TOKENS = 1500
# Interrupted up to so many seconds after the first token.
DECODE_WINDOW = 0.5
# Started and told to go, it waits, notes the moment on the clock that all processes share, and sends the signal.
SENDER = """
import os, signal, sys, time
print(flush=True)
sys.stdin.read(1)
time.sleep(float(sys.argv[1]))
print(time.monotonic(), flush=True)
os.kill(int(sys.argv[2]), signal.SIGINT)
"""


def interrupt(call: Callable[[], object], wait: float) -> float | None:
    """Seconds from the signal to the exception; None when the call was over before the signal came."""
    command = [sys.executable, "-I", "-S", "-c", SENDER, str(wait), str(os.getpid())]
    over = False
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None and sender.stdout is not None
        sender.stdout.readline()
        try:
            sender.stdin.write("x")
            sender.stdin.flush()
            call()
            over = True
            signal.pause()
        except KeyboardInterrupt:
            raised = time.monotonic()
        return None if over else raised - float(sender.stdout.readline())


def long_prompt(number: int) -> str:
    """Different from its first word on, so that nothing of it is in the KV cache already."""
    return str(number) + " wool" * PREFILL_TOKENS


def load(path: str) -> chaku.Model:
    return chaku.Model.load(path, ctx_size=2048, threads=2, threads_batch=2)


class Load:
    """Read, not mapped: it takes longer."""

    def __init__(self, path: str) -> None:
        self.path = path
        began = time.monotonic()
        self.call()
        self.window = time.monotonic() - began

    def prepare(self, number: int) -> Callable[[], object]:
        return self.call

    def call(self) -> None:
        chaku.Model.load(self.path, mmap=False, ctx_size=2048, threads=2)


class Prefill:
    def __init__(self, path: str) -> None:
        self.session = load(path).session()
        reply = self.session.generate(long_prompt(0), max_tokens=1).result()
        self.window = reply.timings.prefill_ms / 1e3

    def prepare(self, number: int) -> Callable[[], object]:
        self.session.reset()
        return lambda: self.session.generate(long_prompt(number), max_tokens=1).result()


class Decode:
    window = DECODE_WINDOW

    def __init__(self, path: str) -> None:
        self.session = load(path).session()

    def prepare(self, number: int) -> Callable[[], object]:
        self.session.reset()
        stream = self.session.stream("Tell me everything you know about wool.", max_tokens=1000, ignore_eos=True)
        while stream.next().kind != "text":
            pass
        return stream.result


def main() -> None:
    path, phase, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    work = {"load": Load, "prefill": Prefill, "decode": Decode}[phase](path)
    source, done = random.Random(42), 0
    for number in range(1, 10 * count + 1):
        took = interrupt(work.prepare(number), source.uniform(0.02, 0.98) * work.window)
        if took is not None:
            print(f"{took * 1e3:.4f}", flush=True)
            done += 1
        if done == count:
            return
    sys.exit("too few signals came in time")


if __name__ == "__main__":
    main()
