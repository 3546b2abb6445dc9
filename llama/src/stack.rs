//! Room on the stack for recursive code, whatever stack the host's thread has.

use std::panic::resume_unwind;
use std::thread;

/// Runs `body` on a thread of its own with at least `size` bytes of stack, and waits. Only what is used of them takes memory.
pub(crate) fn with_stack<T: Send>(size: usize, body: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(size).spawn_scoped(scope, body)?;
        Ok(worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 64]);
        if n == 0 { frame[0] } else { 1 + depth(frame[63] - 1) }
    }

    #[test]
    fn there_is_room_for_what_was_asked() {
        assert_eq!(with_stack(64 << 20, || depth(80_000)).unwrap(), 80_000);
    }

    #[test]
    fn more_than_the_system_has_is_an_error() {
        assert!(with_stack(usize::MAX / 2, || ()).is_err());
    }
}
