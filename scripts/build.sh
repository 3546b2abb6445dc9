#!/usr/bin/env bash
# Builds libchaku in the one profile there is. Says how long it takes before a first build, and nothing when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! compgen -G 'target/release/build/llama-cpp-sys-2-*/out/lib/libllama.a' >/dev/null; then
    echo "building libchaku; llama.cpp comes first and takes several minutes ..."
fi
# The artifact alone: building the whole workspace at once would unify the features of its members.
cargo build --release --quiet -p chaku-artifact ${FEATURES:+--features "$FEATURES"}

# And the program, by itself for the same reason.
cargo build --release --quiet -p chaku-cli ${FEATURES:+--features "$FEATURES"}

# Programs look for the library under its soname, which names the ABI version: lay out what an installation has.
if [ -e target/release/libchaku.so ]; then
    soname=$(readelf -d target/release/libchaku.so | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
    [ -z "$soname" ] || ln -sf libchaku.so "target/release/$soname"
fi
scripts/static_library.sh
