#!/usr/bin/env bash
# Builds the C++ suite, holds it against the table cases.json, and runs it against libchaku through include/chaku.hpp:   run.sh [NAME...]
set -euo pipefail
cd "$(dirname "$0")/../../.."

tests=tests/conformance here=tests/conformance/cpp out=target/tests/conformance-cpp
export CHAKU_TEST_MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
make models MODELS="$CHAKU_TEST_MODELS"
mkdir -p "$out"

# The table is the only list. What is in it and not in C++, or the other way round, is an error.
python3 $tests/table.py >"$out/table.txt"
sed -n 's/^CASE(\([a-z0-9_]*\)).*/\1/p' $here/*.cpp >"$out/implemented.txt"
if ! diff <(sort "$out/table.txt") <(sort "$out/implemented.txt") >"$out/difference.txt"; then
    sed -n -e 's/^< /in the table, but no C++ case: /p' -e 's/^> /a C++ case, but not in the table: /p' "$out/difference.txt" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
sed 's/.*/X(&)/' "$out/table.txt" >"$out/cases.inc"

# The program around the cases is the C suite's. What is older than its sources is compiled, on all processors.
cat >"$out/Makefile" <<MAKE
OBJECTS = \$(patsubst $here/%.cpp,$out/%.o,\$(wildcard $here/*.cpp)) $out/main.o
$out/conformance: \$(OBJECTS) target/release/libchaku.so
	${CXX:-c++} \$(OBJECTS) -o \$@ -Ltarget/release -lchaku -Wl,-rpath,$PWD/target/release -pthread
$out/%.o: $here/%.cpp \$(wildcard $here/*.hpp) include/chaku.hpp include/chaku.h
	${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -g -Iinclude -c \$< -o \$@
$out/main.o: $tests/c/main.c $tests/c/harness.h $tests/c/runner.h include/chaku.h $out/cases.inc
	${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -g -Iinclude -I$out -c \$< -o \$@
MAKE
make -s -j "$(getconf _NPROCESSORS_ONLN)" -f "$out/Makefile" "$out/conformance"
exec "$out/conformance" "$@"
