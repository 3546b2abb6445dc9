//! Mutated inputs against one process that must live: see README.md.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod arguments;
mod case;
mod edit;
mod execute;
mod generate;
mod gguf;
mod minimize;
mod models;
mod plan;
mod report;
mod rust;
mod supervise;
mod text;
mod worker;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Mode, USAGE};
use case::Kind;
use generate::Generator;
use plan::{Job, Plan};
use report::Report;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.as_slice() {
        [word, folder, start] if word == "worker" => {
            worker::run(Path::new(folder), start.parse().unwrap_or(0)).map(|()| true)
        }
        _ => match Arguments::parse(words.into_iter()) {
            Some(arguments) => act(&arguments),
            None => Err(std::io::Error::other(USAGE)),
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn act(arguments: &Arguments) -> std::io::Result<bool> {
    let generator = Generator::new()?;
    let plan = |jobs| Plan { seed: arguments.seed, jobs };
    match &arguments.mode {
        Mode::Run => {
            let mut jobs = plan::regressions()?;
            jobs.extend(numbers(arguments, &generator, arguments.kind));
            println!("seed {}, {} regressions, {} cases", arguments.seed, plan::regressions()?.len(), arguments.cases);
            run(arguments, &generator, &plan(jobs))
        }
        Mode::Only(number) => {
            println!("{}", serde_json::to_string_pretty(&generator.case(arguments.seed, *number))?);
            run(arguments, &generator, &plan(vec![Job::Number(*number)]))
        }
        Mode::Replay(path) => run(arguments, &generator, &plan(vec![Job::Recipe(path.clone())])),
        Mode::Minimize(which) => {
            let job = which.parse().map_or_else(|_| Job::Recipe(which.into()), Job::Number);
            let case = plan(Vec::new()).case(&generator, &job)?;
            let Some((smallest, verdict)) = minimize::minimize(case)? else {
                println!("it does not fail");
                return Ok(true);
            };
            println!("{}", serde_json::to_string_pretty(&smallest)?);
            eprintln!("{verdict:?}");
            Ok(false)
        }
        Mode::Write(folder) => write(arguments, &generator, folder),
    }
}

/// The cases of a seed, or those of one kind.
fn numbers(arguments: &Arguments, generator: &Generator, kind: Option<Kind>) -> Vec<Job> {
    let wanted = |number: &u64| kind.is_none_or(|kind| generator.case(arguments.seed, *number).kind == kind);
    (0..arguments.cases).filter(wanted).map(Job::Number).collect()
}

fn run(arguments: &Arguments, generator: &Generator, plan: &Plan) -> std::io::Result<bool> {
    let mut log = arguments.log.as_ref().map(File::create).transpose()?;
    let mut report = Report::default();
    let mut broken = Ok(());
    let memory = supervise::run(plan, |place, verdict| {
        let job = &plan.jobs[place];
        let name = job.to_string();
        let kind = plan.case(generator, job).map_or(Kind::Model, |case| case.kind);
        if let Some(words) = report.add(&name, kind, &verdict) {
            println!("{words}");
        }
        if let Some(log) = &mut log
            && broken.is_ok()
        {
            broken = writeln!(log, "{name}\t{kind:?}\t{verdict:?}");
        }
    })?;
    broken?;
    print!("{}", report.text(memory));
    Ok(report.succeeded())
}

/// The files of all cases that mutate a model, named by number.
fn write(arguments: &Arguments, generator: &Generator, folder: &Path) -> std::io::Result<bool> {
    std::fs::create_dir_all(folder)?;
    let mut count = 0;
    for job in numbers(arguments, generator, Some(Kind::Model)) {
        let Job::Number(number) = job else { continue };
        let case = generator.case(arguments.seed, number);
        let base = generator.base(&case.base).unwrap_or_default();
        std::fs::write(folder.join(format!("{number}.gguf")), edit::apply(base, &case.edits))?;
        count += 1;
    }
    println!("{count} files written");
    Ok(true)
}
