#!/usr/bin/env bash
# Tests of the binary interface: the header on its own, the exported symbols, misuse, callbacks; against the shared and the
# static library.
#
#     tests/abi/run.sh              needs target/release/libchaku.{so,a} and the models of `make models`
#
# CC and CXX choose the compilers; CLANG=clang, where there is one, checks further targets.
set -u
cd "$(dirname "$0")/../.."
CC=${CC:-cc} CXX=${CXX:-c++} CLANG=${CLANG-$(command -v clang || true)}
LIB=$PWD/target/release MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models} OUT=$PWD/target/abi
STRICT="-Wall -Wextra -Wpedantic -Werror"
# What the static library needs of the system, as the header says for this one.
STATIC_LIBS=$(sed -n 's/.*static  cc main\.c libchaku\.a //p' include/chaku.h | head -n 1)
passed=0 failed=0
mkdir -p "$OUT"
for needed in "$LIB/libchaku.so" "$LIB/libchaku.a" "$MODELS/tiny-script.gguf" "$MODELS/tiny-long.gguf"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make build models\`"; exit 1; }
done

# check NAME COMMAND...: the command succeeds. Its output shows only when it does not.
check() {
    local name=$1
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        echo "$output" | sed 's/^/        /'
    fi
}

header() { # COMPILER LANGUAGE STANDARD
    printf '#include <chaku.h>\n#include <chaku.h>\nextern int not_empty;\n' |
        "$1" -x "$2" -std="$3" $STRICT -Iinclude -fsyntax-only -
}

for standard in c99 c11 c17; do
    check "header alone, twice: $CC $standard" header "$CC" c $standard
    [ -z "$CLANG" ] || check "header alone, twice: clang $standard" header "$CLANG" c $standard
done
for standard in c++11 c++17; do
    check "header alone, twice: $CXX $standard" header "$CXX" c++ $standard
    [ -z "$CLANG" ] || check "header alone, twice: clang $standard" header "$CLANG" c++ $standard
done
if [ -n "$CLANG" ]; then
    for target in armv7-linux-gnueabihf i686-linux-gnu arm64-apple-ios x86_64-pc-windows-msvc; do
        check "header for $target" "$CLANG" -target $target -ffreestanding -fsyntax-only -std=c99 $STRICT -x c include/chaku.h
    done
fi

# What leaves the shared library is what the header declares, and nothing else.
exported() { diff <(nm -D --defined-only "$LIB/libchaku.so" | awk '{ print $3 }' | LC_ALL=C sort) capi/abi/symbols.txt; }
soname() { readelf -d "$LIB/libchaku.so" | grep -q "SONAME.*\[libchaku\.so\.$(sed -n 's/^#define CHAKU_ABI_VERSION //p' include/chaku.h)\]"; }
stays() { readelf -d "$LIB/libchaku.so" | grep -q NODELETE; }
aligned() { ! readelf -lW "$LIB/libchaku.so" | awk '$1 == "LOAD" && $NF !~ /^0x([48c]000|[0-9a-f]+0000)$/' | grep .; }
check "exported symbols are capi/abi/symbols.txt" exported
check "SONAME has CHAKU_ABI_VERSION" soname
check "the library is never unloaded" stays
check "segments are aligned to 16 KiB" aligned

ln -sf "$LIB/libchaku.so" "$OUT/libchaku.so.0"
compile() { # LIBRARY PROGRAM SOURCE
    local libs="$LIB/libchaku.so -Wl,-rpath,$OUT"
    [ "$1" = shared ] || libs="$LIB/libchaku.a $STATIC_LIBS"
    "$CC" -std=c99 $STRICT -O1 -Iinclude "$3" -o "$2" $libs -lpthread
}

# The program in the header's first comment, exactly as it stands there.
sed -n '/@code/,/@endcode/p' include/chaku.h | sed '1d;$d;s/^ \*//;s/^ //' >"$OUT/program.c"
check "the header's program has at most 30 lines" test "$(wc -l <"$OUT/program.c")" -le 30

# A C++ program sees C functions.
printf '#include <chaku.h>\nint main() { return chaku_abi_version() == CHAKU_ABI_VERSION ? 0 : 1; }\n' >"$OUT/cxx.cpp"
check "C++ links" "$CXX" -std=c++11 $STRICT -Iinclude "$OUT/cxx.cpp" -o "$OUT/cxx" "$LIB/libchaku.so" "-Wl,-rpath,$OUT"
check "C++ runs" "$OUT/cxx"

for library in shared static; do
    for test in version misuse callbacks barriers; do
        check "$library: $test compiles" compile $library "$OUT/$test-$library" tests/abi/$test.c
    done
    check "$library: the header's program compiles" compile $library "$OUT/program-$library" "$OUT/program.c"
    check "$library: version" "$OUT/version-$library"
    check "$library: misuse" "$OUT/misuse-$library"
    check "$library: callbacks" timeout 300 "$OUT/callbacks-$library" "$MODELS/tiny-script.gguf" "$MODELS/tiny-long.gguf"
    check "$library: barriers" timeout 300 "$OUT/barriers-$library" "$MODELS/tiny-long.gguf"
    program() { "$OUT/program-$library" "$MODELS/tiny-script.gguf" | grep -q .; }
    check "$library: the header's program answers" program
    missing() { ! "$OUT/program-$library" no/such/file.gguf 2>"$OUT/message" && grep -q '^NOT_FOUND: ' "$OUT/message"; }
    check "$library: the header's program tells what is wrong" missing
done

# The examples do what they show, and say what is wrong.
answers() { "$OUT/$1" "$MODELS/tiny-script.gguf" </dev/null | grep -q .; }
complains() { ! "$OUT/$1" no/such/file.gguf </dev/null 2>"$OUT/message" && grep -q '^NOT_FOUND (file_not_found): .' "$OUT/message"; }
for example in chat stream cancel deadline tokenize fork top json logprobs tools; do
    check "example $example compiles" compile shared "$OUT/$example" examples/c/$example.c
    check "example $example runs" answers $example
    check "example $example tells what is wrong" complains $example
done

# What was promised at the baseline still holds: its program runs, no function of it is gone or changed, no constant has another
# value. A break renews tests/abi/baseline, with an entry in the ABI log of CHANGELOG.md.
baseline() { "$CC" -std=c99 $STRICT -O1 -Itests/abi/baseline tests/abi/baseline/program.c -o "$OUT/baseline" "$LIB/libchaku.so" "-Wl,-rpath,$OUT"; }
# Only what a header says goes into a stub library, so the comparison is small and says nothing else.
stub() { # HEADER LIBRARY
    python3 tests/abi/stub.py "$1" >"$2.c" && "$CC" -g -fPIC -shared -I. "$2.c" -o "$2"
}
compare() {
    stub tests/abi/baseline/chaku.h "$OUT/stub-baseline.so" && stub include/chaku.h "$OUT/stub-now.so" &&
        abidiff --no-added-syms "$OUT/stub-baseline.so" "$OUT/stub-now.so"
}
constants() { # HEADER: what a program may have compiled into itself
    "$CC" -dM -E -x c "$1" | grep '^#define CHAKU_' | grep -v 'CHAKU_VERSION_\|CHAKU_NULLABLE\|CHAKU_H\b' | LC_ALL=C sort
}
constants_kept() { ! LC_ALL=C comm -23 <(constants tests/abi/baseline/chaku.h) <(constants include/chaku.h) | grep .; }
check "the baseline's program compiles" baseline
check "the baseline's program runs" timeout 300 "$OUT/baseline" "$MODELS/tiny-script.gguf"
check "no function of the baseline is gone or changed" compare
check "no constant of the baseline is gone or changed" constants_kept

# suite SCRIPT: a script of further checks, which ends with its own counts.
suite() {
    local counts
    "$1" | tee "$OUT/suite.txt"
    counts=$(tail -n 1 "$OUT/suite.txt")
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
        echo "FAILED  $1 did not come to its end"
    fi
}
suite tests/abi/misuse.sh
suite tests/abi/cpp.sh

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
