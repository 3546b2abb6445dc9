#!/usr/bin/env bash
# Installs what `make build` has built:    install.sh PREFIX [DESTDIR [LIBDIR]]
#
#   PREFIX   the folder to live in. Nothing that is installed names it: the tree can be moved.
#   DESTDIR  goes in front of PREFIX while installing; for makers of packages
#   LIBDIR   the folder of the libraries, below PREFIX: lib if not given, or lib64, lib/x86_64-linux-gnu ...
#
# The tests run it on Linux only.
set -euo pipefail
cd "$(dirname "$0")/.."
die() { echo "install: $*" >&2; exit 1; }

prefix=${1:?usage: install.sh PREFIX [DESTDIR [LIBDIR]]} destdir=${2-} libdir=${3:-lib}
case $prefix in /*) ;; *) die "PREFIX must be an absolute path, not $prefix" ;; esac
libdir=${libdir#"$prefix/"}
case /$libdir/ in //* | */../* | */./*) die "LIBDIR must be a folder below PREFIX, not $libdir" ;; esac

# Numbers and flags have one place each.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
abi=$(sed -n 's/^#define CHAKU_ABI_VERSION //p' include/chaku.h)
if [ "$(uname)" = Darwin ]; then
    system=macOS built=libchaku.dylib
    shared=libchaku.$version.dylib shared_name=libchaku.$abi.dylib
    strip_shared() { strip -x -o "$2" "$1"; }
else
    system=Linux built=libchaku.so
    shared=libchaku.so.$version shared_name=libchaku.so.$abi
    strip_shared() { strip --strip-unneeded -o "$2" "$1"; }
fi
static_libs=$(sed -n "/^ \*   $system /,/static/s/.* cc main\.c libchaku\.a //p" include/chaku.h)
[ -n "$version" ] && [ -n "$abi" ] && [ -n "$static_libs" ] || die "cannot read the version and the link flags"
[ -e "target/release/$built" ] && [ -e target/release/chaku ] || die "target/release/$built or target/release/chaku is missing: run 'make build' first"
scripts/static_library.sh

# fill TEMPLATE FOLDER: writes TEMPLATE without its .in into FOLDER.
up=$(sed 's,[^/][^/]*,..,g' <<<"$libdir")  # from the libraries' folder to PREFIX
fill() {
    local to
    to=$2/$(basename "$1" .in)
    sed -e "s|@VERSION@|$version|g" -e "s|@LIBDIR@|$libdir|g" -e "s|@UP@|$up|g" \
        -e "s|@SHARED_FILE@|$shared|g" -e "s|@SHARED_NAME@|$shared_name|g" \
        -e "s|@STATIC_LIBS@|$static_libs|g" -e "s|@STATIC_LIBS_LIST@|${static_libs// -/;-}|g" "$1" >"$to"
    chmod 644 "$to"
}

root=$destdir$prefix
lib=$root/$libdir
install -d -m 755 "$root/bin" "$root/include" "$lib/pkgconfig" "$lib/cmake/chaku" "$root/share/doc/chaku"
install -m 644 include/chaku.h include/chaku.hpp include/module.modulemap "$root/include"
strip_shared "target/release/$built" "$lib/$shared"
chmod 755 "$lib/$shared"
ln -sf "$shared" "$lib/$shared_name"
ln -sf "$shared_name" "$lib/$built"
install -m 644 target/release/libchaku.a "$lib"
# Nothing of it is loaded from elsewhere: it needs no library of ours.
strip -o "$root/bin/chaku" target/release/chaku
chmod 755 "$root/bin/chaku"
fill packaging/chaku.pc.in "$lib/pkgconfig"
fill packaging/chakuConfig.cmake.in "$lib/cmake/chaku"
fill packaging/chakuConfigVersion.cmake.in "$lib/cmake/chaku"
shopt -s nullglob
for licence in LICENSE* NOTICE* THIRD-PARTY* THIRD_PARTY*; do
    install -m 644 "$licence" "$root/share/doc/chaku"
done
