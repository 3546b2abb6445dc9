use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_snapshot_says_what_was_recorded() {
    let recorder = Recorder::new("m", &Arc::default());
    recorder.queued(4);
    recorder.running(3);
    recorder.paused(1);
    recorder.kv(700, 4096);
    recorder.threads(2);
    recorder.cached(800);
    recorder.prompt_cache(1 << 20);
    recorder.prompt_cache_hit();
    recorder.evicted();
    recorder.preempted();
    recorder.overload();
    recorder.session_opened();
    recorder.session_opened();
    recorder.session_closed();
    for reason in [FinishReason::Stop, FinishReason::Cancelled, FinishReason::Deadline, FinishReason::Cancelled] {
        recorder.ended(reason);
    }
    // Two seconds: a prefill of 100 tokens, then 20 steps for two streams.
    recorder.step_at(10 * MS, 100, 1, 200 * MS);
    for step in 0..20 {
        recorder.step_at((300 + 85 * step) * MS, 0, 2, 80 * MS);
    }
    let now = recorder.snapshot_at(2000 * MS);
    assert_eq!((now.queue_depth, now.requests_running, now.requests_paused, now.sessions), (4, 3, 1, 1));
    assert_eq!((now.kv_used_tokens, now.kv_capacity_tokens, now.threads), (700, 4096, 2));
    assert_eq!((now.prompt_tokens_total, now.generated_tokens_total, now.cached_tokens_total), (100, 41, 800));
    assert_eq!((now.prompt_cache_bytes, now.prompt_cache_hits_total), (1 << 20, 1));
    assert_eq!((now.cancelled_total, now.deadline_exceeded_total, now.overload_total), (2, 1, 1));
    assert_eq!((now.evictions_total, now.preemptions_total), (1, 1));
    assert_eq!((now.prompt_tokens_per_second, now.generated_tokens_per_second), (50.0, 20.5));
    assert_eq!((now.steps_total, now.step_seconds_total, now.steps_per_second), (21, 1.8, 10.5));
    assert!((now.step_ms - 1800.0 / 21.0).abs() < 1e-9);

    let later = recorder.snapshot_at(60_000 * MS);
    assert_eq!((later.generated_tokens_per_second, later.step_ms, later.generated_tokens_total), (0.0, 0.0, 41));
}

#[test]
fn a_runtime_sums_its_models_and_remembers_what_gone_ones_did() {
    let fleet = Arc::new(Fleet::default());
    let (one, two) = (Recorder::new("one", &fleet), Recorder::new("two", &fleet));
    one.step(10, 1, MS);
    one.threads(2);
    two.step(20, 2, MS);
    two.threads(1);
    let sum = fleet.snapshot();
    assert_eq!((sum.models, sum.threads, sum.prompt_tokens_total, sum.steps_total), (2, 3, 30, 2));
    drop(one);
    let sum = fleet.snapshot();
    assert_eq!((sum.models, sum.threads, sum.prompt_tokens_total, sum.steps_total), (1, 1, 30, 2));
    assert_eq!(fleet.0.lock().live.len(), 1);
}

/// A recorder of the facade that keeps each metric's value by `name{model}`.
#[derive(Default)]
struct Facade(Mutex<BTreeMap<String, Arc<Kept>>>);

#[derive(Default)]
struct Kept {
    count: AtomicU64,
    gauge: Mutex<f64>,
    observed: Mutex<Vec<f64>>,
}

impl metrics::CounterFn for Kept {
    fn increment(&self, value: u64) {
        self.count.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, _: u64) {
        unreachable!("counters are counted up");
    }
}

impl metrics::GaugeFn for Kept {
    fn increment(&self, value: f64) {
        *self.gauge.lock() += value;
    }

    fn decrement(&self, value: f64) {
        *self.gauge.lock() -= value;
    }

    fn set(&self, _: f64) {
        unreachable!("gauges of models add up");
    }
}

impl metrics::HistogramFn for Kept {
    fn record(&self, value: f64) {
        self.observed.lock().push(value);
    }
}

impl Facade {
    fn kept(&self, key: &metrics::Key) -> Arc<Kept> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        self.0.lock().entry(format!("{}{{{}}}", key.name(), labels.join(","))).or_default().clone()
    }

    fn get(&self, name: &str) -> Arc<Kept> {
        self.0.lock()[name].clone()
    }
}

impl metrics::Recorder for Facade {
    fn describe_counter(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_gauge(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}
    fn describe_histogram(&self, _: metrics::KeyName, _: Option<metrics::Unit>, _: metrics::SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(self.kept(key))
    }

    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::from_arc(self.kept(key))
    }

    fn register_histogram(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(self.kept(key))
    }
}

#[test]
fn the_facade_has_every_name_of_the_table_and_no_other() {
    let table = include_str!("metrics.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut expected: Vec<_> = table.map(|line| format!("{}{{model=m}}", line.split('`').next().unwrap())).collect();
    expected.sort();
    assert_eq!(expected.len(), 20);
    let facade = Facade::default();
    let recorder = metrics::with_local_recorder(&facade, || Recorder::new("m", &Arc::default()));
    assert_eq!(facade.0.lock().keys().cloned().collect::<Vec<_>>(), expected);
    drop(recorder);
}

#[test]
fn models_of_one_name_add_up_and_a_gone_one_leaves_its_counts_only() {
    let facade = Facade::default();
    let make = || metrics::with_local_recorder(&facade, || Recorder::new("m", &Arc::default()));
    let (one, two) = (make(), make());
    one.kv(100, 4096);
    one.kv(90, 4096);
    two.kv(10, 4096);
    one.step_at(MS, 30, 1, 250 * MS);
    two.step_at(MS, 4, 1, 500 * MS);
    assert_eq!(*facade.get("chaku_kv_used_tokens{model=m}").gauge.lock(), 100.0);
    assert_eq!(*facade.get("chaku_kv_capacity_tokens{model=m}").gauge.lock(), 8192.0);
    assert_eq!(*facade.get("chaku_step_seconds{model=m}").observed.lock(), [0.25, 0.5]);
    assert_eq!(*facade.get("chaku_prompt_tokens_per_second{model=m}").gauge.lock(), 68.0);
    drop(one);
    assert_eq!(*facade.get("chaku_kv_used_tokens{model=m}").gauge.lock(), 10.0);
    assert_eq!(facade.get("chaku_prompt_tokens_total{model=m}").count.load(Ordering::Relaxed), 34);
    two.running(0);
    assert_eq!(*facade.get("chaku_prompt_tokens_per_second{model=m}").gauge.lock(), 0.0);
}
