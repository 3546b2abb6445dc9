"""Loading, and what a model says about itself."""

from __future__ import annotations

from pathlib import Path

import chaku
import pytest
from harness import (
    RANDOM,
    SMOLLM2,
    Hub,
    Reading,
    chat,
    count_tokens,
    fails,
    load,
    path,
    read,
)


def test_load() -> None:
    request = chaku.Model.load_async(path(RANDOM), threads=1)
    model, second = request.result(), request.result()
    assert model.context_size > 0 and model.vocab_size > 256
    assert second is not model
    del model, request
    assert second.metadata["general.name"] == "tiny-random"
    assert chat(second.session(), "Go.", max_tokens=2).ends("length").tokens


def test_load_progress() -> None:
    request = chaku.Model.load_async(path(SMOLLM2), threads=1)
    reading = read(request).ends("stop")
    assert reading.progress and not reading.tokens
    model, again = request.result(), request.result()
    assert model is not again
    del request, again
    assert chat(model.session(), "Hi", max_tokens=1).error is None

    seen: list[float] = []
    with chaku.Model.load(path(SMOLLM2), threads=1, on_progress=seen.append):
        assert seen and seen == sorted(seen) and 0 <= seen[0] and seen[-1] <= 1


def test_missing_file() -> None:
    with fails(chaku.NotFound, "file_not_found") as caught:
        load("no-such-file.gguf")
    assert "no-such-file.gguf" in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    request = chaku.Model.load_async(path("no-such-file.gguf"))
    read(request).ends("error", chaku.NotFound, "file_not_found")
    with fails(chaku.NotFound, "file_not_found"):
        request.result()


@pytest.mark.parametrize("file", ["not-a-gguf.bin", "truncated.gguf"])
def test_not_a_gguf(file: str) -> None:
    with fails(chaku.DataLoss, "model_corrupt"):
        load(file)
    read(chaku.Model.load_async(path(file))).ends("error", chaku.DataLoss, "model_corrupt")
    load(RANDOM)


def test_download(tmp_path: Path) -> None:
    with Hub(tmp_path, "--model", path(RANDOM)) as hub:
        request = chaku.download_async("hf:test/tiny", **hub.options)
        counts = [(e.phase, e.progress_done, e.progress_total) for e in request if e.kind == "progress"]
        (file,) = request.result()
        size = file.stat().st_size
        assert counts[-1] == ("download", size, size) and counts == sorted(counts)
        assert file.read_bytes() == Path(path(RANDOM)).read_bytes()

        seen: list[float] = []
        assert chaku.download("hf:test/tiny:q4_k_m", on_progress=seen.append, **hub.options) == [file]
        assert seen[-1] == 1
        with chaku.Model.load("hf:test/tiny", threads=1, **hub.options) as model:
            assert model.metadata["general.name"] == "tiny-random"
        with fails(chaku.InvalidArgument, "invalid_argument"):
            chaku.download("hf:no-repository", **hub.options)
        with fails(chaku.NotFound, "hub_not_found"):
            chaku.Model.load("hf:test/gone", **hub.options)


def test_load_cancel() -> None:
    request = chaku.Model.load_async(path(SMOLLM2))
    request.cancel()
    read(request).cancelled()
    with fails(chaku.Cancelled, "cancelled"):
        request.result()
    load(SMOLLM2)


def test_cancel_loading() -> None:
    # A load may be done before the cancel arrives, so it is tried until one is caught in the middle.
    for _ in range(50):
        request = chaku.Model.load_async(path(SMOLLM2), mmap=False)
        reading = Reading(request).until_progress()
        request.cancel()
        reading.rest()
        assert reading.final is not None
        if reading.final.finish_reason == "cancelled":
            reading.cancelled()
            assert reading.progress[-1] < 1
            with fails(chaku.Cancelled, "cancelled"):
                request.result()
            load(SMOLLM2)
            return
    pytest.fail("50 loads were done before they could be cancelled")


def test_deadline_of_a_load() -> None:
    request = chaku.Model.load_async(path(SMOLLM2), deadline=0.001, mmap=False)
    read(request).late()
    with fails(chaku.DeadlineExceeded, "deadline") as caught:
        request.result()
    assert isinstance(caught.value, TimeoutError)


def test_metadata() -> None:
    model = load(RANDOM)
    assert model.metadata["general.architecture"] == "llama"
    assert model.metadata["general.name"] == "tiny-random"
    assert "no.such.key" not in model.metadata
    assert len(model.metadata) > 10
    assert model.training_context == 2048
    assert model.parameter_count > 10000
    assert model.size_bytes > 10000
    assert "llama" in model.description and model.description in repr(model)
    assert model.chat_template is not None and "<|im_start|>" in model.chat_template
    assert model.eos is not None and model.is_end_token(model.eos)
    assert not model.is_end_token(ord("a"))
    assert model.bos is not None and model.bos >= 0
    assert all(token is None or token >= 0 for token in (model.eot, model.pad))


def test_tokenize_roundtrip() -> None:
    model = load(SMOLLM2)
    texts = ["Hello, world!", "  two  spaces\n\ttab\r\n", "🦙 llama, üä, 你好", "<|im_end|>", ""]
    for text in texts:
        assert model.detokenize(model.tokenize(text), special=True) == text.encode()
    assert count_tokens(model, "<|im_end|>") == 1
    assert count_tokens(model, "<|im_end|>", parse_special=False) > 1
    assert model.detokenize(model.tokenize("a<|im_end|>b", parse_special=True)) == b"ab"
    # There is no buffer to be too small: the lists are as long as they have to be.
    with fails(chaku.InvalidArgument, "invalid_token"):
        model.detokenize([model.vocab_size])
