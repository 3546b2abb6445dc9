"""Children that Python forks. What each call says there is in conformance/test_process.py."""

from __future__ import annotations

from harness import run_program


def test_multiprocessing() -> None:
    # The parent computes meanwhile, on another thread too, which holds the stream's turn when the child is made.
    output = run_program(
        """
        import multiprocessing, threading, warnings

        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of what this is about
        model = load(LONG, ctx_size=131072)
        stream = model.session().stream("Count.")
        reader = threading.Thread(target=lambda: [event for event in stream])
        reader.start()
        waiting, other = model.session().stream("Count."), None
        waiter = threading.Thread(target=lambda: [event for event in waiting])
        waiter.start()

        def work(queue):
            for call in (lambda: waiting.next(), waiting.result, lambda: model.session().chat("Go.")):
                try:
                    call()
                except chaku.FailedPrecondition as error:
                    queue.put(error)

        context = multiprocessing.get_context("fork")
        for _ in range(5):
            queue = context.Queue()
            child = context.Process(target=work, args=(queue,))
            child.start()
            print([queue.get(timeout=60).reason for _ in range(3)])
            child.join(60)
            assert child.exitcode == 0, child.exitcode
        stream.cancel(), waiting.cancel()
        reader.join(), waiter.join()
        print(model.session().chat("Count.", max_tokens=2).text)
        """
    )
    assert output.splitlines() == ["['forked', 'forked', 'forked']"] * 5 + [" one two"]


def test_spawned_children_load_their_own() -> None:
    output = run_program(
        """
        import subprocess

        session = load(SCRIPT).session()
        child = "import sys, chaku; print(chaku.Model.load(sys.argv[1], threads=1).session().chat('Go.'))"
        done = subprocess.run([sys.executable, "-I", "-c", child, path(SCRIPT)], capture_output=True, text=True)
        print(done.returncode, done.stdout, done.stderr, session.chat("Go."))
        """
    )
    assert output == "0 Hello there, I am a test model.\n  Hello there, I am a test model.\n"
