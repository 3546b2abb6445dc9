#!/usr/bin/env python3
"""Dependencies point downwards only: bindings -> abi -> capi -> core -> llama -> llama.cpp."""
import json
import subprocess
import sys

# What each crate may use of the others. A crate that is not listed here is a new room: decide where it stands, then add it.
ALLOWED = {
    "chaku-llama": {"llama-cpp-sys-2"},
    "chaku": {"chaku-llama"},
    "chaku-capi": {"chaku"},
    "chaku-artifact": {"chaku-capi"},
    "chaku-abi": {"chaku-capi"},
    "chaku-python": {"chaku-abi"},
    "chaku-node": {"chaku-abi"},
    "chaku-cli": {"chaku"},
    "chaku-bench": {"chaku", "chaku-llama"},
    "chaku-loom": set(),
    "chaku-mutation": {"chaku-abi", "chaku"},
}

metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version=1"]))
ours = set(ALLOWED) | {"llama-cpp-sys-2"}
problems = []
for package in metadata["packages"]:
    name = package["name"]
    if name not in ALLOWED:
        problems.append(f"{name}: not in scripts/check_layers.py")
        continue
    used = {d["name"] for d in package["dependencies"] if d["name"] in ours or d["name"].startswith("llama")}
    problems += [f"{name} must not depend on {other}" for other in sorted(used - ALLOWED[name])]
if problems:
    sys.exit("\n".join(problems))
