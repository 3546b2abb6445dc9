"""Ctrl-C ends whatever waits, and the program goes on. Each in a process of its own, which gets a real SIGINT."""

from __future__ import annotations

import pytest
from harness import run_program

# Sends SIGINT to this very process when the main thread waits inside the module; says how long that took.
HEAD = """
import asyncio, os, signal, threading, time

sent = []

def interrupt():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

def interrupt_soon():
    threading.Timer(0.3, interrupt).start()

def check_promptness():
    assert time.monotonic() - sent[-1] < 10, "too late"
"""

LOAD = """
try:
    interrupt_soon()
    while True:  # one of them is under way
        load(SMOLLM2, mmap=False, check_tensors=True)
except KeyboardInterrupt:
    check_promptness()
session = load(SCRIPT).session()
"""

PREFILL = """
session = load(SMOLLM2, ubatch_size=64, ctx_size=4096).session()
stream = session.stream("The llama walks up the mountain and looks back. " * 250)
try:
    interrupt_soon()
    stream.result()
except KeyboardInterrupt:
    check_promptness()
    assert stream.finished  # at once
    assert session.context_used == 0 and session.message_count == 0
    print("again:", len(session.chat("Hi.", max_tokens=2, ignore_eos=True).tokens))
session = load(SCRIPT).session()
"""

DECODE = """
session = load(LONG, ctx_size=131072, max_tokens=7).session()
try:
    interrupt_soon()
    session.chat("Count.", max_tokens=0)
except KeyboardInterrupt:
    check_promptness()
    # At once, with the traceback still around: the request has ended.
    print("again:", len(session.chat("Count.").tokens))
session = load(SCRIPT).session()
"""

WITHOUT_A_SESSION = """
model = load(LONG, ctx_size=131072)
try:
    interrupt_soon()
    model.chat([("user", "Count.")])
except KeyboardInterrupt:
    check_promptness()
    wait_until(lambda: model.metrics()["requests_running"] == 0)
    print("again:", len(model.chat([("user", "Count.")], max_tokens=7).tokens))
session = load(SCRIPT).session()
"""

# It waits until its model's engine hands out what it computed, between two steps.
SAVE = """
model, other = load(SMOLLM2), None
session = model.session()
session.chat("Hi.", max_tokens=2)
try:
    interrupt_soon()
    while True:
        session.save()
except KeyboardInterrupt:
    check_promptness()
    print("again:", len(session.save()))
session = load(SCRIPT).session()
"""

# The queue is never empty, so the interrupt comes between two events as well as inside a wait.
LOOP = """
session = load(LONG, ctx_size=131072, max_tokens=7).session()
stream = session.stream("Count.", max_tokens=0)
try:
    interrupt_soon()
    for event in stream:
        pass
except KeyboardInterrupt:
    check_promptness()
    stream.close()
    assert stream.text.startswith(LONG_WORDS)
    print("again:", len(session.chat("Count.").tokens))
session = load(SCRIPT).session()
"""

RESULT_OF_A_WAITING_ONE = """
model, other = busy()
session = model.session()
stream = session.stream("Count.")
try:
    interrupt_soon()
    stream.result()
except KeyboardInterrupt:
    check_promptness()
    assert stream.finished and not other.finished
    with fails(chaku.Cancelled, "cancelled"):
        stream.result()
session = load(SCRIPT).session()
"""

LOOP_OF_ASYNCIO = """
session = load(LONG, ctx_size=131072, max_tokens=7).session()
async def read():
    async for event in session.stream("Count.", max_tokens=0):
        pass
try:
    interrupt_soon()
    asyncio.run(read())
except KeyboardInterrupt:
    check_promptness()
    print("again:", len(session.chat("Count.").tokens))
session = load(SCRIPT).session()
"""


@pytest.mark.parametrize(
    "phase",
    [LOAD, PREFILL, DECODE, WITHOUT_A_SESSION, SAVE, LOOP, RESULT_OF_A_WAITING_ONE, LOOP_OF_ASYNCIO],
    ids=["load", "prefill", "decode", "without a session", "save", "loop", "waiting", "asyncio"],
)
def test_ctrl_c(phase: str) -> None:
    output = run_program(f'{HEAD}\n{phase}\nassert len(sent) == 1\nprint(session.chat("Go."))')
    assert output.splitlines()[-1] == "Hello there, I am a test model."
    assert output.count("again:") == phase.count("again:")


def test_other_signals() -> None:
    # A handler that returns disturbs nothing; one that raises ends the wait, with its own exception.
    output = run_program(
        HEAD
        + """
class Alarm(Exception):
    pass

alarms = []

def handler(number, frame):
    alarms.append(number)
    if len(alarms) == 3:
        raise Alarm

signal.signal(signal.SIGALRM, handler)
session = load(LONG, ctx_size=131072).session()
try:
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    session.chat("Count.")
except Alarm:
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(len(alarms), len(session.chat("Count.", max_tokens=3).tokens))
"""
    )
    assert output == "3 3\n"
