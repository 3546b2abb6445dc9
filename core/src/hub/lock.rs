//! A lock between all who download one file: threads and processes, of chaku and of the hub's own library.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use fs4::{FileExt, TryLockError};

use super::job::Stop;
use crate::error::{Error, Reason, Result};
use crate::runtime::save::unwritable;

/// How often a waiting one asks again: the system tells nobody that a lock is free.
const PAUSE: Duration = Duration::from_millis(100);

/// Held until it is dropped, or its process ends.
pub(super) struct Lock(#[expect(dead_code, reason = "it is the open file that holds the lock")] File);

impl Lock {
    /// Waits for the lock; `waiting` is called each time that another one has it.
    pub(super) fn take(path: &Path, stop: &Stop, mut waiting: impl FnMut()) -> Result<Self> {
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            waiting();
            stop.sleep(PAUSE)?;
        }
    }

    /// `None` = another one has it.
    pub(super) fn try_take(path: &Path) -> Result<Option<Self>> {
        let failed = |error| unwritable(path, &error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                let message =
                    format!("cannot lock {}: {error}; keep the cache on a disk that has locks", path.display());
                Err(Error::new(Reason::FileUnwritable, message))
            }
        }
    }
}
