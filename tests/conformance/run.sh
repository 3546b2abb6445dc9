#!/usr/bin/env bash
# Builds the C suite, holds it against the table cases.json, and runs it against libchaku through include/chaku.h:   run.sh [NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/conformance out=target/tests/conformance
export CHAKU_TEST_MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
make models MODELS="$CHAKU_TEST_MODELS"
mkdir -p "$out"

# The table is the only list. What is in it and not in C, or the other way round, is an error.
python3 $here/table.py >"$out/table.txt"
sed -n 's/^CASE(\([a-z0-9_]*\)).*/\1/p' $here/c/*.c >"$out/implemented.txt"
if ! diff <(sort "$out/table.txt") <(sort "$out/implemented.txt") >"$out/difference.txt"; then
    sed -n -e 's/^< /in the table, but no C case: /p' -e 's/^> /a C case, but not in the table: /p' "$out/difference.txt" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
sed 's/.*/X(&)/' "$out/table.txt" >"$out/cases.inc"

"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -g -Iinclude -I"$out" $here/c/*.c -o "$out/conformance" \
    -Ltarget/release -lchaku -Wl,-rpath,"$PWD/target/release" -pthread
exec "$out/conformance" "$@"
