//! Saving a session: a request like any other, on a thread of its own.

use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{RecvTimeoutError, bounded};
use tempfile::NamedTempFile;

use super::control::{Command, Exported};
use super::memory;
use super::worker::panicked;
use crate::content::Content;
use crate::error::{Error, Reason, Result};
use crate::event::Final;
use crate::model;
use crate::request::{Product, Shared};
use crate::saved::{Cached, Encoded, Saved};
use crate::session;

/// What is saved, and where to.
pub(crate) struct Save {
    pub(crate) request: Arc<Shared>,
    pub(crate) session: Arc<session::Shared>,
    pub(crate) content: Content,
    /// `None` = to memory.
    pub(crate) path: Option<PathBuf>,
}

/// Starts the thread.
pub(crate) fn start(save: Save) -> Result<()> {
    let place = Place::take(save.session.model.clone())?;
    let dispatch = save.session.model.dispatch.clone();
    // Whoever closes the model waits for it.
    let guard = save.session.model.worker.control.thread_guard();
    let run = move || {
        let _counted = guard;
        let _logged = dispatch.as_ref().map(tracing::dispatcher::set_default);
        save.run(place);
    };
    match std::thread::Builder::new().name("chaku-save".into()).spawn(run) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(Reason::NoThread, format!("cannot start a thread to save the session: {error}"))),
    }
}

/// One of the saves that may be under way at once.
struct Place(Arc<model::Shared>);

impl Place {
    fn take(model: Arc<model::Shared>) -> Result<Self> {
        if model.saves.take() {
            return Ok(Place(model));
        }
        let limit = model.saves.most();
        let message = format!("{limit} sessions of the model are being saved already; wait for one");
        Err(Error::new(Reason::QueueFull, message).with("queued", limit).with("limit", limit))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.saves.give_back();
    }
}

impl Save {
    fn run(&self, place: Place) {
        let request = &self.request;
        let saved = request
            .span
            .in_scope(|| catch_unwind(AssertUnwindSafe(|| self.save())).unwrap_or_else(|panic| Err(panicked(&*panic))));
        // Before the final event, so that whoever reads it may save the next session.
        drop(place);
        match saved {
            Ok(Some(data)) => request.finish_with(Product::Data(data)),
            Ok(None) => drop(request.finish(Final::done())),
            Err(error) => drop(request.finish(Final::failed(match &self.path {
                Some(path) => error.with("path", path.display()),
                None => error,
            }))),
        }
    }

    fn save(&self) -> Result<Option<Arc<[u8]>>> {
        memory::check_room()?;
        let cached = self.export()?;
        // From here on only this thread ends the request, so that nothing is left of it in the folder by then.
        if !self.request.own() {
            return Err(Error::new(Reason::Cancelled, "the request was cancelled"));
        }
        let model = &self.session.model;
        let saved = Saved {
            fingerprint: model.fingerprint()?.clone(),
            system_prompt: self.session.system_prompt().map(str::to_owned),
            content: self.content.clone(),
            cached,
        };
        let encoded = saved.encode()?;
        match &self.path {
            Some(path) => self.to_file(&encoded, path).map(|()| None),
            None => self.to_memory(&encoded).map(Some),
        }
    }

    /// What the KV cache holds of the session. Until the engine has answered, cancelling ends the request at once.
    fn export(&self) -> Result<Option<Cached>> {
        let model = &self.session.model;
        let (reply, answer) = bounded(1);
        model.worker.control.send(Command::Export { session: self.session.id, reply });
        let answer = match self.request.deadline {
            Some(deadline) => answer.recv_deadline(deadline),
            None => answer.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(exported) => Ok(exported.map(|Exported { tokens, state }| {
                let print = model.cache_print();
                Cached { print, tokens, state }
            })),
            Err(RecvTimeoutError::Timeout) => {
                Err(self.must_stop().unwrap_or_else(|| model.worker.control.interruption()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(model.worker.control.interruption()),
        }
    }

    fn to_memory(&self, encoded: &Encoded<'_>) -> Result<Arc<[u8]>> {
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(encoded.length()).is_err() {
            let message = format!("the state takes {} MiB of memory, which are not there", encoded.length() >> 20);
            return Err(Error::new(Reason::MemoryBudget, message).with("wanted", encoded.length()));
        }
        encoded.write(|piece| {
            bytes.extend_from_slice(piece);
            self.must_stop().map_or(Ok(()), Err)
        })?;
        Ok(bytes.into())
    }

    /// Written beside the file and renamed, so that under its name is never a part of it.
    fn to_file(&self, encoded: &Encoded<'_>, path: &Path) -> Result<()> {
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let message = format!("cannot write {}: there is something that is not a file", path.display());
            return Err(Error::new(Reason::FileUnwritable, message));
        }
        let failed = |error: std::io::Error| unwritable(path, &error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Removed when it is dropped without having got its name.
        let mut file = NamedTempFile::with_prefix_in(".chaku-", folder).map_err(failed)?;
        encoded.write(|piece| {
            file.write_all(piece).map_err(failed)?;
            self.must_stop().map_or(Ok(()), Err)
        })?;
        file.as_file().sync_all().map_err(failed)?;
        self.must_stop().map_or(Ok(()), Err)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn must_stop(&self) -> Option<Error> {
        let control = &self.session.model.worker.control;
        let closing = || control.is_closing().then(|| control.interruption());
        self.request.must_stop(Instant::now()).or_else(closing)
    }
}

pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            let message = format!("the disk has no room for {}: {error}; free some, or save elsewhere", path.display());
            Error::new(Reason::DiskFull, message)
        }
        _ => Error::new(Reason::FileUnwritable, format!("cannot write {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let reason = |kind: ErrorKind| unwritable(Path::new("x"), &kind.into()).reason();
        assert_eq!(reason(ErrorKind::StorageFull), Reason::DiskFull);
        assert_eq!(reason(ErrorKind::QuotaExceeded), Reason::DiskFull);
        assert_eq!(reason(ErrorKind::FileTooLarge), Reason::DiskFull);
        for kind in [ErrorKind::PermissionDenied, ErrorKind::NotFound, ErrorKind::ReadOnlyFilesystem] {
            assert_eq!(reason(kind), Reason::FileUnwritable);
        }
    }
}
