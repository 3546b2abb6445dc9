//! What a host sees of its requests and models while they work.

use std::path::Path;
use std::time::{Duration, Instant};

use chaku::{FinishReason, Model, Options, Runtime};

fn tiny(runtime: &Runtime) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/tiny-random.gguf");
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    let mut options = Options::new();
    options.set_i64("threads", 1).unwrap();
    options.set_i64("max_tokens", 3).unwrap();
    options.set_bool("ignore_eos", true).unwrap();
    runtime.load_blocking(&path, &options).unwrap()
}

#[test]
fn a_timeline_has_its_moments_in_order() {
    let model = tiny(&Runtime::default_runtime());
    let session = model.session(&Options::new()).unwrap();
    let request = session.generate("abc", &Options::new()).unwrap();
    let end = request.run(|_| true).unwrap();
    let timeline = request.timeline();
    let moments = [timeline.queued_ms, timeline.prepare_began_ms, timeline.prepared_ms, timeline.ended_ms];
    let moments: Vec<f64> = moments.iter().map(|moment| moment.expect("all came")).collect();
    assert!(moments.is_sorted(), "{timeline:?}");
    assert_eq!(timeline.ended_ms, Some(end.timings.total_ms));
    assert_eq!((timeline.preempted, timeline.resumed, timeline.stalled), (0, 0, 0));
}

#[test]
fn sessions_and_cancelled_requests_are_counted_for_a_model_and_for_its_runtime() {
    let runtime = Runtime::new(&Options::new()).unwrap();
    assert_eq!(runtime.metrics().models, 0);
    let (one, two) = (tiny(&runtime), tiny(&runtime));
    let mut options = Options::new();
    options.set_i64("max_tokens", 100_000).unwrap();
    options.set_str("overflow", "shift").unwrap();
    let session = one.session(&options).unwrap();
    let other = two.session(&Options::new()).unwrap();
    let request = session.generate("abc", &Options::new()).unwrap();
    request.cancel();
    let end = request.run(|_| true).unwrap();
    assert_eq!(end.finish_reason, FinishReason::Cancelled);
    // Whoever has seen the end finds it counted.
    assert_eq!((one.metrics().cancelled_total, two.metrics().cancelled_total), (1, 0));
    let sum = runtime.metrics();
    assert_eq!((sum.models, sum.sessions, sum.cancelled_total), (2, 2, 1));
    drop((session, other));
    assert_eq!(runtime.metrics().sessions, 0);
    one.close(None).unwrap();
    two.close(None).unwrap();
    drop((one, two));
    // A model is freed in the background.
    let until = Instant::now() + Duration::from_secs(10);
    while runtime.metrics().models > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let sum = runtime.metrics();
    assert_eq!((sum.models, sum.cancelled_total), (0, 1), "what is gone stays counted");
    assert!(request.is_finished(), "and a request that is kept is no model");
}
