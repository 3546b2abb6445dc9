#!/usr/bin/env bash
# What works with the chat templates of many families, held against docs/chat-templates.md:   families.sh [--write]
# llama.cpp's templates, and what it expects of them, come with a package of a registry; they are no part of this repository.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=target/templates version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
here=tests/templates upstream=llama_cpp_python-$version/vendor/llama.cpp
PYTHON=$(scripts/python.sh)
if [ ! -d "$out/templates" ]; then
    rm -rf "$out" && mkdir -p "$out/package"
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$out" "llama-cpp-python==$version"
    echo "$sha256  $out/llama_cpp_python-$version.tar.gz" | sha256sum --check --quiet
    tar -xzf "$out/llama_cpp_python-$version.tar.gz" -C "$out/package" --strip-components=3 "$upstream/models/templates" "$upstream/tests/test-chat.cpp"
    mv "$out/package/models/templates" "$out/templates"
fi
"$PYTHON" $here/expectations.py "$out/package/tests/test-chat.cpp" >"$out/expectations.json" 2>/dev/null
"$PYTHON" $here/markers.py "$out/markers.gguf" "$out"/templates/*.jinja >/dev/null
check=--check
[ "${1:-}" != --write ] || check=
cargo run --release --quiet -p chaku --example chat_templates -- "$out" $check
