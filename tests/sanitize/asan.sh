#!/usr/bin/env bash
# The tests of the C interface under AddressSanitizer and LeakSanitizer: Rust, the shim and llama.cpp are all
# instrumented, in a target folder of their own. The first build takes some ten minutes on two cores; ccache makes the
# next one short.
#
#     tests/sanitize/asan.sh        needs clang, Linux and the models of `make models`
#
# The compiler of Rust brings the sanitizer's runtime, also for what clang compiles: clang's own need not be installed.
set -uo pipefail
cd "$(dirname "$0")/../.."
HERE=$PWD/tests/sanitize OUT=$PWD/target/asan MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models}
export CHAKU_TEST_MODELS=$MODELS
HOST=$(rustc -vV | sed -n 's/^host: //p')
RUNTIME=$(echo "$(rustc --print sysroot)/lib/rustlib/$HOST"/lib/librustc*_rt.asan.a)
if [ "$(uname)" != Linux ] || [ ! -e "$RUNTIME" ]; then
    echo "SKIPPED AddressSanitizer: this Rust has no runtime of it for $HOST"
    exit 0
fi
command -v clang >/dev/null || { echo "clang is missing: run \`make deps\`"; exit 1; }
passed=0 failed=0
mkdir -p "$OUT/lib" "$OUT/tests"

minutes() { printf '%d.%d min' $((SECONDS / 60)) $((SECONDS % 60 / 6)); }
check() { # NAME COMMAND...
    local name=$1 began=$SECONDS
    shift
    if "$@" >"$OUT/output.txt" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - began)) s)"
        grep -h ' checks, \|^ *[0-9]* passed, \|returned from main\|operations each\|any order' "$OUT/output.txt" |
            sed 's/^ */        /'
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        grep -v '^ok ' "$OUT/output.txt" | head -n 200 | sed 's/^/        /'
    fi
}

FLAGS="-fno-omit-frame-pointer -gline-tables-only"
# As the library that ships is linked. The parser itself is named only weakly, so it must be asked for.
WRAPPED=$(grep -v cxa_atexit llama/shim/wrapped.txt | sed 's/.*/-Wl,--wrap=& -Wl,-u,&/' | tr '\n' ' ')
LINK="$WRAPPED -Wl,--whole-archive $RUNTIME -Wl,--no-whole-archive -Wl,--export-dynamic"
LINK="$LINK -lpthread -lrt -lm -ldl -lresolv"
# Locals stay on the real stack, of which templates may use so much.
export ASAN_OPTIONS=detect_stack_use_after_return=0
build() (
    local host=${HOST//-/_}
    export CARGO_TARGET_DIR=$OUT RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
    export RUSTFLAGS="-Zsanitizer=address -Cforce-frame-pointers=yes -Clinker=clang"
    export "CC_$host=clang" "CXX_$host=clang++"
    export "CFLAGS_$host=-fsanitize=address $FLAGS" "CXXFLAGS_$host=-fsanitize=address $FLAGS"
    # Optimized a little: the heavy headers of llama.cpp take long enough. CMake's trial programs get Rust's runtime.
    export CMAKE_C_FLAGS_RELWITHDEBINFO="-O1 -DNDEBUG" CMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -DNDEBUG"
    export CMAKE_EXE_LINKER_FLAGS="-fno-sanitize=address $LINK"
    cargo rustc --release --quiet --target "$HOST" -p chaku-artifact --lib --crate-type staticlib || return 1
    # As for the library that ships: llama/shim/backend.cpp says why.
    objcopy --redefine-sym __cxa_atexit=__wrap___cxa_atexit "$OUT/$HOST/release/libchaku.a" "$OUT/lib/libchaku.a"
)
echo "building with AddressSanitizer; the first time llama.cpp takes some ten minutes ..."
check "the library builds" build
[ "$failed" = 0 ] || { echo "0 passed, 1 failed"; exit 1; }
echo "built after $(minutes)"

clang -std=c99 -O1 -c "$HERE/orphans.c" -o "$OUT/orphans.o"
export CC=clang LIB=$OUT/lib STATIC_LIBS="$OUT/orphans.o -lstdc++ $LINK"
# The compiler proper instruments; the driver would look for clang's own runtime.
export CFLAGS="-O1 $FLAGS -Xclang -fsanitize=address"
compile() { # PROGRAM SOURCE...
    local program=$1
    shift
    clang -std=c99 -Wall -Wextra -Wpedantic -Werror -Wno-nonnull $CFLAGS -Iinclude -I"$OUT/tests" "$@" -o "$program" \
        "$LIB/libchaku.a" $STATIC_LIBS
}

# It is really there: in every part of the library, and it finds what is planted.
instrumented() { # PATTERN of the names of object files
    nm -A "$LIB/libchaku.a" 2>/dev/null | grep 'U __asan_report_load' | cut -d: -f2 | grep -c -e "$1"
}
finds() { # MISTAKE WHAT IT SAYS
    ! "$OUT/tests/mistakes" "$1" >"$OUT/mistake.txt" 2>&1 && grep -q "$2" "$OUT/mistake.txt"
}
check "capi is instrumented" instrumented '^chaku_capi-.*\.o$'
check "core is instrumented" instrumented '^chaku-.*\.o$'
check "the shim is instrumented" instrumented '-\(context\|chat\|sampler\)\.o$'
check "llama.cpp is instrumented" instrumented '^\(llama-context\.cpp\|ggml-cpu\.c\)\.o$'
check "mistakes.c compiles" compile "$OUT/tests/mistakes" "$HERE/mistakes.c"
check "the runtime is linked" sh -c "nm '$OUT/tests/mistakes' | grep -q ' T __asan_init'"
check "no mistake, no report" "$OUT/tests/mistakes" none
check "a read behind a buffer by the program is found" finds read-in-program heap-buffer-overflow
check "a read behind a buffer by the library is found" finds read-in-library heap-buffer-overflow
check "a write behind a buffer by the library is found" finds write-in-library heap-buffer-overflow
check "a leak is found" finds leak "detected memory leaks"

for program in misuse callbacks barriers; do
    check "$program compiles" compile "$OUT/tests/$program" tests/abi/$program.c
done
check "misuse before a model is loaded" "$OUT/tests/misuse"
check "callbacks" timeout 600 "$OUT/tests/callbacks" "$MODELS/tiny-script.gguf" "$MODELS/tiny-long.gguf"
check "barriers" timeout 600 "$OUT/tests/barriers" "$MODELS/tiny-long.gguf"
check "misuse of every function, handles, exit" env OUT="$OUT/tests" tests/abi/misuse.sh static

# A loaded machine is slow under AddressSanitizer, and no wait has to be short here.
check "torture compiles" clang++ -std=c++17 $CFLAGS -Iinclude tests/torture/*.cpp -o "$OUT/tests/torture" \
    "$LIB/libchaku.a" $STATIC_LIBS
check "torture" env TORTURE_PATIENCE=120 timeout 1200 "$OUT/tests/torture" "$MODELS" 2000 1

python3 tests/conformance/table.py | sed 's/.*/X(&)/' >"$OUT/tests/cases.inc"
check "the conformance suite compiles" compile "$OUT/tests/conformance" tests/conformance/c/*.c
check "the conformance suite" "$OUT/tests/conformance"

echo "AddressSanitizer: $(minutes)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
