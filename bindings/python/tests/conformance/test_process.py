"""The end of the host's program, and children it forks. More ways to end are in ../test_exit.py."""

from __future__ import annotations

import pytest
from harness import run_program


@pytest.mark.parametrize(
    "leave",
    [
        "load = chaku.Model.load_async(path(SMOLLM2))",
        "stream = load(LONG).session().stream('Count.')",
        "stream = load(SMOLLM2, ubatch_size=64).session().stream('The llama looks back. ' * 100); stream.next()",
        "stream = load(LONG).session().stream('Count.', event_queue=100000); Reading(stream).until_tokens(2)",
    ],
    ids=["load", "prepare", "prefill", "decode"],
)
def test_exit_while_running(leave: str) -> None:
    for attempt in range(3):
        run_program(f"import time\n{leave}\ntime.sleep({attempt} / 500)\nsys.exit(7)", code=7)


def test_forked_child() -> None:
    output = run_program(
        """
        import os, warnings

        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of what this is about
        model = load(LONG)
        session, data = model.session(), model.session().save()
        stream = session.stream("Count.", max_tokens=400)
        reading = Reading(stream).until_tokens(2)
        child = os.fork()
        if child == 0:
            for call in (
                stream.next,
                stream.result,
                stream.close,
                lambda: list(stream),
                lambda: session.chat("Go."),
                lambda: load(LONG),
                lambda: chaku.Model.load_async(path(LONG), threads=1),
                lambda: chaku.Runtime(),
                lambda: model.chat([("user", "Go.")]),
                lambda: model.restore(data),
                lambda: chaku.plan(path(LONG)),
                lambda: session.rewind(0),
                session.fork,
                session.save,
                stream.timeline,
                model.metrics,
                chaku.metrics,
                model.close,
            ):
                with fails(chaku.FailedPrecondition, "forked"):
                    call()
            assert chaku.build_info() and stream.text
            stream.cancel()
            del stream, session, model, reading
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        reading.rest().ends("length")
        assert reading.text == LONG_WORDS * 50
        print("went on")
        """
    )
    assert output == "went on\n"
