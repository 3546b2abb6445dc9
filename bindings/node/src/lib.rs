//! The native half of the Node module: handles, calls that never wait, and wake-ups of the environment. What the module
//! looks like is written in JavaScript, in `lib/`.
//!
//! Three rules hold everywhere. No function waits: what takes time is a request, or [`work`] for libuv's threads. No
//! thread of chaku touches JavaScript: hooks go through the [`inbox`] and lines through [`log`], both closed before the
//! environment goes. And nothing throws: a function that can fail returns its value or a [`failure::Failure`], of which
//! JavaScript makes an error of the right class.

#![forbid(unsafe_code)]
#![allow(unreachable_pub, reason = "napi's macros take only what is `pub`")]
#![cfg_attr(test, allow(dead_code, unused_imports, reason = "napi's macros register nothing in a build for tests"))]

mod event;
mod failure;
mod handle;
mod inbox;
mod library;
mod log;
mod model;
mod napi;
mod options;
mod request;
mod runtime;
mod session;
mod work;
