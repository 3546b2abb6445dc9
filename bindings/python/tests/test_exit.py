"""Programs that end while chaku works: with the code they want to, and without a word."""

from __future__ import annotations

from textwrap import dedent

import pytest
from harness import program, run_program

SESSION = "import asyncio, atexit, os, threading, time\nsession = load(LONG, ctx_size=131072).session()\n"

WAYS = {
    "stream": "stream = session.stream('Count.'); stream.next()",
    "unread": "stream = session.stream('Count.'); time.sleep(0.01)",
    "in_a_function": """
        def main():
            stream = session.stream('Count.')
            stream.next()
            sys.exit(7)
        main()
    """,
    "inside_the_loop": """
        for event in session.stream('Count.'):
            if event.kind == 'text':
                sys.exit(7)
    """,
    "iterator": "iterator = iter(session.stream('Count.')); next(iterator)",
    "cycle": "cycle = [session.stream('Count.')]; cycle.append(cycle); del session",
    "daemon_reader": """
        threading.Thread(target=session.chat, args=('Count.',), daemon=True).start()
        time.sleep(0.05)
    """,
    "daemon_loop": """
        def read():
            for event in session.stream('Count.'):
                pass
        threading.Thread(target=read, daemon=True).start()
        time.sleep(0.05)
    """,
    "daemons_that_close": """
        stream = session.stream('Count.')
        def quietly(call):
            try:
                call()
            except chaku.Cancelled:
                pass
        for call in (stream.result, stream.result, lambda: list(stream), session.close):
            threading.Thread(target=quietly, args=(call,), daemon=True).start()
    """,
    "daemon_load": """
        how = {'mmap': False, 'check_tensors': True}
        threading.Thread(target=load, args=(SMOLLM2,), kwargs=how, daemon=True).start()
        time.sleep(0.05)
    """,
    "thread": """
        threading.Thread(target=session.chat, args=('Count.',), kwargs={'max_tokens': 50}).start()
    """,
    "asyncio_exit": """
        async def main():
            async for event in session.stream('Count.'):
                if event.kind == 'text':
                    sys.exit(7)
        asyncio.run(main())
    """,
    "asyncio_left_behind": """
        async def read():
            async for event in session.stream('Count.'):
                pass
        loop = asyncio.new_event_loop()
        task = loop.create_task(read())
        loop.run_until_complete(asyncio.sleep(0.02))
        task._log_destroy_pending = False
    """,
    "asyncio_in_a_daemon": """
        async def read():
            await session.stream('Count.')
        threading.Thread(target=lambda: asyncio.run(read()), daemon=True).start()
        time.sleep(0.05)
    """,
    "atexit": """
        stream = session.stream('Count.')
        atexit.register(lambda: (stream.close(), session.chat('Count.', max_tokens=3)))
    """,
    "log": """
        runtime = chaku.Runtime(log_level='trace')
        stream = chaku.Model.load(path(LONG), runtime=runtime, threads=1).session().stream('Count.')
        stream.next()
    """,
    "load": "load = chaku.Model.load_async(path(SMOLLM2))",
    "os_exit": "stream = session.stream('Count.'); stream.next(); os._exit(7)",
}


@pytest.mark.parametrize("way", WAYS)
def test_exit(way: str) -> None:
    for _ in range(4):
        run_program(SESSION + dedent(WAYS[way]) + "\nsys.exit(7)", code=7)


def test_an_exception_is_the_only_thing_on_stderr() -> None:
    child = program(SESSION + "stream = session.stream('Count.')\nstream.next()\nraise SystemError('mine')")
    _, complaints = child.communicate(timeout=120)
    assert child.returncode == 1
    assert complaints.splitlines()[-1] == "SystemError: mine"
    assert "chaku" not in complaints
