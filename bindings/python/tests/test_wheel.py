"""What is shipped: one wheel for every Python from 3.10 on, and a module that meets no other copy of chaku."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path

import chaku
from chaku import _chaku

MODULE = Path(str(_chaku.__file__))


def readelf(*flags: str) -> list[str]:
    done = subprocess.run(["readelf", "--wide", *flags, str(MODULE)], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_the_installed_package_is_the_wheel() -> None:
    assert "site-packages" in str(chaku.__file__)
    assert importlib.metadata.version("chaku") == chaku.__version__
    assert not importlib.metadata.requires("chaku")
    files = {str(file) for file in importlib.metadata.files("chaku") or []}
    assert {"chaku/py.typed", "chaku/_chaku.pyi", "chaku/_options.py"} <= files


def test_stable_abi() -> None:
    assert MODULE.name == "_chaku.abi3.so"
    wheel = importlib.metadata.distribution("chaku").read_text("WHEEL")
    assert wheel is not None and "Tag: cp310-abi3-" in wheel


def test_one_thing_is_exported_for_python() -> None:
    symbols = [line.split()[-1] for line in readelf("--dyn-syms") if " UND " not in line and "GLOBAL" in line]
    assert "PyInit__chaku" in symbols
    # The C functions come along, but nothing of llama.cpp or of Rust does.
    assert [name for name in symbols if name != "PyInit__chaku" and not name.startswith("chaku_")] == []


def undefined() -> list[str]:
    return [line.split()[7].split("@")[0] for line in readelf("--dyn-syms") if " UND " in line and line.split()[7:]]


def test_nothing_is_destroyed_when_the_process_ends() -> None:
    # Threads of a model may be at work then.
    assert "__cxa_atexit" not in undefined() and "__cxa_finalize" in undefined()


def test_its_own_functions_are_bound_inside() -> None:
    assert not any(name.startswith(("chaku_", "ggml_", "llama_")) for name in undefined())
    assert [line for line in readelf("--relocs") if " chaku_" in line] == []


def test_it_is_never_unmapped_and_needs_no_python_library() -> None:
    dynamic = "\n".join(readelf("--dynamic"))
    assert "NODELETE" in dynamic and "SYMBOLIC" in dynamic
    assert "libpython" not in dynamic
    alignments = {line.split()[-1] for line in readelf("--segments") if line.strip().startswith("LOAD")}
    assert alignments == {"0x4000"}
