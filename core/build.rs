//! How this crate's own tests are linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // As libchaku is linked: capi/artifact/build.rs says why.
        for symbol in include_str!("../llama/shim/wrapped.txt").lines() {
            println!("cargo:rustc-link-arg-tests=-Wl,--wrap={symbol}");
        }
    }
}
