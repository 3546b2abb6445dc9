//! Downloads from a hub on this machine, `tests/hub/server.py`, which misbehaves where it is asked to.
#![cfg(feature = "hub")]

#[allow(dead_code, reason = "others need all of it")]
mod common;
#[path = "../../tests/hub/server.rs"]
mod server;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use chaku::hub::{State, cached, remove, verify};
use chaku::{Code, Error, Event, FinishReason, LogLevel, Options, Phase, Progress, Reason, Request, Runtime};
use serde_json::Value;
use server::Server;

const TOKEN: &str = "hf_rightrightrightrightrightrightrightright";
const MODEL: &str = "a-Q4_K_M.gguf";

/// The hub, for one test, with an empty cache.
struct Hub {
    server: Server,
    cache: tempfile::TempDir,
    /// In place of `cache`.
    root: Option<PathBuf>,
}

impl Deref for Hub {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Hub {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl Hub {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(arguments: &[&str]) -> Self {
        Hub { server: Server::start(arguments), cache: tempfile::tempdir().unwrap(), root: None }
    }

    fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(self.cache.path())
    }

    fn options(&self, set: &[(&str, &str)]) -> Options {
        let root = self.root().to_str().unwrap();
        let own = [("hub_endpoint", self.address.as_str()), ("cache_dir", root), ("hub_token", "")];
        common::options(&[&own, set].concat())
    }

    fn start(&self, spec: &str, set: &[(&str, &str)]) -> Request {
        Runtime::default_runtime().download(spec, &self.options(set)).unwrap()
    }

    fn get_with(&self, spec: &str, set: &[(&str, &str)]) -> Result<Vec<PathBuf>, Error> {
        paths(&self.start(spec, set))
    }

    fn get(&self, spec: &str) -> Result<Vec<PathBuf>, Error> {
        self.get_with(spec, &[])
    }

