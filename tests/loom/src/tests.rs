//! One test a promise of the queue.

use std::time::Instant;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering::SeqCst};
use loom::thread;

use crate::event::{Event, Final};
use crate::event_queue::{EventQueue, Next, ReadyHook};
use crate::sync::{Condvar, Mutex};

/// A thread that must be woken, and may be before it waits: the engine, or an event loop.
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn new() -> Arc<Self> {
        Arc::new(Signal { woken: Mutex::new(false), changed: Condvar::new() })
    }

    fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut woken = self.woken.lock();
        while !*woken {
            self.changed.wait(&mut woken);
        }
        *woken = false;
    }
}

fn queue(capacity: usize) -> Arc<EventQueue> {
    Arc::new(EventQueue::new(capacity))
}

/// Without waiting, as far as the queue is concerned.
fn at_once() -> Option<Instant> {
    Some(Instant::now())
}

fn hook(fired: impl Fn() + Send + Sync + 'static) -> Option<ReadyHook> {
    Some(std::sync::Arc::new(fired))
}

fn text_of(next: Next) -> Option<u32> {
    match next {
        Next::Event { event: Event::Text(n), .. } => Some(n),
        _ => None,
    }
}

fn end_of(next: Next) -> Option<u32> {
    match next {
        Next::Event { event: Event::Final(end), .. } => Some(end.0),
        _ => None,
    }
}

#[test]
fn a_reader_that_waits_gets_what_is_pushed() {
    loom::model(|| {
        let queue = queue(4);
        let engine = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.push(Event::Text(1));
                queue.finish(Final(2), || {});
            }
        });
        assert_eq!(text_of(queue.next(None)), Some(1));
        assert!(!queue.is_read(), "the end is still to come");
        assert_eq!(end_of(queue.next(None)), Some(2));
        assert!(queue.is_read() && matches!(queue.next(None), Next::Finished));
        engine.join().unwrap();
    });
}

#[test]
fn two_readers_share_the_events_and_both_learn_of_the_end() {
    // Three threads that wait for each other can meet in millions of orders; bugs need few forced switches.
    let mut few_switches = loom::model::Builder::new();
    few_switches.preemption_bound = Some(4);
    few_switches.check(|| {
        let queue = queue(4);
        let read_all = |queue: Arc<EventQueue>| {
            let mut seen = Vec::new();
            while let Next::Event { event, .. } = queue.next(None) {
                seen.push(match event {
                    Event::Text(n) => n,
                    Event::Final(end) => end.0,
                    Event::Progress(_) => unreachable!("nobody pushes progress"),
                });
            }
            seen
        };
        let other = thread::spawn({
            let queue = queue.clone();
            move || read_all(queue)
        });
        let engine = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.push(Event::Text(1));
                queue.finish(Final(2), || {});
            }
        });
        let mut seen = read_all(queue);
        seen.extend(other.join().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "each event once, whoever read it");
        engine.join().unwrap();
    });
}

#[test]
fn a_read_that_times_out_loses_nothing() {
    loom::model(|| {
        let queue = queue(4);
        let engine = thread::spawn({
            let queue = queue.clone();
            move || queue.push(Event::Text(1))
        });
        let first = text_of(queue.next(at_once()));
        engine.join().unwrap();
        let second = text_of(queue.next(at_once()));
        assert_eq!(first.or(second), Some(1));
        assert!(first.is_none() || second.is_none(), "read twice");
    });
}

/// An event loop: it sleeps until the hook wakes it, then reads until there is nothing.
fn read_when_woken(queue: &EventQueue, signal: &Signal, mut on_event: impl FnMut(Event)) {
    loop {
        signal.wait();
        loop {
            match queue.next(at_once()) {
                Next::Event { event, .. } => on_event(event),
                Next::TimedOut => break,
                Next::Finished => return,
            }
        }
    }
}

#[test]
fn the_hook_fires_whenever_the_queue_was_empty() {
    loom::model(|| {
        let queue = queue(4);
        let signal = Signal::new();
        let waker = signal.clone();
        assert!(queue.set_ready(hook(move || waker.wake())).is_none());
        let engine = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.push(Event::Text(1));
                queue.finish(Final(2), || {});
            }
        });
        let mut seen = 0;
        read_when_woken(&queue, &signal, |_| seen += 1);
        assert_eq!(seen, 2);
        engine.join().unwrap();
        drop(queue.set_ready(None));
    });
}

#[test]
fn the_hook_fires_only_when_the_queue_was_empty() {
    loom::model(|| {
        let queue = queue(4);
        // How many events the engine has begun to push, the reader has begun to take.
        let (pushing, taking) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (pushed, taken) = (pushing.clone(), taking.clone());
        let fired =
            move || assert!(taken.load(SeqCst) >= pushed.load(SeqCst) - 1, "there was something to read already");
        assert!(queue.set_ready(hook(fired)).is_none());
        let engine = thread::spawn({
            let queue = queue.clone();
            move || {
                for n in 0..2 {
                    pushing.fetch_add(1, SeqCst);
                    queue.push(Event::Text(n));
                }
            }
        });
        for n in 0..2 {
            taking.fetch_add(1, SeqCst);
            assert_eq!(text_of(queue.next(None)), Some(n));
        }
        engine.join().unwrap();
        drop(queue.set_ready(None));
    });
}

