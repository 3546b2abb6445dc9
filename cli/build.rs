//! How the program is linked: as libchaku is, for the same reasons (capi/artifact/build.rs).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../llama/shim/wrapped.txt");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux" || os == "android") {
        for symbol in include_str!("../llama/shim/wrapped.txt").lines() {
            println!("cargo:rustc-link-arg-bins=-Wl,--wrap={symbol}");
        }
    }
}
