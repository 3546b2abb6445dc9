//! How this crate's own tests are linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // A test may end the process while a model still works: see llama/shim/backend.cpp.
        println!("cargo:rustc-link-arg-tests=-Wl,--wrap=__cxa_atexit");
        // Templates have limits: see llama/shim/template_limits.cpp.
        println!("cargo:rustc-link-arg-tests=-Wl,--wrap=_ZN5jinja17parse_from_tokensERKNS_12lexer_resultE");
    }
}
