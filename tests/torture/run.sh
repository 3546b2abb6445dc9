#!/usr/bin/env bash
# Eight threads do random things to objects they share: load, create, chat, stall, cancel, free, close, in any order. The
# program checks every answer and counts every event.
#
#     tests/torture/run.sh [OPERATIONS [SEED]]      needs target/release/libchaku.so and the models of `make models`
#
# CXX chooses the compiler; CXXFLAGS, LIB, LIBS and OUT are for libraries built in another way (tests/sanitize).
# TORTURE_PATIENCE is the longest wait in seconds (30), for slow machines; with TORTURE_STOP=1 the program then stays, so
# that a debugger can look at it.
set -u
cd "$(dirname "$0")/../.."
CXX=${CXX:-c++} CXXFLAGS=${CXXFLAGS:--O1 -g}
LIB=${LIB:-$PWD/target/release} OUT=${OUT:-$PWD/target/torture} MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
LIBS=${LIBS:--L$LIB -lchaku -Wl,-rpath,$LIB -lpthread}
for needed in "$MODELS/tiny-random.gguf" "$MODELS/tiny-long.gguf"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make models\`"; exit 1; }
done
mkdir -p "$OUT"
if ! "$CXX" -std=c++17 -Wall -Wextra -Wpedantic -Werror $CXXFLAGS -Iinclude tests/torture/*.cpp -o "$OUT/torture" $LIBS; then
    echo "0 passed, 1 failed"
    exit 1
fi
# One arena, so that what malloc says is in use is comparable from round to round.
MALLOC_ARENA_MAX=1 "$OUT/torture" "$MODELS" "${1:-20000}" "${2:-1}"
status=$?
# A process that died has not counted.
[ "$status" -le 1 ] || echo "the process died: status $status"
[ "$status" -le 1 ] || echo "0 passed, 1 failed"
exit "$status"
