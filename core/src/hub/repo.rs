//! A model of a repository: what the hub has of it, what is there already, and what is used where the hub cannot be asked.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::blob::Blob;
use super::cache::Repo;
use super::choose::choose;
use super::job::{Job, no_thread, thread};
use super::listing::{self, File, Listing};
use super::spec::Which;
use super::web::ATTEMPTS;
use crate::error::{Error, Reason, Result};

/// Files that are downloaded at once.
const MOST_AT_ONCE: usize = 4;

/// What is written as it is in a URL's path.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(super) fn fetch(job: &Job<'_>, id: &str, which: &Which) -> Result<Vec<PathBuf>> {
    let repo = Repo::new(&job.place.root, id);
    if job.place.offline {
        return cached(&repo, which).map_err(|error| offline(id, &error));
    }
    let there = cached(&repo, which);
    // Whoever has it need not wait long for a hub that does not answer; nor for what a model does without.
    let extra = matches!(which, Which::File(file) if !file.ends_with(".gguf"));
    let attempts = if there.is_ok() || extra && repo.commit().is_some() { 1 } else { ATTEMPTS };
    let listing = match listing::read(job.web, id, attempts, job.stop) {
        Ok(listing) => listing,
        Err(error) => {
            job.stop.check()?;
            let Ok(paths) = there else { return Err(error) };
            tracing::warn!(target: "chaku::hub", "{error}; what was downloaded before is used");
            return Ok(paths);
        }
    };
    let names: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
    let chosen: Vec<&File> = choose(&names, which)?.into_iter().map(|at| &listing.files[at]).collect();
    let blobs: Vec<Blob> = chosen.iter().filter_map(|file| missing(job, &repo, id, &listing.commit, file)).collect();
    all(job, &blobs)?;
    job.meter.finish();
    finish(&repo, &listing, &chosen)
}

/// The files of a model that are in the cache.
pub(super) fn cached(repo: &Repo, which: &Which) -> Result<Vec<PathBuf>> {
    let commit = repo.commit().ok_or_else(|| Error::new(Reason::HubNotFound, "nothing of it was downloaded yet"))?;
    let files = repo.files(&commit);
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let snapshot = repo.snapshot(&commit);
    Ok(choose(&names, which)?.into_iter().map(|at| snapshot.join(names[at])).collect())
}

fn offline(id: &str, error: &Error) -> Error {
    let message = format!("{id} is not in the cache, and `offline` is on: {error}");
    let offline = Error::new(Reason::Offline, message);
    match error.detail("available") {
        Some(available) => offline.with("available", available),
        None => offline,
    }
}

/// What is to be downloaded of a file; nothing, where it lies under its own name and is whole.
fn missing(job: &Job<'_>, repo: &Repo, id: &str, commit: &str, file: &File) -> Option<Blob> {
    let File { path, size, oid } = file;
    let there = repo.snapshot(commit).join(path).metadata().ok().filter(|there| there.is_file());
    if let Some(there) = there.filter(|there| size.is_none_or(|size| size == there.len())) {
        job.meter.expect(there.len());
        job.meter.part().set(there.len());
        return None;
    }
    job.meter.expect(size.unwrap_or(0));
    Some(Blob {
        url: job.web.url(&format!("{id}/resolve/{commit}/{}", utf8_percent_encode(path, &PATH))),
        path: repo.blob(oid),
        lock: repo.lock(oid),
        size: *size,
        oid: oid.clone(),
    })
}

/// Downloads several files at once. The first failure ends them all.
fn all(job: &Job<'_>, blobs: &[Blob]) -> Result<()> {
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let work = || {
        let _logged = tracing::dispatcher::set_default(&dispatch);
        while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = blob.fetch(job) {
                failure.lock().get_or_insert(error);
                job.stop.set();
                job.web.shutdown();
            }
        }
    };
    std::thread::scope(|scope| {
        // This thread is one of them.
        for _ in 1..blobs.len().min(MOST_AT_ONCE) {
            if let Err(error) = thread("chaku-download").spawn_scoped(scope, work) {
                tracing::warn!(target: "chaku::hub", "{}", no_thread(error));
            }
        }
        work();
    });
    failure.into_inner().map_or(Ok(()), Err)
}

/// Gives what was downloaded its names, and then the commit its: so that of an older one nothing is lost before.
fn finish(repo: &Repo, listing: &Listing, files: &[&File]) -> Result<Vec<PathBuf>> {
    for file in files {
        repo.link(&file.oid, &listing.commit, &file.path)?;
    }
    repo.set_commit(&listing.branch, &listing.commit)?;
    Ok(files.iter().map(|file| repo.snapshot(&listing.commit).join(&file.path)).collect())
}
