//! How the program is linked: as libchaku itself is, and for the same reasons. See capi/artifact/build.rs.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        for symbol in include_str!("../../llama/shim/wrapped.txt").lines() {
            println!("cargo:rustc-link-arg=-Wl,--wrap={symbol}");
        }
    }
}
