#!/usr/bin/env python3
"""Checks cases.json and prints the names, one a line."""
import json
import pathlib
import re
import sys

rows = json.loads((pathlib.Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
names = [row.get("name", "") for row in rows]
for row in rows:
    name = row.get("name", "")
    if set(row) != {"name", "do", "see"} or not all(isinstance(text, str) and text for text in row.values()):
        sys.exit(f"cases.json: {name or row}: a row has a name, what to do and what to see, and nothing else")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit(f"cases.json: {name}: a name is snake_case")
    if names.count(name) > 1:
        sys.exit(f"cases.json: {name} occurs twice")
print("\n".join(names))
