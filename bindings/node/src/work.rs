//! Work for libuv's threads: calls that wait, or that may take long.

use std::sync::Arc;

use chaku_abi::Result;

use crate::failure::Outcome;
use crate::napi::bindgen_prelude::{AsyncTask, BufferSlice, Either, Int32ArraySlice, ToNapiValue, TypeName};
use crate::napi::{self, Env, ScopedTask};
use crate::session::Session;

/// A call, whose result JavaScript gets as a promise.
pub struct Work<T>(Box<dyn Fn() -> Result<T> + Send>);

/// What a call may yield, and how JavaScript gets it: copied, for what JavaScript would only borrow stays behind when a
/// worker is terminated at that moment.
pub trait Yield: Send + 'static {
    type Value<'env>: ToNapiValue + TypeName;

    fn value(self, env: &Env) -> napi::Result<Self::Value<'_>>;
}

impl<T: Yield> Work<T> {
    /// Calls with an object, unless it was freed.
    pub(crate) fn with<O: Send + Sync + 'static>(
        object: Result<Arc<O>>,
        call: impl Fn(&O) -> Result<T> + Send + 'static,
    ) -> AsyncTask<Self> {
        AsyncTask::new(Work(Box::new(move || call(object.as_deref().map_err(Clone::clone)?))))
    }
}

impl<'env, T: Yield> ScopedTask<'env> for Work<T> {
    type Output = Result<T>;
    type JsValue = Outcome<T::Value<'env>>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok((self.0)())
    }

    fn resolve(&mut self, env: &'env Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Ok(output) => Either::A(output.value(env)?),
            Err(error) => Either::B(error.into()),
        })
    }
}

impl Yield for () {
    type Value<'env> = ();

    fn value(self, _env: &Env) -> napi::Result<()> {
        Ok(())
    }
}

impl Yield for String {
    type Value<'env> = String;

    fn value(self, _env: &Env) -> napi::Result<String> {
        Ok(self)
    }
}

impl Yield for Session {
    type Value<'env> = Session;

    fn value(self, _env: &Env) -> napi::Result<Session> {
        Ok(self)
    }
}

impl Yield for Vec<i32> {
    type Value<'env> = Int32ArraySlice<'env>;

    fn value(self, env: &Env) -> napi::Result<Int32ArraySlice<'_>> {
        Int32ArraySlice::copy_from(env, self)
    }
}

impl Yield for Vec<u8> {
    type Value<'env> = BufferSlice<'env>;

    fn value(self, env: &Env) -> napi::Result<BufferSlice<'_>> {
        BufferSlice::copy_from(env, self)
    }
}
