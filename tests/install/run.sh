#!/usr/bin/env bash
# Tests of chaku as others get it: what its libraries show to a linker, what `make install` puts where, and whether
# projects find it there with pkg-config and with CMake, also after the folder was moved.
#
#     tests/install/run.sh          needs target/release/libchaku.{so,a} and the models of `make models`
#
# CC and CXX choose the compilers. Programs are linked with each linker of LINKERS that is installed.
set -u
cd "$(dirname "$0")/../.."
CC=${CC:-cc} CXX=${CXX:-c++} CLANG=${CLANG-$(command -v clang || true)} LINKERS=${LINKERS:-bfd gold lld mold}
MODELS=${CHAKU_TEST_MODELS:-$PWD/target/models} OUT=$PWD/target/tests/install LIB=$PWD/target/release
SCRIPT=$MODELS/tiny-script.gguf REPLY="Hello there, I am a test model."
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ABI=$(sed -n 's/^#define CHAKU_ABI_VERSION //p' include/chaku.h)
passed=0 failed=0
rm -rf "$OUT"
mkdir -p "$OUT"
for needed in "$LIB/libchaku.so" "$LIB/libchaku.a" "$SCRIPT" "$MODELS/tiny-raise.gguf"; do
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
answers() { [ "$(timeout 60 "$1" "$SCRIPT" </dev/null)" = "$REPLY" ]; }

# ---- The static library is cargo's, made ready by scripts/static_library.sh when it must be --------------------------

inode() { stat -c %i "$1"; }
cargos=$LIB/deps/libchaku.a ours=$LIB/static/libchaku.a place=$LIB/libchaku.a
scripts/static_library.sh  # a cargo build may have come after `make build`
cargos_before=$(stat -c '%i %Y %s' "$cargos") ours_before=$(inode "$ours")
undisturbed() { scripts/static_library.sh && [ "$(inode "$ours")" = "$ours_before" ] && [ "$place" -ef "$ours" ]; }
restored() { ln -f "$cargos" "$place" && undisturbed; }
same_archive() { [ "$(stat -c '%i %Y %s' "$cargos")" = "$cargos_before" ]; }
remade() { touch -d '1 hour ago' "$ours" && scripts/static_library.sh && [ "$(inode "$ours")" != "$ours_before" ]; }
check "nothing is made when nothing has changed" undisturbed
check "what cargo has put back is replaced" restored
check "an outdated static library is made anew" remade
check "cargo's own archive stays as it is" same_archive

# ---- An installation --------------------------------------------------------------------------------------------------

# In a folder that is packed and unpacked somewhere else, as packages are, and under another name for its libraries.
prefix=$OUT/prefix
check "make install" make install PREFIX="$prefix"
check "make install with DESTDIR and LIBDIR" make install PREFIX=/opt/chaku DESTDIR="$OUT/staged" LIBDIR=lib/some-arch
check "make install refuses a prefix that is not absolute" bash -c '! make install PREFIX=here'
[ -e "$prefix/lib/libchaku.a" ] || { echo "$passed passed, $failed failed"; exit 1; }

files() { # FOLDER LIBDIR: nothing else is there, and everything that should be
    local licence so=libchaku.so
    diff <(cd "$1" && find . ! -type d | LC_ALL=C sort) <(
        printf './%s\n' bin/chaku include/chaku.h include/chaku.hpp include/module.modulemap \
            "$2/cmake/chaku/chakuConfig.cmake" "$2/cmake/chaku/chakuConfigVersion.cmake" \
            "$2/libchaku.a" "$2/$so" "$2/$so.$ABI" "$2/$so.$VERSION" "$2/pkgconfig/chaku.pc" |
            { cat; for licence in LICENSE* NOTICE* THIRD*PARTY*; do [ ! -e "$licence" ] || echo "./share/doc/chaku/$licence"; done; } |
            LC_ALL=C sort)
}
links() { [ "$(readlink "$1/libchaku.so")" = "libchaku.so.$ABI" ] && [ "$(readlink "$1/libchaku.so.$ABI")" = "libchaku.so.$VERSION" ]; }
readable() { [ -z "$(find "$prefix" ! -type l ! -perm -444)" ]; }
pathless() { ! grep -rnF -e "$PWD" -e "$prefix" -e "$OUT" -e '@' "$1" --include='*.pc' --include='*.cmake'; }
check "exactly the expected files" files "$prefix" lib
check "exactly the expected files, other LIBDIR" files "$OUT/staged/opt/chaku" lib/some-arch
check "licences are among them" test -s "$prefix/share/doc/chaku/LICENSE-MIT"
check "the program runs from there" "$prefix/bin/chaku" --version
check "the links of the shared library" links "$prefix/lib"
check "everybody may read it" readable
check "no path of this machine in .pc and .cmake" pathless "$prefix"
check "no path of this machine in .pc and .cmake, staged" pathless "$OUT/staged"

