//! What was downloaded: listed, removed, checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::cache::Repo;
use super::choose::{choose, models, parts, tag};
use super::lock::Lock;
use super::oid::has_name;
use super::place::Place;
use super::repo;
use super::spec::{Spec, Which, is_oid};
use super::url;
use crate::error::{Error, Reason, Result};
use crate::options::{Layers, Options};
use crate::runtime::save::unwritable;

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cached {
    /// `user/repo:TAG`; `user/repo/file` where its name has no tag. With `hf:` before it, a spec.
    pub name: String,
    /// Its files, the one that is loaded first.
    pub paths: Vec<PathBuf>,
    /// Bytes of them all.
    pub size: u64,
    /// The commit of the repository that they are of.
    pub commit: String,
}

/// The models of the hub that are in the cache and whole, by name.
pub fn cached(options: &Options) -> Result<Vec<Cached>> {
    let place = Place::read(&Layers(vec![options]))?;
    let mut all = Vec::new();
    for (id, repo) in Repo::all(&place.root) {
        let Some(commit) = repo.commit() else { continue };
        let files = repo.files(&commit);
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        for (at, name) in models(&names) {
            // Of one with a part missing nothing can be loaded.
            let Ok(parts) = parts(&names, at) else { continue };
            let paths: Vec<PathBuf> = parts.iter().map(|at| repo.snapshot(&commit).join(names[*at])).collect();
            let size = paths.iter().filter_map(|path| Some(path.metadata().ok()?.len())).sum();
            // A tag stands for the first file that has it.
            let tag = tag(name).filter(|tag| choose(&names, &Which::Tag(tag.clone())).is_ok_and(|them| them[0] == at));
            let name = tag.map_or_else(|| format!("{id}/{name}"), |tag| format!("{id}:{tag}"));
            all.push(Cached { name, paths, size, commit: commit.clone() });
        }
    }
    Ok(all)
}

/// The files in the cache that a spec, or a name as it is listed, stands for, the one that is loaded first. Nothing is
/// downloaded, and nobody asked.
pub fn find(name: &str, options: &Options) -> Result<Vec<PathBuf>> {
    look_up(&Place::read(&Layers(vec![options]))?, &named(name)?)
}

/// The path of what a spec stands for in the cache.
pub(super) fn path(spec: &str, layers: &Layers<'_>) -> Result<PathBuf> {
    let place = Place::read(layers)?;
    let found = look_up(&place, &Spec::parse(spec)?);
    let paths =
        found.map_err(|error| Error::new(error.reason(), format!("{error}; download {} first", super::shown(spec))))?;
    paths
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(Reason::HubNotFound, format!("{} has no file", super::shown(spec))))
}

fn look_up(place: &Place, spec: &Spec) -> Result<Vec<PathBuf>> {
    match spec {
        Spec::Repo { repo, which } => repo::cached(&Repo::new(&place.root, repo), which),
        Spec::Url(url) => url::cached(&place.urls, url),
    }
}

/// A name as it is listed, or a spec.
fn named(name: &str) -> Result<Spec> {
    match super::spec_of(Path::new(name)) {
        Some(spec) => Spec::parse(spec),
        None => Spec::parse(&format!("hf:{name}")),
    }
}

/// Removes a model: `user/repo:TAG`, `user/repo/file`, or all of `user/repo`. Returns how many bytes became free. What is
/// being downloaded is refused as `concurrent_use`; what is loaded stays whole where the system allows it.
pub fn remove(name: &str, options: &Options) -> Result<u64> {
    let place = Place::read(&Layers(vec![options]))?;
    match named(name)? {
        Spec::Repo { repo: id, which } => {
            let repo = Repo::new(&place.root, &id);
            let paths = match which {
                Which::Any => everything(&repo),
                _ => repo::cached(&repo, &which)?,
            };
            if paths.is_empty() {
                return Err(Error::new(Reason::HubNotFound, format!("nothing of {id} is in the cache")));
            }
            let freed = paths.iter().try_fold(0, |freed, path| Ok::<_, Error>(freed + remove_file(&repo, path)?))?;
            remove_rest(&repo)?;
            Ok(freed)
        }
        Spec::Url(url) => url::cached(&place.urls, &url)?.iter().try_fold(0, |freed, path| {
            let size = length(path);
            fs::remove_file(path).map_err(|error| unwritable(path, &error))?;
            Ok(freed + size)
        }),
    }
}

