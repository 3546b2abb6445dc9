#!/usr/bin/env bash
# Says what the stripped libchaku.so consists of, by section and by part. Linux with GNU ld only.
#
# No linker map is left of cargo's link, and asking cargo for one would build the library anew for everybody. So the same
# objects are linked once more here, by GNU ld, and its map says which object each byte comes from.
set -euo pipefail
cd "$(dirname "$0")/.."
objects=target/release/deps/libchaku.a
[ -e "$objects" ] && [ -e target/release/libchaku.so ] || { echo "sizes: run 'make build' first" >&2; exit 1; }

out=target/sizes
mkdir -p "$out"
strip --strip-unneeded -o "$out/libchaku.so" target/release/libchaku.so
{ echo '{ global:'; sed 's/$/;/' capi/abi/symbols.txt; echo 'local: *; };'; } >"$out/exports"
# The flags are those of capi/artifact/build.rs that bear on the size.
static_libs=$(sed -n "/^ \*   Linux /,/static/s/.* cc main\.c libchaku\.a //p" include/chaku.h)
"${CC:-cc}" -shared -fuse-ld=bfd -s -o "$out/again.so" $(sed 's/^/-Wl,-u,/' capi/abi/symbols.txt) "$objects" $static_libs \
    -Wl,--gc-sections -Wl,--version-script="$out/exports" $(sed 's/^/-Wl,--wrap=/' llama/shim/wrapped.txt) -Wl,-z,max-page-size=16384 -Wl,-Map="$out/map"

python3 scripts/sizes.py "$out/libchaku.so" "$out/again.so" "$out/map"
