//! Where log lines go. chaku logs through `tracing`; a runtime may have a sink of its own, which its threads carry
//! with them, so that nothing global in the host is touched.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, OnceLock};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::error::{Error, Result};

/// How much to log; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
#[non_exhaustive]
pub enum LogLevel {
    /// Bugs, and what llama.cpp calls errors.
    Error = 1,
    /// Worth a look.
    Warn = 2,
    /// Loads and ends of requests.
    Info = 3,
    /// Decisions of the engine.
    Debug = 4,
    /// Everything, prompt text included.
    Trace = 5,
}

/// One log line.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LogRecord<'a> {
    /// Its level.
    pub level: LogLevel,
    /// The part that logged it: `chaku::engine`, `chaku::llama`, …
    pub target: &'a str,
    /// The text, without a newline.
    pub message: &'a str,
}

/// As long as there is one subscriber alone, `tracing` asks the one of the thread that writes a line first whether anybody wants
/// that line, and never asks again: written first by a thread that has none, it would be lost to all. With two it asks both.
static SECOND: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));

type Sink = Box<dyn Fn(&LogRecord<'_>) + Send + Sync>;

pub(crate) struct LogSink(Sink);

impl LogSink {
    pub(crate) fn dispatch(level: LogLevel, sink: Sink) -> tracing::Dispatch {
        let most = match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        LazyLock::force(&SECOND);
        tracing::Dispatch::new(tracing_subscriber::registry().with(LogSink(sink).with_filter(most)))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogSink {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Line(String::new());
        span.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Line(fields)) = span.extensions().get() {
                line.0.push_str(fields);
            }
        }
        let metadata = event.metadata();
        let (target, message) = (metadata.target(), line.0.trim_start());
        let record = LogRecord { level: level(metadata.level()), target, message };
        // A sink that panics must not take the engine with it.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(&record)));
    }
}

/// The message, then the fields as `name=value`.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{fields}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Starts llama.cpp, its log lines going to the current thread's `tracing` subscriber.
pub(crate) fn init() -> Result<()> {
    static ONCE: OnceLock<Result<()>> = OnceLock::new();
    ONCE.get_or_init(|| {
        chaku_llama::backend::set_log_handler(forward);
        chaku_llama::backend::init().map_err(Error::from)
    })
    .clone()
}

fn forward(level: chaku_llama::backend::LogLevel, line: &str) {
    use chaku_llama::backend::LogLevel as L;
    match level {
        L::Error => tracing::error!(target: "chaku::llama", "{line}"),
        L::Warn => tracing::warn!(target: "chaku::llama", "{line}"),
        L::Info => tracing::info!(target: "chaku::llama", "{line}"),
        _ => tracing::debug!(target: "chaku::llama", "{line}"),
    }
}
