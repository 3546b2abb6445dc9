#!/usr/bin/env python3
"""The tables of scripts/sizes.sh: sizes.py LIBRARY AGAIN MAP, where AGAIN is LIBRARY linked once more and MAP its linker map."""
import collections
import os
import re
import subprocess
import sys
from pathlib import Path

BUILD = Path("target/release/build")
# Input sections that take room in the file, by what they are.
KINDS = {
    "code": (".text", ".init", ".fini"),
    "constants": (".rodata", ".data.rel.ro"),
    "unwinding": (".eh_frame", ".gcc_except_table"),
    "data": (".data", ".tdata", ".init_array", ".fini_array"),
}
PARTS = [
    "llama", "ggml", "ggml-cpu", "common", "chat, Jinja, JSON", "chaku: Rust", "chaku: C++ shim", "other Rust crates",
    "Rust's std", "compiler's start files",
]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def part_of_llama_source(path):
    """From the path of an object in llama.cpp's own build, below its build folder."""
    folders, name = path.parts[:-1], path.name
    if folders[0] == "src":
        return "llama"
    if folders[0] == "ggml":
        return "ggml-cpu" if "ggml-cpu.dir" in folders else "ggml"
    if {"jinja", "parsers"} & set(folders) or re.match(r"chat|json|peg", name):
        return "chat, Jinja, JSON"
    return "common"


def parts_of_members():
    """Member of the archive -> part. A name that two parts have (unicode.cpp.o) counts for the first, larger one."""
    parts = {}
    # Builds of other feature sets may lie beside: the names are the same in each.
    builds = sorted(BUILD.glob("llama-cpp-sys-2-*/out/build"), key=lambda folder: folder.stat().st_mtime)
    objects = sorted(path.relative_to(builds[-1]) for path in builds[-1].rglob("*.o"))
    for path in sorted(objects, key=lambda path: path.parts[0] != "src"):
        parts.setdefault(path.name, part_of_llama_source(path))
    for archive in BUILD.glob("llama-cpp-sys-2-*/out/libwrapper*.a"):
        parts.update((member, "common") for member in output("ar", "t", archive).split())
    for archive in BUILD.glob("chaku-llama-*/out/libchaku_llama_shim.a"):
        parts.update((member, "chaku: C++ shim") for member in output("ar", "t", archive).split())
    sysroot = Path(output("rustc", "--print", "sysroot").strip())
    for archive in sysroot.glob("lib/rustlib/*/lib/*.rlib"):
        parts.update((member, "Rust's std") for member in output("ar", "t", archive).split())
    return parts


def part(section, path, parts):
    member = re.search(r"libchaku\.a\((.*)\)$", path)
    if not member:
        return "compiler's start files"
    member = member[1]
    if re.search(r"\._ZNK?8nlohmann", section):
        return "chat, Jinja, JSON"  # templates, made in whichever object needs them first
    if member in parts:
        return parts[member]
    return "chaku: Rust" if re.match(r"chaku(_capi|_llama)?[-.]", member) else "other Rust crates"


def kind(section):
    for name, prefixes in KINDS.items():
        if any(section == prefix or section.startswith(prefix + ".") for prefix in prefixes):
            # .data.rel.ro begins with .data too.
            return "constants" if section.startswith(".data.rel.ro") else name
    return None


def contributions(map_text):
    """(input section, file, bytes) of everything that has got an address. A long name has a line of its own."""
    text = map_text.split("Linker script and memory map", 1)[1]
    entry = re.compile(r"^ (\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", re.MULTILINE)
    for section, address, size, path in entry.findall(text):
        if int(address, 16) and int(size, 16):
            yield section, path, int(size, 16)


def table(rows, total):
    for label, *numbers in rows:
        print(f"  {label:<28}" + "".join(f"{number:>12,}" for number in numbers) + f"{100 * numbers[-1] / total:>7.1f} %")


def main():
    library, again, map_path = sys.argv[1:]
    size = os.path.getsize(library)
    print(f"libchaku.so, stripped: {size:,} bytes")
    sections = re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", output("size", "-A", library), re.MULTILINE)
    in_file = {name: int(length) for name, length in sections if name not in (".bss", ".tbss", ".relro_padding")}
    rows = sorted(in_file.items(), key=lambda row: -row[1])
    shown = [row for row in rows if row[1] >= size / 1000]
    rest = sum(in_file.values()) - sum(length for _, length in shown)
    print("\nby section")
    table([*shown, ("smaller ones", rest), ("headers and alignment", size - sum(in_file.values()))], size)
    print(f"  (and {dict(sections)['.bss']} bytes of .bss, in memory only)")

    parts = parts_of_members()
    sums = collections.defaultdict(collections.Counter)
    for section, path, length in contributions(Path(map_path).read_text()):
        if kind(section):
            sums[part(section, path, parts)][kind(section)] += length
    total = os.path.getsize(again)
    print(f"\nby part, of the same objects linked once more: {total:,} bytes")
    print(f"  {'':<28}" + "".join(f"{name:>12}" for name in [*KINDS, "sum"]))
    known = [(name, *(sums[name][column] for column in KINDS), sum(sums[name].values())) for name in PARTS]
    table(known, total)
    attributed = sum(row[-1] for row in known)
    print(f"  not attributed: {total - attributed:,} bytes, {100 * (total - attributed) / total:.1f} %"
          " (relocations, symbols, tables of the linker, alignment)")


main()
