#!/usr/bin/env bash
# Unsafe code lives in llama/ (below the core) and in capi/ and bindings/abi/ (the two sides of the C ABI), nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS= read -r file; do
    case $file in ./llama/* | ./capi/* | ./bindings/abi/*) continue ;; esac
    # The word in a comment or in a lint's name is not unsafe code.
    if sed 's,//.*,,' "$file" | grep -nw unsafe | sed "s,^,$file:,"; then
        status=1
    fi
done < <(find . \( -path ./target -o -path ./.git \) -prune -o -name '*.rs' -print)
for root in core/src/lib.rs bindings/python/src/lib.rs bindings/node/src/lib.rs; do
    if [ -e "$root" ] && ! grep -qF '#![forbid(unsafe_code)]' "$root"; then
        echo "$root: lacks #![forbid(unsafe_code)]"
        status=1
    fi
done
exit $status
