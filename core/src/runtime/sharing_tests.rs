//! The engine with several requests: what they share, and who gives way to whom.

use super::*;

fn longest_step(house: &House) -> usize {
    house.steps().into_iter().max().unwrap_or(0)
}

#[test]
fn answers_are_computed_together() {
    let mut house = House::new(1000, 64);
    let asked: Vec<Asked> =
        (1..=4).map(|session| house.ask(&Spec { session, prompt: &[session as Token; 3], ..PLAIN })).collect();
    house.run();
    assert_eq!(house.steps(), [12, 4, 4]);
    assert!(asked.iter().all(|asked| asked.end().0 == "ef"));
}

#[test]
fn a_shared_prompt_is_computed_once_also_when_all_arrive_together() {
    let mut house = House::new(1000, 64);
    let prompt = |last| [&[7; 100][..], &[last]].concat();
    let asked: Vec<Asked> =
        (1..=8).map(|session| house.ask(&Spec { session, prompt: &prompt(10 + session as Token), ..PLAIN })).collect();
    house.run();
    let computed: usize = house.steps().iter().sum();
    // The shared part, then for each its last token, and two more of the answer.
    assert_eq!(computed, 100 + 8 * 3);
    for (i, asked) in asked.iter().enumerate() {
        let (text, end) = asked.end();
        assert_eq!((text.as_str(), end.usage.cached_tokens), ("ef", if i == 0 { 0 } else { 100 }));
    }
}

#[test]
fn who_waits_for_a_shared_prompt_goes_on_by_itself_when_the_other_is_cancelled() {
    let mut house = House::new(1000, 8);
    let prompt = |last| [&[7; 100][..], &[last]].concat();
    let first = house.ask(&Spec { session: 1, prompt: &prompt(1), ..PLAIN });
    let second = house.ask(&Spec { session: 2, prompt: &prompt(2), ..PLAIN });
    house.engine.turn();
    house.engine.turn();
    first.request.cancel();
    house.run();
    let (text, end) = second.end();
    assert_eq!((text.as_str(), end.usage.cached_tokens), ("ef", 16));
}

#[test]
fn a_reader_that_is_behind_holds_up_nobody_who_would_share_its_prompt() {
    let mut house = House::new(1000, 8);
    let prompt = |last| [&[7; 100][..], &[last]].concat();
    // Its one place is taken by the news of progress.
    let behind = house.ask(&Spec { session: 1, prompt: &prompt(1), queue: 1, ..PLAIN });
    let other = house.ask(&Spec { session: 2, prompt: &prompt(2), ..PLAIN });
    house.run();
    assert_eq!(other.end().0, "ef");
    assert!(!behind.request.has_ended());
}

#[test]
fn what_a_gone_session_computed_still_serves() {
    let mut house = House::new(1000, 64);
    house.ask(&Spec { session: 1, prompt: &[7; 50], ..PLAIN });
    house.run();
    house.control.session_closed(1);
    let next = house.ask(&Spec { session: 2, prompt: &[7; 50], ..PLAIN });
    house.run();
    assert_eq!(next.end().1.usage.cached_tokens, 49);
}

#[test]
fn a_memory_that_takes_no_parts_shares_whole_sequences_only() {
    let mut house = House::new(1000, 64);
    house.engine.backend.parts = false;
    house.ask(&Spec { session: 1, prompt: &[7; 50], says: &[4], ..PLAIN });
    house.run();
    let part = house.ask(&Spec { session: 2, prompt: &[7; 50], says: &[4], ..PLAIN });
    house.run();
    assert_eq!(part.end().1.usage.cached_tokens, 0);
    // What the first one holds: its prompt and the token it said.
    let whole = house.ask(&Spec { session: 3, prompt: &[&[7; 50][..], &[4, 9]].concat(), says: &[4], ..PLAIN });
    house.run();
    assert_eq!(whole.end().1.usage.cached_tokens, 51);
}

#[test]
fn what_left_the_kv_cache_comes_back_from_the_prompt_cache() {
    for (prompt_cache, cached) in [(1 << 20, 62), (0, 0)] {
        let mut house = House::with(100, 64, Settings { prompt_cache, ..SETTINGS });
        house.ask(&Spec { session: 1, prompt: &[1; 60], ..PLAIN });
        house.run();
        house.ask(&Spec { session: 2, prompt: &[2; 60], ..PLAIN });
        house.run();
        let again = house.ask(&Spec { session: 1, prompt: &[&[1; 60][..], &[4, 5, 6, 6]].concat(), ..PLAIN });
        house.run();
        let (text, end) = again.end();
        assert_eq!((text.as_str(), end.usage.cached_tokens), ("ef", cached));
    }
}

