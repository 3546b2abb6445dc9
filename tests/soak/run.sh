#!/usr/bin/env bash
# Many requests on one tiny model: eight threads ask on 48 sessions, far more at once than may run or wait. Requests are cancelled, expire, stall, are
# refused and displaced at random. Each must have exactly one final event, what is computed must all be read, memory must not grow, and queue and KV
# cache must stay within their limits.
#
#     tests/soak/run.sh [REQUESTS [SEED]]      needs target/release/libchaku.so and the models of `make models`
#
# CXX chooses the compiler. Memory is judged from 20000 requests on.
set -euo pipefail
cd "$(dirname "$0")/../.."
CXX=${CXX:-c++} LIB=${LIB:-$PWD/target/release} OUT=${OUT:-$PWD/target/soak}
MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
mkdir -p "$OUT"
"$CXX" -std=c++17 -Wall -Wextra -Wpedantic -O1 -g -Iinclude tests/soak/*.cpp -o "$OUT/soak" -L"$LIB" -lchaku -Wl,-rpath,"$LIB" -lpthread

# One arena, so that what malloc says is in use can be compared from round to round.
status=0
MALLOC_ARENA_MAX=1 "$OUT/soak" "$MODELS/tiny-random.gguf" "${1:-2000}" "${2:-1}" || status=$?
[ "$status" -le 1 ] || echo "FAILED  the program died: status $status"$'\n'"0 passed, 1 failed"
exit "$status"
