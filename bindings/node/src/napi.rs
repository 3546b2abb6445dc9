//! napi-rs, with another constructor. Its macros write `napi::…`, and mean this module.
//!
//! The one difference: the constructor its macros register everything with says `allow(unsafe_code)`, which a crate
//! that forbids unsafe code cannot take. The one here comes from the crate that is there for unsafe code.

pub(crate) use napi_derive::napi;
pub(crate) use napi_rs::*;

pub(crate) mod ctor {
    pub(crate) mod declarative {
        pub(crate) use chaku_abi::constructor as ctor;
    }
}
