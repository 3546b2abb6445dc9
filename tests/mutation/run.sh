#!/usr/bin/env bash
# Mutated inputs against one process that must live. Arguments go to the program: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

export CHAKU_TEST_MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
cargo build --release --quiet -p chaku-mutation
exec target/release/chaku-mutation "$@"
