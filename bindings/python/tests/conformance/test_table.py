"""The table of behaviours is the only list: what is in it and not here, or the other way round, is an error."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness import ROOT

HERE = Path(__file__)
TABLE = ROOT / "tests/conformance"


def test_every_row_has_its_test_and_every_test_its_row() -> None:
    rows = {row["name"] for row in json.loads((TABLE / "cases.json").read_text("utf-8"))}
    left_out = json.loads((TABLE / "surfaces.json").read_text("utf-8"))["python"]
    files = [file for file in HERE.parent.glob("test_*.py") if file != HERE]
    tests = [name for file in files for name in re.findall(r"^def test_(\w+)", file.read_text("utf-8"), re.MULTILINE)]
    assert len(tests) == len(set(tests))
    assert rows - set(tests) - set(left_out) == set(), "in the table, but no test"
    assert set(tests) - rows == set(), "a test, but not in the table"
    assert set(left_out) - rows == set(), "left out, but not in the table"
    assert set(left_out) & set(tests) == set(), "left out, and yet tested"
    assert all(len(reason) > 10 for reason in left_out.values())
