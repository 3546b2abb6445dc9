#!/usr/bin/env bash
# Installs what the build needs and this machine lacks. When nothing is missing it does nothing: no network, no root.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }
die() { echo "deps: $*" >&2; exit 1; }
# bindgen loads libclang at run time: from LIBCLANG_PATH, or one of the places where distributions put it.
has_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || return 0
    [ "$(uname)" != Darwin ] || return 0
    local folder name
    for folder in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/lib/llvm*/lib /usr/lib64/llvm*/lib; do
        for name in "$folder"/libclang.so* "$folder"/libclang-[0-9]*.so*; do  # libclang-cpp.so is another library
            [ ! -e "$name" ] || return 0
        done
    done
    return 1
}

has cargo || die "cargo is not in PATH: install Rust from https://rustup.rs, or add its bin folder to PATH"
needs=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have=$(rustc --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$needs" "$have" | sort -V | head -n1)" = "$needs" ] || die "Rust $needs or newer is needed, this is $have"

missing=()
has cmake || missing+=(cmake)
has ninja || missing+=(ninja-build)
has c++ || missing+=(g++)
has cc || missing+=(gcc)
has clang || missing+=(clang)
has_libclang || missing+=(libclang-dev)
has ccache || missing+=(ccache)
has pkg-config || missing+=(pkgconf)
has abidiff || missing+=(abigail-tools)
[ "$(uname)" != Linux ] || has valgrind || missing+=(valgrind)
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ "$(uname)" = Darwin ] || missing+=(ca-certificates)
has python3 || missing+=(python3)
scripts/python.sh >/dev/null 2>&1 || missing+=(python3-pip)
# Debian's packages are new enough; a Node from elsewhere may not be.
has node || missing+=(nodejs)
has npm || missing+=(npm)
if has node; then
    version=$(node --version)
    major=${version#v} major=${major%%.*}
    [ "$major" -ge 18 ] || die "Node 18 or newer is needed, this is $version"
fi
[ ${#missing[@]} -gt 0 ] || exit 0

has apt-get || die "missing: ${missing[*]} (Debian's names); install them with this system's package manager"
root=()
if [ "$(id -u)" != 0 ]; then
    root=(sudo)
    has sudo || die "missing: ${missing[*]}; as root: apt-get install ${missing[*]}"
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { "${root[@]}" apt-get install -qq --yes --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null; }
"${root[@]}" apt-get update -qq || echo "deps: 'apt-get update' failed, trying with the lists there are" >&2
install || die "could not install: ${missing[*]}"