    fn repo(&self, name: &str) -> PathBuf {
        self.root().join(format!("models--test--{name}"))
    }
}

fn paths(request: &Request) -> Result<Vec<PathBuf>, Error> {
    let end = request.run(|_| true).unwrap();
    match &end.error {
        Some(error) => Err(error.clone()),
        None => Ok(request.paths().unwrap().to_vec()),
    }
}

/// Reads events until one is progress that `accept`s.
fn wait_progress(request: &Request, accept: impl Fn(Progress) -> bool) {
    loop {
        match request.next(None).unwrap() {
            Some(Event::Progress(progress)) if accept(progress) => return,
            Some(Event::Final(end)) => panic!("it ended too soon: {:?}", end.error),
            _ => {}
        }
    }
}

fn blobs(seen: &[Value]) -> Vec<&Value> {
    seen.iter().filter(|line| line["server"] == "cdn").collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn reason(result: Result<Vec<PathBuf>, Error>) -> (Reason, Code) {
    let error = result.unwrap_err();
    (error.reason(), error.code())
}

#[test]
fn a_download_has_the_layout_of_the_hubs_cache_and_tells_its_progress_in_bytes() {
    let mut hub = Hub::new();
    let request = hub.start("hf:test/tiny", &[]);
    let mut told = Vec::new();
    let end = request.run(|event| {
        if let Event::Progress(progress) = event {
            assert_eq!(progress.phase, Phase::Download);
            told.push((progress.done, progress.total));
        }
        true
    });
    assert_eq!(end.unwrap().finish_reason, FinishReason::Stop);
    assert_eq!(told.last(), Some(&(300_000, 300_000)));
    assert!(told.is_sorted() && told.iter().all(|(done, total)| done <= total));
    let found = request.paths().unwrap();
    assert_eq!(found[0].file_name().unwrap(), "tiny-Q4_K_M.gguf");
    let (repo, commit) = (hub.repo("tiny"), fs::read_to_string(hub.repo("tiny").join("refs/main")).unwrap());
    assert_eq!(*found, [repo.join("snapshots").join(&commit).join("tiny-Q4_K_M.gguf")]);
    let blob = found[0].canonicalize().unwrap();
    assert_eq!(blob.parent().unwrap(), repo.join("blobs").canonicalize().unwrap());
    if cfg!(unix) {
        assert!(fs::read_link(&found[0]).unwrap().is_relative());
    }
    assert_eq!(names(&repo.join("blobs")).len(), 1, "no part is left");
    let seen = hub.seen();
    assert_eq!(blobs(&seen).len(), 1);
    // What is there is not downloaded again, and another model of the repository shares its folder.
    assert_eq!(hub.get("hf:test/tiny").unwrap(), *found);
    assert!(blobs(&hub.seen()).is_empty());
    assert_eq!(hub.get("hf:test/tiny:q8_0").unwrap(), [repo.join("snapshots").join(&commit).join("tiny-Q8_0.gguf")]);
}

#[test]
fn a_load_downloads_first_and_is_one_request() {
    let model = common::path("tiny-script.gguf");
    let mut hub = Hub::with(&["--model", model.to_str().unwrap()]);
    let options = hub.options(&[("threads", "1"), ("ctx_size", "256")]);
    let request = Runtime::default_runtime().load("hf:test/tiny".as_ref(), &options).unwrap();
    let mut phases = Vec::new();
    request
        .run(|event| {
            if let Event::Progress(progress) = event {
                phases.push(progress.phase);
            }
            true
        })
        .unwrap();
    assert!(phases.contains(&Phase::Download));
    assert!(request.model().unwrap().vocab_size() > 0);
    assert_eq!(request.paths().unwrap_err().reason(), Reason::NoResult);
    hub.seen();
    // A plan downloads nothing, and needs nothing but what is there.
    let plan = Runtime::default_runtime().plan("hf:test/tiny".as_ref(), &options);
    assert!(plan.is_ok() && hub.seen().is_empty());
    let error = Runtime::default_runtime().plan("hf:test/parts".as_ref(), &options).err().unwrap();
    assert_eq!(error.reason(), Reason::HubNotFound);
    let error = Runtime::default_runtime().load_blocking("hf:test/gone".as_ref(), &options).err().unwrap();
    assert_eq!((error.reason(), error.detail("path")), (Reason::HubNotFound, Some("hf:test/gone")));
}

#[test]
fn the_token_goes_to_the_hub_alone_and_into_no_log() {
    let mut hub = Hub::new();
    assert_eq!(reason(hub.get("hf:test/private")), (Reason::HubUnauthorized, Code::Unauthenticated));
    let lines = Arc::new(Mutex::new(String::new()));
    let (runtime, log) = (Runtime::new(&Options::new()).unwrap(), lines.clone());
    runtime.set_log_sink(LogLevel::Trace, move |line| log.lock().unwrap().push_str(&format!("{line:?}\n")));
    hub.seen();
    let options = hub.options(&[("hub_token", TOKEN)]);
    assert!(paths(&runtime.download("hf:test/private", &options).unwrap()).is_ok());
    let seen = hub.seen();
    assert!(seen.iter().all(|line| line["token"] == (line["server"] == "hub")), "{seen:?}");
    assert_eq!((blobs(&seen).len(), seen.len()), (1, 4));
    assert!(paths(&runtime.download("hf:test/wrong", &options).unwrap()).is_err());
    // That it is tried again is said before it ends.
    assert!(paths(&runtime.download("hf:test/busy", &options).unwrap()).is_ok());
    let lines = lines.lock().unwrap();
    assert!(lines.contains("trying again") && !lines.contains("hf_r") && !lines.contains("topsecret"), "{lines}");
}

#[test]
fn what_the_hub_refuses_is_told_apart() {
    let hub = Hub::new();
    assert_eq!(reason(hub.get("hf:test/gated")), (Reason::HubForbidden, Code::PermissionDenied));
    assert_eq!(reason(hub.get_with("hf:test/absent", &[("hub_token", TOKEN)])), (Reason::HubNotFound, Code::NotFound));
    let error = hub.get("hf:test/tiny:Q2_K").unwrap_err();
    assert_eq!((error.reason(), error.detail("available")), (Reason::HubNotFound, Some("Q4_K_M, Q8_0")));
    assert_eq!(hub.get("hf:test/tiny/no.gguf").unwrap_err().reason(), Reason::HubNotFound);
    assert!(hub.get("hf:test/gap").unwrap_err().message().contains("part 3 of 3"));
    assert_eq!(reason(hub.get(&format!("{}/loop", hub.address))), (Reason::HubUnavailable, Code::Unavailable));
    let started = Runtime::default_runtime().download("hf:no-repository", &hub.options(&[]));
    assert_eq!(started.err().unwrap().reason(), Reason::InvalidArgument);
    // Nobody listens there any more.
    let gone = hub.address.clone();
    drop(hub);
    let hub = Hub::new();
    let result = hub.get_with("hf:test/tiny", &[("hub_endpoint", &gone)]);
    assert_eq!(reason(result), (Reason::HubUnavailable, Code::Unavailable));
}

#[test]
fn a_connection_that_is_cut_is_resumed_and_one_that_always_is_ends() {
    let mut hub = Hub::new();
    let path = hub.get("hf:test/cut").unwrap().remove(0);
    let seen = hub.seen();
    let ranges: Vec<_> = blobs(&seen).iter().map(|line| line["range"].as_str()).collect();
    assert_eq!(ranges, [None, Some("bytes=150000-"), Some("bytes=225000-")]);
    assert_eq!(verify("test/cut", &hub.options(&[]), |_, _| true).unwrap()[0].state, State::Good);
    assert_eq!(fs::metadata(path).unwrap().len(), 300_000);
    // A server that knows no ranges sends all of it again.
    assert!(hub.get("hf:test/norange").is_ok());
    assert_eq!(verify("test/norange", &hub.options(&[]), |_, _| true).unwrap()[0].state, State::Good);
    // One that sends other bytes than were asked for is asked for all of them.
    assert!(hub.get("hf:test/shifted").is_ok());
    assert_eq!(verify("test/shifted", &hub.options(&[]), |_, _| true).unwrap()[0].state, State::Good);
    assert_eq!(reason(hub.get("hf:test/broken")), (Reason::HubUnavailable, Code::Unavailable));
    // What came is kept for the next time.
    assert!(names(&hub.repo("broken").join("blobs"))[0].ends_with(".incomplete"));
    assert!(!hub.repo("broken").join("snapshots").exists());
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_all_pages_are_read() {
    let mut hub = Hub::new();
    assert!(hub.get("hf:test/busy").is_ok());
    assert_eq!(hub.get("hf:test/pages").unwrap()[0].file_name().unwrap(), "z-Q4_K_M.gguf");
    assert_eq!(hub.seen().iter().filter(|line| line["path"].as_str().unwrap().contains("pages/tree")).count(), 3);
    // Redirects and names of every kind.
    assert!(hub.get("hf:test/moved").is_ok());
    assert_eq!(hub.get("hf:test/names").unwrap()[0].file_name().unwrap(), "a b+ü-Q4_K_M.gguf");
}

#[test]
fn what_has_not_its_checksum_or_size_never_gets_its_name() {
    let hub = Hub::new();
    // git's own files too, which have another kind of checksum.
    for (spec, repo) in [("wrong", "wrong"), ("wrong/README.md", "wrong"), ("more", "more")] {
        let result = hub.get(&format!("hf:test/{spec}"));
        assert_eq!(reason(result), (Reason::ChecksumMismatch, Code::DataLoss), "{repo}");
        assert!(!hub.repo(repo).join("snapshots").exists() && !hub.repo(repo).join("refs").exists());
        assert!(names(&hub.repo(repo).join("blobs")).iter().all(|name| name.ends_with(".incomplete")));
    }
    // A part that somebody else left may be of anything: then the whole is downloaded anew.
    let oid = hub.get("hf:test/tiny").unwrap()[0].canonicalize().unwrap();
    remove("test/tiny", &hub.options(&[])).unwrap();
    fs::create_dir_all(oid.parent().unwrap()).unwrap();
    fs::write(oid.with_extension("incomplete"), vec![7; 1000]).unwrap();
    assert!(hub.get("hf:test/tiny").is_ok());
    assert_eq!(verify("test/tiny", &hub.options(&[]), |_, _| true).unwrap()[0].state, State::Good);
    let readme = hub.get("hf:test/tiny/README.md").unwrap();
    let state = || verify("test/tiny/README.md", &hub.options(&[]), |_, _| true).unwrap()[0].state;
    assert_eq!(state(), State::Good);
    fs::write(&readme[0], "other").unwrap();
    assert_eq!(state(), State::Damaged);
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_full_disk_is_an_error_of_its_own() {
    let mut hub = Hub::new();
    let disk = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let done = Command::new(arguments[0]).args(&arguments[1..]).arg(disk.path()).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=200k", "chaku-test"]) {
        eprintln!("SKIPPED: a small disk cannot be mounted here; it needs root");
        return;
    }
    hub.root = Some(disk.path().to_owned());
    // It is known before, and it is not.
    let known = hub.get("hf:test/tiny");
    let unknown = hub.get("hf:test/unsized");
    let left = names(&hub.repo("unsized").join("snapshots"));
    assert!(mount(&["umount"]), "the disk is still in use");
    let error = known.unwrap_err();
    assert_eq!((error.reason(), error.detail("needed")), (Reason::DiskFull, Some("300000")));
    assert_eq!(reason(unknown), (Reason::DiskFull, Code::ResourceExhausted));
    assert!(left.is_empty());
}

#[test]
fn of_two_downloads_of_one_file_one_downloads_and_the_other_waits() {
    let mut hub = Hub::new();
    let first = hub.start("hf:test/stall", &[]);
    hub.wait_stalled();
    let second = hub.start("hf:test/stall", &[]);
    // It can have that from the first one's file alone.
    wait_progress(&second, |progress| progress.done > 0);
    hub.say("go");
    assert_eq!(paths(&first).unwrap(), paths(&second).unwrap());
    assert!(blobs(&hub.seen()).is_empty(), "all was seen before it stalled");
}

/// The other process of the next test.
#[test]
#[ignore = "it is run by another test"]
fn download_in_another_process() {
    let Ok(address) = std::env::var("CHAKU_TEST_HUB") else { return };
    let cache = std::env::var("CHAKU_TEST_CACHE").unwrap();
    let options = common::options(&[("hub_endpoint", &address), ("cache_dir", &cache), ("hub_token", "")]);
    paths(&Runtime::default_runtime().download("hf:test/stall", &options).unwrap()).unwrap();
}

fn in_another_process(hub: &Hub) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "download_in_another_process"])
        .env("CHAKU_TEST_HUB", &hub.address)
        .env("CHAKU_TEST_CACHE", hub.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn another_process_is_waited_for_and_what_a_dead_one_left_is_resumed() {
    let mut hub = Hub::new();
    let mut child = in_another_process(&hub);
    hub.wait_stalled();
    let mine = hub.start("hf:test/stall", &[]);
    wait_progress(&mine, |progress| progress.done > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    // Its lock went with it, and what it had written was resumed.
    hub.wait_stalled();
    hub.say("go");
    paths(&mine).unwrap();
    let seen = hub.seen();
    assert!(seen.is_empty(), "{seen:?}");
    assert_eq!(verify("test/stall", &hub.options(&[]), |_, _| true).unwrap()[0].state, State::Good);
    // And now the other way round: the child finds it there.
    assert!(in_another_process(&hub).wait().unwrap().success());
    assert!(blobs(&hub.seen()).is_empty());
}

#[test]
fn the_parts_of_a_model_are_downloaded_at_once() {
    let hub = Hub::new();
    // The server sends none before all three were asked for.
    let found = hub.get("hf:test/parts").unwrap();
    let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["b-Q8_0-00001-of-00003.gguf", "b-Q8_0-00002-of-00003.gguf", "b-Q8_0-00003-of-00003.gguf"]);
    assert!(found.iter().all(|path| path.metadata().unwrap().len() == 300_000));
    let listed = cached(&hub.options(&[])).unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].size, &listed[0].paths), ("test/parts:Q8_0", 900_000, &found));
}

