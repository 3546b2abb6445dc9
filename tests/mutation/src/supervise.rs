//! Starts the worker, listens, and starts another one when it died.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::execute::Outcome;
use crate::plan::Plan;
use crate::worker::Line;

/// A worker that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of a dead worker's last words is shown.
const LAST_LINES: usize = 3;

/// What became of a job.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Ended {
        outcome: Outcome,
        ms: u64,
    },
    /// The process died: by what, and its last words.
    Died(String),
    Hung(String),
}

impl Verdict {
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            Verdict::Ended { outcome, .. } => outcome.is_untyped(),
            Verdict::Died(_) | Verdict::Hung(_) => true,
        }
    }
}

/// Resident memory of one worker, in KiB: after its first job and after its last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) jobs: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Runs a plan to its end, whatever happens. `tell` gets each job's place and what became of it.
pub(crate) fn run(plan: &Plan, mut tell: impl FnMut(usize, Verdict)) -> std::io::Result<Memory> {
    let folder = folder()?;
    serde_json::to_writer(File::create(folder.path().join("plan.json"))?, plan)?;
    let mut supervisor = Supervisor { folder, memory: Memory::default(), next: 0, begun: false, failed: 0 };
    while supervisor.next < plan.jobs.len() {
        let before = supervisor.next;
        supervisor.one_worker(&mut tell)?;
        supervisor.failed = if supervisor.next > before { 0 } else { supervisor.failed + 1 };
        if supervisor.failed > 1 {
            return Err(std::io::Error::other(format!("the worker does not start: {}", supervisor.last_words())));
        }
    }
    Ok(supervisor.memory)
}

/// Memory-backed if there is such a place: every case is a file.
fn folder() -> std::io::Result<TempDir> {
    let shared = Path::new("/dev/shm");
    let name = "chaku-mutation.";
    if shared.is_dir() { TempDir::with_prefix_in(name, shared) } else { TempDir::with_prefix(name) }
}

struct Supervisor {
    folder: TempDir,
    memory: Memory,
    /// The first job that no worker has ended.
    next: usize,
    /// Whether the worker is in that job.
    begun: bool,
    /// How many workers died before they began anything.
    failed: u32,
}

impl Supervisor {
    fn one_worker(&mut self, tell: &mut impl FnMut(usize, Verdict)) -> std::io::Result<()> {
        let mut worker = Command::new(std::env::current_exe()?)
            .arg("worker")
            .arg(self.folder.path())
            .arg(self.next.to_string())
            .stdout(Stdio::piped())
            .stderr(File::create(self.folder.path().join("stderr"))?)
            .spawn()?;
        let lines = listen(&mut worker);
        self.memory = Memory::default();
        self.begun = false;
        let first = self.next;
        loop {
            match lines.recv_timeout(SILENCE) {
                Ok(line) => self.heard(line, tell),
                Err(RecvTimeoutError::Timeout) => {
                    worker.kill()?;
                    worker.wait()?;
                    tell(self.next, Verdict::Hung("nothing happened for 60 s".to_owned()));
                    self.next += 1;
                    return Ok(());
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = worker.wait()?;
        if status.success() {
            return Ok(());
        }
        let words = format!("{}; {}", cause(status), self.last_words());
        if self.begun {
            tell(self.next, Verdict::Died(words));
            self.next += 1;
        } else if self.next > first {
            tell(self.next - 1, Verdict::Died(format!("after the case: {words}")));
        }
        Ok(())
    }

    fn heard(&mut self, line: Line, tell: &mut impl FnMut(usize, Verdict)) {
        match line {
            Line::Begin(place) => {
                self.next = place;
                self.begun = true;
            }
            Line::End { outcome, ms, kib } => {
                self.memory.jobs += 1;
                self.memory.last = kib;
                if self.memory.first == 0 {
                    self.memory.first = kib;
                }
                let verdict = match outcome {
                    Outcome::Stuck { stage } => Verdict::Hung(format!("in {stage}")),
                    outcome => Verdict::Ended { outcome, ms },
                };
                tell(self.next, verdict);
                self.next += 1;
                self.begun = false;
            }
        }
    }

    fn last_words(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("stderr")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join(" | ")
    }
}

/// The worker's lines, read on a thread of their own so that silence is noticed.
fn listen(worker: &mut Child) -> Receiver<Line> {
    let (sender, receiver) = channel();
    if let Some(output) = worker.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

fn cause(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("killed by signal {signal}"),
        None => format!("exited with {}", status.code().unwrap_or_default()),
    }
}
