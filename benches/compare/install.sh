#!/usr/bin/env bash
# Installs the peers that chaku is compared with into target/compare, from their registries and prebuilt: install.sh [llama-cpp-python]
# The versions are fixed here. llama-cpp-python comes as source only, and takes ten minutes to build.
set -euo pipefail
cd "$(dirname "$0")/../.."
NODE_LLAMA_CPP=3.22.1 XLLAMACPP=2026.10.11549 LLAMA_CPP_PYTHON=0.3.36
out=target/compare
mkdir -p "$out"

# The binaries are packages of their own, and npm would take those of all GPUs.
case $(node -p 'process.platform + "-" + process.arch') in
linux-x64 | linux-arm64) binaries=@node-llama-cpp/$(node -p 'process.platform + "-" + process.arch') ;;
darwin-arm64) binaries=@node-llama-cpp/mac-arm64-metal ;;
darwin-x64) binaries=@node-llama-cpp/mac-x64 ;;
*) echo "node-llama-cpp has no prebuilt binary for this machine" >&2 && exit 1 ;;
esac
if [ "$(cat "$out/node/made-of" 2>/dev/null)" != "$NODE_LLAMA_CPP" ]; then
    # No scripts: they would look for binaries elsewhere, or build them.
    npm install --silent --ignore-scripts --omit=optional --no-fund --no-audit --no-save --prefix "$out/node" \
        "node-llama-cpp@$NODE_LLAMA_CPP" "$binaries@$NODE_LLAMA_CPP"
    echo "$NODE_LLAMA_CPP" >"$out/node/made-of"
fi

environment() { # NAME PACKAGE PIP-ARGUMENT...
    local folder=$out/$1 package=$2
    shift 2
    [ "$(cat "$folder/made-of" 2>/dev/null)" != "$package" ] || return 0
    local python
    python=$(scripts/python.sh)
    rm -rf "$folder"
    "$python" -m venv --without-pip "$folder"
    "$python" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check "$@" "$package"
    echo "$package" >"$folder/made-of"
}
environment xllamacpp "xllamacpp==$XLLAMACPP" --only-binary :all:
if [ "${1:-}" = llama-cpp-python ]; then
    environment llama_cpp_python "llama-cpp-python==$LLAMA_CPP_PYTHON"
fi
