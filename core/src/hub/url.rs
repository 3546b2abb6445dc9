//! A file from any URL. Its server says by an `ETag` whether it is still the one that was downloaded.

use std::fs;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use ureq::http::StatusCode;

use super::blob::{Begun, mismatch, partial};
use super::cache::write;
use super::choose::siblings;
use super::job::{Job, Part};
use super::lock::Lock;
use super::shown;
use super::spec::{Spec, Which, is_path, is_repo};
use super::web::{ATTEMPTS, Answer, Origin};
use crate::error::{Error, Reason, Result};

/// A URL of the hub's as the file of a repository that it stands for, which has a checksum.
pub(super) fn of_hub(url: &str, endpoint: &str) -> Option<Spec> {
    let path = url.strip_prefix(endpoint)?.strip_prefix('/')?.split(['?', '#']).next()?;
    let mut parts = path.splitn(5, '/');
    let repo = format!("{}/{}", parts.next()?, parts.next()?);
    let is_file = ["resolve", "blob"].contains(&parts.next()?) && parts.next()? == "main";
    let file = percent_decode_str(parts.next()?).decode_utf8().ok()?.into_owned();
    (is_file && is_repo(&repo) && is_path(&file)).then_some(Spec::Repo { repo, which: Which::File(file) })
}

