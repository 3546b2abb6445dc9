#!/usr/bin/env bash
# Makes target/release/libchaku.a out of cargo's: one object whose only global names are those of capi/abi/symbols.txt. An
# app may link its own ggml, llama.cpp or Rust beside it, and neither finds the other's. Does nothing when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

# Apple's archives stay as cargo makes them, with every name global: none of the tools below exists there in this form.
[ "$(uname)" = Linux ] || exit 0

names=capi/abi/symbols.txt
wrapped=llama/shim/wrapped.txt
cargos=target/release/deps/libchaku.a
ours=target/release/static/libchaku.a
place=target/release/libchaku.a
[ -e "$cargos" ] || { echo "$cargos is missing: run 'make build'" >&2; exit 1; }

work=$(mktemp -d target/release/static.XXXXXX)
trap 'rm -rf "$work"' EXIT

make_ours() {
    : >"$work/begun"
    # - Static objects are never destroyed, as in the shared library: llama/shim/backend.cpp says why.
    # - Names that are unique in a process (C++ inline variables) can be made local only when they are weak.
    # - What is left out is of no use to an app: debug information of Rust's library, bitcode, tables that name symbols by
    #   number, and the numbers change.
    readelf -sW "$cargos" | awk '$5 == "UNIQUE" { print $8 }' | LC_ALL=C sort -u >"$work/unique"
    objcopy --redefine-sym __cxa_atexit=__wrap___cxa_atexit --weaken-symbols="$work/unique" --strip-debug \
        --remove-section=.llvmbc --remove-section=.llvmcmd --remove-section=.llvm_addrsig "$cargos" "$work/all.a"
    # The sections stay apart, so that an app's --gc-sections can choose among them; what no function of the header reaches
    # goes here and now, as from the shared library. Groups are dissolved: the app's linker would keep one of two groups
    # with the same name, its own, and ours is not the same any more when its symbols are local.
    # GNU ld by its full name, because `ld` may be another linker.
    # What the shared library's linker sends to the shim goes there from here too. -u: only the shim asks for it now, weakly.
    ld.bfd -r --force-group-allocation --gc-sections $(grep -v cxa_atexit "$wrapped" | sed 's/.*/--wrap=& -u &/') $(sed 's/^/--require-defined=/' "$names") -o "$work/one.o" "$work/all.a"
    # What only the dropped sections asked for is no longer asked for.
    readelf -sW "$work/one.o" | awk '$7 == "UND" && $8 != "" { print $8 }' >"$work/undefined"
    objcopy --keep-global-symbols="$names" --strip-unneeded-symbols="$work/undefined" "$work/one.o" "$work/chaku.o"
    ar rcsD "$work/libchaku.a" "$work/chaku.o"
    # As old as its beginning: what cargo has written meanwhile counts as newer.
    touch -r "$work/begun" "$work/libchaku.a"
    mkdir -p "$(dirname "$ours")"
    mv -f "$work/libchaku.a" "$ours"
}

for source in "$cargos" "$names" "$wrapped" "$0"; do
    if [ ! "$ours" -nt "$source" ]; then
        make_ours
        break
    fi
done
# Cargo's own copy is left alone, so that cargo does not build it again; but each of its builds, also one that has nothing
# to do, links that copy to the place where the programs look.
if [ ! "$place" -ef "$ours" ]; then
    ln "$ours" "$work/placed"
    mv -f "$work/placed" "$place"
fi
