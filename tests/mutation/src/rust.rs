//! Runs a case through the Rust API: saved sessions, and conversations as JSON.

use std::path::Path;
use std::time::{Duration, Instant};

use chaku::{Error, Event, Model, Options, Request, Runtime, Session};

use crate::case::{Case, Kind, Object, OptionValue, Step};
use crate::edit::{self, Edit};
use crate::execute::{CANCEL_AFTER, DEFAULTS, Outcome, STUCK_AFTER, stage};

/// Where a container has the length of its head, where the head begins, and how long the checksum is.
const HEAD_LENGTH: usize = 12;
const HEAD: usize = 28;
const CHECKSUM: usize = 32;

/// Tokens of a window in which some tools can be described, a token a byte.
const ROOM_FOR_TOOLS: i64 = 4096;
/// Tokens in which a call can come to its end.
const LONGEST_CALL: i64 = 60;

enum Failure {
    Error(Error),
    Stuck,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

type Result<T> = std::result::Result<T, Failure>;

pub(crate) fn run(case: &Case, file: &Path) -> Outcome {
    let mut at = "load";
    match steps(case, file, &mut at) {
        Ok(()) => Outcome::Worked,
        Err(Failure::Stuck) => Outcome::Stuck { stage: at.to_owned() },
        Err(Failure::Error(error)) => Outcome::Error {
            stage: at.to_owned(),
            reason: error.reason().as_str().to_owned(),
            message: error.message().to_owned(),
        },
    }
}

fn steps(case: &Case, file: &Path, at: &mut &'static str) -> Result<()> {
    let mut options = Options::new();
    for (key, value) in DEFAULTS {
        options.set_i64(key, *value)?;
    }
    if case.kind == Kind::Tools {
        options.set_i64("ctx_size", ROOM_FOR_TOOLS)?;
        options.set_i64("max_tokens", LONGEST_CALL)?;
    }
    let model = Runtime::default_runtime().load_blocking(file, &options)?;
    let mut session = model.session(&Options::new())?;
    let done = asked(case).and_then(|asked| {
        case.steps.iter().try_for_each(|step| {
            *at = stage(step);
            act(&model, &mut session, step, &asked)
        })
    });
    model.close(Some(STUCK_AFTER)).map_err(|_| Failure::Stuck)?;
    done
}

/// What each request is given.
fn asked(case: &Case) -> Result<Options> {
    let mut options = Options::new();
    for given in case.options.iter().filter(|given| given.to == Object::Request) {
        let key = given.key.as_str();
        match &given.value {
            OptionValue::I64(value) => options.set_i64(key, *value)?,
            OptionValue::F64(value) => options.set_f64(key, *value)?,
            OptionValue::Bool(value) => options.set_bool(key, *value)?,
            OptionValue::Str(value) => options.set_str(key, value)?,
            OptionValue::List(values) => values.iter().try_for_each(|value| options.add_str(key, value))?,
        }
    }
    Ok(options)
}

fn act(model: &Model, session: &mut Session, step: &Step, options: &Options) -> Result<()> {
    let said = |said: &crate::case::Said| String::from_utf8_lossy(&said.bytes()).into_owned();
    match step {
        Step::Chat(text) => finish(&session.chat(&said(text), options)?),
        Step::Generate(text) => finish(&session.generate(&said(text), options)?),
        Step::Ingest { role, said: text } => finish(&session.ingest(role.as_deref(), &said(text), options)?),
        Step::Continue => finish(&session.continue_answer(options)?),
        Step::Reset => Ok(session.reset()?),
        Step::Conversation(json) => finish(&model.chat_json(&said(json), options)?),
        Step::Restore { edits, sealed } => {
            let save = session.save(None, options)?;
            finish(&save)?;
            let saved = save.data()?;
            let changed = if *sealed { seal(&saved, edits) } else { edit::apply(&saved, edits) };
            *session = model.restore_bytes(&changed, &Options::new())?;
            Ok(())
        }
    }
}

/// The container with another head.
fn seal(saved: &[u8], edits: &[Edit]) -> Vec<u8> {
    let length = saved[HEAD_LENGTH..HEAD_LENGTH + 8].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let head = edit::apply(&saved[HEAD..HEAD + length], edits);
    let mut changed = saved[..HEAD].to_vec();
    changed[HEAD_LENGTH..HEAD_LENGTH + 8].copy_from_slice(&(head.len() as u64).to_le_bytes());
    changed.extend(head);
    changed.extend(&saved[HEAD + length..saved.len() - CHECKSUM]);
    let checksum = blake3::hash(&changed);
    changed.extend(checksum.as_bytes());
    changed
}

/// Reads a request to its end.
fn finish(request: &Request) -> Result<()> {
    let began = Instant::now();
    loop {
        if let Some(Event::Final(end)) = request.next(Some(Duration::from_secs(1)))? {
            return end.error.clone().map_or(Ok(()), |error| Err(error.into()));
        }
        if began.elapsed() > STUCK_AFTER {
            return Err(Failure::Stuck);
        }
        if began.elapsed() > CANCEL_AFTER {
            request.cancel();
        }
    }
}
