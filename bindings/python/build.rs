//! How the module is linked: as libchaku itself is, and for the same reasons. See capi/artifact/build.rs.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android") => {
            link_arg("-Wl,-z,nodelete");
            for symbol in include_str!("../../llama/shim/wrapped.txt").lines() {
                link_arg(&format!("-Wl,--wrap={symbol}"));
            }
            link_arg("-Wl,-z,max-page-size=16384");
            if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
                link_arg(concat!(
                    "-Wl,--version-script=",
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../capi/artifact/hidden.map"
                ));
            }
            // The C functions stay visible. Bound here, they cannot be taken from another copy of chaku in the process.
            link_arg("-Wl,-Bsymbolic");
        }
        Ok("macos") => {
            // The interpreter that loads the module has Python's symbols.
            link_arg("-undefined");
            link_arg("dynamic_lookup");
        }
        _ => {}
    }
}

fn link_arg(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
