#!/usr/bin/env bash
# In fixed shape libchaku chooses, token for token, what a plain llama.cpp loop over the same build chooses, and so does the program `chaku`
# with the flags of llama.app. The first two take the same arguments:
#   MODEL generate|chat MAX_TOKENS IGNORE_EOS TEMPERATURE TEXT...      with chat each TEXT is one turn of one conversation
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=target/tests/reference
make "$programs/raw" "$programs/abi" >/dev/null
model=${CHAKU_TEST_MODELS:-target/models}/SmolLM2-135M-Instruct.Q4_1.gguf
[ -f "$model" ] || { echo "no model at $model: run 'make models'" >&2; exit 1; }

failed=0
same() { # NAME EXPECTED_TURNS MIN_TOKENS ARGUMENT...
    local name=$1 turns=$2 tokens=$3
    shift 3
    "$programs/raw" "$model" "$@" >"$programs/raw.txt"
    "$programs/abi" "$model" "$@" >"$programs/abi.txt" || true
    # Two empty files are equal too, so the plain loop has to have said something.
    if [ "$(grep -c 'end of turn' "$programs/raw.txt")" != "$turns" ] || [ "$(grep -c '^[0-9]' "$programs/raw.txt")" -lt "$tokens" ]; then
        echo "FAILED  $name: the plain loop itself generated too little"
        failed=1
    elif cmp -s "$programs/raw.txt" "$programs/abi.txt"; then
        echo "ok      $name: $(grep -c '^[0-9]' "$programs/raw.txt") tokens"
    else
        echo "FAILED  $name: $(cmp "$programs/raw.txt" "$programs/abi.txt" 2>&1 || true)"
        diff --side-by-side --width=40 --suppress-common-lines "$programs/raw.txt" "$programs/abi.txt" | head -n 10 || true
        failed=1
    fi
}

# 1,700 tokens and a few: four prefill chunks, and past the 512 entries where flash attention changes its path.
long=$(for i in $(seq 1 130); do printf 'Llama number %d stands near the river and thinks. ' "$i"; done)

same "raw text, 512 tokens" 1 512 generate 512 1 0 "Once upon a time in the mountains of Peru"
same "chat, 512 tokens" 1 512 chat 512 1 0 "Write a long story about a llama who wants to see the sea."
same "two turns" 2 40 chat 200 0 0 "What is the capital of France?" "And which river runs through it?"
same "a prompt of several chunks" 1 64 generate 64 1 0 "$long"
# Greedy text of a small model soon repeats itself. With a seed the choice also depends on every logit that came before.
same "sampled with a seed, 512 tokens" 1 512 chat 512 1 0.8 "Tell me everything you know about wool."
same "three turns, sampled" 3 60 chat 150 0 0.8 "Name three animals." "Which of them has wool?" "Write a short poem about it."

# The text of the answer, in which every token counts, is that of the plain loop's tokens.
program() { # NAME COMMAND KIND MAX_TOKENS TEMPERATURE TEXT FLAG...
    local name=$1 command=$2 kind=$3 tokens=$4 temperature=$5 text=$6
    shift 6
    "$programs/raw" "$model" "$kind" "$tokens" 1 "$temperature" "$text" | grep '^[0-9]' >"$programs/raw.txt"
    target/release/chaku "$command" -m "$model" -p "$text" --no-escape -n "$tokens" --ignore-eos --temp "$temperature" -s 42 \
        -c 2048 --fixed-shape --logprobs 0 --json "$@" </dev/null >"$programs/chaku.json" || true
    "$(scripts/python.sh)" -c 'import json, sys; print(*[it["token"] for it in json.load(open(sys.argv[1]))["logprobs"]], sep="\n")' \
        "$programs/chaku.json" >"$programs/chaku.txt" || true
    if [ "$(wc -l <"$programs/raw.txt")" = "$tokens" ] && cmp -s "$programs/raw.txt" "$programs/chaku.txt"; then
        echo "ok      $name: $tokens tokens"
    else
        echo "FAILED  $name: $(cmp "$programs/raw.txt" "$programs/chaku.txt" 2>&1 || true)"
        failed=1
    fi
}
program "chaku complete, with a seed" complete generate 128 0.8 "Once upon a time in the mountains of Peru"
program "chaku cli, with a seed" cli chat 128 0.8 "Tell me everything you know about wool."
RAW_ODD_SAMPLERS=1 program "adaptive-p and breakers of DRY" complete generate 128 0.8 "Once upon a time in the mountains of Peru" \
    --sampler-seq dka --dry-multiplier 0.8 --dry-sequence-breaker . --dry-sequence-breaker " the" --adaptive-target 0.3 --adaptive-decay 0.8
exit $failed
