//! What a run consists of: recipes kept as files, then numbers.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::generate::Generator;

/// What the worker is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) jobs: Vec<Job>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    /// A case kept as JSON.
    Recipe(PathBuf),
    /// A case of the plan's seed.
    Number(u64),
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Job::Recipe(path) => write!(f, "{}", path.file_stem().unwrap_or_default().display()),
            Job::Number(number) => write!(f, "case {number}"),
        }
    }
}

impl Plan {
    pub(crate) fn case(&self, generator: &Generator, job: &Job) -> std::io::Result<Case> {
        match job {
            Job::Recipe(path) => read(path),
            Job::Number(number) => Ok(generator.case(self.seed, *number)),
        }
    }
}

fn read(path: &Path) -> std::io::Result<Case> {
    let json = std::fs::read_to_string(path)?;
    serde_json::from_str(&json).map_err(|error| std::io::Error::other(format!("{}: {error}", path.display())))
}

/// What killed the process once: all of it, by name.
pub(crate) fn regressions() -> std::io::Result<Vec<Job>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"));
    let entries = folder.read_dir()?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths.into_iter().map(Job::Recipe).collect())
}
