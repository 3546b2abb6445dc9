"""A program that uses everything, for type checkers alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Iterable

import chaku
from typing_extensions import assert_type


def objects(path: os.PathLike[str]) -> None:
    runtime = chaku.Runtime(log_level="info", default_deadline_ms=1000, ctx_size=512, max_tokens=3)
    for line in runtime.drain_log():
        assert_type(line.level, chaku.LogLevel)
    with chaku.Model.load(path, runtime=runtime, on_progress=print, deadline=3.0, threads=1, mmap=False) as model:
        assert_type(model, chaku.Model)
        assert_type(model.tokenize("text", add_special=True), list[int])
        assert_type(model.detokenize([1, 2]), bytes)
        assert_type(model.metadata, dict[str, str])
        assert_type(model.bos, int | None)
        assert_type(model.chat([{"role": "user", "content": "text"}, ("user", "text")], max_tokens=3), chaku.Reply)
        assert_type(model.stream([("user", "text")], system_prompt="text"), chaku.Stream)
        history = [{"role": "user", "content": "text"}]
        assert_type(model.chat(history, deadline=3), chaku.Reply)
        for restored in (model.restore(path), model.restore(b"bytes", max_tokens=3), model.restore("path")):
            assert_type(restored, chaku.Session)
        with model.session("Be brief.", overflow="shift", temperature=0.5) as session:
            assert_type(session, chaku.Session)


def reports(runtime: chaku.Runtime, model: chaku.Model, request: chaku.Request[None]) -> None:
    for metrics in (chaku.metrics(), runtime.metrics(), model.metrics()):
        assert_type(metrics, chaku.Metrics)
        assert_type(metrics["queue_depth"], int)
    for plan in (chaku.plan("path", ctx_size=512), runtime.plan("path")):
        assert_type(plan, chaku.Plan)
        assert_type(plan["available"], int | None)
        assert_type(plan["devices"][0]["total"], int)
    assert_type(request.timeline()["started_ms"], float | None)
    assert_type(request.queue_position, int | None)


def tools(session: chaku.Session) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    reply = session.run_tools("text", [add], max_rounds=2, tool_choice="add", deadline=3)
    assert_type(reply, chaku.Reply)
    assert_type(reply.tool_calls, tuple[chaku.ToolCall, ...])
    messages = [{"role": "tool", "tool_call_id": call.id, "content": call.arguments} for call in reply.tool_calls]
    assert_type(session.chat(messages, tools=[{}], json_schema={"type": "object"}), chaku.Reply)


def saved(session: chaku.Session, path: os.PathLike[str]) -> None:
    assert_type(session.fork(max_tokens=3, overflow="stop"), chaku.Session)
    session.rewind(2)
    assert_type(session.save(), bytes)
    assert_type(session.save_async(), chaku.Save[bytes])
    session.save(path, deadline=3)
    assert_type(session.save_async("path"), chaku.Save[None])
    assert_type(session.save_async().result(), bytes)


def requests(session: chaku.Session) -> None:
    reply = session.chat("text", deadline=3, stop=["a", "b"], max_tokens=3, temperature=1, grammar=None)
    assert_type(reply, chaku.Reply)
    assert_type(reply.finish_reason, chaku.FinishReason)
    assert_type(reply.usage.prompt_tokens, int)
    assert_type(reply.logprobs[0], chaku.TokenLogprob)
    session.chat("text", logprobs=3, logit_bias={15: -1.5, 3: False})
    session.chat("text", logit_bias={"yes": 5, "no": False})
    session.chat("text", logit_bias=["15=-1.5", "no=false"])
    for stream in (session.stream("text"), session.generate("text"), session.continue_answer()):
        assert_type(stream, chaku.Stream)
        for event in stream:
            assert_type(event, chaku.Event)
            assert_type(event.text, str)
            assert_type(event.token, int | None)
            assert_type(event.bytes, bytes)
            assert_type(event.logprob, float | None)
            assert_type(event.top_logprobs, tuple[chaku.TopLogprob, ...])
        assert_type(stream.next(), chaku.Event)
        assert_type(stream.next(0), chaku.Event | None)
        assert_type(stream.result(timeout=3), chaku.Reply)
        assert_type(stream.reply, chaku.Reply | None)
    with session.ingest("text", role="user") as ahead:
        assert_type(ahead, chaku.Stream)


def every_request(request: chaku.Request[chaku.Reply], options: chaku.RequestOptions, session: chaku.Session) -> None:
    events: Iterable[chaku.Event] = request
    events_in_time: AsyncIterator[chaku.Event] = session.stream("text", **options)
    awaitable: Awaitable[chaku.Reply] = request
    del events, events_in_time, awaitable


async def loops(session: chaku.Session) -> None:
    load = chaku.Model.load_async("path", threads=1)
    assert_type(load, chaku.Load)
    assert_type(await load, chaku.Model)
    assert_type(load.result(), chaku.Model)
    async with session.stream("text") as stream:
        async for event in stream:
            assert_type(event.finish_reason, chaku.FinishReason | None)
    assert_type(await stream, chaku.Reply)
    assert_type(await session.save_async(), bytes)


def errors(session: chaku.Session) -> None:
    try:
        session.chat("text")
    except chaku.DeadlineExceeded as error:
        assert_type(error.reason, str)
        assert_type(error.details, dict[str, str])
        assert_type(error.reply, chaku.Reply | None)
    except chaku.Error as error:
        assert_type(error.code, str)
