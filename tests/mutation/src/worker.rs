//! The process that must live: runs one job after the other, and says so on its standard output.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::edit;
use crate::execute::{self, Outcome};
use crate::generate::Generator;
use crate::plan::Plan;

/// What wants more memory gets an error from the system, and not the machine.
const MEMORY: u64 = 6 << 30;

/// A line of JSON to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    /// A job, by its place in the plan.
    Begin(usize),
    End {
        outcome: Outcome,
        ms: u64,
        /// The process's memory now.
        kib: u64,
    },
}

/// Runs the plan in `folder` from `start` on.
pub(crate) fn run(folder: &Path, start: usize) -> std::io::Result<()> {
    let plan: Plan = serde_json::from_reader(std::fs::File::open(folder.join("plan.json"))?)?;
    let generator = Generator::new()?;
    limit()?;
    for (place, job) in plan.jobs.iter().enumerate().skip(start) {
        let case = plan.case(&generator, job)?;
        tell(&Line::Begin(place))?;
        let began = Instant::now();
        let outcome = match generator.base(&case.base) {
            Some(base) if !case.edits.is_empty() => {
                let file = folder.join("mutated.gguf");
                std::fs::write(&file, edit::apply(base, &case.edits))?;
                execute::run(&case, &file)
            }
            _ => execute::run(&case, &crate::models::path(&case.base)),
        };
        let stuck = matches!(outcome, Outcome::Stuck { .. });
        tell(&Line::End { outcome, ms: began.elapsed().as_millis() as u64, kib: resident() })?;
        if stuck {
            // What hangs would take a processor from all later cases.
            std::process::exit(0);
        }
    }
    Ok(())
}

fn limit() -> std::io::Result<()> {
    let to = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, to(MEMORY))?;
    setrlimit(Resource::Core, to(0))?;
    Ok(())
}

fn tell(line: &Line) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Resident memory in KiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
