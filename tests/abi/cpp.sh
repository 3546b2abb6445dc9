#!/usr/bin/env bash
# Tests of include/chaku.hpp and include/module.modulemap: every compiler and setting there is, all functions, exceptions
# out of callbacks, modules, the C++ examples.
#
#     tests/abi/cpp.sh              needs target/release/libchaku.so and the models of `make models`
#
# CXX chooses a compiler; CLANGXX=clang++, where there is one, is a second, and reads the module map.
set -u
cd "$(dirname "$0")/../.."
CXX=${CXX:-c++} CLANGXX=${CLANGXX-$(command -v clang++ || true)}
LIB=$PWD/target/release MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models} OUT=$PWD/target/abi/cpp
STRICT="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
BARE="-fno-exceptions -fno-rtti"
TINY="$MODELS/tiny-script.gguf $MODELS/tiny-long.gguf"
passed=0 failed=0
mkdir -p "$OUT"
for needed in "$LIB/libchaku.so" $TINY; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`make build models\`"; exit 1; }
done
ln -sf "$LIB/libchaku.so" "$OUT/libchaku.so.0"

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

# Nothing of chaku.h was forgotten.
wrapped() { # WORD...: each stands in chaku.hpp
    local word missing=0
    for word; do grep -qw "$word" include/chaku.hpp || { echo "chaku.hpp lacks $word" && missing=1; }; done
    return $missing
}
constants() { sed -n 's/^#define \(CHAKU_[A-Z0-9_]*\) [0-9].*/\1/p' include/chaku.h | grep -v '^CHAKU_VERSION_[MP]'; }
check "every function of chaku.h is in chaku.hpp" wrapped $(cat capi/abi/symbols.txt)
check "every constant of chaku.h is in chaku.hpp" wrapped $(constants)

header() { # COMPILER OPTION...
    printf '#include <chaku.hpp>\n#include <chaku.hpp>\nextern int not_empty;\n' |
        "$1" -x c++ "${@:2}" $STRICT -Iinclude -fsyntax-only -
}
link() { # COMPILER PROGRAM OPTION_OR_SOURCE...
    "$1" -O1 $STRICT -Iinclude "${@:3}" -o "$OUT/$2" "$LIB/libchaku.so" "-Wl,-rpath,$OUT" -pthread
}
number=0
for compiler in "$CXX" $CLANGXX; do
    for standard in c++17 c++20; do
        for bare in "" "$BARE"; do
            with="$(basename "$compiler") $standard${bare:+ $bare}" number=$((number + 1))
            check "header alone, twice: $with" header "$compiler" -std=$standard $bare
            check "two units compile: $with" link "$compiler" surface-$number -std=$standard $bare \
                tests/abi/cpp/surface.cpp tests/abi/cpp/other.cpp
            check "two units run: $with" timeout 300 "$OUT/surface-$number" $TINY
            [ -z "$bare" ] || continue
            check "exceptions compile: $with" link "$compiler" exceptions-$number -std=$standard tests/abi/cpp/exceptions.cpp
            check "exceptions run: $with" timeout 300 "$OUT/exceptions-$number" $TINY
        done
    done
done

# What is easily done wrong does not compile.
refused() { # MESSAGE STATEMENT
    output=$(printf '#include <chaku.hpp>\nint main() { chaku::Request request; %s; }\n' "$2" |
        "$CXX" -x c++ -std=c++17 $STRICT -Iinclude -fsyntax-only - 2>&1) && echo "it compiles" && return 1
    grep -q "$1" <<<"$output" || { echo "$output" && return 1; }
}
check "a callback that returns a bool is refused" refused 'a callback returns nothing or a chaku::Flow' \
    '(void)request.run([](const chaku::Event &) { return true; })'
check "the events of a temporary are refused" refused 'deleted' '(void)chaku::Request().events()'
check "a result nobody looks at is refused" refused 'nodiscard' 'request.run()'
check "a copy of an owner is refused" refused 'deleted' 'chaku::Request copy = request; copy.cancel()'

# A header of another version than the library's.
for other in OTHER_ABI OTHER_RELEASE; do
    check "$other compiles" link "$CXX" mismatch-$other -std=c++17 -D$other tests/abi/cpp/mismatch.cpp
    check "$other is told" "$OUT/mismatch-$other"
done

# The program in the header's first comment, exactly as it stands there.
sed -n '/^#ifndef/q;s,^//     ,,p' include/chaku.hpp >"$OUT/program.cpp"
program() { "$OUT/program" "$MODELS/tiny-script.gguf" | grep -q .; }
complains() { # PROGRAM: says what is wrong, and ends with 1
    local code=0
    "$1" no/such/file.gguf </dev/null 2>"$OUT/message" || code=$?
    [ $code = 1 ] && grep -q '^NOT_FOUND (file_not_found): .' "$OUT/message"
}
check "the header's program has at most 15 lines" test "$(wc -l <"$OUT/program.cpp")" -le 15
check "the header's program compiles" link "$CXX" program -std=c++17 "$OUT/program.cpp"
check "the header's program answers" program
check "the header's program tells what is wrong" complains "$OUT/program"

# The module map, as Swift and Objective-C read it.
if [ -n "$CLANGXX" ]; then
    MODULES="-fmodules -fmodules-cache-path=$OUT/modules -Rmodule-import"
    MAP=-fmodule-map-file=include/module.modulemap
    rm -rf "$OUT/modules"
    imports() { # OPTION_OR_SOURCE...: compiles, and chaku came as a module
        "$CLANGXX" $STRICT $MODULES "$@" 2>"$OUT/remarks" && grep "importing module 'chaku'" "$OUT/remarks" ||
            { cat "$OUT/remarks" && return 1; }
    }
    objc() { "$CLANGXX" -x objective-c $MODULES "$@" tests/abi/cpp/import.m; }
    no_map() { ! objc -fsyntax-only 2>"$OUT/remarks" && grep "module 'chaku' not found" "$OUT/remarks"; }
    runs() { "$CLANGXX" "$OUT/import.o" -o "$OUT/import" "$LIB/libchaku.so" "-Wl,-rpath,$OUT" && "$OUT/import"; }
    links() { objc $MAP -S -emit-llvm -o - | grep -e '!"-lchaku"' -e '!"lib", !"chaku"'; }
    included() { printf '#include <chaku.h>\nextern int not_empty;\n' | imports -x c -std=c99 -Iinclude -fsyntax-only -; }
    check "@import chaku" imports -x objective-c $MAP -c tests/abi/cpp/import.m -o "$OUT/import.o"
    check "@import chaku runs" runs
    check "@import chaku needs the module map" no_map
    check "the module names its library" links
    check "#include <chaku.h> becomes an import" included
    check "chaku.hpp imports it too" imports -std=c++17 -fcxx-modules -Iinclude -c tests/abi/cpp/other.cpp -o "$OUT/other.o"
fi

# The examples do what those in C do, and say what is wrong in the same way.
EXAMPLES=target/examples
does() { # LANGUAGE EXAMPLE [ARGUMENT]...: its output and how it ends, without what is a matter of time: times, how
    # often it shows progress, and how many tokens of a fork's prompt its neighbours have computed so far.
    local code=0 program=$EXAMPLES/$1/$2
    "$program" "$MODELS/tiny-script.gguf" "${@:3}" </dev/null >"$OUT/output" 2>"$OUT/message" || code=$?
    sed -e '/ %$/d' -e "s/-- [1-9][0-9]* of the prompt's/-- N of the prompt's/" \
        -e 's/[0-9]* \(ms\|waiting\|preparing\|reading\|generating\)/N \1/g' "$OUT/output"
    sed -e 's/[0-9.]* tokens.s/N tokens s/' "$OUT/message"
    echo "ends with $code"
    code=0
    "$program" 2>&1 || code=$?
    echo "without a model: $code"
}
same() { # EXAMPLE [ARGUMENT]...
    does c "$@" | sed 's,examples/c/,examples/,' >"$OUT/c.txt"
    does cpp "$@" | sed 's,examples/cpp/,examples/,' >"$OUT/cpp.txt"
    grep -q '^ends with 0' "$OUT/cpp.txt" && diff "$OUT/c.txt" "$OUT/cpp.txt"
}
check "the C examples compile" make -s -C examples/c
check "the C++ examples compile" make -s -C examples/cpp CXX="$CXX"
shows() { "$EXAMPLES/cpp/$1" "$MODELS/tiny-script.gguf" | grep -q .; }
for example in chat stream cancel "deadline 600000" tokenize fork top json logprobs tools; do
    # What top shows is a matter of time.
    [ "$example" = top ] && check "example top runs" shows top ||
        check "example ${example% *} does what it does in C" same $example
    check "example ${example% *} tells what is wrong" complains "$EXAMPLES/cpp/${example% *}"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
