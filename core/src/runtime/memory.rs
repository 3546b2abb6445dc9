//! Whether the machine has the memory that is about to be taken. A system that overcommits grants more than it has, and
//! ends the process when that is used; a failed allocation of a few bytes ends it as well. So the question comes first.

use chaku_llama::ContextParams;
use sysinfo::System;

use crate::error::{Error, Reason, Result};

/// Below this nothing is begun. What prepares a request, and what a load keeps of a file's metadata, takes far less.
const ROOM: usize = 8 << 20;

/// Refuses to begin when little is left: where the allocations of Rust and of C++ destructors are too small to be asked
/// about one by one, and end the process when they fail.
pub(crate) fn check_room() -> Result<()> {
    if can_have(ROOM) {
        return Ok(());
    }
    let message = format!("less than {} MiB of memory is left; free some", ROOM >> 20);
    Err(Error::new(Reason::MemoryBudget, message).with("wanted", ROOM))
}

/// Asks for memory and gives it back unused, so it finds limits of the address space, not of what is there.
fn can_have(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let asked = probe.try_reserve_exact(bytes);
    // An allocation that nobody looks at may be left out by the compiler.
    std::hint::black_box(&probe);
    asked.is_ok()
}

/// Refuses weights of this size, which are about to be read.
pub(super) fn check_weights(bytes: u64) -> Result<()> {
    fits(bytes, available(), "the weights", "map the file (mmap), or choose a smaller model")
}

/// Refuses a saved state of this size, which is about to be read.
pub(crate) fn check_state(bytes: u64) -> Result<()> {
    fits(bytes, available(), "the saved state", "free some")
}

/// Refuses a context of which the parts that are known beforehand do not fit.
pub(super) fn check_context(model: &chaku_llama::Model, params: &ContextParams) -> Result<()> {
    let what = format!("a context of {} tokens", params.n_ctx);
    let advice = "choose a smaller ctx_size, a smaller max_running or a smaller ubatch_size";
    let bytes = params.least_bytes(model);
    fits(bytes, available(), &what, advice)?;
    // ggml does not look whether the tables it makes between the large parts are there.
    match usize::try_from(bytes).is_ok_and(|bytes| can_have(bytes.saturating_add(ROOM))) {
        true => Ok(()),
        false => {
            let message = format!("{what} takes {} MiB and the system does not grant them; {advice}", bytes >> 20);
            Err(Error::new(Reason::MemoryBudget, message).with("wanted", bytes))
        }
    }
}

/// Refuses to plan what for that alone takes as much.
pub(super) fn check_plan(bytes: u64) -> Result<()> {
    fits(bytes, available(), "the plan of a model", "choose fewer max_running or a smaller ctx_size")
}

fn fits(wanted: u64, available: u64, what: &str, advice: &str) -> Result<()> {
    if wanted <= available {
        return Ok(());
    }
    let message = format!("{what} takes {} MiB and {} MiB of memory are left; {advice}", wanted >> 20, available >> 20);
    Err(Error::new(Reason::MemoryBudget, message).with("wanted", wanted).with("available", available))
}

/// Bytes that can be had without ending a process: what the system calls available, and swap; within a container's limit.
fn available() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    // Elsewhere the system's own figure leaves out much of what it would clear for us.
    let free = if cfg!(target_os = "linux") { system.available_memory() } else { system.total_memory() };
    let free = free.saturating_add(system.free_swap());
    match system.cgroup_limits() {
        // Not its free memory, which leaves out the files it could forget.
        Some(limits) => free.min(limits.total_memory.saturating_add(limits.free_swap).saturating_sub(limits.rss)),
        None => free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        assert!(fits(5 << 20, 5 << 20, "a test", "").is_ok());
        let error = fits(6 << 20, 5 << 20, "a test", "take less").unwrap_err();
        assert_eq!(error.message(), "a test takes 6 MiB and 5 MiB of memory are left; take less");
        assert_eq!((error.reason(), error.detail("available")), (Reason::MemoryBudget, Some("5242880")));
    }

    #[test]
    fn a_machine_that_runs_this_has_memory_but_not_without_end() {
        assert!(available() > ROOM as u64);
        assert!(available() < 1 << 50);
    }
}
