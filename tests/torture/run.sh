#!/usr/bin/env bash
# Eight threads do random things to objects they share: load, create, chat, stall, cancel, free, close, in any order.
# The program checks every answer and counts every event. Before that, mistakes are planted in the library, and it must
# find each.
#
#     tests/torture/run.sh [OPERATIONS [SEED]]      needs target/release/libchaku.so and the models of `make models`
#
# CXX chooses the compiler. TORTURE_PATIENCE is the longest wait in seconds (30), for slow machines; with TORTURE_STOP=1
# a program that waits too long stays, so that a debugger can look at it.
set -u
cd "$(dirname "$0")/../.."
CXX=${CXX:-c++} LIB=${LIB:-$PWD/target/release} OUT=${OUT:-$PWD/target/torture}
MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
passed=0 failed=0
for needed in "$LIB/libchaku.so" "$MODELS/tiny-random.gguf" "$MODELS/tiny-long.gguf"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make build models\`"; exit 1; }
done
mkdir -p "$OUT"
# One arena, so that what malloc says is in use can be compared from round to round.
export MALLOC_ARENA_MAX=1

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
    fi
}
compile() { # OUTPUT SOURCE...
    local output=$1
    shift
    "$CXX" -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -g -Iinclude "$@" -o "$output" -L"$LIB" -lchaku \
        -Wl,-rpath,"$LIB" -lpthread -ldl
}
finds() { # MISTAKE OPERATIONS
    local program=("$OUT/torture" "$MODELS" "$2" 1)
    PLANTED=$1 TORTURE_PATIENCE=3 LD_PRELOAD=$OUT/planted.so timeout 120 "${program[@]}" >"$OUT/planted.txt" 2>&1
    [ $? = 1 ] && grep -q '^FAILED' "$OUT/planted.txt"
}

check "the program compiles" compile "$OUT/torture" tests/torture/*.cpp
check "planted mistakes compile" compile "$OUT/planted.so" -shared -fPIC tests/torture/planted/mistakes.cpp
[ "$failed" = 0 ] || { echo "$passed passed, $failed failed"; exit 1; }
for mistake in no-final final-twice event-after-destroy lost-wake-up no-destroy destroy-twice wrong-code \
    freed-handle-lives no-barrier; do
    check "it finds: $mistake" finds $mistake 3000
done
check "it finds: leak" finds leak 20000

"$OUT/torture" "$MODELS" "${1:-20000}" "${2:-1}" | tee "$OUT/torture.txt"
status=${PIPESTATUS[0]}
counts=$(tail -n 1 "$OUT/torture.txt")
if [[ $status -le 1 && $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
else
    failed=$((failed + 1))
    echo "FAILED  the process died: status $status"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
