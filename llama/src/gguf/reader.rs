//! Little-endian numbers and texts from a source that may end or lie at any place.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::{broken, shown};
use crate::Error;

/// All metadata and tensor descriptions together. Real ones have some ten megabytes. llama.cpp needs several times as
/// much memory, and a file may claim more than it has on the disk.
const LONGEST_HEADER: u64 = 256 << 20;

pub(super) struct Reader<R> {
    inner: BufReader<R>,
    position: u64,
    length: u64,
}

impl<R: Read + Seek> Reader<R> {
    pub(super) fn new(mut source: R) -> Result<Self, Error> {
        let length = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        Ok(Self { inner: BufReader::with_capacity(1 << 16, source), position: 0, length })
    }
}

impl<R: Read> Reader<R> {
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The size of the whole file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.claim(N as u64, "header")?;
        self.inner.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, within: &str) -> Result<u32, Error> {
        self.claim(4, within)?;
        let mut bytes = [0; 4];
        self.inner.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn u64(&mut self, within: &str) -> Result<u64, Error> {
        self.claim(8, within)?;
        let mut bytes = [0; 8];
        self.inner.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Appends `count` bytes to `to`. Memory is only asked for what the file really holds.
    pub(super) fn append(&mut self, to: &mut Vec<u8>, count: u64, within: &str) -> Result<(), Error> {
        self.claim(count, within)?;
        // Fits: a claim is at most LONGEST_HEADER.
        let count = count as usize;
        to.try_reserve(count).map_err(|_| out_of_memory())?;
        let start = to.len();
        to.resize(start + count, 0);
        self.inner.read_exact(&mut to[start..])?;
        Ok(())
    }

    /// A text with its length before it.
    pub(super) fn string(&mut self, within: &str) -> Result<Vec<u8>, Error> {
        let length = self.u64(within)?;
        let mut text = Vec::new();
        self.append(&mut text, length, within)?;
        Ok(text)
    }

    /// The name of a key or tensor. llama.cpp ends names at a NUL, so one in the middle would make it see another name.
    pub(super) fn name(&mut self, within: &str) -> Result<String, Error> {
        let name = self.string(within)?;
        if name.contains(&0) {
            return Err(broken(within, format!("its name {} contains a NUL", shown(&name))));
        }
        String::from_utf8(name)
            .map_err(|error| broken(within, format!("its name {} is not UTF-8", shown(error.as_bytes()))))
    }

    /// Steps over the next `count` bytes before they are read, if there are as many.
    fn claim(&mut self, count: u64, within: &str) -> Result<(), Error> {
        let rest = self.length - self.position;
        if count > rest {
            let message =
                format!("{count} bytes should follow at byte {}, but the file has only {rest} more", self.position);
            return Err(broken(within, message));
        }
        if self.position + count > LONGEST_HEADER {
            return Err(broken(within, format!("the metadata is longer than {LONGEST_HEADER} bytes")));
        }
        self.position += count;
        Ok(())
    }
}

pub(super) fn out_of_memory() -> Error {
    std::io::Error::from(std::io::ErrorKind::OutOfMemory).into()
}
