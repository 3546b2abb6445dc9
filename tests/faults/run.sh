#!/usr/bin/env bash
# What happens when the machine misbehaves: files that change, no memory, no threads, no descriptors, signals, clocks, hosts
# that do odd things. Each case is a process that must live, get a typed error or its answer, and work again afterwards.
#
#     tests/faults/run.sh [PROGRAM [CASE]]     needs target/release/libchaku.so and the models of `make models`
#
# CASE is a part of a case's name. CC chooses the compiler.
set -u
cd "$(dirname "$0")/../.."
CC=${CC:-cc} LIB=$PWD/target/release MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models} OUT=$PWD/target/faults
passed=0 failed=0
mkdir -p "$OUT"
for needed in "$LIB/libchaku.so.0" "$MODELS/tiny-script.gguf" "$MODELS/SmolLM2-135M-Instruct.Q4_1.gguf"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make build models\`"; exit 1; }
done
# Copies of a real model come and go: in memory where that is possible.
[ -w /dev/shm ] && scratch=/dev/shm || scratch=${TMPDIR:-/tmp}
SCRATCH=$(mktemp -d "$scratch/chaku-faults.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT
# A case may run as another user.
chmod 777 "$SCRATCH"

STRICT="-std=c99 -Wall -Wextra -Wpedantic -Werror -O1"
preload() { # NAME: a library that lies to the program
    "$CC" $STRICT -fPIC -shared "tests/faults/$1.c" -o "$OUT/lib$1.so" -ldl
}
program() { # NAME
    "$CC" $STRICT -Iinclude "tests/faults/$1.c" tests/faults/faults.c -o "$OUT/$1" -L"$LIB" -lchaku "-Wl,-rpath,$LIB" -lpthread -ldl
}

# suite NAME [LIBRARY]: compiles and runs a program, with a library that lies to it, and adds its counts. $stack_kib limits
# the stacks of its threads.
suite() {
    local counts lie=
    [ -z "${only:-}" ] || [ "$only" = "$1" ] || return
    echo "--- $1${stack_kib:+ with stacks of $stack_kib KiB}"
    if [ $# -gt 1 ]; then
        preload "$2" || { failed=$((failed + 1)); return; }
        lie=$OUT/lib$2.so
    fi
    if program "$1"; then
        (
            [ -z "${stack_kib:-}" ] || ulimit -s "$stack_kib"
            LD_PRELOAD=$lie timeout 600 "$OUT/$1" "$MODELS" "$SCRATCH" ${case:+"$case"}
        ) | tee "$OUT/counts"
    else
        : >"$OUT/counts"
    fi
    counts=$(tail -n 1 "$OUT/counts")
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
        echo "FAILED  $1 did not come to its end"
    fi
}

only=${1:-} case=${2:-}
suite files
suite memory
suite threads
suite descriptors
suite signals
suite clock clock_liar
suite hosts
suite stacks
stack_kib=256 suite stacks
suite allocation allocation_liar

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
