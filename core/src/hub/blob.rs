//! One file: resumed where it was left, checked, and under its name only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use ureq::http::StatusCode;

use super::job::{Job, Part, Stop};
use super::lock::Lock;
use super::oid::{has_name, hexadecimal};
use super::shown;
use super::web::{ATTEMPTS, Answer, Failure, unreachable};
use crate::error::{Error, Reason, Result};
use crate::runtime::save::unwritable;

const PIECE: usize = 256 << 10;

/// An attempt that brought so much was no failure.
const MUCH: u64 = 1 << 20;

/// What is to be downloaded.
pub(super) struct Blob {
    pub(super) url: String,
    /// Where it goes.
    pub(super) path: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) size: Option<u64>,
    /// What the hub names it after.
    pub(super) oid: String,
}

impl Blob {
    /// Downloads it, unless it is there. Whoever else downloads it meanwhile is waited for.
    pub(super) fn fetch(&self, job: &Job<'_>) -> Result<()> {
        let part = job.meter.part();
        if self.is_there(&part) {
            return Ok(());
        }
        let partial = partial(&self.path);
        let others = || part.set(partial.metadata().map_or(0, |there| there.len()));
        let _lock = Lock::take(&self.lock, job.stop, others)?;
        if self.is_there(&part) {
            return Ok(());
        }
        let mut begun = Begun::open(&partial)?;
        self.check_room(&begun)?;
        loop {
            let resumed = begun.length()? > 0;
            self.complete(job, &mut begun, &part)?;
            match begun.has_name(&self.oid, job.stop)? {
                true => break,
                // What another one had left may be of anything.
                false if resumed => begun.clear()?,
                false => {
                    begun.remove();
                    return Err(mismatch(&self.url));
                }
            }
        }
        begun.finish(&self.path)
    }

    fn is_there(&self, part: &Part<'_>) -> bool {
        let there = self.path.metadata().ok().filter(|there| there.is_file()).map(|there| there.len());
        let whole = there.filter(|length| self.size.is_none_or(|size| size == *length));
        whole.inspect(|length| part.set(*length)).is_some()
    }

    fn check_room(&self, begun: &Begun) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let (Some(size), Ok(room)) = (self.size, fs4::available_space(folder)) else { return Ok(()) };
        let needed = size.saturating_sub(begun.length()?);
        if needed <= room {
            return Ok(());
        }
        let message = format!(
            "{} MiB are to be downloaded, and the disk of {} has room for {}",
            needed >> 20,
            folder.display(),
            room >> 20
        );
        Err(Error::new(Reason::DiskFull, message).with("needed", needed).with("available", room))
    }

    /// Downloads what is missing.
    fn complete(&self, job: &Job<'_>, begun: &mut Begun, part: &Part<'_>) -> Result<()> {
        job.web.trying(ATTEMPTS, job.stop, |progress| {
            if self.size.is_some_and(|size| begun.length().is_ok_and(|length| length > size)) {
                begun.clear()?;
            }
            let at = begun.length()?;
            part.set(at);
            if self.size == Some(at) {
                return Ok(());
            }
            let range = (at > 0).then(|| ("Range", format!("bytes={at}-")));
            let answer = job.web.get(&self.url, range.as_slice())?;
            begun.meet(&self.url, &answer)?;
            begun.append(&self.url, answer, self.size, progress, |length| {
                part.set(length);
                job.stop.check()
            })?;
            match self.size {
                Some(size) if begun.length()? < size => Err(Failure::passing(self.broken("ended before the file did"))),
                _ => Ok(()),
            }
        })
    }

    fn broken(&self, what: &str) -> Error {
        Error::new(Reason::HubUnavailable, format!("{} {what}", shown(&self.url)))
    }
}

pub(super) fn mismatch(url: &str) -> Error {
    let message = format!("what {} sent has not the checksum that was announced; it was thrown away", shown(url));
    Error::new(Reason::ChecksumMismatch, message)
}

/// Where a file is until it is whole.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".incomplete");
    name.into()
}

