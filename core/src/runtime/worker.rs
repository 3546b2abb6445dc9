//! The two threads of a loaded model: one prepares requests, one computes. Both end when the model's last handle does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chaku_llama::Sampler;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::backend::Backend;
use super::control::Control;
use super::engine::{Engine, Turn};
use super::job::Job;
use super::queue::closed;
use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::request::Shared;

/// Templates may nest deeply: the host's own stacks can be as small as 512 KiB.
const PREPARE_STACK: usize = 16 << 20;

/// Makes a job of a request, on the preparing thread.
pub(crate) type Prepare = Box<dyn FnOnce() -> Result<Job<Sampler>> + Send>;

pub(crate) struct Worker {
    /// `None` once closed, which ends the preparing thread.
    tasks: Mutex<Option<Sender<Task>>>,
    pub(crate) control: Arc<Control>,
}

struct Task {
    request: Arc<Shared>,
    prepare: Prepare,
}

impl Worker {
    /// Starts both threads. `dispatch` receives their log lines.
    pub(crate) fn start<B>(
        backend: B,
        control: Arc<Control>,
        max_sessions: usize,
        dispatch: Option<tracing::Dispatch>,
    ) -> Result<Self>
    where
        B: Backend<Sampler = Sampler> + Send + 'static,
    {
        // Admission bounds what waits; these hold cancelled requests too, until they are swept out.
        let (tasks, task_inbox) = bounded::<Task>(control.admission.limit + max_sessions);
        let (jobs, job_inbox) = bounded::<Job<Sampler>>(max_sessions);
        let engine = Engine::new(backend, control.clone(), max_sessions);
        let (for_engine, for_prepare) = (control.clone(), control.clone());
        spawn("chaku-engine", 2 << 20, &control, dispatch.clone(), move || {
            run_engine(engine, &job_inbox, &for_engine)
        })?;
        spawn("chaku-prepare", PREPARE_STACK, &control, dispatch, move || {
            run_prepare(&task_inbox, &jobs, &for_prepare)
        })
        .inspect_err(|_| control.close())?;
        Ok(Worker { tasks: Mutex::new(Some(tasks)), control })
    }

    /// Admits a request and sends it on its way.
    pub(crate) fn submit(&self, request: Arc<Shared>, prepare: Prepare) -> Result<()> {
        self.control.admission.admit(&request)?;
        let id = request.id;
        let sent = match &*self.tasks.lock() {
            Some(tasks) => tasks.try_send(Task { request, prepare }).map_err(|_| self.control.admission.full()),
            None => Err(closed()),
        };
        sent.inspect_err(|_| self.control.admission.leave(id))
    }

    /// Ends all requests and both threads. Does not wait: see [`Control::wait_gone`].
    pub(crate) fn close(&self) {
        self.tasks.lock().take();
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

fn run_engine<B: Backend<Sampler = Sampler>>(mut engine: Engine<B>, jobs: &Receiver<Job<Sampler>>, control: &Control) {
    control.signal.adopt();
    let end = loop {
        if control.is_closing() {
            break Error::new(Reason::ClosedWhileRunning, "the model was closed");
        }
        jobs.try_iter().for_each(|job| engine.take(job));
        match catch_unwind(AssertUnwindSafe(|| engine.turn())) {
            Ok(Turn::Worked) => {}
            Ok(Turn::Idle(until)) => control.signal.wait(until),
            Err(panic) => break panicked(&*panic),
        }
    };
    control.close();
    control.admission.close(&end);
    // A commit that panics must not keep the other requests from ending.
    while catch_unwind(AssertUnwindSafe(|| engine.end_all(&end))).is_err() {}
}

fn run_prepare(tasks: &Receiver<Task>, jobs: &Sender<Job<Sampler>>, control: &Control) {
    for Task { request, prepare } in tasks {
        if request.has_ended() {
            control.admission.leave(request.id);
            continue;
        }
        let made = request.span.in_scope(|| catch_unwind(AssertUnwindSafe(prepare)));
        match made.unwrap_or_else(|panic| Err(panicked(&*panic))) {
            Ok(job) => {
                // The engine takes jobs at every turn, so this waits for one step at most. When it has gone, it has
                // ended all requests.
                let _ = jobs.send(job);
                control.signal.wake();
            }
            Err(error) => {
                control.admission.leave(request.id);
                request.finish(Final::failed(error));
            }
        }
    }
}

/// What a panic said.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(Reason::Panic, format!("chaku panicked: {text}; please report this"))
}
