#!/usr/bin/env bash
# How much of JSON Schema an answer can be held to, on the cases of JSON-Schema-Test-Suite that the package jsonschema carries:   run.sh [SEEDS]
set -euo pipefail
cd "$(dirname "$0")/../.."

out=target/schemas version=4.23.0
sha256=d71497fef26351a33265337fa77ffeb82423f3ea21283cd9467bb03999266bc4
PYTHON=$(scripts/python.sh)
bindings/python/run.sh --collect-only --quiet >/dev/null # builds the module
if [ ! -d "$out/suite" ]; then
    rm -rf "$out" && mkdir -p "$out"
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$out" "jsonschema==$version"
    echo "$sha256  $out/jsonschema-$version.tar.gz" | sha256sum --check --quiet
    mkdir "$out/suite"
    tar -xzf "$out/jsonschema-$version.tar.gz" -C "$out/suite" --strip-components=4 "jsonschema-$version/json/tests/draft2020-12"
fi
"$PYTHON" -m venv --without-pip --clear "$out/venv"
"$PYTHON" -m pip --python "$out/venv/bin/python" install --quiet --disable-pip-version-check "jsonschema==$version" target/python/wheel/*.whl
"$out/venv/bin/python" -I -B benches/schemas/coverage.py "$out/suite" target/models/tiny-random.gguf "$@"
