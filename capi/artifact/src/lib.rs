//! libchaku: what C programs link. A crate of its own, so that the shipped library is not built together with the Rust
//! library that language modules link.

pub use chaku_capi::*;
