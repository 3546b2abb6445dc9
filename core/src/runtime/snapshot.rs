//! The numbers of a model, or of all models of a runtime, at one moment.

use serde::Serialize;

/// What [`Model::metrics`](crate::Model::metrics) and [`Runtime::metrics`](crate::Runtime::metrics) tell. Numbers that
/// end in `_total` only grow; rates are means over the last five seconds. Each is also given to the `metrics` facade,
/// under the same name with `chaku_` before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Models that are loaded.
    pub models: u64,
    /// Sessions that exist.
    pub sessions: u64,
    /// Requests that wait to start.
    pub queue_depth: u64,
    /// Requests that have started and have not ended, the paused ones included.
    pub requests_running: u64,
    /// Of these, requests that nothing is computed for: they gave way, or their readers do not read.
    pub requests_paused: u64,
    /// Prompt tokens computed.
    pub prompt_tokens_total: u64,
    /// Tokens generated.
    pub generated_tokens_total: u64,
    /// Prompt tokens that were known already and cost nothing.
    pub cached_tokens_total: u64,
    /// Prompt tokens computed per second.
    pub prompt_tokens_per_second: f64,
    /// Tokens generated per second.
    pub generated_tokens_per_second: f64,
    /// Tokens that the KV cache holds.
    pub kv_used_tokens: u64,
    /// Tokens that it can hold.
    pub kv_capacity_tokens: u64,
    /// Calls of the model.
    pub steps_total: u64,
    /// Seconds spent in them.
    pub step_seconds_total: f64,
    /// Calls of the model per second.
    pub steps_per_second: f64,
    /// Milliseconds of one call, lately.
    pub step_ms: f64,
    /// Compute threads in use.
    pub threads: u64,
    /// Requests that were cancelled.
    pub cancelled_total: u64,
    /// Requests whose deadline passed.
    pub deadline_exceeded_total: u64,
    /// Requests that were refused or displaced because too many waited.
    pub overload_total: u64,
    /// Sequences that lost their place in the KV cache.
    pub evictions_total: u64,
    /// Running requests that gave way to others.
    pub preemptions_total: u64,
    /// Bytes of the prompt cache.
    pub prompt_cache_bytes: u64,
    /// Requests that found a part of their prompt there.
    pub prompt_cache_hits_total: u64,
}

impl Metrics {
    /// As a JSON object with the names of the fields.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and nothing else")
    }

    /// Of this, what stays true when the model is gone.
    pub(super) fn totals(&self) -> Metrics {
        Metrics {
            prompt_tokens_total: self.prompt_tokens_total,
            generated_tokens_total: self.generated_tokens_total,
            cached_tokens_total: self.cached_tokens_total,
            steps_total: self.steps_total,
            step_seconds_total: self.step_seconds_total,
            cancelled_total: self.cancelled_total,
            deadline_exceeded_total: self.deadline_exceeded_total,
            overload_total: self.overload_total,
            evictions_total: self.evictions_total,
            preemptions_total: self.preemptions_total,
            prompt_cache_hits_total: self.prompt_cache_hits_total,
            ..Metrics::default()
        }
    }
}

impl std::ops::AddAssign for Metrics {
    fn add_assign(&mut self, other: Metrics) {
        let steps_per_second = self.steps_per_second + other.steps_per_second;
        if steps_per_second > 0.0 {
            let time = self.step_ms * self.steps_per_second + other.step_ms * other.steps_per_second;
            self.step_ms = time / steps_per_second;
        }
        self.steps_per_second = steps_per_second;
        self.models += other.models;
        self.sessions += other.sessions;
        self.queue_depth += other.queue_depth;
        self.requests_running += other.requests_running;
        self.requests_paused += other.requests_paused;
        self.prompt_tokens_total += other.prompt_tokens_total;
        self.generated_tokens_total += other.generated_tokens_total;
        self.cached_tokens_total += other.cached_tokens_total;
        self.prompt_tokens_per_second += other.prompt_tokens_per_second;
        self.generated_tokens_per_second += other.generated_tokens_per_second;
        self.kv_used_tokens += other.kv_used_tokens;
        self.kv_capacity_tokens += other.kv_capacity_tokens;
        self.steps_total += other.steps_total;
        self.step_seconds_total += other.step_seconds_total;
        self.threads += other.threads;
        self.cancelled_total += other.cancelled_total;
        self.deadline_exceeded_total += other.deadline_exceeded_total;
        self.overload_total += other.overload_total;
        self.evictions_total += other.evictions_total;
        self.preemptions_total += other.preemptions_total;
        self.prompt_cache_bytes += other.prompt_cache_bytes;
        self.prompt_cache_hits_total += other.prompt_cache_hits_total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_weighs_step_times_by_how_many_there_were() {
        let mut sum = Metrics::default();
        sum += Metrics { models: 1, steps_per_second: 30.0, step_ms: 10.0, threads: 2, ..Metrics::default() };
        sum += Metrics { models: 1, steps_per_second: 10.0, step_ms: 50.0, threads: 1, ..Metrics::default() };
        sum += Metrics::default();
        assert_eq!((sum.models, sum.threads, sum.steps_per_second, sum.step_ms), (2, 3, 40.0, 20.0));
    }

    /// Adds up over the JSON, so that a field left out of the sum, or a total left out of the totals, shows.
    #[test]
    fn every_number_is_added_up_and_every_total_is_kept() {
        let ones = serde_json::to_value(Metrics::default()).unwrap();
        let names: Vec<String> = ones.as_object().unwrap().keys().cloned().collect();
        let one = Metrics {
            models: 1,
            sessions: 1,
            queue_depth: 1,
            requests_running: 1,
            requests_paused: 1,
            prompt_tokens_total: 1,
            generated_tokens_total: 1,
            cached_tokens_total: 1,
            prompt_tokens_per_second: 1.0,
            generated_tokens_per_second: 1.0,
            kv_used_tokens: 1,
            kv_capacity_tokens: 1,
            steps_total: 1,
            step_seconds_total: 1.0,
            steps_per_second: 1.0,
            step_ms: 1.0,
            threads: 1,
            cancelled_total: 1,
            deadline_exceeded_total: 1,
            overload_total: 1,
            evictions_total: 1,
            preemptions_total: 1,
            prompt_cache_bytes: 1,
            prompt_cache_hits_total: 1,
        };
        let mut two = one;
        two += one;
        let (two, totals) = (serde_json::to_value(two).unwrap(), serde_json::to_value(one.totals()).unwrap());
        for name in &names {
            let expected = if name == "step_ms" { 1.0 } else { 2.0 };
            assert_eq!(two[name].as_f64(), Some(expected), "{name}");
            assert_eq!(totals[name].as_f64() == Some(1.0), name.ends_with("_total"), "{name}");
        }
    }
}