pub(super) fn fetch(job: &Job<'_>, url: &str) -> Result<Vec<PathBuf>> {
    let (bare, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let fetch = |bare: String| {
        let target = Target::new(&job.place.urls, &bare)?;
        target.fetch(job, &format!("{bare}{query}"))?;
        Ok(target.path)
    };
    // One after another: how large they are is not known before.
    let paths = siblings(bare).into_iter().map(fetch).collect();
    job.meter.finish();
    paths
}

/// The files of a URL that are in the cache.
pub(super) fn cached(urls: &Path, url: &str) -> Result<Vec<PathBuf>> {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let there = |bare: String| {
        let path = Target::new(urls, &bare)?.path;
        let absent = || Error::new(Reason::HubNotFound, format!("{} was not downloaded yet", shown(&bare)));
        path.is_file().then_some(path).ok_or_else(absent)
    };
    siblings(bare).into_iter().map(there).collect()
}

struct Target {
    path: PathBuf,
}

impl Target {
    /// Where a URL is kept: by host and path, for many files have one name.
    fn new(urls: &Path, bare: &str) -> Result<Self> {
        let wrong = || Error::new(Reason::InvalidArgument, format!("`{}` is no URL of a file", shown(bare)));
        let Origin { host, port, .. } = Origin::of(bare).ok_or_else(wrong)?;
        let path = bare.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or_else(wrong)?.1;
        let host = format!("{}_{port}", host.replace([':', '[', ']'], "-"));
        if !is_path(path) || !is_path(&host) {
            return Err(wrong());
        }
        Ok(Target { path: urls.join(host).join(path) })
    }

    fn fetch(&self, job: &Job<'_>, url: &str) -> Result<()> {
        let part = job.meter.part();
        let partial = partial(&self.path);
        let others = || part.set(partial.metadata().map_or(0, |there| there.len()));
        if job.place.offline {
            return match self.path.is_file() {
                true => Ok(()),
                false => {
                    Err(Error::new(Reason::Offline, format!("{} is not in the cache, and `offline` is on", shown(url))))
                }
            };
        }
        let _lock = Lock::take(&beside(&self.path, "lock"), job.stop, others)?;
        match self.complete(job, url, &partial, &part) {
            Err(error) if self.path.is_file() => {
                job.stop.check()?;
                tracing::warn!(target: "chaku::hub", "{error}; what was downloaded before is used");
                Ok(())
            }
            done => done,
        }
    }

    fn complete(&self, job: &Job<'_>, url: &str, partial: &Path, part: &Part<'_>) -> Result<()> {
        let mut begun = Begun::open(partial)?;
        let mut expected = 0;
        let mut etag = None;
        let attempts = if self.path.is_file() { 1 } else { ATTEMPTS };
        let sha256 = job.web.trying(attempts, job.stop, |progress| {
            let at = begun.length()?;
            part.set(at);
            let answer = job.web.get(url, &self.conditions(partial, at))?;
            if answer.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            begun.meet(url, &answer)?;
            etag = answer.header("etag");
            // What is resumed must be of the same file.
            write(&beside(partial, "etag"), etag.clone().unwrap_or_default().as_bytes())?;
            let (sha256, size) = (answer.linked_sha256(), size(&answer, begun.length()?));
            let size = size.inspect(|size| {
                job.meter.expect(size.wrapping_sub(expected));
                expected = *size;
            });
            begun.append(url, answer, size, progress, |length| {
                part.set(length);
                job.stop.check()
            })?;
            Ok(Some(sha256))
        })?;
        let Some(sha256) = sha256 else {
            begun.remove();
            return Ok(());
        };
        if sha256.is_some_and(|sha256| begun.checksum(job.stop).is_ok_and(|found| found != sha256)) {
            begun.remove();
            return Err(mismatch(url));
        }
        // Between the two it has none, and is downloaded anew.
        let _ = fs::remove_file(beside(&self.path, "etag"));
        begun.finish(&self.path)?;
        let _ = fs::remove_file(beside(partial, "etag"));
        etag.map_or(Ok(()), |etag| write(&beside(&self.path, "etag"), etag.as_bytes()))
    }

    /// The rest of what is begun, or all of it unless it is what is there.
    fn conditions(&self, partial: &Path, at: u64) -> Vec<(&'static str, String)> {
        let etag = |path: &Path| fs::read_to_string(beside(path, "etag")).ok().filter(|etag| is_strong(etag));
        match etag(partial).filter(|_| at > 0) {
            Some(etag) => vec![("Range", format!("bytes={at}-")), ("If-Range", etag)],
            None if self.path.is_file() => etag(&self.path).map(|etag| ("If-None-Match", etag)).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// It stands for the very bytes, and can be sent back.
fn is_strong(etag: &str) -> bool {
    etag.starts_with('"') && etag.len() <= 1024 && etag.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How large the file is, of which so much is there.
fn size(answer: &Answer, at: u64) -> Option<u64> {
    Some(at + answer.header("content-length")?.parse::<u64>().ok()?)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_the_hub_is_a_file_of_a_repository() {
        let read = |url| of_hub(url, "https://hub.co/m");
        let file = |file: &str| Some(Spec::Repo { repo: "a/b".to_owned(), which: Which::File(file.to_owned()) });
        assert_eq!(read("https://hub.co/m/a/b/resolve/main/c/d%20e.gguf?download=true"), file("c/d e.gguf"));
        assert_eq!(read("https://hub.co/m/a/b/blob/main/c.gguf"), file("c.gguf"));
        for url in [
            "https://hub.co/a/b/resolve/main/c.gguf",
            "https://hub.co/m/a/b/resolve/v2/c.gguf",
            "https://hub.co/m/a/b/resolve/main/%2e%2e/c.gguf",
            "https://hub.co/m/a/b/tree/main/c.gguf",
            "https://hub.co/m/a/b",
        ] {
            assert_eq!(read(url), None, "{url}");
        }
    }

    #[test]
    fn a_url_has_a_place_of_its_own_below_the_folder() {
        let place = |url| Target::new(Path::new("/u"), url).map(|target| target.path);
        assert_eq!(place("https://A.b/c/d.gguf").unwrap(), Path::new("/u/a.b_443/c/d.gguf"));
        assert_eq!(place("http://[::1]:8/d.gguf").unwrap(), Path::new("/u/---1-_8/d.gguf"));
        for url in
            ["https://a.b", "https://a.b/", "https://a.b/../../x", "https://a.b//x", "https://a.b/c/", "https:///x"]
        {
            assert_eq!(place(url).unwrap_err().reason(), Reason::InvalidArgument, "{url}");
        }
    }
}
