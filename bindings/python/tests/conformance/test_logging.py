"""The log is kept where the host wants it, and nothing goes anywhere else."""

from __future__ import annotations

import chaku
from harness import RANDOM, SCRIPT, SCRIPT_REPLY, SMOLLM2, chat, fails, load, path

SECRET = "xyzzy-swordfish"


def work(runtime: chaku.Runtime) -> None:
    """Loads a model and asks it something."""
    with chaku.Model.load(path(SCRIPT), runtime=runtime, threads=1) as model:
        assert model.session().chat(SECRET).text == SCRIPT_REPLY


def test_log_sink() -> None:
    detailed, errors = chaku.Runtime(log_level="debug"), chaku.Runtime(log_level="error")
    work(errors)
    assert errors.drain_log() == []
    assert detailed.drain_log() == []  # each runtime has its own
    work(detailed)
    lines = detailed.drain_log()
    assert len(lines) > 5
    assert errors.drain_log() == []
    for line in lines:
        assert line.target.startswith("chaku")
        assert line.level in ("error", "warn", "info", "debug")
        assert "\n" not in line.message and SECRET not in line.message
        assert line.time > 1.7e9
    assert {"info", "debug"} <= {line.level for line in lines}
    assert detailed.drain_log() == []
    detailed.set_log_level(None)
    work(detailed)
    assert detailed.drain_log() == []


def test_silence() -> None:
    # Any test fails that writes to stdout or stderr; this one does whatever llama.cpp would like to talk about.
    for broken in ("truncated.gguf", "not-a-gguf.bin"):
        with fails(chaku.DataLoss, "model_corrupt"):
            load(broken)
    chat(load(SMOLLM2).session(), "Hi.", max_tokens=4)
    chat(load("tiny-raise.gguf").session(), "Hi.")
    model = load(RANDOM, ctx_size=256)
    chat(model.session(), "Hi.", grammar="root ::= (")
    chat(model.session(), "Hi.", samplers="no_such_sampler", max_tokens=2)
    chat(model.session(), "Hi.")
    chat(model.session(overflow="shift"), "Hi.", max_tokens=400)
    chat(load("tiny-mamba.gguf").session(), "Hi.", max_tokens=4)
    assert chaku.devices()
