//! Compiles `shim/` against the llama.cpp sources that llama-cpp-sys-2 carries, and hands their folder on to dependents.

use std::path::{Path, PathBuf};
use std::{env, fs};

const SHIM: [&str; 12] = [
    "assert",
    "assert_on_purpose",
    "backend",
    "model",
    "context",
    "grammar",
    "memory",
    "missing_tensors",
    "plan",
    "sampler",
    "template_limits",
    "chat",
];

fn main() {
    let llama = llama_sources();
    // Dependents' build scripts read this as DEP_CHAKU_LLAMA_ROOT.
    println!("cargo:root={}", llama.display());
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // As libchaku is linked: capi/artifact/build.rs says why.
        for symbol in include_str!("shim/wrapped.txt").lines() {
            println!("cargo:rustc-link-arg-tests=-Wl,--wrap={symbol}");
        }
    }
    println!("cargo:rerun-if-changed=shim");

    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false);
    // The shim's own warnings are wanted, those of llama.cpp's headers are not ours to fix.
    for folder in ["include", "common", "ggml/include", "vendor", "src", "."] {
        let folder = llama.join(folder);
        if build.get_compiler().is_like_msvc() {
            build.include(folder);
        } else {
            build.flag("-isystem").flag(folder);
        }
    }
    build
        .flag_if_supported("-Wall")
        .flag_if_supported("-Wextra")
        // Nothing of the shim is part of a library's own interface.
        .flag_if_supported("-fvisibility=hidden")
        .files(SHIM.map(|name| format!("shim/{name}.cpp")))
        .compile("chaku_llama_shim");
}

/// The llama.cpp source folder, from the CMake cache of llama-cpp-sys-2's own build: the only place where it is written down.
fn llama_sources() -> PathBuf {
    let cmake_dir = env::var_os("DEP_LLAMA_GGML_CMAKE_DIR")
        .expect("llama-cpp-sys-2 sets DEP_LLAMA_GGML_CMAKE_DIR for the crates that depend on it");
    let out_dir =
        Path::new(&cmake_dir).ancestors().nth(2).expect("DEP_LLAMA_GGML_CMAKE_DIR lies two folders below OUT_DIR");
    let cache_path = out_dir.join("build").join("CMakeCache.txt");
    let cache =
        fs::read_to_string(&cache_path).unwrap_or_else(|error| panic!("cannot read {}: {error}", cache_path.display()));
    let home = cache
        .lines()
        .find_map(|line| line.strip_prefix("CMAKE_HOME_DIRECTORY:INTERNAL="))
        .unwrap_or_else(|| panic!("no CMAKE_HOME_DIRECTORY in {}", cache_path.display()));
    PathBuf::from(home)
}
