//! Counts what became of the jobs.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::case::Kind;
use crate::execute::{Outcome, caught};
use crate::supervise::{Memory, Verdict};

#[derive(Default)]
pub(crate) struct Report {
    kinds: BTreeMap<Kind, (u64, u64)>,
    reasons: BTreeMap<String, u64>,
    asserts: BTreeMap<String, u64>,
    died: u64,
    hung: u64,
    untyped: u64,
    jobs: u64,
    failed: u64,
    total_ms: u64,
    slowest: (u64, String),
    last: Option<String>,
}

impl Report {
    /// Counts a job; returns what to say about it at once, if it failed.
    pub(crate) fn add(&mut self, name: &str, kind: Kind, verdict: &Verdict) -> Option<String> {
        // A process that dies after a job's end spoils the job it was counted for.
        let again = self.last.replace(name.to_owned()).as_deref() == Some(name);
        self.jobs += u64::from(!again);
        self.failed += u64::from(verdict.is_failure());
        let (all, worked) = self.kinds.entry(kind).or_default();
        *all += u64::from(!again);
        match verdict {
            Verdict::Ended { outcome, ms } => {
                self.total_ms += ms;
                if *ms > self.slowest.0 {
                    self.slowest = (*ms, name.to_owned());
                }
                match outcome {
                    Outcome::Error { reason, message, stage } => {
                        *self.reasons.entry(reason.clone()).or_default() += 1;
                        if let Some(words) = caught(message) {
                            *self.asserts.entry(words.trim().chars().take(200).collect()).or_default() += 1;
                        }
                        self.untyped += u64::from(outcome.is_untyped());
                        return outcome.is_untyped().then(|| format!("UNTYPED {name} in {stage}: {reason}: {message}"));
                    }
                    _ => *worked += 1,
                }
                None
            }
            Verdict::Died(how) => {
                self.died += 1;
                Some(format!("DIED {name}: {how}"))
            }
            Verdict::Hung(how) => {
                self.hung += 1;
                Some(format!("HUNG {name}: {how}"))
            }
        }
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.failed == 0
    }

    /// The counts; the last line is the one every test script ends with.
    pub(crate) fn text(&self, memory: Memory) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            let _ = writeln!(out, "{text}");
        };
        for (kind, (all, worked)) in &self.kinds {
            line(format!("{:22} {all:6} run {worked:6} worked", format!("{kind:?}")));
        }
        line("typed errors by reason:".to_owned());
        self.reasons.iter().for_each(|(reason, count)| line(format!("  {reason:20} {count:6}")));
        if !self.asserts.is_empty() {
            line("asserts that no check came before (caught):".to_owned());
            self.asserts.iter().for_each(|(message, count)| line(format!("  {count:5} {message}")));
        }
        let (jobs, slowest) = (self.jobs.max(1), &self.slowest);
        line(format!(
            "{:.1} ms a case; the slowest took {} ms: {}",
            self.total_ms as f64 / jobs as f64,
            slowest.0,
            slowest.1
        ));
        let mib = |kib| kib / 1024;
        line(format!(
            "memory of the last worker: {} MiB after its first case, {} MiB after {} cases",
            mib(memory.first),
            mib(memory.last),
            memory.jobs
        ));
        line(format!("process deaths: {}, hangs: {}, untyped errors: {}", self.died, self.hung, self.untyped));
        line(format!("{} passed, {} failed", self.jobs.saturating_sub(self.failed), self.failed));
        out
    }
}
