//! What the hub names a file after: its SHA-256 where git LFS keeps it, else what git computes, the SHA-1 of a header and the
//! file.

use std::io::{self, ErrorKind, Read};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::spec::is_oid;

const PIECE: usize = 256 << 10;

/// Whether a file of so many bytes has this name. `go_on` is told how many bytes were read; `None` = it said no.
pub(super) fn has_name(
    file: &mut impl Read,
    length: u64,
    oid: &str,
    go_on: impl FnMut(u64) -> bool,
) -> io::Result<Option<bool>> {
    let computed = match oid.len() {
        64 => read(Sha256::new(), file, go_on)?,
        _ => read(Sha1::new_with_prefix(format!("blob {length}\0")), file, go_on)?,
    };
    Ok(computed.map(|computed| is_oid(oid) && computed == oid.to_ascii_lowercase()))
}

fn read<D: Digest>(
    mut hash: D,
    file: &mut impl Read,
    mut go_on: impl FnMut(u64) -> bool,
) -> io::Result<Option<String>> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Some(hexadecimal(hash))),
            Ok(length) => {
                hash.update(&piece[..length]);
                if !go_on(length as u64) {
                    return Ok(None);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn hexadecimal(hash: impl Digest) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str, oid: &str) -> bool {
        has_name(&mut text.as_bytes(), text.len() as u64, oid, |_| true).unwrap().unwrap()
    }

    #[test]
    fn a_name_is_that_of_git_or_of_its_large_files() {
        // `git hash-object` and `sha256sum` say so.
        let (git, lfs) = (
            "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
            "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
        );
        for oid in [git, lfs, &git.to_ascii_uppercase()] {
            assert!(is("hello world\n", oid) && !is("hello world", oid), "{oid}");
        }
        assert!(!is("", "") && !is("", "README.md"));
        assert!(has_name(&mut "x".as_bytes(), 1, git, |_| false).unwrap().is_none());
    }
}
