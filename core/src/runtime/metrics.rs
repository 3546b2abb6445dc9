//! What a model's threads count while they work. Counting is a few atomic writes.
//!
//! Everything goes two ways: to [`Metrics`], which a host asks for, and to the recorder of the `metrics` facade, if the
//! host has installed one **before it loads the model**. All have the label `model`, the name of the model's file without
//! its ending; of models with the same label the counters and gauges are sums. The names are stable:
//!
//! | name | kind | what |
//! |---|---|---|
//! | `chaku_queue_depth` | gauge | requests that wait to start |
//! | `chaku_requests_running` | gauge | requests that have started, the paused ones included |
//! | `chaku_requests_paused` | gauge | of these, those that gave way or whose readers do not read |
//! | `chaku_prompt_tokens_total` | counter | prompt tokens computed |
//! | `chaku_generated_tokens_total` | counter | tokens generated |
//! | `chaku_cached_tokens_total` | counter | prompt tokens that were known already |
//! | `chaku_prompt_tokens_per_second` | gauge | mean over the last five seconds |
//! | `chaku_generated_tokens_per_second` | gauge | mean over the last five seconds |
//! | `chaku_kv_used_tokens` | gauge | tokens in the KV cache |
//! | `chaku_kv_capacity_tokens` | gauge | tokens that it can hold |
//! | `chaku_step_seconds` | histogram | one call of the model |
//! | `chaku_threads` | gauge | compute threads in use |
//! | `chaku_cancelled_total` | counter | requests that were cancelled |
//! | `chaku_deadline_exceeded_total` | counter | requests whose deadline passed |
//! | `chaku_overload_total` | counter | requests refused or displaced because too many waited |
//! | `chaku_evictions_total` | counter | sequences that lost their place in the KV cache |
//! | `chaku_preemptions_total` | counter | running requests that gave way to others |
//! | `chaku_prompt_cache_bytes` | gauge | bytes of the prompt cache |
//! | `chaku_prompt_cache_hits_total` | counter | requests that found a part of their prompt there |
//! | `chaku_sessions` | gauge | sessions that exist |

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::snapshot::Metrics;
use super::window::{Sums, Window};
use crate::event::FinishReason;

/// Counts for one model. Its threads share it.
pub(crate) struct Recorder {
    born: Instant,
    /// Uncontended but for a snapshot.
    window: Mutex<Window>,
    fleet: Arc<Fleet>,
    steps: AtomicU64,
    step_nanos: AtomicU64,
    step_seconds: metrics::Histogram,
    queue_depth: Gauge,
    running: Gauge,
    paused: Gauge,
    sessions: Gauge,
    threads: Gauge,
    kv_used: Gauge,
    kv_capacity: Gauge,
    prompt_cache_bytes: Gauge,
    prompt_rate: Gauge,
    generated_rate: Gauge,
    prompt_tokens: Counter,
    generated_tokens: Counter,
    cached_tokens: Counter,
    cancelled: Counter,
    deadline_exceeded: Counter,
    overload: Counter,
    evictions: Counter,
    preemptions: Counter,
    prompt_cache_hits: Counter,
}

impl Recorder {
    /// For a model of that label. `fleet` is what its runtime sums up.
    pub(crate) fn new(model: &str, fleet: &Arc<Fleet>) -> Arc<Self> {
        let counter = |name: &'static str| Counter::new(metrics::counter!(name, "model" => model.to_owned()));
        let gauge = |name: &'static str| Gauge::new(metrics::gauge!(name, "model" => model.to_owned()));
        let recorder = Arc::new(Recorder {
            born: Instant::now(),
            window: Mutex::default(),
            fleet: fleet.clone(),
            steps: AtomicU64::new(0),
            step_nanos: AtomicU64::new(0),
            step_seconds: metrics::histogram!("chaku_step_seconds", "model" => model.to_owned()),
            queue_depth: gauge("chaku_queue_depth"),
            running: gauge("chaku_requests_running"),
            paused: gauge("chaku_requests_paused"),
            sessions: gauge("chaku_sessions"),
            threads: gauge("chaku_threads"),
            kv_used: gauge("chaku_kv_used_tokens"),
            kv_capacity: gauge("chaku_kv_capacity_tokens"),
            prompt_cache_bytes: gauge("chaku_prompt_cache_bytes"),
            prompt_rate: gauge("chaku_prompt_tokens_per_second"),
            generated_rate: gauge("chaku_generated_tokens_per_second"),
            prompt_tokens: counter("chaku_prompt_tokens_total"),
            generated_tokens: counter("chaku_generated_tokens_total"),
            cached_tokens: counter("chaku_cached_tokens_total"),
            cancelled: counter("chaku_cancelled_total"),
            deadline_exceeded: counter("chaku_deadline_exceeded_total"),
            overload: counter("chaku_overload_total"),
            evictions: counter("chaku_evictions_total"),
            preemptions: counter("chaku_preemptions_total"),
            prompt_cache_hits: counter("chaku_prompt_cache_hits_total"),
        });
        fleet.0.lock().live.push(Arc::downgrade(&recorder));
        recorder
    }

