#!/usr/bin/env bash
# A C++ compiler that knows the very llama.cpp that is inside libchaku: cxx_llama.sh -o PROGRAM SOURCE... [FLAG...]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# Cargo itself says which build is the current one; older ones may lie beside it. Nothing is built when all is fresh.
out=$(cd "$root" && cargo build --release --quiet -p chaku-artifact --message-format=json | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["reason"] == "build-script-executed" and "llama-cpp-sys-2" in message["package_id"]:
        print(message["out_dir"])
')
"$root/scripts/static_library.sh"  # cargo has put its own archive back
source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$out/build/CMakeCache.txt")

includes=()
for folder in include common ggml/include vendor; do
    includes+=(-isystem "$source/$folder")  # its warnings are not ours
done
archives=("$out"/lib/*.a "$out/build/common/libllama-common-base.a")
if [ "$(uname)" = Darwin ]; then
    system=(-framework Foundation -framework Metal -framework MetalKit -framework Accelerate)
else
    archives=(-Wl,--start-group "${archives[@]}" -Wl,--end-group)  # they need each other in circles
    system=(-pthread -ldl)
fi
exec "${CXX:-c++}" -std=c++17 -O3 -Wall -Wextra "${includes[@]}" "$@" "${archives[@]}" "${system[@]}"
