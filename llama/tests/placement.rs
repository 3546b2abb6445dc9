//! Where compute threads run. Alone in its file, and so in its process: it looks at all threads there are.
#![cfg(target_os = "linux")]

mod common;

use std::path::Path;

use chaku_llama::{Context, ContextParams, Error, Placement, ThreadPriority};
use common::{TINY, batch_of, decode, load, params};

/// Processors and niceness of a thread, as the system says.
fn place(thread: &Path) -> (String, i32) {
    let status = std::fs::read_to_string(thread.join("status")).unwrap();
    let cpus = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let stat = std::fs::read_to_string(thread.join("stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    (cpus, after_name.split_whitespace().nth(16).unwrap().parse().unwrap())
}

fn own_place() -> (String, i32) {
    place(Path::new("/proc/thread-self"))
}

fn workers() -> Vec<(String, i32)> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let is_worker = |thread: &std::path::PathBuf| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "chaku-compute")
    };
    threads.filter(is_worker).map(|thread| place(&thread)).collect()
}

#[test]
fn compute_threads_are_placed_and_nobody_else() {
    let before = own_place();
    // One that this process may use, whatever it is.
    let cpu: usize = before.0.split(['-', ',']).next().unwrap().parse().unwrap();
    let model = load(TINY);
    let placed = |cpus: &[usize], priority| ContextParams {
        threads: 3,
        threads_batch: 3,
        placement: Placement { cpus: cpus.to_vec(), priority },
        ..params()
    };

    let mut context = Context::new(&model, &placed(&[cpu], ThreadPriority::Low)).unwrap();
    let expected = (cpu.to_string(), 10);
    assert_eq!(workers(), vec![expected.clone(); 2]);
    assert_eq!(own_place(), before, "who makes a context stays where it is");
    let engine = std::thread::spawn(move || {
        decode(&mut context, &batch_of(&[1, 2, 3], 0));
        let place = own_place();
        // More workers come to the same place.
        context.set_threads(4, 4).unwrap();
        (place, workers())
    });
    assert_eq!(engine.join().unwrap(), (expected.clone(), vec![expected; 3]));
    assert_eq!((workers(), own_place()), (Vec::new(), before.clone()));

    // What needs a privilege happens or does not; nobody is told loudly.
    let urgent = Context::new(&model, &placed(&[], ThreadPriority::High)).unwrap();
    assert!(workers().iter().all(|(cpus, nice)| *cpus == before.0 && [before.1, -5].contains(nice)), "{:?}", workers());
    drop(urgent);
    drop(Context::new(&model, &placed(&[], ThreadPriority::Normal)).unwrap());

    for missing in [1023, 1024, usize::MAX] {
        match Context::new(&model, &placed(&[cpu, missing], ThreadPriority::Normal)) {
            Err(Error::InvalidInput { what: "cpu_affinity", message }) => {
                assert!(message.contains(&missing.to_string()), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((workers(), own_place()), (Vec::new(), before));
}
