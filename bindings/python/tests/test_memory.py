"""Memory stays as it is over thousands of requests, however they end."""

from __future__ import annotations

import pytest
from harness import run_program

PROGRAM = """
import asyncio, gc

def resident_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

session = load(SCRIPT).session()

async def awaited():
    async for event in session.stream("Go."):
        event.text, event.bytes, event.token, event.usage
    assert str(await session.stream("Go.")) == SCRIPT_REPLY

def request(number):
    session.reset()
    way = number % 8
    if way < 3:
        session.chat("Go.")
    elif way == 3:
        for event in session.stream("Go."):
            if event.text:
                break
    elif way == 4:
        try:
            session.chat("Go.", grammar="(")
        except chaku.InvalidArgument as error:
            assert error.reply is not None
    elif way == 5:
        with session.stream("Go.", stop=["there", "am"], temperature=0.5, seed=number) as stream:
            stream.next()
    elif way == 6:
        try:
            session.stream("Go.", no_such_option=1)
        except chaku.InvalidArgument:
            pass
    else:
        asyncio.run(awaited())

def run(count):
    for number in range(count):
        request(number)
    gc.collect()
    return resident_kib()

run(400)
before = run(400)
print(run(2000) - before)
"""


def test_2000_requests() -> None:
    grown = int(run_program(PROGRAM, environment={"MALLOC_ARENA_MAX": "1"}))
    assert grown < 512, f"{grown} KiB more after 2,000 requests"


@pytest.mark.parametrize("what", ["model.tokenize('some words ' * 50)", "model.session()", "chaku.options()"])
def test_other_calls(what: str) -> None:
    grown = int(
        run_program(
            PROGRAM.split("session = ")[0]
            + f"""
model = load(SCRIPT)
def run(count):
    for number in range(count):
        {what}
    gc.collect()
    return resident_kib()
run(1000)
before = run(1000)
print(run(5000) - before)
""",
            environment={"MALLOC_ARENA_MAX": "1"},
        )
    )
    assert grown < 512, f"{grown} KiB more after 5,000 calls"