#[test]
fn without_a_network_the_cache_is_used() {
    let mut hub = Hub::new();
    let offline = [("offline", "1")];
    assert_eq!(reason(hub.get_with("hf:test/tiny", &offline)), (Reason::Offline, Code::FailedPrecondition));
    let found = hub.get("hf:test/tiny:Q8_0").unwrap();
    hub.seen();
    assert_eq!(hub.get_with("hf:test/tiny:Q8_0", &offline).unwrap(), found);
    let error = hub.get_with("hf:test/tiny:Q4_K_M", &offline).unwrap_err();
    assert_eq!((error.reason(), error.detail("available")), (Reason::Offline, Some("Q8_0")));
    assert!(hub.seen().is_empty(), "offline asks nobody");
    hub.say("down");
    assert_eq!(hub.get("hf:test/tiny:Q8_0").unwrap(), found);
    assert_eq!(reason(hub.get("hf:test/parts")), (Reason::HubUnavailable, Code::Unavailable));
}

#[test]
fn a_newer_commit_is_taken_and_what_is_removed_is_all_of_them() {
    let mut hub = Hub::new();
    let found = hub.get("hf:test/tiny").unwrap();
    hub.say("commit 2");
    hub.seen();
    let options = hub.options(&[]);
    let newer = hub.get("hf:test/tiny").unwrap();
    assert_ne!(newer, found);
    assert!(fs::read(&newer[0]).unwrap() != fs::read(&found[0]).unwrap());
    assert_eq!(cached(&options).unwrap()[0].paths, newer);
    // All commits go with the repository.
    assert_eq!(remove("test/tiny", &options).unwrap(), 600_000);
    assert!(!hub.repo("tiny").exists());
}

