//! Where the threads of a model run. Alone in its file: it looks for threads by their names.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use chaku::{Options, Reason, Runtime};

fn path() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/tiny-random.gguf");
    assert!(path.is_file(), "{} is missing: run `make models`", path.display());
    path
}

/// Processors that a thread may use.
fn cpus(thread: &Path) -> String {
    let status = std::fs::read_to_string(thread.join("status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned()
}

/// The thread of this name.
fn named(name: &str) -> PathBuf {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| std::fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim() == name);
    threads.into_iter().find(is_it).unwrap_or_else(|| panic!("there is no thread {name}"))
}

#[test]
fn a_model_computes_where_it_is_told_and_the_host_stays_where_it_was() {
    let host = cpus(Path::new("/proc/thread-self"));
    let first: usize = host.split(['-', ',']).next().unwrap().parse().unwrap();
    let mut options = Options::new();
    options.set_str("cpu_affinity", &format!("{first}-{first}")).unwrap();
    options.set_str("cpu_priority", "low").unwrap();
    options.set_i64("threads", 2).unwrap();
    let model = Runtime::default_runtime().load_blocking(&path(), &options).unwrap();
    let session = model.session(&Options::new()).unwrap();
    let end = session.ingest(None, "some text", &Options::new()).unwrap().run(|_| true).unwrap();
    assert!(end.error.is_none(), "{end:?}");
    assert_eq!(cpus(&named("chaku-engine")), first.to_string());
    assert_eq!((cpus(&named("chaku-prepare")), cpus(Path::new("/proc/thread-self"))), (host.clone(), host));

    for (text, why) in [("1-", "`` is not the number"), ("1023", "processor 1023 does not exist")] {
        options.set_str("cpu_affinity", text).unwrap();
        let error = Runtime::default_runtime().load_blocking(&path(), &options).err().unwrap();
        assert_eq!(error.reason(), Reason::InvalidOption);
        assert!(error.message().contains(why), "{error}");
    }
}
