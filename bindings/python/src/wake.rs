//! How a request wakes an event loop that runs in Python, without a thread of chaku entering the interpreter: the ready
//! hook notes the request's token and writes a byte to a socket, which the loop watches as it watches any other.

#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;

/// The wake of one event loop: tokens of requests that have something to read.
#[pyclass(frozen, module = "chaku._chaku")]
pub(crate) struct Wake(Arc<Signal>);

/// The half that ready hooks hold.
pub(crate) struct Signal {
    /// Invariant: a byte waits in the socket, or is about to be written, while this is not empty.
    tokens: Mutex<Vec<u64>>,
    #[cfg(unix)]
    reader: UnixStream,
    #[cfg(unix)]
    writer: UnixStream,
}

#[pymethods]
impl Wake {
    #[cfg(unix)]
    #[new]
    fn new() -> PyResult<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Wake(Arc::new(Signal { tokens: Mutex::default(), reader, writer })))
    }

    #[cfg(not(unix))]
    #[new]
    fn new() -> PyResult<Self> {
        Err(pyo3::exceptions::PyNotImplementedError::new_err("event loops of this system watch no file descriptors"))
    }

    /// What the loop watches for reading.
    #[cfg(unix)]
    fn fileno(&self) -> i32 {
        self.0.reader.as_raw_fd()
    }

    /// The tokens since the last call.
    fn drain(&self) -> Vec<u64> {
        // First the socket, then the tokens: one that comes in between is taken now, and its byte wakes for nothing.
        #[cfg(unix)]
        while matches!((&self.0.reader).read(&mut [0; 64]), Ok(64)) {}
        std::mem::take(&mut *self.0.tokens.lock())
    }
}

impl Wake {
    pub(crate) fn signal(&self) -> Arc<Signal> {
        self.0.clone()
    }
}

impl Signal {
    /// Wakes the loop for a request.
    pub(crate) fn notify(&self, token: u64) {
        let mut tokens = self.tokens.lock();
        let first = tokens.is_empty();
        tokens.push(token);
        drop(tokens);
        #[cfg(unix)]
        if first {
            // A socket too full for it wakes the loop anyway.
            let _ = (&self.writer).write(&[0]);
        }
        #[cfg(not(unix))]
        let _ = first;
    }
}