#[test]
fn cancelling_and_deadlines_end_a_stalled_download_once_and_set_the_file_free() {
    let mut hub = Hub::new();
    let request = hub.start("hf:test/stall", &[]);
    hub.wait_stalled();
    request.cancel();
    let end = request.run(|_| true).unwrap();
    assert_eq!(end.finish_reason, FinishReason::Cancelled);
    assert_eq!(request.next(None).unwrap_err().reason(), Reason::Finished);
    assert_eq!(request.paths().unwrap_err().reason(), Reason::Cancelled);
    // Nobody reads this one: its own thread keeps the time.
    let late = hub.start("hf:test/stall", &[("deadline_ms", "300")]);
    while !late.is_finished() {
        std::thread::yield_now();
    }
    assert_eq!(late.end().unwrap().finish_reason, FinishReason::Deadline);
    // One that waits for another's lock can be cancelled too.
    let holder = hub.start("hf:test/stall", &[]);
    hub.wait_stalled();
    let waiting = hub.start("hf:test/stall", &[]);
    wait_progress(&waiting, |progress| progress.done > 0);
    waiting.cancel();
    assert_eq!(waiting.run(|_| true).unwrap().finish_reason, FinishReason::Cancelled);
    hub.say("go");
    assert!(paths(&holder).is_ok());
}

