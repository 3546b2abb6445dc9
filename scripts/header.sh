#!/usr/bin/env bash
# Generates include/chaku.h with a pinned cbindgen; with --check only says whether the committed one differs.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.29.4
cbindgen=target/tools/bin/cbindgen
if [ "$("$cbindgen" --version 2>/dev/null)" != "cbindgen $version" ]; then
    echo "installing cbindgen $version into target/tools ..." >&2
    cargo install --quiet --locked --root target/tools --version "=$version" cbindgen
fi

generate() { "$cbindgen" --quiet --config capi/cbindgen.toml --crate chaku-capi --output "$1"; }
case ${1:-} in
    "") generate include/chaku.h ;;
    --check)
        fresh=$(mktemp)
        trap 'rm -f "$fresh"' EXIT
        generate "$fresh"
        diff -u include/chaku.h "$fresh" || { echo "include/chaku.h differs from what capi/ generates: run 'make header'" >&2; exit 1; }
        ;;
    *) echo "usage: header.sh [--check]" >&2; exit 2 ;;
esac
