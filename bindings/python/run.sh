#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment with pytest alone, and runs the tests there:   run.sh [PYTEST-ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/../.."

here=bindings/python out=target/python
export CHAKU_TEST_MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
make models MODELS="$CHAKU_TEST_MODELS"
mkdir -p "$out"
status=0
PYTHON=$(scripts/python.sh)

# An environment without a pip of its own, which some systems split off. Anew whenever what it is made of changes.
environment() { # NAME REQUIREMENT-FILE PIP-ARGUMENT...
    local folder=$out/$1 stamp
    stamp=$("$PYTHON" --version; cat "$2")
    shift 2
    [ "$(cat "$folder/made-of" 2>/dev/null)" != "$stamp" ] || return 0
    rm -rf "$folder"
    "$PYTHON" -m venv --without-pip "$folder"
    "$PYTHON" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check "$@"
    echo "$stamp" >"$folder/made-of"
}

environment tools $here/requirements.txt -r $here/requirements.txt
if [ "$("$out/pyright/node_modules/.bin/pyright" --version 2>/dev/null)" != "pyright $(cat $here/pyright.version)" ]; then
    npm install --silent --no-fund --no-audit --no-save --prefix "$out/pyright" "pyright@$(cat $here/pyright.version)"
fi

# In the one profile and the one target folder: llama.cpp is not built again.
rm -rf "$out/wheel"
"$out/tools/bin/maturin" build --release --quiet --manifest-path $here/Cargo.toml --interpreter "$out/tools/bin/python" --out "$out/wheel"
wheel=$(echo "$out"/wheel/*.whl)
# The description of the build has a number of its own each time.
"$PYTHON" -c '
import sys, zipfile
for entry in zipfile.ZipFile(sys.argv[1]).infolist():
    if "/sboms/" not in entry.filename and not entry.filename.endswith("/RECORD"): print(entry.CRC, entry.filename)
' "$wheel" >"$out/wheel.contents"
environment venv "$out/wheel.contents" "$wheel" "$(grep ^pytest== $here/requirements.txt)"
# Whose models the package takes; not where type checkers would find what comes with it.
environment beside $here/requirements.txt "$(grep ^pydantic== $here/requirements.txt)"
CHAKU_TEST_BESIDE=$(echo "$PWD/$out"/beside/lib/python*/site-packages)
export CHAKU_TEST_BESIDE

# Isolated (-I): what is imported is what was installed, never the sources; and nothing is written among them (-B).
rm -f "$out/counts"
CHAKU_TEST_COUNTS=$out/counts "$out/venv/bin/python" -I -B -m pytest -c $here/pyproject.toml --rootdir $here -p no:cacheprovider $here/tests "$@" || status=$?
cat "$out/counts" 2>/dev/null || echo "0 passed, 1 failed"  # the watchdog ends everything
exit $status
