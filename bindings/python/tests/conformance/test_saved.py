"""Sessions that are saved, and taken up again."""

from __future__ import annotations

from pathlib import Path

import chaku
from harness import LONG, RANDOM, SCRIPT, SCRIPT_REPLY, SMOLLM2, chat, fails, generate, load, path, read

# Dice that always fall in the same way, and an answer that depends on all that was said.
LIKELIEST: chaku.RequestOptions = {"temperature": 0, "max_tokens": 24}


def saved_bytes(model: chaku.Model) -> bytes:
    session = model.session()
    chat(session, "Go.", max_tokens=4)
    return session.save()


def test_save_to_file(tmp_path: Path) -> None:
    file = tmp_path / "session.state"
    with load(RANDOM) as model:
        session = model.session("You are a parrot.")
        chat(session, "Tell me something.", **LIKELIEST)
        used = session.context_used
        session.save(file)
        assert file.stat().st_mode & 0o777 == 0o600
        straight = chat(session, "And then?", **LIKELIEST)
        assert len(straight.tokens) == 24

        restored = model.restore(file)
        assert (restored.message_count, restored.context_used) == (2, used)
        again = chat(restored, "And then?", **LIKELIEST)
        assert (again.text, again.usage.prompt_tokens) == (straight.text, straight.usage.prompt_tokens)

    # In another life of the model, where only the file knows what was computed.
    restored = load(RANDOM).restore(str(file))
    again = chat(restored, "And then?", **LIKELIEST)
    assert (again.text, again.usage.cached_tokens) == (straight.text, straight.usage.cached_tokens)

    # What is there is replaced.
    save = read(restored.save_async(str(file))).ends("stop")
    assert save.text == "" and save.tokens == []
    assert load(RANDOM).restore(file).message_count == 4
    assert list(tmp_path.iterdir()) == [file]


def test_save_to_memory() -> None:
    model = load(LONG)
    session = model.session()
    generate(session, "Count.\n", max_tokens=12)
    save = session.save_async()
    data = save.result()
    assert type(data) is bytes and len(data) > 100
    assert save.result() == data
    del save
    for copy in (data, bytearray(data), memoryview(data)):
        restored = model.restore(copy)
        assert restored.context_used == session.context_used
        assert read(restored.continue_answer(max_tokens=8)).text == " five six seven eight one two three four"

    # A session that is busy or closed is not saved.
    running = restored.generate("\n", event_queue=1)
    with fails(chaku.FailedPrecondition, "concurrent_use"):
        restored.save()
    restored.close()
    read(running)
    with fails(chaku.FailedPrecondition, "closed"):
        restored.save()


def test_state_corrupt(tmp_path: Path) -> None:
    model = load(SCRIPT)
    data = saved_bytes(model)

    def refused(wrong: bytes) -> None:
        with fails(chaku.DataLoss, "state_corrupt"):
            model.restore(wrong)

    for cut in range(64):
        refused(data[: len(data) * cut // 64])
    refused(data[:-1])
    refused(data + b"\0")
    for at in (*range(256), *range(256, len(data), len(data) // 64)):
        refused(data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :])
    assert model.restore(data).message_count == 2

    file = tmp_path / "session.state"
    for wrong in (data[:-1], b"Once upon a time"):
        file.write_bytes(wrong)
        with fails(chaku.DataLoss, "state_corrupt") as caught:
            model.restore(file)
        assert caught.value.details["path"] == str(file)
    with fails(chaku.DataLoss, "state_corrupt"):
        model.restore(path(SCRIPT))
    with fails(chaku.Unavailable, "file_unreadable"):
        model.restore(tmp_path)
    file.unlink()
    with fails(chaku.NotFound, "file_not_found"):
        model.restore(file)


def test_state_mismatch() -> None:
    data = saved_bytes(load(SCRIPT))
    template = "{% for m in messages %}{{ m.content }}{% endfor %}:"
    for other in (load(SMOLLM2, ctx_size=512), load(SCRIPT, chat_template=template)):
        with fails(chaku.FailedPrecondition, "state_mismatch"):
            other.restore(data)
    # Other numbers in the KV cache are no other conversation: it is computed again.
    assert chat(load(SCRIPT, cache_type_k="f32").restore(data), "Go.").text == SCRIPT_REPLY


def test_save_fails(tmp_path: Path) -> None:
    session = load(SCRIPT).session()
    chat(session, "Go.")
    missing = tmp_path / "missing" / "session.state"
    reading = read(session.save_async(missing)).ends("error", chaku.Unavailable, "file_unwritable")
    assert str(missing) in str(reading.error)
    with fails(chaku.Unavailable, "file_unwritable"):
        session.save(tmp_path)
    assert list(tmp_path.iterdir()) == []  # no part of a file was left
    # The session is as before.
    assert chat(session, "Go.").text == SCRIPT_REPLY
    assert session.message_count == 4
