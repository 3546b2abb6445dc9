#!/usr/bin/env python3
"""Writes a C file that defines every function of a chaku.h with an empty body: stub.py HEADER >stub.c. Compiled with -g it is a
small library whose debug information says what the header promises, and nothing else, so that two headers can be compared."""
import re
import sys

header = sys.argv[1]
text = re.sub(r"/\*.*?\*/", "", open(header, encoding="utf-8").read(), flags=re.DOTALL)
print(f'#include "{header}"\n#include <stdlib.h>')
for prototype in re.findall(r"^[a-z][^;{}#]*?\bchaku_\w+\([^;{}]*\);", text, flags=re.MULTILINE):
    if not prototype.startswith("typedef"):
        print(prototype.rstrip(";"), "{ abort(); }")
