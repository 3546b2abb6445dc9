#!/usr/bin/env bash
# Fuzzes: run.sh [TARGET [SECONDS]]. Ends at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=(${1:-gguf text options saved})
seconds=${2:-60}
# cargo-fuzz asks for compiler flags that a stable compiler only takes this way.
export RUSTC_BOOTSTRAP=1
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR
passed=0

mkdir -p fuzz/corpus/gguf
cp target/models/tiny-{vocab,lora}.gguf fuzz/corpus/gguf/ 2>/dev/null || true
for target in "${targets[@]}"; do
    cargo fuzz run --fuzz-dir fuzz "$target" -- -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=1024 -timeout=10
    passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
