//! The queue's rules, one thread at a time; `tests/loom` has the threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::error::{Error, Reason};
use crate::event::{Event, Final, Phase, Progress, Text};
use crate::event_queue::{EventQueue, Next};

fn token(n: i32) -> Event {
    Event::Text(Arc::new(Text {
        text: n.to_string(),
        token: Some(n),
        bytes: Vec::new(),
        replaced: false,
        logprob: None,
        top_logprobs: Vec::new(),
    }))
}

fn now() -> Option<Instant> {
    Some(Instant::now())
}

#[test]
fn only_the_first_end_counts_and_nothing_follows_it() {
    let queue = EventQueue::new(4);
    queue.push(token(1));
    assert!(queue.finish(Final::done(), || {}));
    assert!(!queue.finish(Final::failed(Error::new(Reason::Cancelled, "late")), || {}));
    queue.push(token(2));
    assert!(matches!(queue.next(now()), Next::Event { event: Event::Text(_), .. }));
    assert!(matches!(queue.next(now()), Next::Event { event: Event::Final(end), .. } if end.error.is_none()));
    assert!(matches!(queue.next(None), Next::Finished));
}

#[test]
fn an_owned_request_is_finished_by_its_owner_alone() {
    let queue = EventQueue::new(4);
    assert!(queue.own());
    assert!(!queue.finish_unowned(Final::done(), || {}));
    assert!(queue.finish(Final::done(), || {}));
    assert!(!queue.own());
}

#[test]
fn a_full_queue_stalls_and_a_read_down_to_half_resumes() {
    let queue = EventQueue::new(4);
    (0..4).for_each(|n| queue.push(token(n)));
    assert!(!queue.has_room());
    assert!(matches!(queue.next(now()), Next::Event { resume: false, .. }));
    assert!(matches!(queue.next(now()), Next::Event { resume: true, .. }));
    assert!(matches!(queue.next(now()), Next::Event { resume: false, .. }));
    assert!(queue.has_room());
}

#[test]
fn unread_progress_is_replaced() {
    let queue = EventQueue::new(4);
    queue.push(token(1));
    for done in 0..100 {
        queue.push(Event::Progress(Progress { phase: Phase::Prefill, done, total: 100 }));
    }
    assert!(matches!(queue.next(now()), Next::Event { event: Event::Text(_), .. }));
    assert!(matches!(queue.next(now()), Next::Event { event: Event::Progress(p), .. } if p.done == 99));
    assert!(matches!(queue.next(now()), Next::TimedOut));
}

#[test]
fn ready_fires_on_the_edge_and_once_at_registration() {
    let queue = EventQueue::new(4);
    queue.push(token(0));
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    let before = queue.set_ready(Some(Arc::new(move || {
        seen.fetch_add(1, Ordering::SeqCst);
    })));
    assert!(before.is_none());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    queue.push(token(1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    while let Next::Event { .. } = queue.next(now()) {}
    queue.push(token(2));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
