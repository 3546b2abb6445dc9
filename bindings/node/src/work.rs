//! Work for libuv's threads: calls that wait, or that may take long.

use std::sync::Arc;

use chaku_abi::Result;

use crate::failure::{Outcome, outcome};
use crate::napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use crate::napi::{self, Env, Task};

/// A call, and what JavaScript's promise gets of its result.
pub struct Work<T, V> {
    call: Box<dyn Fn() -> Result<T> + Send>,
    convert: fn(T) -> V,
}

impl<T: Send + 'static, V: ToNapiValue + TypeName> Work<T, V> {
    /// Calls with an object, unless it was freed.
    pub(crate) fn with<O: Send + Sync + 'static>(
        object: Result<Arc<O>>,
        call: impl Fn(&O) -> Result<T> + Send + 'static,
        convert: fn(T) -> V,
    ) -> AsyncTask<Self> {
        let call = move || call(object.as_deref().map_err(Clone::clone)?);
        AsyncTask::new(Work { call: Box::new(call), convert })
    }
}

impl<T: Send + 'static, V: ToNapiValue + TypeName> Task for Work<T, V> {
    type Output = Result<T>;
    type JsValue = Outcome<V>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok((self.call)())
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(outcome(output.map(self.convert)))
    }
}
