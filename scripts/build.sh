#!/usr/bin/env bash
# Builds libchaku in the one profile there is. Says how long it takes before a first build, and nothing when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! compgen -G 'target/release/build/llama-cpp-sys-2-*/out/lib/libllama.a' >/dev/null; then
    echo "building libchaku; llama.cpp comes first and takes several minutes ..."
fi
# The artifact alone: building the whole workspace at once would unify the features of its members.
cargo build --release --quiet -p chaku-artifact
