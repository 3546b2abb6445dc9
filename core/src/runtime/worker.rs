//! The two threads of a loaded model: one prepares requests, one computes. Both end when the model is closed, or when
//! its last handle, session and request are gone.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::backend::Backend;
use super::control::Control;
use super::engine::{Engine, Settings, Turn};
use super::job::Job;
use super::queue::Prepare;
use crate::clock::millis;
use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::request::Shared;
use crate::sampling::Sampler;
use crate::timeline::Moment;

/// Templates may nest deeply: the host's own stacks can be as small as 512 KiB.
pub(crate) const PREPARE_STACK: usize = 16 << 20;
/// The parsers of answers recurse; `answer.rs` bounds how deep.
const ENGINE_STACK: usize = 8 << 20;

pub(crate) struct Worker {
    pub(crate) control: Arc<Control>,
}

impl Worker {
    /// Starts both threads. `dispatch` receives their log lines.
    pub(crate) fn start<B>(
        backend: B,
        control: Arc<Control>,
        settings: Settings,
        dispatch: Option<tracing::Dispatch>,
    ) -> Result<Self>
    where
        B: Backend<Sampler = Sampler> + Send + 'static,
    {
        let worker = Worker { control: control.clone() };
        let (jobs, inbox) = bounded::<Job<Sampler>>(settings.max_running);
        let engine = Engine::new(backend, control.clone(), settings);
        let (for_engine, for_prepare) = (control.clone(), control.clone());
        spawn("chaku-engine", ENGINE_STACK, &control, dispatch.clone(), move || {
            run_engine(engine, &inbox, &for_engine)
        })?;
        spawn("chaku-prepare", PREPARE_STACK, &control, dispatch, move || run_prepare(&jobs, &for_prepare))?;
        Ok(worker)
    }

    /// Admits a request and sends it on its way.
    pub(crate) fn submit(&self, request: Arc<Shared>, prepare: Prepare) -> Result<()> {
        request.count_by(&self.control.metrics);
        request.marks.mark(Moment::Queued);
        self.control.admission.admit(request, prepare).inspect_err(|error| {
            if error.reason() == Reason::QueueFull {
                self.control.metrics.overload();
            }
        })?;
        // The engine keeps the deadlines of what waits.
        self.control.signal.wake();
        Ok(())
    }

    /// Ends all requests and both threads. Does not wait: see [`Control::wait_gone`].
    pub(crate) fn close(&self) {
        self.control.close();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(
    name: &str,
    stack: usize,
    control: &Arc<Control>,
    dispatch: Option<tracing::Dispatch>,
    run: impl FnOnce() + Send + 'static,
) -> Result<()> {
    let guard = control.thread_guard();
    let body = move || {
        let _counted = guard;
        let _logged = dispatch.map(|dispatch| tracing::dispatcher::set_default(&dispatch));
        run();
    };
    match std::thread::Builder::new().name(name.into()).stack_size(stack).spawn(body) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start the thread {name}: {error}"))),
    }
}

/// The engine thread: turns until the model closes or a turn panics, then ends all that is left.
pub(super) fn run_engine<B: Backend>(mut engine: Engine<B>, jobs: &Receiver<Job<B::Sampler>>, control: &Control) {
    let end = loop {
        if control.is_closing() {
            break Error::new(Reason::ClosedWhileRunning, "the model was closed");
        }
        jobs.try_iter().for_each(|job| engine.take(job));
        match catch_unwind(AssertUnwindSafe(|| engine.turn())) {
            Ok(Turn::Worked) => {}
            Ok(Turn::Idle(until)) => control.signal.wait(until),
            Err(panic) => {
                let panic = panicked(&*panic);
                control.close_broken(&panic);
                break panic;
            }
        }
    };
    control.close();
    control.admission.close(&end, control.refusal());
    control.drop_commands();
    // A commit that panics must not keep the other requests from ending.
    while catch_unwind(AssertUnwindSafe(|| engine.end_all(&end))).is_err() {}
}

fn run_prepare(jobs: &Sender<Job<Sampler>>, control: &Control) {
    while let Some((request, prepare)) = control.admission.next_to_prepare() {
        if request.has_ended() {
            continue;
        }
        let Prepare { run, owner } = prepare;
        request.marks.mark(Moment::PrepareBegan);
        let queued_ms = millis(request.created.elapsed());
        tracing::debug!(target: "chaku::request", parent: &request.span, queued_ms, "queued");
        let span = tracing::debug_span!(target: "chaku::request", parent: &request.span, "prepare");
        let made = span.in_scope(|| catch_unwind(AssertUnwindSafe(run)));
        match made.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Ok(job) => {
                request.marks.mark(Moment::Prepared);
                // The engine takes jobs at every turn, so this waits for one step at most. When it has gone, it has
                // ended all requests.
                let _ = jobs.send(job);
                control.signal.wake();
            }
            Err(error) => {
                request.finish(Final::failed(error));
                control.admission.leave(request.id);
            }
        }
        drop(owner);
    }
}

/// What a panic said.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(Reason::Panic, format!("chaku panicked: {text}; please report this"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::runtime::signal::Signal;
    use crate::terms::Terms;

    /// The last handle of a model: the engine, told to close, ends what waits.
    struct LastHandle(Arc<Control>);

    impl Drop for LastHandle {
        fn drop(&mut self) {
            let end = Error::new(Reason::ClosedWhileRunning, "the model was closed");
            self.0.admission.close(&end, self.0.refusal());
        }
    }

    fn refuse() -> Result<Job<Sampler>> {
        Err(Error::new(Reason::InvalidGrammar, "no grammar"))
    }

    fn panic() -> Result<Job<Sampler>> {
        panic!("while preparing")
    }

    #[test]
    fn a_request_that_is_all_that_is_left_of_its_model_hears_why_it_cannot_be_prepared() {
        for (run, expected) in [(refuse as fn() -> _, Reason::InvalidGrammar), (panic, Reason::Panic)] {
            let control = Control::new(1);
            let request = Shared::new("test", &Terms::plain(1, None), Arc::new(Signal::default()), None);
            let handle = Arc::new(LastHandle(control.clone()));
            let alive = handle.clone();
            let run = move || {
                let _alive = alive;
                run()
            };
            control.admission.admit(request.clone(), Prepare { run: Box::new(run), owner: handle }).unwrap();
            let (jobs, _inbox) = bounded(1);
            run_prepare(&jobs, &control);
            let Ok(Some(Event::Final(end))) = request.next(None) else { panic!("the end comes first") };
            assert_eq!(end.error.as_ref().map(Error::reason), Some(expected));
        }
    }
}
