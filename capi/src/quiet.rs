//! Keeps the panics of chaku's own code off the host's stderr: they reach the host as errors.
//!
//! Only a library that is chaku's own (the C library, a language module) asks for it, with the feature `quiet-panics`:
//! in a Rust program the panic hook belongs to the program.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Marks the thread as being inside an exported function.
pub(crate) struct Inside;

impl Inside {
    pub(crate) fn enter() -> Self {
        if cfg!(feature = "quiet-panics") {
            install();
        }
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Sets the process's panic hook, once. Panics of others go on to the hook that was there.
fn install() {
    // No `Once`: a child forked while another thread is in it would wait for that thread for ever.
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Relaxed) || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let our_thread = std::thread::current().name().is_some_and(|name| name.starts_with("chaku-"));
        if !our_thread && DEPTH.with(Cell::get) == 0 {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs in a process of its own, because the hook belongs to the whole process.
    #[test]
    #[ignore = "run by the test below"]
    fn panics() {
        install();
        assert_eq!(crate::guard::value(7, || panic!("in an exported function")), 7);
        for (name, message) in [("chaku-engine", "on a thread of chaku"), ("host", "on a thread of the host")] {
            let thread = std::thread::Builder::new().name(name.into()).spawn(move || panic!("{message}"));
            assert!(thread.unwrap().join().is_err());
        }
    }

    #[test]
    fn our_panics_print_nothing_and_those_of_others_are_left_alone() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "quiet::tests::panics", "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("on a thread of the host"), "{stderr}");
        assert!(!stderr.contains("in an exported function") && !stderr.contains("on a thread of chaku"), "{stderr}");
    }
}
