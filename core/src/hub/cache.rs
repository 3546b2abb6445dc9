//! The hub's cache, in the layout that all its tools share: of each repository, what its branches stand for (`refs`), what
//! was downloaded, named after its checksum (`blobs`), and links to that under the files' own names (`snapshots`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::spec;
use crate::error::Result;
use crate::runtime::save::unwritable;

/// So deep no repository is.
const DEEPEST: usize = 16;

pub(super) struct Repo {
    root: PathBuf,
    /// `models--user--repo`.
    folder: String,
}

impl Repo {
    pub(super) fn new(root: &Path, id: &str) -> Self {
        Repo { root: root.to_owned(), folder: format!("models--{}", id.replace('/', "--")) }
    }

    /// The repositories there are, by name.
    pub(super) fn all(root: &Path) -> Vec<(String, Repo)> {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let repo = |name: String| {
            let id = name.strip_prefix("models--")?.replace("--", "/");
            spec::is_repo(&id).then(|| (id, Repo { root: root.to_owned(), folder: name }))
        };
        let mut all: Vec<_> = entries.filter_map(|entry| repo(entry.file_name().into_string().ok()?)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.join(&self.folder)
    }

    pub(super) fn blob(&self, oid: &str) -> PathBuf {
        self.path().join("blobs").join(oid)
    }

    /// Where the hub's own library has it.
    pub(super) fn lock(&self, oid: &str) -> PathBuf {
        self.root.join(".locks").join(&self.folder).join(format!("{oid}.lock"))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.path().join("snapshots").join(commit)
    }

    /// All commits of which there are files.
    pub(super) fn commits(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().join("snapshots")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| spec::is_commit(name)).collect()
    }

    /// The commit that was downloaded last: that of `main`, else of another branch.
    pub(super) fn commit(&self) -> Option<String> {
        let refs = self.path().join("refs");
        let read = |path: PathBuf| {
            let text = fs::read_to_string(path).ok()?;
            Some(text.trim().to_owned()).filter(|commit| spec::is_commit(commit))
        };
        let others = || fs::read_dir(&refs).into_iter().flatten().flatten().find_map(|entry| read(entry.path()));
        read(refs.join("main")).or_else(others).filter(|commit| self.snapshot(commit).is_dir())
    }

    /// The files of a commit that are there, as the hub names and orders them.
    pub(super) fn files(&self, commit: &str) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.snapshot(commit), "", DEEPEST, &mut files);
        files.sort();
        files
    }

    /// Notes which commit a branch stands for.
    pub(super) fn set_commit(&self, branch: &str, commit: &str) -> Result<()> {
        let path = self.path().join("refs").join(branch);
        if fs::read_to_string(&path).is_ok_and(|there| there == commit) {
            return Ok(());
        }
        write(&path, commit.as_bytes())
    }

    /// Gives a blob its name in a commit.
    pub(super) fn link(&self, oid: &str, commit: &str, file: &str) -> Result<()> {
        let target = format!("{}../../blobs/{oid}", "../".repeat(file.matches('/').count()));
        self.link_with(oid, commit, file, |at| symlink(Path::new(&target), at))
    }

    fn link_with(&self, oid: &str, commit: &str, file: &str, symlink: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
        let (blob, path) = (self.blob(oid), self.snapshot(commit).join(file));
        if same_file(&blob, &path) || !blob.exists() && path.exists() {
            return Ok(());
        }
        let failed = |error: io::Error| unwritable(&path, &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        // Under another name first, so that its own is never that of nothing.
        let linked = tempfile::Builder::new().prefix(".chaku-").make_in(folder, |at| symlink(at));
        match linked {
            Ok(link) => {
                link.into_temp_path().persist(&path).map_err(|error| failed(error.error))?;
            }
            // Where there are no links the file itself goes there, as other tools have it: a copy would take its size again.
            Err(_) => fs::rename(&blob, &path).map_err(failed)?,
        }
        Ok(())
    }
}

fn collect(folder: &Path, prefix: &str, deeper: usize, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{name}");
        // Through links: one that leads to nothing is no file.
        let Ok(there) = entry.path().metadata() else { continue };
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if there.is_file() {
            files.push(name);
        } else if !is_link && deeper > 0 {
            collect(&entry.path(), &format!("{name}/"), deeper - 1, files);
        }
    }
}

fn same_file(blob: &Path, path: &Path) -> bool {
    matches!((blob.canonicalize(), path.canonicalize()), (Ok(blob), Ok(path)) if blob == path)
}

/// Writes a small file: what is under its name is always whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: io::Error| unwritable(path, &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let file = NamedTempFile::with_prefix_in(".chaku-", folder).map_err(failed)?;
    fs::write(file.path(), bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(windows)]
fn symlink(target: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789012345678901234567890123456789";

    fn repo(root: &Path) -> Repo {
        let repo = Repo::new(root, "a/b-c");
        write(&repo.blob("abc"), b"text").unwrap();
        repo
    }

    #[test]
    fn a_blob_gets_its_name_by_a_link_that_may_be_moved_with_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("old");
        let repo = repo(&root);
        repo.link("abc", COMMIT, "sub/x.gguf").unwrap();
        repo.link("abc", COMMIT, "sub/x.gguf").unwrap();
        repo.set_commit("main", COMMIT).unwrap();
        fs::rename(&root, folder.path().join("new")).unwrap();
        let (id, repo) = Repo::all(&folder.path().join("new")).pop().unwrap();
        assert_eq!((id.as_str(), repo.commit().as_deref()), ("a/b-c", Some(COMMIT)));
        assert_eq!(repo.files(COMMIT), ["sub/x.gguf"]);
        assert_eq!(fs::read(repo.snapshot(COMMIT).join("sub/x.gguf")).unwrap(), b"text");
    }

    #[test]
    fn where_there_are_no_links_the_file_itself_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let repo = repo(folder.path());
        let refuse = |_: &Path| Err(io::Error::from(io::ErrorKind::Unsupported));
        for _ in 0..2 {
            repo.link_with("abc", COMMIT, "x.gguf", refuse).unwrap();
            assert_eq!(repo.files(COMMIT), ["x.gguf"]);
            assert!(!repo.blob("abc").exists());
        }
    }

    #[test]
    fn a_link_to_nothing_is_no_file_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let repo = repo(folder.path());
        repo.link("abc", COMMIT, "x.gguf").unwrap();
        fs::remove_file(repo.blob("abc")).unwrap();
        assert!(repo.files(COMMIT).is_empty());
        write(&repo.blob("def"), b"other").unwrap();
        repo.link("def", COMMIT, "x.gguf").unwrap();
        assert_eq!(fs::read(repo.snapshot(COMMIT).join("x.gguf")).unwrap(), b"other");
    }
}
