//! What reaches an environment from other threads while JavaScript awaits it: one event of a request, handed over in the
//! wake-up itself.
//!
//! An environment (a main thread or a worker) has one inbox. Each token comes this way, between two steps of the
//! computation, when the processors' caches hold nothing of this code: what counts is how little of it runs. So
//! JavaScript is entered once for a token, and nobody is woken while a lock is held that it needs.

use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use crate::event::Event;
use crate::napi::bindgen_prelude::{FnArgs, Function};
use crate::napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunction, ThreadsafeFunctionCallMode};
use crate::napi::{self, Env, Status, napi};
use crate::request::Awaitable;

/// What JavaScript is called with: the number of a request; the text and the token of an event that is nothing else;
/// any other event. No number: nobody awaits it any more. Nothing but the number: it is to be read.
type Delivery = FnArgs<(Option<u32>, Option<String>, Option<i32>, Option<Event>)>;

/// Weak, all of it: on its own it keeps neither the process alive nor a request.
type Wake = ThreadsafeFunction<Weak<Awaitable>, (), Delivery, Status, false, true>;

/// The inbox as JavaScript sees it.
#[napi]
pub struct Inbox {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) awaited: Arc<Awaited>,
}

/// The half of an inbox that other threads hold. `None` once the environment is going: hooks of chaku that come later
/// find nobody to wake, and are harmless. Written then alone.
pub(crate) struct Mailbox(RwLock<Option<Wake>>);

/// How many requests are awaited: while there are any, the process stays alive. The environment's own thread has it
/// alone, and a wake-up of its own, which nobody calls, in order not to wait for threads that call the other.
pub(crate) struct Awaited(Mutex<(u32, ThreadsafeFunction<(), (), (), Status, false, true>)>);

#[napi]
impl Inbox {
    /// `deliver` is called, on the environment's own thread, when a request that is awaited has something to read.
    #[napi(constructor)]
    pub fn new(env: Env, deliver: Function<'_, (), ()>) -> napi::Result<Self> {
        let alive = deliver.build_threadsafe_function().weak::<true>().build()?;
        let awaited = Arc::new(Awaited(Mutex::new((0, alive))));
        let counted = Arc::clone(&awaited);
        let delivery =
            move |call: ThreadsafeCallContext<Weak<Awaitable>>| Ok(delivery(&call.value, &counted, &call.env));
        let wake = deliver.build_threadsafe_function().weak::<true>().build_callback(delivery)?;
        let mailbox = Arc::new(Mailbox(RwLock::new(Some(wake))));
        // Runs before Node takes the function apart: hooks run in the reverse order of their registration.
        env.add_env_cleanup_hook(mailbox.clone(), |mailbox| drop(mailbox.0.write().take()))?;
        Ok(Inbox { mailbox, awaited })
    }
}

impl Mailbox {
    /// A request has something to read. Never waits. As often as a read left nothing, so that few calls are under way.
    pub(crate) fn ready(&self, request: Weak<Awaitable>) {
        if let Some(wake) = &*self.0.read() {
            wake.call(request, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

impl Awaited {
    pub(crate) fn begin(&self, env: &Env) {
        self.change(env, |count| count + 1);
    }

    pub(crate) fn end(&self, env: &Env) {
        self.change(env, |count| count - 1);
    }

    #[allow(deprecated, reason = "deprecated as counters of references, which this is not: it is Node's ref and unref")]
    fn change(&self, env: &Env, change: impl FnOnce(u32) -> u32) {
        let (count, alive) = &mut *self.0.lock();
        let before = std::mem::replace(count, change(*count));
        // Both fail only when the environment is going, and the process with it.
        let _ = match (before, *count) {
            (0, 1) => alive.refer(env),
            (1, 0) => alive.unref(env),
            _ => Ok(()),
        };
    }
}

fn delivery(request: &Weak<Awaitable>, awaited: &Awaited, env: &Env) -> Delivery {
    FnArgs::from(match request.upgrade().and_then(|request| request.deliver(awaited, env)) {
        None => (None, None, None, None),
        Some((id, Some(Event { text: Some(text), token, bytes: None, replaced: None, logprob: None, .. }))) => {
            (Some(id), Some(text), token, None)
        }
        Some((id, event)) => (Some(id), None, None, event),
    })
}