/// The files of all commits.
fn everything(repo: &Repo) -> Vec<PathBuf> {
    let files = |commit: String| {
        let snapshot = repo.snapshot(&commit);
        repo.files(&commit).into_iter().map(move |file| snapshot.join(file))
    };
    repo.commits().into_iter().flat_map(files).collect()
}

/// Removes a file under all its names, and the blob. Returns its size.
fn remove_file(repo: &Repo, path: &Path) -> Result<u64> {
    // Removed already, under another name.
    let Ok(blob) = path.canonicalize() else { return Ok(0) };
    let oid = blob.file_name().and_then(|name| name.to_str()).filter(|name| is_oid(name));
    let _lock = match oid {
        Some(oid) => Some(Lock::try_take(&repo.lock(oid))?.ok_or_else(|| {
            let message = format!("{} is being downloaded; wait, or cancel that", path.display());
            Error::new(Reason::ConcurrentUse, message)
        })?),
        None => None,
    };
    let size = length(&blob);
    let mut names: BTreeSet<PathBuf> = everything(repo).into_iter().collect();
    names.retain(|name| name.canonicalize().is_ok_and(|target| target == blob));
    names.insert(path.to_owned());
    names.insert(blob);
    for name in names {
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(&name, &error)),
            _ => {}
        }
    }
    Ok(size)
}

/// Removes the folder of a repository of which no file is left.
fn remove_rest(repo: &Repo) -> Result<()> {
    let under_way = |name: String| Some(Lock::try_take(&repo.lock(name.strip_suffix(".incomplete")?)).ok()?.is_none());
    let mut blobs = fs::read_dir(repo.blob("")).into_iter().flatten().flatten();
    let in_use = blobs.any(|entry| entry.file_name().into_string().ok().and_then(under_way) == Some(true));
    if in_use || !everything(repo).is_empty() {
        return Ok(());
    }
    fs::remove_dir_all(repo.path()).map_err(|error| unwritable(&repo.path(), &error))
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |there| there.len())
}

/// What [`verify`] found of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The file.
    pub path: PathBuf,
    /// Whether it is what the hub has.
    pub state: State,
}

/// Whether a file is what the hub has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It has its checksum.
    Good,
    /// It has not.
    Damaged,
    /// Nothing here says what its checksum should be.
    Unknown,
}

/// Checks the files of a model against their checksums: of `user/repo:TAG`, `user/repo/file`, or all of `user/repo`.
/// `on_progress` is told how many bytes of how many are read; saying no ends it as `cancelled`.
pub fn verify(name: &str, options: &Options, mut on_progress: impl FnMut(u64, u64) -> bool) -> Result<Vec<Checked>> {
    let place = Place::read(&Layers(vec![options]))?;
    let spec = named(name)?;
    let paths = match &spec {
        Spec::Repo { repo, which: Which::Any } => everything(&Repo::new(&place.root, repo)),
        spec => look_up(&place, spec)?,
    };
    if paths.is_empty() {
        return Err(Error::new(Reason::HubNotFound, format!("nothing of {name} is in the cache")));
    }
    let total = paths.iter().map(|path| length(path)).sum();
    let mut done = 0;
    let check = |path: PathBuf| {
        let state = state(&path, |read| {
            done += read;
            on_progress(done, total)
        })?;
        Ok(Checked { path, state })
    };
    paths.into_iter().map(check).collect()
}

fn state(path: &Path, read: impl FnMut(u64) -> bool) -> Result<State> {
    let unreadable = |error: std::io::Error| {
        Error::new(Reason::FileUnreadable, format!("cannot read {}: {error}", path.display()))
            .with("path", path.display())
    };
    let blob = path.canonicalize().map_err(unreadable)?;
    let name = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut file = fs::File::open(&blob).map_err(unreadable)?;
    match has_name(&mut file, length(&blob), name, read).map_err(unreadable)? {
        None => Err(Error::new(Reason::Cancelled, "the check was cancelled")),
        Some(_) if !is_oid(name) => Ok(State::Unknown),
        Some(true) => Ok(State::Good),
        Some(false) => Ok(State::Damaged),
    }
}