#[test]
fn the_urgent_take_the_place_of_the_patient_who_lose_nothing() {
    let mut house = House::with(200, 64, ONE_PLACE);
    let low = house.ask(&Spec { session: 1, says: &[4; 20], priority: Priority::Low, ..PLAIN });
    for _ in 0..5 {
        house.engine.turn();
    }
    let high = house.ask(&Spec { session: 2, says: &[5; 3], priority: Priority::High, ..PLAIN });
    while !high.request.has_ended() {
        house.engine.turn();
        assert!(!low.request.has_ended());
    }
    house.run();
    assert_eq!((high.end().0, low.end().0), ("fff".into(), "e".repeat(20)));
}

#[test]
fn a_reader_that_is_behind_gives_its_place_to_who_waits_and_goes_on_later() {
    let mut house = House::with(200, 64, ONE_PLACE);
    let behind = house.ask(&Spec { session: 1, says: &[4; 20], queue: 3, ..PLAIN });
    house.run();
    let other = house.ask(&Spec { session: 2, ..PLAIN });
    house.run();
    assert_eq!(other.end().0, "ef");
    let mut text = String::new();
    while !behind.request.has_ended() {
        text += &behind.read().0;
        house.run();
    }
    assert_eq!(text + &behind.read().0, "e".repeat(20));
}

#[test]
fn when_the_pool_is_full_the_youngest_gives_way_and_all_get_their_answers() {
    let mut house = House::new(64, 16);
    let asked: Vec<Asked> = (1..=4)
        .map(|session| house.ask(&Spec { session, prompt: &[session as Token; 10], says: &[4; 30], ..PLAIN }))
        .collect();
    house.run();
    for asked in asked {
        assert_eq!(asked.end().0, "e".repeat(30));
    }
    assert!(longest_step(&house) <= 16);
}

#[test]
fn one_that_is_cancelled_ends_within_the_step_of_the_others() {
    let mut house = House::new(1000, 64);
    let first = house.ask(&Spec { session: 1, says: &[4; 20], ..PLAIN });
    let second = house.ask(&Spec { session: 2, says: &[4; 20], ..PLAIN });
    house.engine.turn();
    let (cancelled, other) = (first.request.clone(), second.request.clone());
    let steps = house.log.lock().len();
    house.engine.backend.during_decode = Box::new(move || cancelled.cancel());
    house.engine.turn();
    assert!(first.request.has_ended() && !other.has_ended());
    assert_eq!(house.log.lock().len(), steps + 1, "the step was not thrown away");
    assert_eq!(first.answer.lock().as_ref().map(|answer| answer.text.clone()), Some("e".into()));
    house.engine.backend.during_decode = Box::new(|| {});
    house.run();
    assert_eq!(second.end().0, "e".repeat(20));
}

#[test]
fn a_decode_that_fails_fails_those_alone_that_make_it_fail() {
    let mut house = House::new(1000, 64);
    house.engine.backend.hates = Some(13);
    let good = house.ask(&Spec { session: 1, ..PLAIN });
    let bad = house.ask(&Spec { session: 2, prompt: &[1, 13, 3], ..PLAIN });
    house.run();
    assert_eq!(good.end().0, "ef");
    assert_eq!(bad.end().1.error.as_ref().map(Error::reason), Some(Reason::DecodeFailed));
}

#[test]
fn a_shift_moves_nothing_under_those_who_share() {
    let mut house = House::with(64, 16, SETTINGS);
    house.engine.backend.window = 12;
    let says = [4; 30];
    let spec = Spec { says: &says, overflow: Overflow::Shift, keep: 2, ..PLAIN };
    let prompt: Vec<Token> = (1..=8).collect();
    house.ask(&Spec { session: 1, prompt: &prompt, ..PLAIN });
    house.run();
    let shifting = house.ask(&Spec { session: 2, prompt: &[&prompt[..], &[9]].concat(), ..spec });
    house.run();
    assert_eq!(shifting.end().0, "e".repeat(30));
    let again = house.ask(&Spec { session: 1, prompt: &[&prompt[..], &[4, 5, 6]].concat(), says: &[], ..PLAIN });
    house.run();
    assert_eq!(again.end().1.usage.cached_tokens, 10);
}
