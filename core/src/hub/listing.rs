//! What the hub says a repository has.

use serde::Deserialize;

use super::job::Stop;
use super::spec::{is_commit, is_oid, is_path};
use super::web::Web;
use crate::error::{Error, Reason, Result};

/// A page has a thousand files.
const MOST_PAGES: usize = 20;

pub(super) struct Listing {
    pub(super) branch: String,
    pub(super) commit: String,
    /// In the hub's order.
    pub(super) files: Vec<File>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Invariant: [`is_path`].
    pub(super) path: String,
    pub(super) size: Option<u64>,
    /// The name of its blob. Invariant: [`is_oid`].
    pub(super) oid: String,
}

#[derive(Deserialize)]
struct Refs {
    #[serde(default)]
    branches: Vec<Branch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Branch {
    name: String,
    target_commit: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    oid: Option<String>,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: Option<u64>,
}

pub(super) fn read(web: &Web, repo: &str, attempts: u32, stop: &Stop) -> Result<Listing> {
    let (refs, _): (Refs, _) = web.json(&web.url(&format!("api/models/{repo}/refs")), attempts, stop)?;
    let Branch { name, target_commit } = branch(refs).ok_or_else(|| {
        Error::new(Reason::HubNotFound, format!("the repository {repo} has no branch that one could download"))
    })?;
    let mut files = Vec::new();
    let mut next = Some(web.url(&format!("api/models/{repo}/tree/{target_commit}?recursive=true")));
    for _ in 0..MOST_PAGES {
        let Some(url) = next else { break };
        let (entries, more): (Vec<Entry>, _) = web.json(&url, attempts, stop)?;
        files.extend(entries.into_iter().filter_map(file));
        next = more;
    }
    Ok(Listing { branch: name, commit: target_commit, files })
}

/// `main`, else the first one.
fn branch(refs: Refs) -> Option<Branch> {
    let good = |branch: &Branch| is_commit(&branch.target_commit) && is_path(&branch.name);
    let mut branches: Vec<Branch> = refs.branches.into_iter().filter(good).collect();
    let main = branches.iter().position(|branch| branch.name == "main").unwrap_or(0);
    (!branches.is_empty()).then(|| branches.swap_remove(main))
}

/// Nothing whose name could lead out of the cache.
fn file(entry: Entry) -> Option<File> {
    let Entry { kind, path, oid, size, lfs } = entry;
    if kind != "file" {
        return None;
    }
    let (oid, size) = match lfs {
        Some(lfs) => (lfs.oid, lfs.size.or(size)),
        None => (oid?, size),
    };
    let good = is_path(&path) && is_oid(&oid);
    if !good {
        tracing::warn!(target: "chaku::hub", ?path, "a file of the repository has a name that is not taken");
    }
    good.then(|| File { path, size, oid: oid.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "0123456789012345678901234567890123456789";

    fn files(json: &str) -> Vec<String> {
        let entries: Vec<Entry> = serde_json::from_str(json).unwrap();
        entries.into_iter().filter_map(file).map(|file| file.path).collect()
    }

    #[test]
    fn a_hostile_name_is_no_file() {
        for path in
            ["../../x.gguf", "/etc/x.gguf", "a/../../x.gguf", "C:\\\\x.gguf", "..\\\\x.gguf", "a//x.gguf", "a\\u0000b"]
        {
            let json = format!(r#"[{{"type":"file","path":"{path}","oid":"{OID}","size":1}}]"#);
            assert!(files(&json).is_empty(), "{path}");
        }
        for oid in ["../../x", "", "xyz", "/etc/passwd"] {
            let json = format!(r#"[{{"type":"file","path":"a.gguf","oid":"{OID}","lfs":{{"oid":"{oid}"}}}}]"#);
            assert!(files(&json).is_empty(), "{oid}");
        }
        let json = format!(
            r#"[{{"type":"directory","path":"b","oid":"{OID}"}},{{"type":"file","path":"b/a.gguf","oid":"{OID}"}}]"#
        );
        assert_eq!(files(&json), ["b/a.gguf"]);
    }

    #[test]
    fn the_branch_is_main_if_there_is_one_that_is_good() {
        let chosen = |json: &str| branch(serde_json::from_str(json).unwrap()).map(|branch| branch.name);
        let one = |name: &str, commit: &str| format!(r#"{{"name":"{name}","ref":"x","targetCommit":"{commit}"}}"#);
        let all = |branches: &[String]| chosen(&format!(r#"{{"branches":[{}]}}"#, branches.join(",")));
        assert_eq!(all(&[one("dev", OID), one("main", OID)]).as_deref(), Some("main"));
        assert_eq!(all(&[one("../../dev", OID), one("main", "../x"), one("old", OID)]).as_deref(), Some("old"));
        assert_eq!([all(&[]), chosen("{}")], [None, None]);
    }
}