#[test]
fn hostile_names_are_not_written() {
    let hub = Hub::new();
    let found = hub.get("hf:test/hostile").unwrap();
    assert_eq!(found[0].file_name().unwrap(), "good-Q4_K_M.gguf");
    let snapshot = found[0].parent().unwrap();
    assert_eq!(names(snapshot), ["good-Q4_K_M.gguf"]);
    assert_eq!(names(&hub.repo("hostile")), ["blobs", "refs", "snapshots"]);
    assert_eq!(names(hub.root()), [".locks", "models--test--hostile"]);
    assert!(!Path::new("/tmp/evil-Q4_K_M.gguf").exists());
    let started = Runtime::default_runtime().download("hf:test/hostile/../evil-Q4_K_M.gguf", &hub.options(&[]));
    assert_eq!(started.err().unwrap().reason(), Reason::InvalidArgument);
}

#[test]
fn a_file_of_any_url_is_kept_until_its_server_has_another() {
    let mut hub = Hub::new();
    let url = format!("{}/files/{MODEL}?signature=topsecret", hub.address);
    let found = hub.get(&url).unwrap();
    assert_eq!((found.len(), found[0].file_name().unwrap()), (1, MODEL.as_ref()));
    let first = fs::read(&found[0]).unwrap();
    hub.seen();
    assert_eq!(hub.get(&url).unwrap(), found);
    assert!(hub.seen().iter().all(|line| line["match"].is_string()), "only whether it is the same was asked");
    hub.say("commit 2");
    hub.seen();
    assert!(hub.get(&url).is_ok() && fs::read(&found[0]).unwrap() != first);
    hub.say("down");
    hub.seen();
    assert_eq!(hub.get(&url).unwrap(), found);
    assert_eq!(hub.get_with(&url, &[("offline", "1")]).unwrap(), found);
    let other = format!("{}/files/other.gguf", hub.address);
    assert_eq!(reason(hub.get_with(&other, &[("offline", "1")])), (Reason::Offline, Code::FailedPrecondition));
    assert_eq!(remove(&url, &hub.options(&[])).unwrap(), 300_000);
    // All parts, each resumed where it was cut.
    hub.say("up");
    hub.seen();
    let parts = hub.get(&format!("{}/files/cut-00001-of-00002.gguf", hub.address)).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!(hub.seen().iter().filter(|line| line["range"] == "bytes=150000-").count(), 2);
    // One of the hub's own is a file of a repository, with a checksum.
    let found = hub.get(&format!("{}/test/wrong/resolve/main/{MODEL}", hub.address));
    assert_eq!(reason(found), (Reason::ChecksumMismatch, Code::DataLoss));
}

