//! How the shared library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=hidden.map");
    let target = |key: &str| std::env::var(key).unwrap_or_default();
    match target("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" => {
            // The number is CHAKU_ABI_VERSION, as a test checks.
            link_arg("-Wl,-soname,libchaku.so.0");
            // Threads of a model may run until the process ends: never unmap their code.
            link_arg("-Wl,-z,nodelete");
            // Calls that the shim meets: statics are not destroyed under those threads (llama/shim/backend.cpp), templates
            // get limits (template_limits.cpp), tensors that are missing are noticed (missing_tensors.cpp).
            for symbol in include_str!("../../llama/shim/wrapped.txt").lines() {
                link_arg(&format!("-Wl,--wrap={symbol}"));
            }
            // A symbol that is nowhere fails here, not in the host's dlopen.
            link_arg("-Wl,-z,defs");
            // Phones with pages of 16 KiB refuse to load anything less aligned.
            link_arg("-Wl,-z,max-page-size=16384");
            // Only chaku's own functions are visible. Elsewhere than here the linker is another one, which takes no second list.
            if target("CARGO_CFG_TARGET_ARCH") == "x86_64" || target("CARGO_CFG_TARGET_OS") == "android" {
                link_arg(concat!("-Wl,--version-script=", env!("CARGO_MANIFEST_DIR"), "/hidden.map"));
            }
        }
        "macos" => link_arg("-Wl,-install_name,@rpath/libchaku.0.dylib"),
        _ => {}
    }
}

fn link_arg(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
