//! A download under way: one thread works, with helpers of its own; the request's thread waits, and stops them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::place::Place;
use super::spec::Spec;
use super::web::Web;
use super::{repo, url};
use crate::error::{Error, Reason, Result};
use crate::event::{Event, Phase, Progress};
use crate::options::Layers;
use crate::request::Shared;
use crate::runtime::worker::panicked;

/// A reader is told of progress no more often than this.
const TELL_EVERY: Duration = Duration::from_millis(50);

pub(super) fn fetch(request: &Arc<Shared>, spec: &str, layers: &Layers<'_>) -> Result<Vec<PathBuf>> {
    let (spec, place) = (Spec::parse(spec)?, Place::read(layers)?);
    let spec = match &spec {
        Spec::Url(url) => url::of_hub(url, &place.endpoint).unwrap_or(spec),
        Spec::Repo { .. } => spec,
    };
    let web = Web::new(&place)?;
    let (stop, done) = (Stop::default(), AtomicBool::new(false));
    let job = Job { place: &place, web: &web, stop: &stop, meter: Meter::new(request.clone()) };
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let work = || {
        let _logged = tracing::dispatcher::set_default(&dispatch);
        let fetched = request.span.in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| match &spec {
                Spec::Repo { repo, which } => repo::fetch(&job, repo, which),
                Spec::Url(url) => url::fetch(&job, url),
            }))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
        });
        done.store(true, Ordering::Release);
        request.signal().wake();
        fetched
    };
    std::thread::scope(|scope| {
        let worker = thread("chaku-download").spawn_scoped(scope, work).map_err(no_thread)?;
        while !done.load(Ordering::Acquire) {
            if request.must_stop(Instant::now()).is_some() {
                // The reader need not wait until the last connection is closed.
                request.expire(Instant::now());
                stop.set();
                web.shutdown();
                break;
            }
            request.signal().wait(request.deadline);
        }
        let fetched = worker.join().unwrap_or_else(|panic| Err(panicked(&*panic)));
        request.must_stop(Instant::now()).map_or(fetched, Err)
    })
}

pub(super) fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(name.to_owned())
}

pub(super) fn no_thread(error: std::io::Error) -> Error {
    Error::new(Reason::NoThread, format!("cannot start a thread to download: {error}"))
}

/// What all parts of a download have.
pub(super) struct Job<'a> {
    pub(super) place: &'a Place,
    pub(super) web: &'a Web,
    pub(super) stop: &'a Stop,
    pub(super) meter: Meter,
}

/// Says that a download must not go on.
#[derive(Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn set(&self) {
        *self.stopped.lock() = true;
        self.changed.notify_all();
    }

    pub(super) fn check(&self) -> Result<()> {
        if *self.stopped.lock() { Err(stopped()) } else { Ok(()) }
    }

    /// Sleeps, unless it is stopped.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        let mut stopped = self.stopped.lock();
        let until = Instant::now() + time;
        while !*stopped && !self.changed.wait_until(&mut stopped, until).timed_out() {}
        if *stopped { Err(self::stopped()) } else { Ok(()) }
    }
}

fn stopped() -> Error {
    Error::new(Reason::Cancelled, "the download was stopped")
}

/// Counts bytes, and tells the request's reader.
pub(super) struct Meter {
    request: Arc<Shared>,
    done: AtomicU64,
    total: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Meter {
    fn new(request: Arc<Shared>) -> Self {
        Meter { request, done: AtomicU64::new(0), total: AtomicU64::new(0), told: Mutex::new(None) }
    }

    /// More is to be downloaded.
    pub(super) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of it, whose bytes are counted from none.
    pub(super) fn part(&self) -> Part<'_> {
        Part { meter: self, at: AtomicU64::new(0) }
    }

    /// All is there: the last that is told.
    pub(super) fn finish(&self) {
        let total = self.total.load(Ordering::Relaxed).max(self.done.load(Ordering::Relaxed));
        self.push(total, total);
    }

    fn push(&self, done: u64, total: u64) {
        self.request.push(Event::Progress(Progress { phase: Phase::Download, done, total }));
    }

    fn tell(&self) {
        let Some(mut told) = self.told.try_lock() else { return };
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            self.push(if total > 0 { done.min(total) } else { done }, total);
        }
    }
}

/// How far one file is.
pub(super) struct Part<'a> {
    meter: &'a Meter,
    at: AtomicU64,
}

impl Part<'_> {
    /// So much of it is there; it may become less, when it is begun anew.
    pub(super) fn set(&self, bytes: u64) {
        let before = self.at.swap(bytes, Ordering::Relaxed);
        self.meter.done.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        self.meter.tell();
    }
}
