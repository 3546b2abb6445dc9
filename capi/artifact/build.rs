//! How the shared library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |key: &str| std::env::var(key).unwrap_or_default();
    match target("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" => {
            // The number is CHAKU_ABI_VERSION, as a test checks.
            link_arg("-Wl,-soname,libchaku.so.0");
            // Threads of a model may run until the process ends: never unmap their code.
            link_arg("-Wl,-z,nodelete");
            // Those threads must not meet destroyed statics either: see llama/shim/backend.cpp.
            link_arg("-Wl,--wrap=__cxa_atexit");
            // Chat templates get limits where they are parsed: see llama/shim/template_limits.cpp.
            link_arg("-Wl,--wrap=_ZN5jinja17parse_from_tokensERKNS_12lexer_resultE");
            // A symbol that is nowhere fails here, not in the host's dlopen.
            link_arg("-Wl,-z,defs");
            // Phones with pages of 16 KiB refuse to load anything less aligned.
            link_arg("-Wl,-z,max-page-size=16384");
        }
        "macos" => link_arg("-Wl,-install_name,@rpath/libchaku.0.dylib"),
        _ => {}
    }
}

fn link_arg(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
