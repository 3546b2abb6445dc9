//! The wall every exported function stands behind: no panic leaves the library, and errors reach C in one way.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chaku::{Error, Reason, Result};

use crate::error::{CHAKU_INTERNAL, CHAKU_OK, ErrorObject};
use crate::types::{chaku_code, chaku_error};
use crate::{handle, quiet};

#[cfg(panic = "abort")]
compile_error!("chaku needs panic = \"unwind\": its promise is that a panic never ends the host process");

/// Runs the body of a fallible function: its error, or its panic, becomes the returned code and `*out_error`.
///
/// # Safety
/// `out_error` is NULL or points to a writable `chaku_error *`.
pub(crate) unsafe fn call(
    function: &'static str,
    out_error: *mut *mut chaku_error,
    body: impl FnOnce() -> Result<()>,
) -> chaku_code {
    let outcome = catch(body).and_then(|result| result);
    catch(|| {
        let (code, handle) = match outcome {
            Ok(()) => (CHAKU_OK, std::ptr::null_mut()),
            Err(error) if out_error.is_null() => (error.code() as chaku_code, std::ptr::null_mut()),
            Err(error) => (error.code() as chaku_code, to_handle(error.with("function", function))),
        };
        if !out_error.is_null() {
            // SAFETY: not NULL, hence writable, as this function's contract says.
            unsafe { out_error.write(handle) };
        }
        code
    })
    .unwrap_or(CHAKU_INTERNAL)
}

/// Runs the body of a function that cannot fail: `neutral` stands for every failure, a panic included.
pub(crate) fn value<R>(neutral: R, body: impl FnOnce() -> Result<R>) -> R {
    catch(body).and_then(|result| result).unwrap_or(neutral)
}

/// Runs the body of a `_free` or `_cancel` function, which reports misuse by its code alone.
pub(crate) fn control(body: impl FnOnce() -> Result<()>) -> chaku_code {
    value(CHAKU_INTERNAL, || Ok(body().map_or_else(|error| error.code() as chaku_code, |()| CHAKU_OK)))
}

/// An error handle for C; NULL when there is no room even for that.
pub(crate) fn to_handle(error: Error) -> *mut chaku_error {
    handle::put(Arc::new(ErrorObject::new(error))).unwrap_or(std::ptr::null_mut())
}

fn catch<R>(body: impl FnOnce() -> R) -> Result<R> {
    let _inside = quiet::Inside::enter();
    // Unwind safety: the objects behind the handles keep their state under locks and atomics of the core.
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        Error::new(Reason::Panic, format!("chaku has a bug, please report it: {}", describe(payload)))
    })
}

fn describe(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(message) => (*message).to_owned(),
            Err(payload) => {
                // Leaked: its destructor is foreign code and might panic again.
                std::mem::forget(payload);
                "panic without a message".to_owned()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::CHAKU_INVALID_ARGUMENT;

    fn call_and_take(body: impl FnOnce() -> Result<()>) -> (chaku_code, Option<Error>) {
        let mut out = std::ptr::dangling_mut::<chaku_error>();
        // SAFETY: `out` is a local variable.
        let code = unsafe { call("chaku_test", &raw mut out, body) };
        (code, handle::take(out, "error").unwrap().map(|object| object.error().clone()))
    }

    #[test]
    fn success_sets_the_error_to_null() {
        let (code, error) = call_and_take(|| Ok(()));
        assert_eq!(code, CHAKU_OK);
        assert!(error.is_none());
    }

    #[test]
    fn a_failure_is_told_by_code_and_object_and_names_the_function() {
        let (code, error) = call_and_take(|| Err(Error::new(Reason::NullPointer, "`x` is NULL")));
        assert_eq!(code, CHAKU_INVALID_ARGUMENT);
        assert_eq!(error.unwrap().detail("function"), Some("chaku_test"));
    }

    #[test]
    fn without_out_error_the_code_alone_tells() {
        // SAFETY: NULL is allowed.
        let code = unsafe { call("chaku_test", std::ptr::null_mut(), || Err(Error::new(Reason::NullPointer, ""))) };
        assert_eq!(code, CHAKU_INVALID_ARGUMENT);
    }

    #[test]
    fn a_panic_becomes_an_internal_error_with_its_message() {
        let cases: [(fn(), &str); 3] = [
            (|| panic!("a literal"), "a literal"),
            (|| panic!("formatted {}", std::hint::black_box(1)), "formatted 1"),
            (|| std::panic::panic_any(7_u8), "panic without a message"),
        ];
        for (panics, message) in cases {
            let (code, error) = call_and_take(|| {
                panics();
                Ok(())
            });
            let error = error.unwrap();
            assert_eq!((code, error.reason()), (CHAKU_INTERNAL, Reason::Panic));
            assert!(error.message().ends_with(message), "{}", error.message());
        }
    }

    #[test]
    fn a_panic_in_a_getter_is_its_neutral_value() {
        assert_eq!(value(-1, || panic!("getter")), -1);
        assert_eq!(value(-1, || Ok(5)), 5);
        assert_eq!(control(|| panic!("free")), CHAKU_INTERNAL);
    }
}