/// A file that is not whole yet.
pub(super) struct Begun {
    path: PathBuf,
    file: File,
    /// Of its first `hashed` bytes.
    hash: Sha256,
    hashed: u64,
}

impl Begun {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| unwritable(path, &error);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
        Ok(Begun { path: path.to_owned(), file, hash: Sha256::new(), hashed: 0 })
    }

    pub(super) fn length(&self) -> Result<u64> {
        self.file.metadata().map(|there| there.len()).map_err(|error| unwritable(&self.path, &error))
    }

    pub(super) fn clear(&mut self) -> Result<()> {
        (self.hash, self.hashed) = (Sha256::new(), 0);
        self.file.set_len(0).map_err(|error| unwritable(&self.path, &error))
    }

    /// Makes the file end where an answer begins: with the rest of it, or with all of it anew.
    pub(super) fn meet(&mut self, url: &str, answer: &Answer) -> Result<(), Failure> {
        let at = self.length()?;
        let begins_there = || {
            let range = answer.header("content-range");
            range.is_some_and(|range| range.starts_with(&format!("bytes {at}-")))
        };
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if begins_there() => Ok(()),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.clear()?;
                let message = format!("{} sends not the bytes that were asked for", shown(url));
                Err(Failure::passing(Error::new(Reason::HubUnavailable, message)))
            }
            _ => Ok(self.clear()?),
        }
    }

    /// Appends the body of an answer, of a file that should have `size` bytes then. Sets `progress` when it was much.
    pub(super) fn append(
        &mut self,
        url: &str,
        answer: Answer,
        size: Option<u64>,
        progress: &mut bool,
        mut count: impl FnMut(u64) -> Result<()>,
    ) -> Result<(), Failure> {
        let began = self.length()?;
        let mut length = began;
        self.file.seek(SeekFrom::End(0)).map_err(|error| unwritable(&self.path, &error))?;
        let mut body = answer.response.into_body().into_reader();
        let mut piece = vec![0; PIECE];
        loop {
            let read = match body.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreachable(url, &error)),
            };
            if size.is_some_and(|size| length + read as u64 > size) {
                self.clear()?;
                let message = format!("{} sends more than the file has", shown(url));
                return Err(Error::new(Reason::ChecksumMismatch, message).into());
            }
            self.file.write_all(&piece[..read]).map_err(|error| unwritable(&self.path, &error))?;
            if self.hashed == length {
                self.hash.update(&piece[..read]);
                self.hashed += read as u64;
            }
            length += read as u64;
            *progress |= length - began >= MUCH;
            count(length)?;
        }
    }

    /// Whether what is there is what the hub names so.
    fn has_name(&mut self, oid: &str, stop: &Stop) -> Result<bool> {
        if oid.len() == 64 {
            return Ok(self.checksum(stop)? == oid);
        }
        // Git's begins with the length, which may be known at the end alone. What it keeps itself is small.
        let failed = |error: io::Error| unwritable(&self.path, &error);
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let length = self.length()?;
        let found = has_name(&mut self.file, length, oid, |_| stop.check().is_ok()).map_err(failed)?;
        stop.check()?;
        Ok(found == Some(true))
    }

    /// The SHA-256 of what is there.
    pub(super) fn checksum(&mut self, stop: &Stop) -> Result<String> {
        let failed = |error: io::Error| unwritable(&self.path, &error);
        self.file.seek(SeekFrom::Start(self.hashed)).map_err(failed)?;
        let mut piece = vec![0; PIECE];
        loop {
            stop.check()?;
            match self.file.read(&mut piece) {
                Ok(0) => return Ok(hexadecimal(self.hash.clone())),
                Ok(read) => {
                    self.hash.update(&piece[..read]);
                    self.hashed += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Syncs it and gives it its name.
    pub(super) fn finish(self, path: &Path) -> Result<()> {
        self.file.sync_all().map_err(|error| unwritable(&self.path, &error))?;
        fs::rename(&self.path, path).map_err(|error| unwritable(path, &error))
    }

    /// Throws it away.
    pub(super) fn remove(self) {
        drop(self.file);
        let _ = fs::remove_file(&self.path);
    }
}
