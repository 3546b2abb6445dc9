//! A request: one piece of work that takes time. Its handle reads events and cancels; its shared half belongs to the
//! threads that do the work.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::clock::{millis, until};
use crate::delivery::{self, Caller, Callers};
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Final, FinishReason};
use crate::event_queue::{EventQueue, Next};
use crate::logits::Exchange;
use crate::model::Model;
use crate::priority::Priority;
use crate::runtime::Runtime;
use crate::runtime::control::Control;
use crate::runtime::metrics::Recorder;
use crate::runtime::notifier::Registration;
use crate::runtime::signal::Signal;
use crate::runtime::usage::InUse;
use crate::terms::{Overload, Terms};
use crate::timeline::{Marks, Timeline};

/// The reader's end of a request.
///
/// Dropping it cancels the request: nobody can see its answer any more.
pub struct Request {
    shared: Arc<Shared>,
    runtime: Runtime,
    /// The ready hook, and those before it whose last call may still run.
    ready: Mutex<Vec<Arc<Registration>>>,
    /// Where it waits for an engine, if that is what it waits for. Weak: a request that is kept keeps no model.
    engine: Option<Weak<Control>>,
}

/// A request on its way through the workers. Lost on the way, by a panic or a closing channel, it ends all the same.
pub(crate) struct Ticket(Arc<Shared>);

impl Ticket {
    pub(crate) fn new(request: Arc<Shared>) -> Self {
        Ticket(request)
    }
}

impl std::ops::Deref for Ticket {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.0.has_ended() {
            self.0.finish(Final::failed(Error::new(Reason::Panic, "the request was lost; please report this")));
        }
    }
}

/// Who still wants a request's events.
enum Audience {
    Listening,
    /// `close` was called: the final event is enough.
    Leaving,
    /// The handle was freed: no new callback may start.
    Gone,
}

/// Events go to threads that pull them, or to one callback.
#[derive(Default)]
struct Readers(Mutex<ReaderCount>);

#[derive(Default)]
struct ReaderCount {
    pulling: usize,
    callback: bool,
}

struct Pulling<'a>(&'a Readers);

impl Readers {
    fn enter(&self) -> Result<Pulling<'_>> {
        let mut count = self.0.lock();
        if count.callback {
            return Err(Error::new(Reason::ReaderTaken, "the events of this request go to its callback"));
        }
        count.pulling += 1;
        Ok(Pulling(self))
    }

    fn take(&self) -> Result<()> {
        let mut count = self.0.lock();
        if count.callback || count.pulling > 0 {
            return Err(Error::new(Reason::ReaderTaken, "this request is being read already"));
        }
        count.callback = true;
        Ok(())
    }

    fn give_back(&self) {
        self.0.lock().callback = false;
    }
}

impl Drop for Pulling<'_> {
    fn drop(&mut self) {
        self.0.0.lock().pulling -= 1;
    }
}

/// What a request makes besides its events.
#[derive(Clone)]
pub(crate) enum Product {
    /// By a load.
    Model(Model),
    /// By a save to memory.
    Data(Arc<[u8]>),
    /// By a download.
    Paths(Arc<[PathBuf]>),
}

/// The worker's end. Lock order: a session's state before a request's queue.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) created: Instant,
    pub(crate) deadline: Option<Instant>,
    pub(crate) priority: Priority,
    pub(crate) overload: Overload,
    pub(crate) span: tracing::Span,
    pub(crate) marks: Marks,
    queue: EventQueue,
    cancelled: AtomicBool,
    /// An [`Audience`].
    audience: AtomicU8,
    readers: Readers,
    /// Under `pause_for_logits`.
    pub(crate) logits: Exchange,
    /// The thread that computes, once there is one.
    worker: Arc<Signal>,
    /// Where its end is counted, if it asks something of a model.
    counts: OnceLock<Weak<Recorder>>,
    /// Until its end: it asks something of a model.
    in_use: Mutex<Option<InUse>>,
    product: Mutex<Option<Product>>,
    pub(crate) callers: Callers,
}

