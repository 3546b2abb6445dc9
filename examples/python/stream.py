"""Follow a load and an answer in an event loop: how they progress, and every token with its bytes.

stream.py MODEL.gguf
"""

import asyncio
import sys
from typing import TypeVar

import chaku

T = TypeVar("T")


def show(what: str, event: chaku.Event) -> None:
    if event.kind == "progress":
        print(f"{what:<8} {100 * event.progress:3.0f} %")
    elif event.kind == "text":
        print(f'token {event.token:6}  "{event.text}"  ({len(event.bytes)} bytes)')
    elif event.kind == "final" and (t := event.timings):
        print(
            f"{what:<8} done in {t.total_ms:.0f} ms: {t.queue_ms:.0f} waiting, {t.prepare_ms:.0f} preparing, "
            f"{t.prefill_ms:.0f} reading the prompt, {t.decode_ms:.0f} generating"
        )


async def follow(what: str, request: chaku.Request[T]) -> T:
    """Reads a request to its end. Other tasks run meanwhile."""
    async for event in request:
        show(what, event)
    return await request


async def main() -> None:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf", file=sys.stderr)
        sys.exit(2)
    model = await follow("load", chaku.Model.load_async(sys.argv[1]))
    session = model.session()
    await follow("answer", session.stream("Name three animals of the Andes.", max_tokens=24))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
