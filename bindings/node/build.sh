#!/usr/bin/env bash
# Builds the native half and lays it beside the JavaScript, as the npm package has it.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --quiet -p chaku-node
case $(uname) in
Darwin) built=target/release/libchaku_node.dylib ;;
*) built=target/release/libchaku_node.so ;;
esac
# Moved into place: a process that has the old one loaded keeps it.
strip -x -o bindings/node/chaku_node.node.new "$built"
mv bindings/node/chaku_node.node.new bindings/node/chaku_node.node
cp LICENSE-APACHE LICENSE-MIT bindings/node/