impl Request {
    pub(crate) fn new(shared: Arc<Shared>, runtime: Runtime) -> Self {
        Self::made(shared, runtime, None)
    }

    /// A request that an engine computes.
    pub(crate) fn queued(shared: Arc<Shared>, runtime: Runtime, engine: &Arc<Control>) -> Self {
        Self::made(shared, runtime, Some(Arc::downgrade(engine)))
    }

    fn made(shared: Arc<Shared>, runtime: Runtime, engine: Option<Weak<Control>>) -> Self {
        Request { shared, runtime, ready: Mutex::default(), engine }
    }

    /// The next event, waiting at most `timeout` (`None` = for ever). `Ok(None)` = nothing came in time. After the
    /// final event: `finished`.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let _reading = self.shared.readers.enter()?;
        self.shared.next(timeout)
    }

    /// Reads all events on this thread until the final one, which `on_event` sees too. Saying no cancels the request;
    /// then only the final event follows. If another thread frees the request meanwhile, `on_event` is called no more.
    pub fn run(&self, on_event: impl FnMut(&Event) -> bool) -> Result<Arc<Final>> {
        let _reading = self.shared.readers.enter()?;
        let _caller = Caller::begin(self.shared.clone());
        self.shared.read_all(on_event)
    }

    /// Hands every event to `on_event` on a thread of its own, one at a time. Saying no, and [`Request::close`], skip to
    /// the final event, which is the last call. Once for a request, and not while another thread reads it.
    pub fn on_event(&self, on_event: impl FnMut(&Event) -> bool + Send + 'static) -> Result<()> {
        self.shared.readers.take()?;
        let started = match self.shared.queue.is_read() {
            true => Err(finished()),
            false => delivery::start(self.shared.clone(), Box::new(on_event)),
        };
        started.inspect_err(|_| self.shared.readers.give_back())
    }

    /// Calls `on_ready`, from a thread of the runtime, whenever events begin to wait, and once now if some do. Read
    /// them with [`Request::next`] and a timeout of zero until there is none. Saying no ends the calls. In place of the
    /// hook before, if any.
    pub fn on_ready(&self, on_ready: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        let (hook, registration) = self.runtime.notifier()?.register(Box::new(on_ready));
        let mut ready = self.ready.lock();
        let hook_before = self.shared.queue.set_ready(Some(hook));
        ready.retain(|registration| !registration.is_gone());
        let before = ready.clone();
        ready.push(registration);
        drop(ready);
        drop(hook_before);
        before.iter().for_each(|registration| registration.revoke());
        Ok(())
    }

    /// Cancels: from any thread, at any time, as often as one likes. The final event follows promptly.
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Lets a request go on that stands still after an [`Event::Logits`]: the token is chosen from `logits`, one for each
    /// token of the vocabulary, minus infinity for what must not come; `None` = from those it told. Nothing is waited for.
    pub fn resume(&self, logits: Option<&[f32]>) -> Result<()> {
        self.shared.logits.answer(logits)?;
        self.shared.worker.wake();
        Ok(())
    }

    /// What dropping does, for a request that others may still hold: cancels, and lets no new callback start.
    pub fn abandon(&self) {
        self.shared.audience.store(Audience::Gone as u8, Ordering::Release);
        self.revoke_ready();
        self.cancel();
    }

    /// Whether the final event exists, read or not.
    pub fn is_finished(&self) -> bool {
        self.shared.has_ended()
    }

    /// How many waiting requests go before this one, as things stand: 0 = it is the next to start. `None` = it does not
    /// wait: it has started or ended, or is one that never does, such as a load. The number may grow when a more urgent
    /// request arrives.
    pub fn queue_position(&self) -> Option<usize> {
        self.engine.as_ref()?.upgrade()?.admission.position(self.shared.id)
    }

    /// The end of the request, once there is one, read or not.
    pub fn end(&self) -> Option<Arc<Final>> {
        self.shared.queue.end()
    }

    /// How far it got, and when.
    pub fn timeline(&self) -> Timeline {
        self.shared.marks.timeline(self.end().map(|end| end.timings.total_ms))
    }

    /// The model a finished load made. The same one each time.
    pub fn model(&self) -> Result<Model> {
        match self.product()? {
            Some(Product::Model(model)) => Ok(model),
            _ => Err(Error::new(Reason::NoResult, "this request does not load a model")),
        }
    }

    /// The bytes a finished [`crate::Session::save`] without a path made. The same ones each time, kept with the request.
    pub fn data(&self) -> Result<Arc<[u8]>> {
        match self.product()? {
            Some(Product::Data(data)) => Ok(data),
            _ => Err(Error::new(Reason::NoResult, "this request does not save a session to memory")),
        }
    }

    /// The files a finished [`crate::Runtime::download`] found or brought, the one that is loaded first.
    pub fn paths(&self) -> Result<Arc<[PathBuf]>> {
        match self.product()? {
            Some(Product::Paths(paths)) => Ok(paths),
            _ => Err(Error::new(Reason::NoResult, "this request does not download")),
        }
    }

    fn product(&self) -> Result<Option<Product>> {
        let Some(end) = self.end() else {
            let message = "the request has not finished; read its events until the final one";
            return Err(Error::new(Reason::NotFinished, message));
        };
        match &end.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.shared.product.lock().clone()),
        }
    }

    /// Cancels, then waits until the final event exists and no callback of the request runs or will run (`None` = for
    /// ever). Not from inside such a callback: it would wait for itself.
    pub fn close(&self, timeout: Option<Duration>) -> Result<()> {
        let until = until(timeout);
        // Whoever freed the handle meanwhile wants even less.
        self.shared.audience.fetch_max(Audience::Leaving as u8, Ordering::AcqRel);
        self.cancel();
        let ready = self.revoke_ready();
        let quiet = ready.iter().all(|registration| registration.wait_gone(until));
        if quiet && self.shared.queue.wait_end(until) && self.shared.callers.wait_none(until) {
            return Ok(());
        }
        Err(Error::new(Reason::CloseTimeout, "the request is still ending; it goes on doing so"))
    }

    fn revoke_ready(&self) -> Vec<Arc<Registration>> {
        drop(self.shared.queue.set_ready(None));
        let ready = self.ready.lock().clone();
        ready.iter().for_each(|registration| registration.revoke());
        ready
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Shared {
    /// `dispatch` receives the request's log lines.
    pub(crate) fn new(
        kind: &'static str,
        terms: &Terms,
        worker: Arc<Signal>,
        dispatch: Option<&tracing::Dispatch>,
    ) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let created = Instant::now();
        // Fields named for a line that stands alone: `request=7 kind="chat"`.
        let span = || tracing::info_span!(target: "chaku::request", "request", request = id, kind);
        let span = dispatch.map_or_else(span, |dispatch| tracing::dispatcher::with_default(dispatch, span));
        Arc::new(Shared {
            id,
            created,
            deadline: terms.deadline.map(|after| created + after),
            priority: terms.priority,
            overload: terms.overload,
            span,
            marks: Marks::new(created),
            queue: EventQueue::new(terms.events),
            cancelled: AtomicBool::new(false),
            audience: AtomicU8::new(Audience::Listening as u8),
            readers: Readers::default(),
            logits: Exchange::default(),
            worker,
            counts: OnceLock::new(),
            in_use: Mutex::new(None),
            product: Mutex::new(None),
            callers: Callers::default(),
        })
    }

    /// Keeps the model from being unloaded as idle until the end.
    pub(crate) fn keeps(&self, in_use: InUse) {
        *self.in_use.lock() = Some(in_use);
    }

    /// Lets its end be counted.
    pub(crate) fn count_by(&self, recorder: &Arc<Recorder>) {
        // It is submitted once.
        let _ = self.counts.set(Arc::downgrade(recorder));
    }

    /// Reads the next event, minding the request's own deadline: while nothing computes, the reader keeps the time.
    pub(crate) fn next(&self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let until = until(timeout);
        let mut deadline = self.deadline;
        loop {
            let wake_at = [until, deadline].into_iter().flatten().min();
            match self.queue.next(wake_at) {
                Next::Event { event, resume } => {
                    if resume {
                        self.worker.wake();
                    }
                    return Ok(Some(event));
                }
                Next::Finished => return Err(finished()),
                Next::TimedOut => {}
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.expire(now);
                deadline = None;
            }
            if until.is_some_and(|until| until <= now) && !self.has_ended() {
                return Ok(None);
            }
        }
    }

    /// Reads all events until the final one, and shows them as far as the audience wants them.
    pub(crate) fn read_all(&self, mut on_event: impl FnMut(&Event) -> bool) -> Result<Arc<Final>> {
        let mut go_on = true;
        loop {
            let Some(event) = self.next(None)? else { continue };
            let audience = self.audience.load(Ordering::Acquire);
            let last = matches!(event, Event::Final(_));
            let wanted = audience == Audience::Listening as u8 && go_on;
            if (wanted || last && audience != Audience::Gone as u8) && !on_event(&event) {
                go_on = false;
                self.cancel();
            }
            if let Event::Final(end) = event {
                return Ok(end);
            }
        }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.finish_unowned(Error::new(Reason::Cancelled, "the request was cancelled"));
        self.worker.wake();
    }

    /// Ends the request if its deadline has passed and nothing computes for it. Says whether this was its end.
    pub(crate) fn expire(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now) && self.finish_unowned(expired())
    }

    /// Why the request must not go on, if so.
    pub(crate) fn must_stop(&self, now: Instant) -> Option<Error> {
        if self.is_cancelled() {
            return Some(Error::new(Reason::Cancelled, "the request was cancelled"));
        }
        self.deadline.is_some_and(|deadline| deadline <= now).then(expired)
    }

    /// Wakes the thread that works for it, when it is cancelled for instance.
    #[cfg(feature = "hub")]
    pub(crate) fn signal(&self) -> &Signal {
        &self.worker
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.queue.end().is_some()
    }

    /// See [`EventQueue::own`].
    pub(crate) fn own(&self) -> bool {
        self.queue.own()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    pub(crate) fn push(&self, event: Event) {
        self.queue.push(event);
    }

    /// Ends the request. Only the first end counts.
    pub(crate) fn finish(&self, mut end: Final) -> bool {
        end.timings.total_ms = millis(self.created.elapsed());
        let (finish_reason, total_ms) = (end.finish_reason, end.timings.total_ms);
        let first = self.queue.finish(end, || self.count_end(finish_reason));
        if first {
            tracing::debug!(target: "chaku::request", parent: &self.span, ?finish_reason, total_ms, "finished");
        }
        first
    }

    /// Ends the request with what it made.
    pub(crate) fn finish_with(&self, product: Product) {
        *self.product.lock() = Some(product);
        if !self.finish(Final::done()) {
            // Cancelled at the last moment: nobody may get it.
            let unwanted = self.product.lock().take();
            drop(unwanted);
        }
    }

    /// Waits for the end; says whether it came.
    pub(crate) fn wait_end(&self, until: Option<Instant>) -> bool {
        self.queue.wait_end(until)
    }

    /// Ends the request unless the engine owns it.
    pub(crate) fn finish_unowned(&self, error: Error) -> bool {
        let mut end = Final::failed(error);
        end.timings.total_ms = millis(self.created.elapsed());
        let finish_reason = end.finish_reason;
        // Not logged: locks are held, and the thread may be the host's own.
        self.queue.finish_unowned(end, || self.count_end(finish_reason))
    }

    fn count_end(&self, finish_reason: FinishReason) {
        drop(self.in_use.lock().take());
        if let Some(counts) = self.counts.get().and_then(Weak::upgrade) {
            counts.ended(finish_reason);
        }
    }
}

fn finished() -> Error {
    Error::new(Reason::Finished, "the final event was read already")
}

fn expired() -> Error {
    Error::new(Reason::Deadline, "the deadline passed before the request was done")
}
