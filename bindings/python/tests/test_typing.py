"""What type checkers say: of the package, of programs that use it, and of programs that use it wrongly."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import chaku
import pytest
from harness import ROOT

HERE = Path(__file__).parent
TOOLS = ROOT / "target/python"
CONFIGURATION = HERE.parent / "pyproject.toml"
PACKAGE = Path(str(chaku.__file__)).parent
CHECKED = [str(PACKAGE), str(ROOT / "examples/python"), str(HERE / "typed.py")]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=HERE)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def mypy(*files: str) -> str:
    python = ["--python-executable", sys.executable, "--cache-dir", str(TOOLS / "mypy-cache")]
    return run(TOOLS / "tools/bin/mypy", "--config-file", CONFIGURATION, *python, "--strict", *files)


def pyright(*files: str) -> list[tuple[str, int, str]]:
    command: list[str | Path] = [
        TOOLS / "pyright/node_modules/.bin/pyright",
        "--pythonpath",
        sys.executable,
        "--outputjson",
        *files,
    ]
    answer = json.loads(run(*command).split("\n", 1)[1])
    assert answer["summary"]["filesAnalyzed"] > 0
    return [(Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["message"]) for d in answer["generalDiagnostics"]]


def test_mypy_strict() -> None:
    assert mypy(*CHECKED).startswith("0\nSuccess")


def test_pyright_strict() -> None:
    assert pyright(*CHECKED) == []


def test_what_is_wrong_is_found() -> None:
    # Every line of this file that says so, and no other, must be refused by both.
    file = HERE / "mistyped.py"
    wrong = {number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(wrong) > 5
    assert {int(line) for line in re.findall(r"mistyped\.py:(\d+): error", mypy(str(file)))} == wrong
    assert {line for _, line, _ in pyright(str(file))} == wrong


def test_the_stub_is_what_the_native_module_is() -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "MYPY_CACHE_DIR": str(TOOLS / "stubtest-cache")}
    done = subprocess.run(
        [str(TOOLS / "tools/bin/stubtest"), "chaku._chaku", "--mypy-config-file", str(CONFIGURATION)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_options_are_those_of_the_table() -> None:
    specification = importlib.util.spec_from_file_location("generate_options", HERE.parent / "generate_options.py")
    assert specification is not None and specification.loader is not None
    generator = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generator)
    assert (PACKAGE / "_options.py").read_text("utf-8") == generator.generate(), "run generate_options.py"
    keys = chaku.RuntimeOptions.__annotations__
    assert set(keys) == {row.key for row in chaku.options()}


@pytest.mark.parametrize("scope", ["request", "session", "model", "runtime"])
def test_options_of_an_object_are_taken_by_those_above(scope: str) -> None:
    order = ["request", "session", "model", "runtime"]
    types = [chaku.RequestOptions, chaku.SessionOptions, chaku.ModelOptions, chaku.RuntimeOptions]
    keys = {row.key for row in chaku.options() if row.scope == scope}
    for above, options in zip(order, types, strict=True):
        taken = keys <= set(options.__annotations__)
        assert taken == (order.index(above) >= order.index(scope))
