#!/usr/bin/env bash
# Runs every part of the tests, also after one has failed; prints how long each took. `make test` builds the library and the models first.
# A part is `cargo test`, a script tests/*/run.sh, which finds the models in $CHAKU_TEST_MODELS, or the examples.
set -uo pipefail
cd "$(dirname "$0")/.."
export CHAKU_TEST_MODELS=$PWD/target/models

passed=0 failed=0 summary=()
part() { # NAME COMMAND...
    local name=$1 began=$SECONDS verdict
    shift
    echo "=== $name: $*"
    if "$@"; then
        verdict=passed passed=$((passed + 1))
    else
        verdict=FAILED failed=$((failed + 1))
    fi
    summary+=("$(printf '%-22s %s  %d.%d min' "$name" "$verdict" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60 / 6)))")
}

part rust cargo test --release --workspace --no-fail-fast --quiet
for script in tests/*/run.sh; do
    part "$(basename "$(dirname "$script")")" "$script"
done
part "conformance c++" tests/conformance/cpp/run.sh
part "examples c" make -C examples/c run
part "examples c++" make -C examples/cpp run

echo
printf '%s\n' "${summary[@]}"
printf 'all parts: %d.%d min\n' $((SECONDS / 60)) $((SECONDS % 60 / 6))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
