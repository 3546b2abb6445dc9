"""A program with mistakes, which type checkers must find."""

from __future__ import annotations

import chaku


def mistakes(session: chaku.Session, model: chaku.Model) -> None:
    session.chat("text", max_token=3)  # wrong
    session.chat("text", max_tokens="3")  # wrong
    session.chat("text", ctx_size=256)  # wrong
    session.chat(b"text")  # wrong
    session.ingest("text", "bystander")  # wrong
    model.session(overflow="explode")  # wrong
    model.session(threads=1)  # wrong
    model.chat("text")  # wrong
    model.chat([("user", 3)])  # wrong
    model.restore(3)  # wrong
    session.fork(threads=1)  # wrong
    session.save().text  # wrong
    model.metrics()["queue"]  # wrong
    for event in session.stream("text"):
        event.text = "another"  # wrong
    chaku.Runtime(log_level="loud")  # wrong
    session.chat("text").text.append("x")  # wrong


async def more(session: chaku.Session) -> None:
    await session.chat("text")  # wrong