#[test]
fn of_two_that_push_at_once_one_fires_the_hook() {
    loom::model(|| {
        let queue = queue(4);
        let calls = Arc::new(AtomicU32::new(0));
        let counter = calls.clone();
        assert!(queue.set_ready(hook(move || _ = counter.fetch_add(1, SeqCst))).is_none());
        let canceller = thread::spawn({
            let queue = queue.clone();
            move || queue.finish_unowned(Final(9), || {})
        });
        queue.push(Event::Text(1));
        assert!(canceller.join().unwrap());
        assert_eq!(calls.load(SeqCst), 1);
        drop(queue.set_ready(None));
    });
}

#[test]
fn a_hook_set_while_the_first_event_comes_fires_exactly_once() {
    loom::model(|| {
        let queue = queue(4);
        let calls = Arc::new(AtomicU32::new(0));
        let engine = thread::spawn({
            let queue = queue.clone();
            move || queue.push(Event::Text(1))
        });
        let counter = calls.clone();
        assert!(queue.set_ready(hook(move || _ = counter.fetch_add(1, SeqCst))).is_none());
        engine.join().unwrap();
        assert_eq!(calls.load(SeqCst), 1);
        drop(queue.set_ready(None));
    });
}

#[test]
fn a_request_ends_once_whoever_ends_it() {
    loom::model(|| {
        let queue = queue(4);
        let engine = thread::spawn({
            let queue = queue.clone();
            move || (queue.own(), queue.finish(Final(1), || {}))
        });
        let canceller = thread::spawn({
            let queue = queue.clone();
            move || queue.finish_unowned(Final(2), || {})
        });
        let deadline = queue.finish_unowned(Final(3), || {});
        let (owned, by_engine) = engine.join().unwrap();
        let by_canceller = canceller.join().unwrap();
        let winners: Vec<u32> = [(by_engine, 1), (by_canceller, 2), (deadline, 3)]
            .iter()
            .filter(|(won, _)| *won)
            .map(|(_, n)| *n)
            .collect();
        assert_eq!(winners.len(), 1, "one end counts");
        assert_eq!(owned, by_engine, "what the engine owns, it alone ends");
        assert_eq!(end_of(queue.next(None)), Some(winners[0]), "and that one is read");
        assert_eq!(queue.end().unwrap().0, winners[0]);
        assert!(matches!(queue.next(None), Next::Finished));
    });
}

#[test]
fn nothing_follows_the_end() {
    loom::model(|| {
        let queue = queue(4);
        let canceller = thread::spawn({
            let queue = queue.clone();
            move || queue.finish_unowned(Final(2), || {})
        });
        queue.push(Event::Text(1));
        assert!(canceller.join().unwrap());
        let mut last = None;
        while let Next::Event { event, .. } = queue.next(None) {
            assert!(last.is_none(), "an event after the final one");
            last = matches!(event, Event::Final(_)).then_some(());
        }
        assert!(last.is_some());
    });
}

#[test]
fn unread_progress_is_replaced_and_read_progress_is_not_lost() {
    loom::model(|| {
        let queue = queue(4);
        let engine = thread::spawn({
            let queue = queue.clone();
            move || {
                queue.push(Event::Progress(1));
                queue.push(Event::Progress(2));
                queue.finish(Final(3), || {});
            }
        });
        let mut newest = 0;
        while let Next::Event { event, .. } = queue.next(None) {
            if let Event::Progress(n) = event {
                assert!(n > newest, "progress goes forward");
                newest = n;
            }
        }
        assert_eq!(newest, 2);
        engine.join().unwrap();
    });
}

#[test]
fn an_engine_that_found_no_room_is_told_of_it() {
    loom::model(|| {
        let queue = queue(3);
        let wake = Signal::new();
        let engine = thread::spawn({
            let (queue, wake) = (queue.clone(), wake.clone());
            move || {
                assert!(queue.own());
                for n in 0..4 {
                    while !queue.has_room() {
                        wake.wait();
                    }
                    queue.push(Event::Text(n));
                }
                queue.finish(Final(4), || {});
            }
        });
        let mut texts = 0;
        while let Next::Event { event, resume } = queue.next(None) {
            if resume {
                wake.wake();
            }
            texts += u32::from(matches!(event, Event::Text(_)));
        }
        assert_eq!(texts, 4);
        engine.join().unwrap();
    });
}

#[test]
fn who_waits_for_the_end_learns_of_it_read_or_not() {
    loom::model(|| {
        let queue = queue(4);
        let engine = thread::spawn({
            let queue = queue.clone();
            move || queue.finish(Final(2), || {})
        });
        let reader = thread::spawn({
            let queue = queue.clone();
            move || while let Next::Event { .. } = queue.next(None) {}
        });
        let in_time = queue.wait_end(at_once());
        assert!(!in_time || queue.end().is_some());
        assert!(queue.wait_end(None));
        assert!(engine.join().unwrap());
        reader.join().unwrap();
    });
}
