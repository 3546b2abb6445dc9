#!/usr/bin/env bash
# libchaku.so under memcheck: every function misused, and an ordinary life of chats, a cancel and an unload. A wrong
# access and memory that is definitely lost are failures; nothing is suppressed.
#
#     tests/sanitize/valgrind.sh    needs valgrind, target/release/libchaku.so and the models of `make models`
set -uo pipefail
cd "$(dirname "$0")/../.."
CC=${CC:-cc} LIB=$PWD/target/release OUT=$PWD/target/valgrind MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
SHORT=$MODELS/tiny-script.gguf LONG=$MODELS/tiny-long.gguf
command -v valgrind >/dev/null || { echo "valgrind is missing: run \`make deps\`"; exit 1; }
for needed in "$LIB/libchaku.so" "$SHORT" "$LONG"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make build models\`"; exit 1; }
done
passed=0 failed=0
mkdir -p "$OUT"

check() { # NAME COMMAND...
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$OUT/output.txt" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - began)) s)"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        head -n 200 "$OUT/output.txt" | sed 's/^/        /'
    fi
}
compile() { # PROGRAM SOURCE...
    local program=$1
    shift
    "$CC" -std=c99 -Wall -Wextra -Wpedantic -Werror -Wno-nonnull -O1 -g -Iinclude -Itests/abi/misuse "$@" \
        "$OUT/orphans.o" -o "$program" -L"$LIB" -lchaku -Wl,-rpath,"$LIB" -lpthread
}
# One thread runs at a time under memcheck; taking turns keeps a busy one from starving the others.
memcheck() {
    valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
        --fair-sched=try "$@"
}
finds() { # MISTAKE WHAT IT SAYS
    ! memcheck "$OUT/mistakes" "$1" >"$OUT/mistake.txt" 2>&1 && grep -q "$2" "$OUT/mistake.txt"
}

# The macros of valgrind.h are no C99.
check "orphans.c compiles" "$CC" -std=gnu99 -O1 -DWITH_VALGRIND -c tests/sanitize/orphans.c -o "$OUT/orphans.o"
python3 tests/abi/generate_misuse.py >"$OUT/misuse_table.c"
check "mistakes.c compiles" compile "$OUT/mistakes" tests/sanitize/mistakes.c
check "chat.c compiles" compile "$OUT/chat" tests/sanitize/chat.c
check "every function, misused, compiles" compile "$OUT/misuse-all" "$OUT/misuse_table.c" tests/abi/misuse/*.c

check "no mistake, no report" memcheck "$OUT/mistakes" none
check "a read behind a buffer by the library is found" finds read-in-library "Invalid read"
check "a write behind a buffer by the library is found" finds write-in-library "Invalid write"
check "a leak is found" finds leak "definitely lost"

check "chats, a cancel, an unload" memcheck "$OUT/chat" "$SHORT" "$LONG"
check "misuse of every function" memcheck "$OUT/misuse-all" "$SHORT" "$LONG"
grep ' checks, \|^[0-9]* passed' "$OUT/output.txt" | sed 's/^/        /'

printf 'memcheck: %d.%d min\n' $((SECONDS / 60)) $((SECONDS % 60 / 6))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
