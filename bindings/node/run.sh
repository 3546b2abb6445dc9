#!/usr/bin/env bash
# Builds the module, packs it, installs the package into an empty folder as a user would, and runs the tests there:
#
#     run.sh [FILE...]        files of test/, all without
#
# The compiler of the type check, and zod, whose schemas the package takes, come from the npm registry, once.
set -euo pipefail
cd "$(dirname "$0")/../.."

TYPESCRIPT=5.9.3 NODE_TYPES=18.19.130 ZOD=4.6.7
out=$PWD/target/node
export CHAKU_TEST_MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models} CHAKU_SOURCE=$PWD CHAKU_NODE_TOOLS=$out/tools
make models MODELS="$CHAKU_TEST_MODELS"
bindings/node/build.sh

npm_quietly() { npm "$@" --loglevel=error --no-audit --no-fund --no-update-notifier >/dev/null; }
made_of=typescript-$TYPESCRIPT-types-$NODE_TYPES-zod-$ZOD
if ! [ -e "$out/tools/$made_of" ]; then
    rm -rf "$out/tools"
    mkdir -p "$out/tools"
    npm_quietly install --prefix "$out/tools" --no-save --no-package-lock \
        "typescript@$TYPESCRIPT" "@types/node@$NODE_TYPES" "zod@$ZOD"
    touch "$out/tools/$made_of"
fi

# The tests are copied to where the package is installed: `import 'chaku'` is what they run against.
rm -rf "$out/install"
mkdir -p "$out/install"
(cd bindings/node && npm_quietly pack --pack-destination "$out")
mv "$out"/chaku-*.tgz "$out/chaku.tgz"
npm_quietly install --prefix "$out/install" --no-package-lock --offline "$out/chaku.tgz"
cp -R "$out/tools/node_modules/zod" "$out/install/node_modules/zod"
cp -R bindings/node/test "$out/install/test"
cp -R examples/node "$out/install/examples"

cd "$out/install"
tests=()
for name in "${@:-}"; do tests+=("test/${name:-*.test.mjs}"); done
status=0
# A hang is a failure too: nothing here takes that long.
# shellcheck disable=SC2068  # a name may be a pattern
timeout 1800 node --expose-gc --test --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=tap --test-reporter-destination="$out/results.tap" ${tests[@]} || status=$?
awk '/^# pass /{passed = $3} /^# fail |^# cancelled /{failed += $3}
     END {print passed + 0 " passed, " failed + 0 " failed"}' "$out/results.tap"
exit $status