    /// So many requests wait to start.
    pub(crate) fn queued(&self, depth: usize) {
        self.queue_depth.set(depth as f64);
    }

    /// So many have started and have not ended. With none, the rates of the facade fall to zero: no step comes to say so.
    pub(crate) fn running(&self, requests: usize) {
        self.running.set(requests as f64);
        if requests == 0 {
            self.prompt_rate.set(0.0);
            self.generated_rate.set(0.0);
        }
    }

    /// So many of the running ones stand still.
    pub(crate) fn paused(&self, requests: usize) {
        self.paused.set(requests as f64);
    }

    /// A request that was let in has ended.
    pub(crate) fn ended(&self, reason: FinishReason) {
        match reason {
            FinishReason::Cancelled => self.cancelled.add(1),
            FinishReason::Deadline => self.deadline_exceeded.add(1),
            _ => {}
        }
    }

    /// The model was called: so many tokens of prompts were computed, and so many tokens came out.
    pub(crate) fn step(&self, prompt_tokens: usize, generated_tokens: usize, wall: Duration) {
        self.step_at(self.born.elapsed(), prompt_tokens, generated_tokens, wall);
    }

    fn step_at(&self, at: Duration, prompt_tokens: usize, generated_tokens: usize, wall: Duration) {
        let (prompt_tokens, generated_tokens) = (prompt_tokens as u64, generated_tokens as u64);
        self.prompt_tokens.add(prompt_tokens);
        self.generated_tokens.add(generated_tokens);
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.step_nanos.fetch_add(wall.as_nanos() as u64, Ordering::Relaxed);
        self.step_seconds.record(wall);
        let mut window = self.window.lock();
        if window.add(at, Sums { prompt_tokens, generated_tokens, steps: 1, step_time: wall }) {
            let (sums, seconds) = window.sums(at);
            drop(window);
            self.prompt_rate.set(sums.prompt_tokens as f64 / seconds);
            self.generated_rate.set(sums.generated_tokens as f64 / seconds);
        }
    }

    /// The KV cache holds so many tokens of so many.
    pub(crate) fn kv(&self, used: usize, capacity: usize) {
        self.kv_used.set(used as f64);
        self.kv_capacity.set(capacity as f64);
    }

    /// So many tokens of a prompt were known already.
    pub(crate) fn cached(&self, tokens: usize) {
        self.cached_tokens.add(tokens as u64);
    }

    /// A sequence lost its place in the KV cache.
    pub(crate) fn evicted(&self) {
        self.evictions.add(1);
    }

    /// A running request gave way.
    pub(crate) fn preempted(&self) {
        self.preemptions.add(1);
    }

    /// A request was refused or displaced because too many wait.
    pub(crate) fn overload(&self) {
        self.overload.add(1);
    }

    /// So many threads compute.
    pub(crate) fn threads(&self, threads: u32) {
        self.threads.set(f64::from(threads));
    }

    /// The prompt cache has so many bytes.
    pub(crate) fn prompt_cache(&self, bytes: usize) {
        self.prompt_cache_bytes.set(bytes as f64);
    }

    /// A request found a part of its prompt in the prompt cache.
    pub(crate) fn prompt_cache_hit(&self) {
        self.prompt_cache_hits.add(1);
    }

    /// A session was made.
    pub(crate) fn session_opened(&self) {
        self.sessions.add(1.0);
    }

