use std::path::Path;

use chaku_llama::{ContextParams, Model, ModelParams};

use super::*;

#[test]
fn a_fixed_count_stays_what_it_was_set_to() {
    let mut threads = AdaptiveThreads::new(2, 4, false);
    assert_eq!((threads.wanted(1), threads.wanted(7), threads.wanted(512)), (2, 4, 4));
    threads.learn(1, Learn::Done);
    assert_eq!((threads.wanted(1), threads.wanted(7), threads.wanted(512)), (2, 4, 4));
    assert!(AdaptiveThreads::new(1, 1, true).adaptive.is_none(), "there is nothing to adapt");
}

#[test]
fn a_step_that_is_given_up_is_computed_all_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/tiny-random.gguf");
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    let model = Model::load(&path, &ModelParams::default(), &mut |_| true).unwrap();
    let params = ContextParams {
        n_ctx: 256,
        n_batch: 32,
        n_ubatch: 32,
        n_seq_max: 1,
        threads: 2,
        threads_batch: 2,
        ..ContextParams::default()
    };
    let tokens = [5, 6, 7, 8];
    let compute = |most, slow: Option<usize>| {
        let mut context = Context::new(&model, &params).unwrap();
        context.set_threads(most, most).unwrap();
        let mut threads = AdaptiveThreads::new(most, most, true);
        let mut batch = Batch::new(32, 1);
        let (mut logits, mut used) = (Vec::new(), Vec::new());
        let mut slowest = Duration::ZERO;
        for (position, &token) in tokens.iter().enumerate() {
            batch.clear();
            batch.push(token, position as i32, 0, true).unwrap();
            // The neighbours come, and take the processor for longer than anybody has patience: that is some six times as
            // long as the steps before took, which on a busy machine may be long, too.
            let began = Instant::now();
            let late = Cell::new(slow == Some(position));
            let wait = || {
                if late.take() {
                    std::thread::sleep(Duration::from_millis(1500) + 10 * slowest);
                }
                false
            };
            assert_eq!(threads.decode(&mut context, &batch, true, &wait).unwrap(), Decoded::Done);
            slowest = slowest.max(began.elapsed());
            logits.extend_from_slice(context.logits(-1).unwrap());
            used.push(threads.threads());
        }
        (logits, used)
    };
    let (expected, used) = compute(1, None);
    assert_eq!(used, [1; 4]);
    let (logits, used) = compute(2, Some(2));
    assert_eq!(used[2], 1, "given up: {used:?}");
    let most = expected.iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most < 1e-3, "the logits differ by {most}");
}

#[test]
fn the_machine_is_seen_only_while_that_matters() {
    let mut room = Room::new();
    let begin = Instant::now();
    let at = |ms| begin + Duration::from_millis(ms);
    assert_eq!(room.look(at(1000), Duration::ZERO, false), None);
    assert_eq!(room.look(at(2000), Duration::ZERO, true), None, "the count starts here");
    assert_eq!(room.look(at(2100), Duration::from_millis(100), true), None, "too soon");
    if room.can_see() {
        let seen = room.look(at(2300), Duration::from_millis(200), true).unwrap();
        assert!(seen >= 1.0, "{seen}: our own processor is counted");
    }
    assert_eq!(room.look(at(2400), Duration::ZERO, false), None);
    assert_eq!(room.look(at(9000), Duration::ZERO, true), None, "the count starts again");
}
