//! Models in several files: `name-00001-of-00003.gguf` and so on.

use std::path::{Path, PathBuf};

use super::metadata::{Kind, Value, wrong_kind};
use super::{File, broken};
use crate::Error;

const COUNT: &str = "split.count";
const NUMBER: &str = "split.no";

/// The parts after the first one, each opened when its turn comes. None for a model in one file.
pub(super) fn others(path: &Path, first: &File) -> Result<impl Iterator<Item = Result<File, Error>> + use<>, Error> {
    let count = u16_of(first, COUNT)?.unwrap_or(0);
    let name = if count > 1 { Some(first_name(path, first, count)?) } else { None };
    let parts =
        name.into_iter().flat_map(move |name| (1..count).map(move |number| open(&name.part(number), number, count)));
    Ok(parts)
}

fn first_name(path: &Path, first: &File, count: u16) -> Result<Name, Error> {
    if let Some(number) = u16_of(first, NUMBER)?.filter(|&number| number != 0) {
        return Err(broken(NUMBER, format!("this is part {} of {count}; load part 1, the others follow", number + 1)));
    }
    Name::of(path, count).ok_or_else(|| {
        let message = format!("the model has {count} parts, so its name must end in `-00001-of-{count:05}.gguf`");
        broken(COUNT, message)
    })
}

fn open(path: &Path, number: u16, count: u16) -> Result<File, Error> {
    let what = || format!("part {} of {count}, {}", number + 1, path.display());
    let file = File::open(path).map_err(|error| match error {
        Error::Unreadable(error) => broken(what(), format!("it cannot be read: {error}")),
        Error::BadFile { what: inner, message } => broken(what(), format!("{inner}: {message}")),
        other => other,
    })?;
    match u16_of(&file, NUMBER)? {
        Some(found) if found == number => Ok(file),
        found => {
            let found = found.map_or("missing".to_owned(), |found| found.to_string());
            Err(broken(what(), format!("its {NUMBER} is {found}, expected {number}")))
        }
    }
}

/// llama.cpp asserts the type in all parts but the first.
fn u16_of(file: &File, key: &str) -> Result<Option<u16>, Error> {
    match file.metadata.get(key) {
        None => Ok(None),
        Some(Value::Unsigned(Kind::U16, number)) => Ok(Some(*number as u16)),
        Some(other) => Err(wrong_kind(key, other.kind(), Kind::U16)),
    }
}

/// The name of a part, without its number.
struct Name {
    folder: PathBuf,
    stem: std::ffi::OsString,
    count: u16,
}

impl Name {
    fn of(path: &Path, count: u16) -> Option<Self> {
        let name = path.file_name()?;
        let ending = format!("-00001-of-{count:05}.gguf");
        let stem = name.as_encoded_bytes().strip_suffix(ending.as_bytes()).filter(|stem| !stem.is_empty())?;
        // A name is a text or bytes by platform; cutting ASCII off leaves whole characters on both.
        let stem = name.to_str().map_or_else(
            || String::from_utf8_lossy(stem).into_owned().into(),
            |text| std::ffi::OsString::from(&text[..stem.len()]),
        );
        Some(Self { folder: path.parent()?.to_owned(), stem, count })
    }

    fn part(&self, number: u16) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(format!("-{:05}-of-{:05}.gguf", u32::from(number) + 1, self.count));
        self.folder.join(name)
    }
}
