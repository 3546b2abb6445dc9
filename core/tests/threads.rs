//! Every thread is given back. Alone in its file, and so in its process: the count must be exact.

use std::path::Path;
use std::time::{Duration, Instant};

use chaku::{Options, Reason, Runtime};

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits for the count to come back: freeing does not join.
fn settles_at(count: usize) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while threads() != count && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    threads() == count
}

#[test]
fn the_thread_count_returns_to_its_start() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/tiny-random.gguf");
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    let mut options = Options::new();
    options.set_i64("threads", 2).unwrap();
    options.set_i64("max_tokens", 5).unwrap();
    let start = threads();
    for close in [true, false] {
        let model = Runtime::default_runtime().load_blocking(&path, &options).unwrap();
        let session = model.session(&Options::new()).unwrap();
        let request = session.generate("abc", &Options::new()).unwrap();
        request.on_ready(|| true).unwrap();
        request.run(|_| true).unwrap();
        let delivered = session.generate("def", &Options::new()).unwrap();
        delivered.on_event(|_| true).unwrap();
        assert!(threads() > start);
        if close {
            model.close(Some(Duration::from_secs(10))).unwrap();
            assert_eq!(session.generate("x", &Options::new()).err().unwrap().reason(), Reason::Closed);
        }
        drop((request, delivered, session, model));
        assert!(settles_at(start), "{} threads, {start} at the start", threads());
    }
}
