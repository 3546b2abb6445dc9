#!/usr/bin/env bash
# Proofs that the interface is hard to misuse: every function called wrongly in every way its signature allows
# (generated), the handle table under load, and programs that end in the middle of work.
#
#     tests/abi/misuse.sh [shared|static ...]       needs target/release/libchaku.{so,a} and the models of `make models`
#
# CC chooses the compiler; CFLAGS, LIB, OUT and STATIC_LIBS are for libraries built in another way (tests/sanitize).
# CHAKU_TEST_SEED chooses what threads do.
set -u
cd "$(dirname "$0")/../.."
CC=${CC:-cc} CFLAGS=${CFLAGS:--O1}
LIB=${LIB:-$PWD/target/release} OUT=${OUT:-$PWD/target/abi} MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
STATIC_LIBS=${STATIC_LIBS:-$(sed -n 's/.*static  cc main\.c libchaku\.a //p' include/chaku.h | head -n 1)}
SHORT=$MODELS/tiny-script.gguf LONG=$MODELS/tiny-long.gguf REAL=$MODELS/SmolLM2-135M-Instruct.Q4_1.gguf
[ $# -gt 0 ] || set -- shared static
passed=0 failed=0
mkdir -p "$OUT"
for needed in "$SHORT" "$LONG" "$REAL"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make models\`"; exit 1; }
done

# check NAME COMMAND...: the command succeeds. What it prints is shown: it says how much was tried.
check() {
    local name=$1 output status
    shift
    output=$("$@" 2>&1)
    status=$?
    if [ "$status" = 0 ]; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name (status $status)"
    fi
    [ -z "$output" ] || echo "$output" | sed 's/^/        /'
}

compile() { # LIBRARY PROGRAM SOURCE...
    local library=$1 program=$2 libs="-L$LIB -lchaku -Wl,-rpath,$LIB"
    shift 2
    [ "$library" = shared ] || libs="$LIB/libchaku.a $STATIC_LIBS"
    "$CC" -std=c99 -Wall -Wextra -Wpedantic -Werror -Wno-nonnull $CFLAGS -Iinclude -Itests/abi/misuse "$@" \
        -o "$program" $libs -lpthread
}

table() { python3 tests/abi/generate_misuse.py >"$OUT/misuse_table.c"; }
check "the table of all functions is generated" table
for library in "$@"; do
    check "$library: every function, misused, compiles" \
        compile "$library" "$OUT/misuse-all-$library" "$OUT/misuse_table.c" tests/abi/misuse/*.c
    check "$library: handles compiles" compile "$library" "$OUT/handles-$library" tests/abi/handles.c
    check "$library: exit compiles" compile "$library" "$OUT/exit-$library" tests/abi/exit.c
    check "$library: every function, misused" timeout 600 "$OUT/misuse-all-$library" "$SHORT" "$LONG"
    check "$library: handles under load, and freed in any order" timeout 600 "$OUT/handles-$library" "$SHORT" "$LONG"
    check "$library: returning from main in the middle of work" timeout 600 "$OUT/exit-$library" "$LONG" "$REAL"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
