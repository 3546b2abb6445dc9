#!/usr/bin/env bash
# What is planned for a model that only embeds is what a plain llama.cpp loop over the same build takes, within the larger of 10 %
# and 16 MiB: run.sh [MODEL...]. Models that generate are measured in core/tests/memory.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=target/tests/memory/embed_raw window=512
mkdir -p "$(dirname "$program")"
scripts/cxx_llama.sh tests/memory/embed_raw.cpp -o "$program"
[ $# -gt 0 ] || set -- "${CHAKU_TEST_MODELS:-target/models}/tiny-bert.gguf"

passed=0 failed=0
for model in "$@"; do
    taken=$(MALLOC_ARENA_MAX=1 "$program" "$model" "$window")
    if target/release/chaku info --json -m "$model" --no-mmap -c "$window" | TAKEN=$taken python3 -c '
import json, os, sys
planned, taken = json.load(sys.stdin)["plan"]["total"], int(os.environ["TAKEN"])
print(f"planned {planned >> 10} KiB, taken {taken >> 10} KiB")
sys.exit(abs(planned - taken) > max(taken // 10, 16 << 20))'; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $model"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
