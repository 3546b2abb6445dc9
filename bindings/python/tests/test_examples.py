"""The examples do what those in C do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import LONG, RANDOM, ROOT, SCRIPT, SCRIPT_REPLY, SMOLLM2, path, run_program

EXAMPLES = [
    "chat",
    "stream",
    "cancel",
    "deadline",
    "fork",
    "json_form",
    "logprobs",
    "tokenize_text",
    "tools",
    "top",
]
# A script may not have the name of a module that it needs.
C_NAMES = {"tokenize_text": "tokenize", "json_form": "json"}


def run(example: str, *arguments: str) -> tuple[int, str, str]:
    program = [sys.executable, "-I", str(ROOT / f"examples/python/{example}.py"), *arguments]
    done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
    return done.returncode, done.stdout, done.stderr


def test_these_are_all() -> None:
    python = {file.stem for file in (ROOT / "examples/python").glob("*.py")}
    assert python == set(EXAMPLES)
    assert {C_NAMES.get(name, name) for name in python} == {
        file.stem for file in (ROOT / "examples/c").glob("*.c")
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_usage_and_errors(example: str) -> None:
    code, output, complaints = run(example)
    assert (code, output) == (2, "") and complaints.startswith("usage: ")
    code, output, complaints = run(example, path("no-such-file.gguf"))
    assert (code, output) == (1, "") and complaints.startswith("NOT_FOUND (file_not_found): ")


def test_chat() -> None:
    for arguments in ([], ["Why?"]):
        code, output, complaints = run("chat", path(SCRIPT), *arguments)
        assert (code, output) == (0, SCRIPT_REPLY + "\n")
        assert re.fullmatch(
            r"\[8 tokens, [\d.]+ tokens/s, 0 of the prompt's \d+ tokens were computed before\]\n", complaints
        )


def test_stream() -> None:
    code, output, complaints = run("stream", path(SCRIPT))
    assert (code, complaints) == (0, "")
    lines = output.splitlines()
    assert [line.split('"')[1] for line in lines if line.startswith("token")][0] == "Hello"
    assert re.match(r"load +done in \d+ ms", next(line for line in lines if "done" in line))
    assert re.match(r"answer +done in \d+ ms: .* generating", lines[-1])


def test_cancel() -> None:
    code, output, complaints = run("cancel", path(LONG))
    assert (code, complaints) == (0, "")
    tokens = re.search(r"-- cancelled after (\d+) tokens\n", output)
    assert tokens is not None and int(tokens[1]) >= 8
    assert output.endswith("-- done\n")


def test_deadline() -> None:
    code, output, complaints = run("deadline", path(LONG), "300")  # well before the window is full
    assert (code, complaints) == (0, "")
    assert re.search(r"\n-- time is up after \d+ ms and \d+ tokens\n$", output)
    assert run("deadline", path(SCRIPT), "60000")[1].startswith(SCRIPT_REPLY + "\n-- done after ")


def test_tokenize_text() -> None:
    code, output, complaints = run("tokenize_text", path(SCRIPT), "ab")
    assert (code, complaints) == (0, "")
    assert output.startswith("name        tiny-script\n")
    assert re.search(r'\n2 tokens:\n +\d+  "a"\n +\d+  "b"\n$', output)


def test_fork() -> None:
    code, output, complaints = run("fork", path(SCRIPT))
    assert (code, complaints) == (0, "")
    answers = re.findall(r"> (.+)\n(.+)\n-- (\d+) of the prompt's (\d+) tokens", output)
    assert len(answers) == 4
    assert all(text == SCRIPT_REPLY for _, text, _, _ in answers)
    _, _, cached, prompt = answers[0]
    assert int(cached) == 0 and all(int(found) > int(prompt) for _, _, found, _ in answers[1:])


def test_json_form() -> None:
    code, output, complaints = run("json_form", path(RANDOM))
    assert (code, complaints) == (0, "")
    form = dict(re.findall(r"^(name|age|city|job|likes_llamas): (.*)$", output, re.MULTILINE))
    assert len(form) == 5 and int(form["age"]) <= 150 and form["likes_llamas"] in ("True", "False")


def test_tools() -> None:
    code, output, complaints = run("tools", path(SMOLLM2))
    assert (code, complaints) == (0, "")
    call, answer = output.split("\n", 1)
    assert call.lower() == "get_weather('lima')" and answer.strip()


def test_logprobs() -> None:
    code, output, complaints = run("logprobs", path(SCRIPT))
    assert (code, complaints) == (0, "")
    *rows, whole = output.splitlines()
    assert len(rows) == 7
    assert all(re.fullmatch(r" *[\d.]+% ('.*')   of *[\d.]+% \1 *[\d.]+% '.*'", row) for row in rows), output
    assert re.fullmatch(r"The whole answer: [\d.]+%", whole)


def test_top() -> None:
    code, output, complaints = run("top", path(SCRIPT))
    assert (code, complaints) == (0, "")
    head, *rows, last = output.splitlines()
    assert head.split()[:3] == ["queue", "running", "paused"]
    assert rows and all(len(row.split()) == len(head.split()) - 1 for row in rows)  # "step ms" is one
    timeline = json.loads(last.removeprefix("the last one: "))
    assert timeline["queued_ms"] <= timeline["started_ms"] <= timeline["ended_ms"]


def test_what_the_readme_shows(tmp_path: Path) -> None:
    text = (ROOT / "bindings/python/README.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    program = "import asyncio\n" + "\n".join(blocks) + "\nasyncio.run(main())\n"
    program = program.replace('"model.gguf"', f"{path(SCRIPT)!r}, threads=1")
    output = run_program(program.replace("guide.session", str(tmp_path / "guide.session")))
    first, second, whole, *log, third, fourth = output.splitlines()
    assert first == whole == SCRIPT_REPLY
    assert second == f"{SCRIPT_REPLY}{SCRIPT_REPLY} {SCRIPT_REPLY}"  # its line ends with the answers of two forks
    assert any("chaku::load" in line for line in log)
    assert (third, fourth) == (SCRIPT_REPLY, SCRIPT_REPLY)