#[test]
fn what_is_cached_is_listed_checked_and_removed() {
    let hub = Hub::new();
    let options = hub.options(&[]);
    assert!(cached(&options).unwrap().is_empty());
    assert_eq!(remove("test/tiny", &options).unwrap_err().reason(), Reason::HubNotFound);
    assert_eq!(verify("test/tiny", &options, |_, _| true).unwrap_err().reason(), Reason::HubNotFound);
    for spec in ["hf:test/tiny", "hf:test/tiny:Q8_0", "hf:test/cut"] {
        hub.get(spec).unwrap();
    }
    let list = || cached(&options).unwrap().into_iter().map(|model| model.name).collect::<Vec<_>>();
    assert_eq!(list(), ["test/cut:Q4_K_M", "test/tiny:Q4_K_M", "test/tiny:Q8_0"]);
    // A blob that changed.
    let damaged = cached(&options).unwrap()[1].paths[0].clone();
    fs::write(&damaged, b"something else").unwrap();
    let states = |name: &str| verify(name, &options, |_, _| true).unwrap().iter().map(|c| c.state).collect::<Vec<_>>();
    assert_eq!(states("test/tiny:Q4_K_M"), [State::Damaged]);
    assert_eq!(states("hf:test/tiny:Q8_0"), [State::Good]);
    assert_eq!(states("test/tiny"), [State::Damaged, State::Good]);
    let cancelled = verify("test/cut", &options, |_, _| false).unwrap_err();
    assert_eq!(cancelled.reason(), Reason::Cancelled);
    // One that has another size is downloaded again by itself.
    assert!(hub.get("hf:test/tiny").is_ok());
    assert_eq!(states("test/tiny"), [State::Good, State::Good]);
    assert_eq!(remove("test/tiny:Q4_K_M", &options).unwrap(), 300_000);
    assert_eq!(list(), ["test/cut:Q4_K_M", "test/tiny:Q8_0"]);
    remove("test/tiny:q8_0", &options).unwrap();
    assert_eq!(list(), ["test/cut:Q4_K_M"]);
    assert!(!hub.repo("tiny").exists());
}

#[test]
fn what_is_being_downloaded_is_not_removed() {
    let mut hub = Hub::new();
    let options = hub.options(&[]);
    let request = hub.start("hf:test/stall", &[]);
    hub.wait_stalled();
    assert_eq!(remove("test/stall", &options).unwrap_err().reason(), Reason::HubNotFound);
    assert_eq!(names(&hub.repo("stall").join("blobs")).len(), 1);
    hub.say("go");
    assert!(paths(&request).is_ok() && remove("test/stall", &options).is_ok());
}