    /// A session is gone.
    pub(crate) fn session_closed(&self) {
        self.sessions.add(-1.0);
    }

    /// The numbers now.
    pub(crate) fn snapshot(&self) -> Metrics {
        self.snapshot_at(self.born.elapsed())
    }

    fn snapshot_at(&self, at: Duration) -> Metrics {
        let (lately, seconds) = self.window.lock().sums(at);
        let steps = lately.steps.max(1) as f64;
        Metrics {
            models: 1,
            sessions: self.sessions.get() as u64,
            queue_depth: self.queue_depth.get() as u64,
            requests_running: self.running.get() as u64,
            requests_paused: self.paused.get() as u64,
            prompt_tokens_total: self.prompt_tokens.get(),
            generated_tokens_total: self.generated_tokens.get(),
            cached_tokens_total: self.cached_tokens.get(),
            prompt_tokens_per_second: lately.prompt_tokens as f64 / seconds,
            generated_tokens_per_second: lately.generated_tokens as f64 / seconds,
            kv_used_tokens: self.kv_used.get() as u64,
            kv_capacity_tokens: self.kv_capacity.get() as u64,
            steps_total: self.steps.load(Ordering::Relaxed),
            step_seconds_total: Duration::from_nanos(self.step_nanos.load(Ordering::Relaxed)).as_secs_f64(),
            steps_per_second: lately.steps as f64 / seconds,
            step_ms: crate::clock::millis(lately.step_time) / steps,
            threads: self.threads.get() as u64,
            cancelled_total: self.cancelled.get(),
            deadline_exceeded_total: self.deadline_exceeded.get(),
            overload_total: self.overload.get(),
            evictions_total: self.evictions.get(),
            preemptions_total: self.preemptions.get(),
            prompt_cache_bytes: self.prompt_cache_bytes.get() as u64,
            prompt_cache_hits_total: self.prompt_cache_hits.get(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let totals = self.snapshot().totals();
        let mut fleet = self.fleet.0.lock();
        fleet.gone += totals;
        fleet.live.retain(|recorder| recorder.strong_count() > 0);
    }
}

/// The models of a runtime, as far as they count: what they did stays counted when they are gone.
#[derive(Default)]
pub(crate) struct Fleet(Mutex<Models>);

#[derive(Default)]
struct Models {
    live: Vec<Weak<Recorder>>,
    gone: Metrics,
}

impl Fleet {
    pub(crate) fn snapshot(&self) -> Metrics {
        let models = self.0.lock();
        let mut sum = models.gone;
        // Summed up without the lock: a recorder whose last owner this turns out to be takes it when it ends.
        let live: Vec<_> = models.live.iter().filter_map(Weak::upgrade).collect();
        drop(models);
        live.iter().for_each(|recorder| sum += recorder.snapshot());
        sum
    }
}

struct Counter {
    total: AtomicU64,
    handle: metrics::Counter,
}

impl Counter {
    fn new(handle: metrics::Counter) -> Self {
        // So that it is there, as zero, before anything happened.
        handle.increment(0);
        Counter { total: AtomicU64::new(0), handle }
    }

    fn add(&self, count: u64) {
        if count > 0 {
            self.total.fetch_add(count, Ordering::Relaxed);
            self.handle.increment(count);
        }
    }

    fn get(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// Tells the facade what changed, not what is, so that models of one label add up, and what is gone counts no more.
struct Gauge {
    /// An f64.
    value: AtomicU64,
    handle: metrics::Gauge,
}

impl Gauge {
    fn new(handle: metrics::Gauge) -> Self {
        handle.increment(0.0);
        Gauge { value: AtomicU64::new(0f64.to_bits()), handle }
    }

    fn set(&self, value: f64) {
        let before = f64::from_bits(self.value.swap(value.to_bits(), Ordering::Relaxed));
        self.tell(value - before);
    }

    fn add(&self, change: f64) {
        let changed = |bits| Some((f64::from_bits(bits) + change).to_bits());
        let _ = self.value.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
        self.tell(change);
    }

    fn tell(&self, change: f64) {
        if change != 0.0 {
            self.handle.increment(change);
        }
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.value.load(Ordering::Relaxed))
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.set(0.0);
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
