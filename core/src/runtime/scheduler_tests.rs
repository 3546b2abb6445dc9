use super::*;

const SLOW: Duration = Duration::from_millis(200);
const FAST: Duration = Duration::from_millis(5);

struct House {
    scheduler: Scheduler,
    now: Instant,
}

impl House {
    fn new(most: usize) -> Self {
        House { scheduler: Scheduler::new(most, Duration::from_millis(50)), now: Instant::now() }
    }

    fn add(&mut self, id: RequestId, priority: Priority, done: usize, goal: usize) {
        let served = self.now;
        self.scheduler.add(Entry { id, session: id, priority, group: 0, done, goal, served });
    }

    /// The next step as (id, tokens, whether it reaches the goal), which is then done.
    fn step(&mut self) -> Vec<(RequestId, usize, bool)> {
        let Some(step) = self.scheduler.plan(self.now, |_| true) else { return Vec::new() };
        for item in &step.items {
            let goal = self.scheduler.entries.iter().find(|entry| entry.id == item.id).unwrap().goal;
            self.scheduler.set(item.id, item.range.end, goal);
        }
        step.items.iter().map(|item| (item.id, item.range.len(), item.last)).collect()
    }

    fn plan(&mut self) -> Vec<RequestId> {
        let step = self.scheduler.plan(self.now, |_| true);
        step.map_or_else(Vec::new, |step| step.items.iter().map(|item| item.id).collect())
    }
}

#[test]
fn a_long_prompt_alone_fills_the_step_and_only_the_last_chunk_samples() {
    let mut house = House::new(4);
    house.add(1, Priority::Normal, 1, 10);
    assert_eq!(house.step(), [(1, 4, false)]);
    assert_eq!(house.step(), [(1, 4, false)]);
    assert_eq!(house.step(), [(1, 1, true)]);
    assert_eq!(house.step(), []);
}

#[test]
fn all_that_decode_go_first_and_prompts_take_what_the_target_leaves() {
    let mut house = House::new(512);
    house.add(1, Priority::Normal, 0, 1000);
    house.add(2, Priority::Normal, 9, 10);
    house.add(3, Priority::Normal, 19, 20);
    let chunk = house.scheduler.pace.chunk(2);
    assert_eq!(house.step(), [(2, 1, true), (3, 1, true), (1, chunk, false)]);
}

#[test]
fn several_prompts_share_a_step_in_order_of_arrival() {
    let mut house = House::new(10);
    house.add(1, Priority::Normal, 0, 6);
    house.add(2, Priority::Normal, 0, 6);
    assert_eq!(house.step(), [(1, 6, true), (2, 4, false)]);
    house.scheduler.remove(1);
    assert_eq!(house.step(), [(2, 2, true)]);
}

#[test]
fn the_chunk_follows_the_time_a_step_takes() {
    let mut house = House::new(512);
    house.add(1, Priority::Normal, 0, 100_000);
    house.add(2, Priority::Normal, 9, 10);
    let mut last = |took: Duration| {
        let step = house.scheduler.plan(house.now, |_| true).unwrap();
        house.scheduler.observe(&step, took);
        step.tokens()
    };
    assert!((0..20).map(|_| last(FAST)).last() == Some(512));
    assert!((0..40).map(|_| last(SLOW)).last() < Some(8));
}

#[test]
fn the_urgent_go_first_and_the_patient_are_not_forgotten() {
    let mut house = House::new(1);
    house.add(1, Priority::Low, 0, 5);
    house.add(2, Priority::High, 0, 1_000_000);
    assert_eq!(house.plan(), [2]);
    let began = house.now;
    while house.plan() == [2] {
        house.now += Duration::from_secs(1);
        assert!(house.now < began + Duration::from_secs(60), "the low one starves");
    }
    assert_eq!(house.plan(), [2], "served once, it waits again");
}

#[test]
fn a_long_prompt_lets_those_pass_that_got_less() {
    let mut house = House::new(256);
    house.add(1, Priority::Normal, 0, 100_000);
    for _ in 0..QUANTUM / 256 {
        assert_eq!(house.step(), [(1, 256, false)]);
    }
    house.add(2, Priority::Normal, 0, 300);
    house.add(3, Priority::Normal, 0, 100_000);
    // The newcomer starts level with who was given least: it is not owed all that the first one got.
    assert_eq!(house.scheduler.given[&2], QUANTUM);
    let steps: Vec<RequestId> = (0..12).flat_map(|_| house.step()).map(|(id, ..)| id).collect();
    assert!(steps.contains(&3) && steps.contains(&2), "{steps:?}");
}

#[test]
fn who_may_not_run_lets_the_next_one_pass_and_keeps_its_place() {
    let mut house = House::new(2);
    house.add(1, Priority::Normal, 0, 3);
    house.add(2, Priority::Normal, 0, 3);
    let first = |step: Option<Step>| step.map(|step| step.items[0].id);
    assert_eq!(first(house.scheduler.plan(house.now, |id| id != 1)), Some(2));
    assert_eq!(first(house.scheduler.plan(house.now, |_| true)), Some(1));
    assert_eq!(first(house.scheduler.plan(house.now, |_| false)), None);
}

#[test]
fn a_step_has_one_group() {
    let mut house = House::new(64);
    let now = house.now;
    for (id, group) in [(1, 5), (2, 6), (3, 5)] {
        let priority = Priority::Normal;
        house.scheduler.add(Entry { id, session: id, priority, group, done: 0, goal: 3, served: now });
    }
    assert_eq!(house.plan(), [1, 3]);
    house.scheduler.remove(1);
    house.scheduler.remove(3);
    assert_eq!(house.plan(), [2]);
}

/// Random arrivals, ends and stalls: a step never exceeds its limits, never gives a request more than it wants, and
/// nobody waits for ever.
#[test]
fn nobody_starves_whatever_arrives() {
    for seed in 0..200u64 {
        let mut state = seed;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % limit
        };
        let most = 1 + below(64) as usize;
        let mut house = House::new(most);
        let mut waited: HashMap<RequestId, u32> = HashMap::new();
        for id in 0..400 {
            if house.scheduler.entries.len() < 8 {
                let priority = [Priority::Low, Priority::Normal, Priority::High][below(3) as usize];
                house.add(id, priority, 0, 1 + below(200) as usize);
                waited.insert(id, 0);
            }
            house.now += Duration::from_millis(500);
            let stalled = below(8);
            let step = house.scheduler.plan(house.now, |id| id % 8 != stalled);
            for (id, steps) in &mut waited {
                *steps = if id % 8 == stalled { 0 } else { *steps + 1 };
            }
            let Some(step) = step else { continue };
            assert!((1..=most).contains(&step.tokens()), "seed {seed}");
            house.scheduler.observe(&step, Duration::from_millis(below(100)));
            for item in step.items {
                let entry = house.scheduler.entries.iter().find(|entry| entry.id == item.id).unwrap();
                assert!(item.range.start == entry.done && item.range.end <= entry.goal && item.id % 8 != stalled);
                let goal = entry.goal;
                waited.insert(item.id, 0);
                if item.last && below(4) == 0 {
                    house.scheduler.remove(item.id);
                    waited.remove(&item.id);
                } else {
                    house.scheduler.set(item.id, item.range.end, goal + usize::from(item.last));
                }
            }
            assert!(waited.values().all(|&steps| steps < 150), "seed {seed}: {waited:?}");
        }
    }
}
