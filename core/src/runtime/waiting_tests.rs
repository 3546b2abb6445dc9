//! The rules of waiting, at times that the test makes up.

use std::time::Duration;

use super::*;
use crate::event::Event;
use crate::priority::Priority;
use crate::runtime::signal::Signal;
use crate::terms::Terms;

fn request(priority: Priority, overload: Overload) -> Arc<Shared> {
    Shared::new("test", &Terms { priority, overload, ..Terms::plain(4, None) }, Arc::new(Signal::default()), None)
}

struct Room {
    waiting: Waiting,
    now: Instant,
}

impl Room {
    fn new(limit: usize) -> Self {
        Room { waiting: Waiting::new(limit), now: Instant::now() }
    }

    fn try_admit(&mut self, priority: Priority, overload: Overload) -> Result<Arc<Shared>> {
        let request = request(priority, overload);
        self.waiting.admit(request.clone(), Prepare::never(), self.now)?;
        Ok(request)
    }

    fn admit(&mut self, priority: Priority, overload: Overload) -> Arc<Shared> {
        self.try_admit(priority, overload).expect("there is a place")
    }

    fn refusal(&mut self, priority: Priority, overload: Overload) -> Error {
        self.try_admit(priority, overload).err().expect("there is no place")
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// The next one to prepare, which starts at once.
    fn start(&mut self) -> Option<u64> {
        let (request, _) = self.waiting.next_to_prepare(self.now)?;
        self.waiting.leave(request.id, self.now);
        Some(request.id)
    }

    fn position(&self, request: &Shared) -> Option<usize> {
        self.waiting.position(request.id, self.now)
    }
}

fn error(request: &Shared) -> Error {
    let Ok(Some(Event::Final(end))) = request.next(Some(Duration::ZERO)) else { panic!("it has ended") };
    end.error.clone().expect("not well")
}

use Overload::{Displace, Reject, Wait};
use Priority::{High, Low, Normal};

#[test]
fn the_most_urgent_goes_first_then_the_oldest() {
    let mut room = Room::new(8);
    let order = [Low, Normal, High, Normal, High].map(|priority| room.admit(priority, Reject).id);
    let started: Vec<_> = std::iter::from_fn(|| room.start()).collect();
    assert_eq!(started, [2, 4, 1, 3, 0].map(|index: usize| order[index]));
}

#[test]
fn waiting_makes_urgent() {
    let mut room = Room::new(8);
    let low = room.admit(Low, Reject);
    room.pass(19);
    let high = room.admit(High, Reject);
    assert_eq!((room.position(&low), room.position(&high)), (Some(1), Some(0)));
    room.pass(2);
    let later = room.admit(High, Reject);
    // Ten seconds are worth a level to the older high one too, though not yet.
    assert_eq!([&low, &high, &later].map(|request| room.position(request)), [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_full_queue_refuses_with_length_and_limit() {
    let mut room = Room::new(2);
    let first = room.admit(Normal, Reject);
    room.admit(Normal, Reject);
    let refusal = room.refusal(High, Reject);
    assert_eq!(refusal.reason(), Reason::QueueFull);
    assert_eq!((refusal.detail("queued"), refusal.detail("limit")), (Some("2"), Some("2")));
    first.cancel();
    room.admit(Normal, Reject);
}

#[test]
fn who_stands_outside_is_not_prepared_and_enters_the_most_urgent_first() {
    let mut room = Room::new(1);
    let queued = room.admit(Normal, Reject);
    let outside = room.admit(High, Wait);
    assert_eq!((room.position(&queued), room.position(&outside)), (Some(0), Some(1)));
    assert_eq!(room.start(), Some(queued.id));
    assert_eq!(room.position(&outside), Some(0));

    let mut room = Room::new(2);
    let queued = [room.admit(Normal, Reject), room.admit(Normal, Reject)];
    let outside = [room.admit(Normal, Wait), room.admit(High, Wait)];
    assert_eq!(room.refusal(High, Wait).reason(), Reason::QueueFull);
    assert_eq!(room.refusal(High, Reject).reason(), Reason::QueueFull);
    let started: Vec<_> = std::iter::from_fn(|| room.start()).collect();
    assert_eq!(started, [queued[0].id, outside[1].id, queued[1].id, outside[0].id]);
}

#[test]
fn outside_too_deadlines_pass_and_cancelled_ones_make_room() {
    let mut room = Room::new(1);
    let queued = room.admit(Normal, Reject);
    let terms = Terms { overload: Wait, ..Terms::plain(4, Some(Duration::from_secs(5))) };
    let outside = Shared::new("test", &terms, Arc::new(Signal::default()), None);
    room.waiting.admit(outside.clone(), Prepare::never(), room.now).unwrap();
    assert_eq!(room.waiting.expire(room.now), outside.deadline);
    room.pass(6);
    assert_eq!(room.waiting.expire(room.now), None);
    assert_eq!(error(&outside).reason(), Reason::Deadline);

    let outside = room.admit(Normal, Wait);
    queued.cancel();
    room.waiting.expire(room.now);
    assert_eq!(room.start(), Some(outside.id));
}

#[test]
fn the_youngest_of_the_least_urgent_is_displaced_and_told() {
    let mut room = Room::new(4);
    let [old, young] = [room.admit(Low, Reject), room.admit(Low, Reject)];
    let normal = room.admit(Normal, Reject);
    // Being prepared, or prepared already, protects nobody.
    room.admit(High, Reject);
    while room.waiting.next_to_prepare(room.now).is_some() {}
    let displacing = room.admit(Normal, Displace);
    let told = error(&young);
    assert_eq!((told.reason(), told.detail("priority")), (Reason::Displaced, Some("low")));
    assert_eq!(told.detail("displaced_by"), Some("normal"));
    assert!(!old.has_ended());
    room.admit(High, Displace);
    assert_eq!(error(&old).reason(), Reason::Displaced);
    room.admit(High, Displace);
    assert_eq!(error(&displacing).reason(), Reason::Displaced);
    room.admit(High, Displace);
    assert_eq!(error(&normal).reason(), Reason::Displaced);
    assert_eq!(room.refusal(High, Displace).reason(), Reason::QueueFull);
}

#[test]
fn who_has_waited_long_is_not_displaced() {
    let mut room = Room::new(1);
    let low = room.admit(Low, Reject);
    room.pass(10);
    assert_eq!(room.refusal(Normal, Displace).reason(), Reason::QueueFull);
    room.admit(High, Displace);
    assert_eq!(error(&low).reason(), Reason::Displaced);
}

#[test]
fn what_has_started_or_ended_has_no_position() {
    let mut room = Room::new(2);
    let [first, second] = [room.admit(Normal, Reject), room.admit(Normal, Reject)];
    first.cancel();
    assert_eq!((room.position(&first), room.position(&second)), (None, Some(0)));
    assert_eq!(room.start(), Some(second.id));
    assert_eq!(room.position(&second), None);
}

#[test]
fn a_closed_room_lets_nobody_in() {
    let mut room = Room::new(1);
    let (queued, outside) = (room.admit(Normal, Reject), room.admit(Normal, Wait));
    drop(room.waiting.take_gone());
    room.waiting.close(Error::new(Reason::Closed, "closed"));
    let gone = room.waiting.take_gone();
    gone.iter().for_each(|entry| entry.end(Error::new(Reason::ClosedWhileRunning, "closed")));
    assert_eq!([error(&queued), error(&outside)].map(|error| error.reason()), [Reason::ClosedWhileRunning; 2]);
    assert_eq!(room.refusal(Normal, Wait).reason(), Reason::Closed);
    assert_eq!(room.start(), None);
}

/// Arrivals of all kinds, starts, cancels and time, at random.
struct Crowd {
    seed: u64,
    state: u64,
    room: Room,
    /// Of requests that were let in: when, and how.
    open: Vec<(Arc<Shared>, Instant)>,
    displaced: usize,
}

impl Crowd {
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.state >> 33) % limit
    }

    fn act(&mut self) {
        match self.below(10) {
            0..=4 => {
                let priority = [Low, Normal, High, High][self.below(4) as usize];
                let overload = [Reject, Wait, Displace][self.below(3) as usize];
                if let Ok(request) = self.room.try_admit(priority, overload) {
                    self.open.push((request, self.room.now));
                }
            }
            5 | 6 => self.start(),
            7 => {
                let which = self.below(16) as usize;
                self.open.get(which).inspect(|(request, _)| request.cancel());
            }
            _ => {
                let seconds = self.below(4);
                self.room.pass(seconds);
                self.room.waiting.expire(self.room.now);
            }
        }
        self.check();
    }

    /// Nobody who starts has let one wait that came 20 s earlier, unless that one stands outside.
    fn start(&mut self) {
        let Some((request, _)) = self.room.waiting.next_to_prepare(self.room.now) else { return };
        let began = self.room.waiting.queue.iter().find(|entry| entry.request.id == request.id).unwrap().since;
        let passed_over = self
            .room
            .waiting
            .queue
            .iter()
            .any(|entry| entry.waits() && entry.prepare.is_some() && entry.since + Duration::from_secs(20) < began);
        assert!(!passed_over, "seed {}", self.seed);
        self.room.waiting.leave(request.id, self.room.now);
        assert!(request.finish(Final::done()), "seed {}: it had ended", self.seed);
    }

    fn check(&mut self) {
        let (seed, waiting) = (self.seed, &mut self.room.waiting);
        drop(waiting.take_gone());
        let limit = waiting.limit;
        assert!(waiting.queue.len() <= limit && waiting.outside.len() <= limit, "seed {seed}");
        assert!(waiting.outside.is_empty() || waiting.queue.len() == limit, "seed {seed}: a place is free");
        let displaced = &mut self.displaced;
        let now = self.room.now;
        let mut positions = Vec::new();
        self.open.retain(|(request, _)| {
            let waits = waiting.all().any(|entry| entry.request.id == request.id && entry.waits());
            assert_eq!(waits, !request.has_ended(), "seed {seed}: waiting or ended");
            positions.extend(waiting.position(request.id, now));
            if waits {
                return true;
            }
            let Ok(Some(Event::Final(end))) = request.next(Some(Duration::ZERO)) else { panic!("seed {seed}") };
            *displaced += usize::from(end.error.as_ref().is_some_and(|error| error.reason() == Reason::Displaced));
            assert!(request.next(Some(Duration::ZERO)).is_err(), "seed {seed}: it ended twice");
            false
        });
        positions.sort_unstable();
        assert_eq!(positions, (0..self.open.len()).collect::<Vec<_>>(), "seed {seed}: each has a position of its own");
    }
}

#[test]
fn limits_hold_each_ends_once_and_nobody_starves() {
    let mut displaced = 0;
    for seed in 0..300 {
        let room = Room::new(1 + seed as usize % 5);
        let mut crowd = Crowd { seed, state: seed, room, open: Vec::new(), displaced: 0 };
        for _ in 0..300 {
            crowd.act();
        }
        // From here on only urgent ones arrive, one for each that starts: all the same the others start.
        let others: Vec<_> = crowd.open.iter().map(|(request, _)| request.clone()).collect();
        for _ in 0..60 {
            if let Ok(request) = crowd.room.try_admit(High, Wait) {
                crowd.open.push((request, crowd.room.now));
            }
            crowd.start();
            crowd.room.pass(1);
            crowd.check();
        }
        assert!(others.iter().all(|request| request.has_ended()), "seed {seed}: some starved");
        displaced += crowd.displaced;
    }
    assert!(displaced > 100, "{displaced}");
}
