//! When a request got how far: moments that the threads at work mark in atomics, and what a reader is told of them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock::millis;

/// Where a request's time went, in milliseconds since the call that made it. `None`: it has not come so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timeline {
    /// It began to wait for its turn.
    pub queued_ms: Option<f64>,
    /// Template and tokenizer began.
    pub prepare_began_ms: Option<f64>,
    /// Its tokens were known.
    pub prepared_ms: Option<f64>,
    /// The engine took it in.
    pub started_ms: Option<f64>,
    /// Its first token was sampled.
    pub first_token_ms: Option<f64>,
    /// It ended.
    pub ended_ms: Option<f64>,
    /// How often it gave way to others.
    pub preempted: u32,
    /// How often it went on after that.
    pub resumed: u32,
    /// How often it was passed over, since its reader had let its event queue fill up.
    pub stalled: u32,
}

impl Timeline {
    /// As a JSON object with the names of the fields.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and nothing else")
    }
}

/// A point of a request's life that comes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Queued,
    PrepareBegan,
    Prepared,
    Started,
    FirstToken,
}

const MOMENTS: usize = Moment::FirstToken as usize + 1;

/// The worker's side. Marking costs a clock read and an atomic write.
pub(crate) struct Marks {
    created: Instant,
    /// For each [`Moment`] the nanoseconds since `created`, plus one; 0 = not yet.
    moments: [AtomicU64; MOMENTS],
    preempted: AtomicU32,
    resumed: AtomicU32,
    stalled: AtomicU32,
}

impl Marks {
    pub(crate) fn new(created: Instant) -> Self {
        let moments = [const { AtomicU64::new(0) }; MOMENTS];
        let count = || AtomicU32::new(0);
        Marks { created, moments, preempted: count(), resumed: count(), stalled: count() }
    }

    /// The moment is now, unless it was before.
    pub(crate) fn mark(&self, moment: Moment) {
        self.mark_at(moment, Instant::now());
    }

    pub(crate) fn mark_at(&self, moment: Moment, at: Instant) {
        let nanos = at.saturating_duration_since(self.created).as_nanos() as u64 + 1;
        let _ = self.moments[moment as usize].compare_exchange(0, nanos, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// It gave way to another request.
    pub(crate) fn preempted(&self) {
        self.preempted.fetch_add(1, Ordering::Relaxed);
    }

    /// It goes on after it had given way.
    pub(crate) fn resumed(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// Its reader begins to hold it up.
    pub(crate) fn stalled(&self) {
        self.stalled.fetch_add(1, Ordering::Relaxed);
    }

    /// What has been marked; the end, of which the event queue alone knows, is given.
    pub(crate) fn timeline(&self, ended_ms: Option<f64>) -> Timeline {
        let ms = |moment: Moment| {
            let nanos = self.moments[moment as usize].load(Ordering::Relaxed).checked_sub(1)?;
            Some(millis(Duration::from_nanos(nanos)))
        };
        Timeline {
            queued_ms: ms(Moment::Queued),
            prepare_began_ms: ms(Moment::PrepareBegan),
            prepared_ms: ms(Moment::Prepared),
            started_ms: ms(Moment::Started),
            first_token_ms: ms(Moment::FirstToken),
            ended_ms,
            preempted: self.preempted.load(Ordering::Relaxed),
            resumed: self.resumed.load(Ordering::Relaxed),
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_what_was_marked_first() {
        let created = Instant::now();
        let marks = Marks::new(created);
        assert_eq!(marks.timeline(None), Timeline::default());

        marks.mark_at(Moment::Queued, created);
        marks.mark_at(Moment::Started, created + Duration::from_millis(5));
        marks.mark_at(Moment::Started, created + Duration::from_millis(9));
        marks.preempted();
        marks.preempted();
        marks.resumed();
        marks.stalled();
        let timeline = marks.timeline(Some(12.5));
        assert_eq!((timeline.queued_ms, timeline.started_ms, timeline.ended_ms), (Some(0.0), Some(5.0), Some(12.5)));
        assert_eq!((timeline.prepared_ms, timeline.first_token_ms), (None, None));
        assert_eq!((timeline.preempted, timeline.resumed, timeline.stalled), (2, 1, 1));
    }

    #[test]
    fn json_has_the_names_of_the_fields() {
        let timeline = Timeline { queued_ms: Some(0.25), stalled: 3, ..Timeline::default() };
        let json: serde_json::Value = serde_json::from_str(&timeline.to_json()).unwrap();
        assert_eq!(json["queued_ms"], 0.25);
        assert_eq!(json["stalled"], 3);
        assert!(json["ended_ms"].is_null());
    }
}
