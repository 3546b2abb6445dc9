//! Runs a case through the C ABI: load, look, chat.

use std::path::Path;
use std::time::{Duration, Instant};

use chaku_abi::{Error, EventKind, Model, Options, Request, Session, SpecialToken, Value};
use serde::{Deserialize, Serialize};

use crate::case::{Case, Kind, Object, Said, Step};
use crate::rust;

/// A load or request that has not ended by then is cancelled.
pub(crate) const CANCEL_AFTER: Duration = Duration::from_secs(6);
/// After that, the library has failed to end it.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(20);
/// What an option may replace: small enough that cases are quick.
pub(crate) const DEFAULTS: &[(&str, i64)] =
    &[("ctx_size", 256), ("threads", 1), ("max_sessions", 2), ("deadline_ms", 2000), ("max_tokens", 4)];
/// Reasons that tell a user nothing.
const UNTYPED: &[&str] = &["", "internal", "panic", AFTERWARDS];
/// What follows a caught assert, which is the finding then.
const AFTERWARDS: &str = "poisoned";
/// How `chaku-llama` begins the message of an assert that it caught.
const CAUGHT: &str = "a check of llama.cpp failed";

/// How a case went: the first thing that did not work counts, unless a later one is a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Worked,
    Error {
        stage: String,
        reason: String,
        message: String,
    },
    /// Work that ends neither by itself nor by its deadline nor when cancelled.
    Stuck {
        stage: String,
    },
}

impl Outcome {
    /// Whether the error says too little to be one of ours.
    pub(crate) fn is_untyped(&self) -> bool {
        matches!(self, Outcome::Error { reason, .. } if UNTYPED.contains(&reason.as_str()))
    }
}

/// The words of an assert that was caught: no check came before it.
pub(crate) fn caught(message: &str) -> Option<&str> {
    message.find(CAUGHT).map(|at| &message[at..])
}

fn is_finding(error: &Error) -> bool {
    (UNTYPED.contains(&error.reason.as_str()) && error.reason != AFTERWARDS) || caught(&error.message).is_some()
}

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
    if matches!(case.kind, Kind::State | Kind::Conversation | Kind::Tools) {
        return rust::run(case, file);
    }
    let mut run = Run { case, error: None };
    match run.all(file) {
        Ok(()) => run.error.map_or(Outcome::Worked, |(stage, error)| Outcome::Error {
            stage,
            reason: error.reason,
            message: error.message,
        }),
        Err(stage) => Outcome::Stuck { stage },
    }
}

struct Run<'a> {
    case: &'a Case,
    error: Option<(String, Error)>,
}

impl Run<'_> {
    /// Notes an error; `Err` = stuck.
    fn note<T>(&mut self, stage: &str, result: Result<T>) -> std::result::Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Stuck) => Err(stage.to_owned()),
            Err(Failure::Error(error)) => {
                if self.error.as_ref().is_none_or(|(_, first)| !is_finding(first) && is_finding(&error)) {
                    self.error = Some((stage.to_owned(), error));
                }
                Ok(None)
            }
        }
    }

    fn all(&mut self, file: &Path) -> std::result::Result<(), String> {
        let model_options = self.options(Object::Model)?;
        let loaded = load(file, &model_options);
        let Some(model) = self.note("load", loaded)? else { return Ok(()) };
        let seen = look(&model);
        self.note("look", seen)?;
        if !self.steps(&model, &self.case.steps)? {
            // A broken template must not hide what the weights do.
            self.steps(&model, &[Step::Generate(Said::once("Hello"))])?;
        }
        let closed = closed(model.close(Some(STUCK_AFTER)));
        self.note("close", closed)?;
        Ok(())
    }

    fn options(&mut self, object: Object) -> std::result::Result<Options, String> {
        let options = Options::new().map_err(|error| error.to_string())?;
        if object == Object::Model {
            for (key, value) in DEFAULTS {
                let set = options.set(key, &Value::I64(*value)).map_err(Failure::from);
                self.note("defaults", set)?;
            }
        }
        for given in self.case.options.iter().filter(|given| given.to == object) {
            let set = given.value.set(&options, &given.key).map_err(Failure::from);
            self.note("options", set)?;
        }
        Ok(options)
    }

    /// Whether a step worked.
    fn steps(&mut self, model: &Model, steps: &[Step]) -> std::result::Result<bool, String> {
        let (session_options, options) = (self.options(Object::Session)?, self.options(Object::Request)?);
        let session = model.session(&session_options).map_err(Failure::from);
        let Some(session) = self.note("session", session)? else { return Ok(false) };
        let mut worked = false;
        for step in steps {
            let done = act(&session, step, &options);
            worked |= self.note(stage(step), done)?.is_some();
        }
        let closed = closed(session.close(Some(STUCK_AFTER)));
        self.note("close session", closed)?;
        Ok(worked)
    }
}

pub(crate) fn stage(step: &Step) -> &'static str {
    match step {
        Step::Chat(_) => "chat",
        Step::Generate(_) => "generate",
        Step::Ingest { .. } => "ingest",
        Step::Continue => "continue",
        Step::Reset => "reset",
        Step::Restore { .. } => "restore",
        Step::Conversation(_) => "conversation",
    }
}

fn load(file: &Path, options: &Options) -> Result<Model> {
    let request = Model::load(None, &file.to_string_lossy(), options)?;
    finish(&request)?;
    Ok(request.model()?)
}

/// Asks everything there is to know, for the answers are made of the file's contents.
fn look(model: &Model) -> Result<()> {
    model.metadata();
    model.description();
    model.chat_template();
    model.parameter_count();
    model.size_bytes();
    model.training_context();
    for which in [SpecialToken::Bos, SpecialToken::Eos, SpecialToken::Eot, SpecialToken::Pad] {
        if let Some(token) = model.special_token(which) {
            model.is_end_token(token);
        }
    }
    for text in ["Hello <|im_start|> the \u{e9}\u{1f600}\u{0301} 12345\t\n  x", "", " ", &"a the ".repeat(100)] {
        let tokens = model.tokenize(text, true, true)?;
        model.detokenize(&tokens, true)?;
        model.tokenize(text, false, false)?;
    }
    let all: Vec<i32> = (0..model.vocab_size().min(1000) as i32).collect();
    model.detokenize(&all, true)?;
    model.detokenize(&all, false)?;
    Ok(())
}

fn act(session: &Session, step: &Step, options: &Options) -> Result<()> {
    let request = match step {
        Step::Chat(said) => session.chat(said.bytes(), options)?,
        Step::Generate(said) => session.generate(said.bytes(), options)?,
        Step::Ingest { role, said } => session.ingest(role.as_deref(), said.bytes(), options)?,
        Step::Continue => session.continue_answer(options)?,
        Step::Reset => return Ok(session.reset()?),
        // Of the kinds that `rust.rs` runs.
        Step::Restore { .. } | Step::Conversation(_) => return Ok(()),
    };
    finish(&request)
}

/// Reads a request to its end.
fn finish(request: &Request) -> Result<()> {
    let began = Instant::now();
    loop {
        let event = request.next(Some(Duration::from_secs(1)))?;
        if let Some(event) = event
            && event.kind() == EventKind::Final
        {
            return event.error().map_or(Ok(()), |error| Err(error.into()));
        }
        if began.elapsed() > STUCK_AFTER {
            return Err(Failure::Stuck);
        }
        if began.elapsed() > CANCEL_AFTER {
            request.cancel();
        }
    }
}

fn closed(result: chaku_abi::Result<()>) -> Result<()> {
    result.map_err(|error| if error.reason == "close_timeout" { Failure::Stuck } else { error.into() })
}