# ---- What a linker sees -----------------------------------------------------------------------------------------------

so=$prefix/lib/libchaku.so.$VERSION a=$prefix/lib/libchaku.a
shared_names() { diff <(nm -D --defined-only "$so" | awk '{ print $3 }' | LC_ALL=C sort) capi/abi/symbols.txt; }
static_names() { diff <(nm --extern-only --defined-only "$a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort) capi/abi/symbols.txt; }
# Unique names of C++ would be one with those of the app; groups would give way to groups of the app.
without() { ! readelf "$1" "$a" | grep -m 3 -E "$2"; }
soname() { readelf -d "$so" | grep -q "SONAME.*\[libchaku\.so\.$ABI\]"; }
stripped() { ! readelf -SW "$so" | grep -E ' \.(symtab|debug)'; }
aligned() { readelf -lW "$so" | grep -q LOAD && ! readelf -lW "$so" | awk '$1 == "LOAD" && $NF !~ /^0x([48c]000|[0-9a-f]+0000)$/' | grep .; }
no_atexit() { ! nm -u "$a" | grep -w __cxa_atexit; }
constructors() { readelf -SW "$a" | grep -qE ' \.init_array +INIT_ARRAY'; }
check "the shared library exports capi/abi/symbols.txt" shared_names
check "the static library exports capi/abi/symbols.txt" static_names
check "the static library has no unique names" without -sW ' UNIQUE '
check "the static library has no groups" without -gW 'COMDAT'
check "the static library has no debug information" without -SW '\.debug_info'
check "the static library registers no destructors" no_atexit
check "the static library has static constructors" constructors
check "SONAME has CHAKU_ABI_VERSION" soname
check "the shared library is stripped" stripped
check "its segments are aligned to 16 KiB" aligned

# ---- A program with a ggml and a llama.cpp of its own -------------------------------------------------------------------

# The same sources in the same build: every name is there twice, the library's as a local one.
beside() { scripts/cxx_llama.sh -Werror -Iinclude -Itests/abi tests/install/beside.cpp "$a" -o "$OUT/beside"; }
twice() {
    local name
    for name in ggml_init ggml_log_set gguf_init_from_file llama_decode; do
        [ "$(nm "$OUT/beside" | awk -v name=$name '$3 == name { print $2 }' | LC_ALL=C sort | xargs)" = "T t" ] || { echo $name; return 1; }
    done
}
runs_beside() {
    timeout 120 "$OUT/beside" "$MODELS" >"$OUT/beside.txt" 2>&1 || { cat "$OUT/beside.txt"; return 1; }
    diff <(sed 's/: [0-9]* checks/: checks/' "$OUT/beside.txt") - <<END
beside: checks, 0 failed
the app's static objects are destroyed
END
}
check "an app with a llama.cpp of its own links" beside
check "its program has both" twice
check "both work and neither sees the other" runs_beside
scripts/static_library.sh  # cxx_llama.sh asks cargo for the sources

# ---- Linkers ----------------------------------------------------------------------------------------------------------

STATIC_LIBS=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --static --libs-only-l chaku | sed 's/-lchaku//')
main=examples/install/pkg-config/main.c
size() { stat -c %s "$1"; }
static_program() { # COMPILER LINKER: whole, and without what it does not call
    local program=$OUT/$(basename "$1")-$2
    "$1" -fuse-ld="$2" -I"$prefix/include" $main -o "$program" "$a" $STATIC_LIBS -s &&
        "$1" -fuse-ld="$2" -I"$prefix/include" $main -o "$program-gc" "$a" $STATIC_LIBS -s -Wl,--gc-sections &&
        answers "$program" && answers "$program-gc" &&
        [ "$(size "$program-gc")" -lt "$(size "$program")" ] || { size "$program"; size "$program-gc"; return 1; }
}
# The library inside a shared library of the app's own: thread-local and position-independent code.
plugin() {
    sed 's/int main(/int run(/' $main >"$OUT/plugin.c"
    printf 'int run(int, char **);\nint main(int argc, char **argv) { return run(argc, argv); }\n' >"$OUT/host.c"
    "$CC" -shared -fPIC -I"$prefix/include" "$OUT/plugin.c" -o "$OUT/libplugin.so" "$a" $STATIC_LIBS -Wl,-z,defs &&
        "$CC" "$OUT/host.c" -o "$OUT/host" "$OUT/libplugin.so" -Wl,-rpath,"$OUT" && answers "$OUT/host"
}
for compiler in "$CC" $CLANG; do
    for linker in $LINKERS; do
        if command -v "ld.$linker" >/dev/null; then
            check "static: $compiler, ld.$linker, with and without --gc-sections" static_program "$compiler" "$linker"
        else
            echo "SKIPPED static: $compiler, ld.$linker: not installed"
        fi
    done
done
check "static, inside a shared library" plugin

# ---- Projects that find it --------------------------------------------------------------------------------------------

# Each copies an example, so that nothing of this checkout is at hand, and builds it against the prefix.
needs_library() { readelf -d "$1" | grep -q "NEEDED.*\[libchaku\.so\.$ABI\]"; }
with_pkg_config() { # PREFIX shared|static
    local folder=$1-pkg-config-$2 static=
    [ "$2" = shared ] || static=STATIC=1
    rm -rf "$folder"
    cp -r examples/install/pkg-config "$folder"
    PKG_CONFIG_PATH=$1/lib/pkgconfig make -C "$folder" CFLAGS=-Werror $static && answers "$folder/main" &&
        { if [ "$2" = shared ]; then needs_library "$folder/main"; else ! needs_library "$folder/main"; fi; }
}
with_cmake() { # PREFIX shared|static
    local folder=$1-cmake-$2 static=OFF program
    [ "$2" = shared ] || static=ON
    rm -rf "$folder"
    cp -r examples/install/cmake "$folder"
    CC=$CC CXX=$CXX CXXFLAGS=-Werror cmake -S "$folder" -B "$folder/build" -DCMAKE_PREFIX_PATH="$1" -DCHAKU_STATIC=$static &&
        cmake --build "$folder/build" || return 1
    for program in chat_c chat_cpp; do
        answers "$folder/build/$program" || return 1
        if [ "$2" = shared ]; then needs_library "$folder/build/$program"; else ! needs_library "$folder/build/$program"; fi || return 1
    done
}
version_of() { [ "$(PKG_CONFIG_PATH=$1 pkg-config --modversion chaku)" = "$VERSION" ]; }
moved=$OUT/moved-prefix staged=$OUT/staged/opt/chaku
for where in "$prefix" "$moved"; do
    [ "$where" = "$prefix" ] || mv "$prefix" "$moved"
    for library in shared static; do
        check "$(basename "$where"): pkg-config, $library" with_pkg_config "$where" $library
        check "$(basename "$where"): CMake, $library, C and C++" with_cmake "$where" $library
    done
done
check "pkg-config tells the version" version_of "$moved/lib/pkgconfig"
other_libdir() {
    [ "$(PKG_CONFIG_PATH=$staged/lib/some-arch/pkgconfig pkg-config --variable=libdir chaku | xargs realpath)" = "$staged/lib/some-arch" ] &&
        [ "$(PKG_CONFIG_PATH=$staged/lib/some-arch/pkgconfig pkg-config --variable=includedir chaku | xargs realpath)" = "$staged/include" ]
}
check "pkg-config: a LIBDIR two folders deep" other_libdir

# Which versions find_package takes.
accepts() { rm -rf "$OUT/version" && cmake -S tests/install/version -B "$OUT/version" -DCMAKE_PREFIX_PATH="$moved" -DWANTED="$1"; }
# CMake breaks its lines anywhere.
refuses() { ! accepts "$1" >"$OUT/message" 2>&1 && tr -s ' \n' ' ' <"$OUT/message" | grep -F 'that is compatible with requested version'; }
IFS=. read -r major minor patch <<<"$VERSION"
check "CMake: $major.$minor is taken" accepts "$major.$minor"
check "CMake: $VERSION is taken" accepts "$VERSION"
check "CMake: a range is taken" accepts "$major.$minor...$((major + 1))"
check "CMake: a newer patch release is refused" refuses "$major.$minor.$((patch + 1))"
check "CMake: a newer minor release is refused" refuses "$major.$((minor + 1))"
check "CMake: the next major release is refused" refuses "$((major + 1)).0"
check "CMake: a range that ends before is refused" refuses "0.0...<$major.$minor"
[ "$major" != 0 ] || [ "$minor" = 0 ] || check "CMake: under 1.0 an older minor release is refused" refuses "0.$((minor - 1))"

# ---- What it consists of ----------------------------------------------------------------------------------------------

# Each of the large parts is found, and little is left over.
sizes() {
    scripts/sizes.sh >"$OUT/sizes.txt" || { cat "$OUT/sizes.txt"; return 1; }
    awk '/^  (llama|ggml|ggml-cpu|common|chat, Jinja, JSON|chaku: Rust|Rust.s std) / && $(NF - 1) >= 0.5 { large++ }
        END { exit !(large == 7) }' "$OUT/sizes.txt" &&
        [ "$(sed -n 's/.*not attributed: .* bytes, \([0-9]*\)\..*/\1/p' "$OUT/sizes.txt")" -lt 10 ] || { cat "$OUT/sizes.txt"; return 1; }
}
check "scripts/sizes.sh finds the parts" sizes

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
