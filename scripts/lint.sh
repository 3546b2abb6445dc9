#!/usr/bin/env bash
# Every check that needs no model, the fastest first. Runs all of them and fails if one does.
set -uo pipefail
cd "$(dirname "$0")/.."

failures=0
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then echo "ok      $name"; else echo "FAILED  $name"; failures=$((failures + 1)); fi
}
shell_parses() {
    local script status=0
    for script in "$@"; do bash -n "$script" || status=1; done
    return $status
}
skip() { echo "SKIPPED $1: $2"; }

check "dependencies point downwards" scripts/check_layers.py
check "unsafe code only in llama, capi and bindings/abi" scripts/check_unsafe.sh
check "shell scripts parse" shell_parses scripts/*.sh tests/*/*.sh .ci/run
if cargo fmt --version >/dev/null 2>&1; then
    check "cargo fmt" cargo fmt --all --check
else
    skip "cargo fmt" "rustfmt is not installed (rustup component add rustfmt)"
fi
if cargo clippy --version >/dev/null 2>&1; then
    check "cargo clippy" cargo clippy --release --workspace --all-targets --quiet -- -D warnings
    # The workspace as a whole has downloads; libchaku has none.
    check "cargo clippy, without downloads" cargo clippy --release -p chaku -p chaku-capi --quiet -- -D warnings
else
    skip "cargo clippy" "clippy is not installed (rustup component add clippy)"
fi
check "include/chaku.h is the generated one" cargo run --release --quiet -p chaku-capi --example header -- --check
check "docs/options.* are the generated ones" cargo run --release --quiet -p chaku --example options_docs -- --check

[ "$failures" = 0 ]
