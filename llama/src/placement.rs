//! Where compute threads run, and how urgent they are.
//!
//! Not by ggml's own settings: these print to stderr what the system refuses, make urgent threads real-time ones, and touch
//! the thread that creates a pool. Here a thread of ours is placed first, and the pool's threads inherit its place; the
//! thread that decodes, which is one of them, is placed when it first does.

use crate::Error;

/// Which processors compute threads may use, and how urgent they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Placement {
    /// Numbers of processors; empty = wherever the system likes. Linux and Android only.
    pub cpus: Vec<usize>,
    /// Against other threads of the machine. Elsewhere than on Linux and Android it means nothing.
    pub priority: ThreadPriority,
}

/// How urgent threads are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ThreadPriority {
    /// Others go first.
    Low,
    /// As urgent as the thread that creates the context.
    #[default]
    Normal,
    /// They go before others, where the process may ask for that; else as normal.
    High,
}

impl Placement {
    /// Whether it changes nothing.
    pub(crate) fn is_default(&self) -> bool {
        self.cpus.is_empty() && self.priority == ThreadPriority::Normal
    }

    /// Places the calling thread, and all that it starts from now on. The error names a processor that cannot be used.
    pub(crate) fn apply(&self) -> Result<(), Error> {
        system::bind(&self.cpus)?;
        system::set_priority(self.priority);
        Ok(())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::ThreadPriority;
    use crate::Error;
    use crate::log::{LogLevel, deliver};

    /// Steps of nice: a low thread gets a tenth of a normal one's time where both want a processor, a high one three times
    /// as much.
    const NICE_LOW: i32 = 10;
    const NICE_HIGH: i32 = -5;

    pub(super) fn bind(cpus: &[usize]) -> Result<(), Error> {
        if cpus.is_empty() {
            return Ok(());
        }
        // One by one first: of several, the system takes those that exist and says nothing of the others.
        cpus.iter().try_for_each(|cpu| bind_to(std::slice::from_ref(cpu)))?;
        bind_to(cpus)
    }

    fn bind_to(cpus: &[usize]) -> Result<(), Error> {
        let unusable = |cpu: usize| {
            let message = format!("processor {cpu} does not exist, or this process may not use it");
            Error::input("cpu_affinity", message)
        };
        // SAFETY: a set of bits, for which all zeros is the empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        for &cpu in cpus {
            if cpu >= libc::CPU_SETSIZE as usize {
                return Err(unusable(cpu));
            }
            // SAFETY: the number is below the size of the set.
            unsafe { libc::CPU_SET(cpu, &mut set) };
        }
        // SAFETY: reads a set of the size that is told; 0 is the calling thread.
        match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) } {
            0 => Ok(()),
            _ => Err(unusable(cpus[0])),
        }
    }

    pub(super) fn set_priority(priority: ThreadPriority) {
        let nice = match priority {
            ThreadPriority::Low => NICE_LOW,
            ThreadPriority::Normal => return,
            ThreadPriority::High => NICE_HIGH,
        };
        // SAFETY: sets a number of the calling thread, which is what 0 means on Linux, whatever POSIX says of processes.
        if unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, nice) } != 0 {
            deliver(LogLevel::Info, "the system lets this process make no thread more urgent; cpu_priority is normal");
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::ThreadPriority;
    use crate::Error;

    pub(super) fn bind(cpus: &[usize]) -> Result<(), Error> {
        if cpus.is_empty() {
            return Ok(());
        }
        Err(Error::input("cpu_affinity", "threads cannot be bound to processors on this system; leave it unset"))
    }

    pub(super) fn set_priority(_: ThreadPriority) {}
}
