//! A conversation on a terminal.

mod editor;
mod markdown;
mod screen;
mod slash;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chaku::options::{Scope, resolve};
use chaku::{ChatMessage, FinishReason, Options, Role, Runtime, Session};

use crate::answer::Answer;
use crate::args::Settings;
use crate::commands::open_session;
use crate::failure::{Failure, Result, exit};
use crate::interrupt;
use crate::model_source::{self, Loaded};
use crate::output::timings;
use crate::preset;
use crate::saved;
use crate::terminal::{INFO, Look, USER, complain, print};
use crate::tools::Runner;
use crate::transcript::Transcript;
use crate::turn;
use editor::{Editor, Line};
use screen::{Screen, Shown};
use slash::Typed;

/// How long the end waits for a model that still works.
const CLOSE_TIME: Duration = Duration::from_secs(5);

pub(crate) struct Repl {
    settings: Settings,
    look: Look,
    runtime: Runtime,
    loaded: Loaded,
    session: Arc<Session>,
    /// A conversation that the session has not seen yet: of a file, or of the model before. Invariant: empty once the
    /// session has messages.
    before: Vec<ChatMessage>,
    /// What was read for the next question.
    pending: String,
    /// What `/set` changed: of sessions, and of requests.
    session_options: Options,
    request_options: Options,
    shown: Shown,
    runner: Runner,
    transcript: Option<Transcript>,
    editor: Editor,
    last: Option<Answer>,
}

impl Repl {
    /// Loads the model.
    pub(crate) fn start(settings: &Settings, look: Look) -> Result<Self> {
        let settings = preset::settled(settings, look)?;
        let transcript = settings.path("output").map(|path| Transcript::create(&path)).transpose()?;
        let editor = Editor::new(&settings, look)?;
        let runtime = model_source::runtime(&settings)?;
        let loaded = model_source::load_file(&runtime, &model_source::find(&settings)?, look)?;
        let session = Arc::new(open_session(&settings, &loaded.model)?);
        let on = |name| settings.switch(name) != Some(false);
        Ok(Repl {
            look,
            runtime,
            loaded,
            session,
            before: Vec::new(),
            pending: String::new(),
            session_options: Options::new(),
            request_options: Options::new(),
            shown: Shown {
                markdown: look.color && on("markdown"),
                reasoning: on("show-reasoning"),
                timings: on("show-timings"),
            },
            runner: Runner::new(&settings, look),
            transcript,
            editor,
            last: None,
            settings,
        })
    }

    /// Talks until the user has had enough.
    pub(crate) fn run(mut self, first: Option<String>) -> Result<()> {
        let end = self.talk(first);
        // Also where the terminal is gone.
        if let Some(path) = self.settings.path("session") {
            interrupt::finish(|| keep(&self.session, &path, &Options::new()))?;
        }
        // What still works would hold up the end of the process.
        let _ = self.loaded.model.close(Some(CLOSE_TIME));
        end
    }

    fn talk(&mut self, first: Option<String>) -> Result<()> {
        self.greet()?;
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            print(&format!("\n{}\n", self.look.styled(USER, &format!("> {first}"))))?;
            self.attempt(|repl| repl.say(&first))?;
        }
        loop {
            if interrupt::told().is_some() {
                return Err(Failure::silent(exit::INTERRUPTED));
            }
            self.keep_at_end();
            print("\n")?;
            match self.editor.read()? {
                Line::End => return Ok(()),
                Line::Interrupted => return Err(Failure::silent(exit::INTERRUPTED)),
                Line::Text(line) if line.trim().is_empty() => {}
                Line::Text(line) => match slash::read(&line) {
                    Ok(Typed::Exit) => return Ok(()),
                    Ok(typed) => self.attempt(|repl| repl.obey(typed))?,
                    Err(failure) => self.complain(&failure),
                },
            }
        }
    }

    /// Has the session saved by whatever signal ends the program.
    fn keep_at_end(&self) {
        let Some(path) = self.settings.path("session") else { return };
        let session = self.session.clone();
        interrupt::at_end(move || {
            let mut options = Options::new();
            // Whoever sent the signal does not wait for ever; and there is nobody to tell.
            let _ = options.set_i64("deadline_ms", CLOSE_TIME.as_millis() as i64);
            let _ = keep(&session, &path, &options);
        });
    }

    fn greet(&self) -> Result<()> {
        let Loaded { model, name } = &self.loaded;
        let line = format!(
            "chaku {}: {name} ({}), a window of {} tokens",
            env!("CARGO_PKG_VERSION"),
            model.description(),
            model.context_size()
        );
        Ok(print(&format!("{}\n/help lists the commands.\n", self.look.styled(INFO, &line)))?)
    }

    /// Does something that may fail. The conversation goes on, unless there is nobody to talk to any more.
    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        match act(self) {
            Err(failure) if failure.message().is_none() && failure.code() == exit::INTERRUPTED => {
                self.info("[stopped]")
            }
            Err(failure) if failure.message().is_none() => Err(failure),
            Err(failure) => {
                self.complain(&failure);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn complain(&self, failure: &Failure) {
        if let Some(message) = failure.message() {
            complain(Some(self.look), message);
        }
    }

    fn info(&self, text: &str) -> Result<()> {
        Ok(print(&format!("{}\n", self.look.styled(INFO, text)))?)
    }

    fn obey(&mut self, typed: Typed<'_>) -> Result<()> {
        match typed {
            Typed::Said(text) => self.say(text),
            Typed::Help => Ok(print(&slash::help())?),
            Typed::Regenerate => self.regenerate(),
            Typed::Undo => self.undo(),
            Typed::Clear => self.clear(),
            Typed::Read(file) => self.read_file(&editor::path(file)),
            Typed::Glob(pattern) => self.read_matching(pattern),
            Typed::System(text) => self.system(text),
            Typed::Save(file) => self.save(&editor::path(file)),
            Typed::Load(file) => self.load(&editor::path(file)),
            Typed::Set(rest) => self.set(rest),
            Typed::Model(file) => self.model(file),
            Typed::Tokens => self.tokens(),
            // The loop knows it.
            Typed::Exit => Ok(()),
        }
    }

    fn say(&mut self, text: &str) -> Result<()> {
        let whole = format!("{}{text}", self.pending);
        if let Some(transcript) = &mut self.transcript {
            transcript.user(text)?;
        }
        self.ask(ChatMessage::new(Role::User, whole))?;
        self.pending.clear();
        Ok(())
    }

    fn ask(&mut self, message: ChatMessage) -> Result<()> {
        let mut messages = self.before.clone();
        messages.push(message);
        let editor = &mut self.editor;
        let mut ask = |question: &str| editor.ask(question);
        let mut screen = Screen::new(self.look, self.shown, &mut ask);
        let answer = turn::ask(&self.session, &messages, &self.request_options, &self.runner, &mut screen);
        screen.end()?;
        let answer = answer?;
        if self.session.message_count() > 0 {
            self.before.clear();
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.answer(&answer)?;
        }
        let failure = answer.failure();
        match answer.end.finish_reason {
            FinishReason::Cancelled => self.info("[stopped]")?,
            FinishReason::Length => self.info("[cut off: max_tokens, or the window is full]")?,
            _ => {}
        }
        if self.shown.timings && answer.end.usage.completion_tokens > 0 {
            self.info(&timings(&answer))?;
        }
        let cancelled = answer.end.finish_reason == FinishReason::Cancelled;
        self.last = Some(answer);
        failure.filter(|_| !cancelled).map_or(Ok(()), Err)
    }

    /// All that was said, wherever it is kept.
    fn messages(&self) -> Vec<ChatMessage> {
        if self.session.message_count() > 0 { self.session.messages() } else { self.before.clone() }
    }

    /// Cuts the conversation off before the last thing that the user said, and returns that.
    fn take_back(&mut self) -> Result<ChatMessage> {
        let messages = self.messages();
        let Some(at) = messages.iter().rposition(|message| message.role == Role::User) else {
            return Err(Failure::failed("nothing was asked yet"));
        };
        match self.session.message_count() {
            0 => self.before.truncate(at),
            _ => self.session.rewind(at as u32)?,
        }
        Ok(messages[at].clone())
    }

    fn regenerate(&mut self) -> Result<()> {
        let message = self.take_back()?;
        self.ask(message)
    }

    fn undo(&mut self) -> Result<()> {
        let message = self.take_back()?;
        let beginning: String = message.content.chars().take(60).collect();
        self.info(&format!("forgotten: {}", beginning.lines().next().unwrap_or_default()))
    }

    fn clear(&mut self) -> Result<()> {
        self.session.reset()?;
        self.before.clear();
        self.pending.clear();
        self.info("the conversation is empty")
    }

    fn read_file(&mut self, path: &Path) -> Result<()> {
        let text = slash::framed(path)?;
        self.pending.push_str(&text);
        if let Some(transcript) = &mut self.transcript {
            transcript.note(&format!("Added text file: {}", path.display()))?;
        }
        self.info(&format!("{} goes with the next question ({} bytes)", path.display(), text.len()))
    }

    fn read_matching(&mut self, pattern: &str) -> Result<()> {
        let files = slash::matching(&editor::path(pattern))?;
        if files.is_empty() {
            return Err(Failure::failed(format!("no file matches {pattern}")));
        }
        for file in &files {
            // A picture among them is no reason to read none.
            if let Err(failure) = self.read_file(file) {
                self.complain(&failure);
            }
        }
        if files.len() == slash::MOST_FILES {
            self.info(&format!("the first {} files; name the others more closely", slash::MOST_FILES))?;
        }
        Ok(())
    }

    fn system(&mut self, text: &str) -> Result<()> {
        match text {
            "" => {
                let system = self.value("system_prompt").unwrap_or_default().concat();
                return self.info(if system.is_empty() { "there is no system prompt" } else { &system });
            }
            "off" => self.session_options.set_str("system_prompt", "")?,
            text => self.session_options.set_str("system_prompt", text)?,
        }
        self.session = Arc::new(self.session.fork(&self.session_options)?);
        self.info("the system prompt is changed")
    }

    fn save(&mut self, path: &Path) -> Result<()> {
        if saved::is_json(path) || self.session.message_count() == 0 {
            let system = self.value("system_prompt").map(|system| system.concat()).filter(|system| !system.is_empty());
            let mut messages: Vec<_> =
                system.map(|system| ChatMessage::new(Role::System, system)).into_iter().collect();
            messages.extend(self.messages());
            saved::save_json(&messages, path)?;
        } else {
            saved::save(&self.session, path)?;
        }
        self.info(&format!("{} messages are in {}", self.messages().len(), path.display()))
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        if saved::is_json(path) {
            let mut messages = saved::load_json(path)?;
            if messages.first().is_some_and(|first| first.role == Role::System) {
                self.session_options.set_str("system_prompt", &messages.remove(0).content)?;
            }
            self.session = Arc::new(self.loaded.model.session(&self.session_options)?);
            self.before = messages;
        } else {
            self.session = Arc::new(self.loaded.model.restore(path, &self.session_options)?);
            self.before.clear();
        }
        self.info(&format!("{} messages are here again", self.messages().len()))
    }

    fn set(&mut self, rest: &str) -> Result<()> {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let value = value.trim();
        if name.is_empty() {
            return self.show_set();
        }
        if let Some(shown) = self.shown.named(name) {
            match value {
                "" => {}
                "on" => *shown = true,
                "off" => *shown = false,
                _ => return Err(Failure::usage(format!("{name} is on or off, not `{value}`"))),
            }
            let state = if *shown { "on" } else { "off" };
            return self.info(&format!("{name} = {state}"));
        }
        let Some(spec) = resolve(name) else {
            // The option's own words for a name that is none.
            Options::new().set_text(name, value)?;
            return Ok(());
        };
        let own = match spec.scope {
            Scope::Request => &mut self.request_options,
            Scope::Session => &mut self.session_options,
            _ => {
                let message = format!("`{}` belongs to the model; start chaku with it", spec.key);
                return Err(Failure::usage(message));
            }
        };
        if !value.is_empty() {
            // A list is replaced, not made longer.
            own.unset(spec.key)?;
            if value != "default" {
                own.set_text(name, value)?;
            }
            if spec.scope == Scope::Session {
                self.session = Arc::new(self.session.fork(&self.session_options)?);
            }
        }
        self.show_option(spec.key)
    }

    fn show_set(&self) -> Result<()> {
        for (name, state) in [
            ("markdown", self.shown.markdown),
            ("show-reasoning", self.shown.reasoning),
            ("show-timings", self.shown.timings),
        ] {
            self.info(&format!("{name} = {}", if state { "on" } else { "off" }))?;
        }
        for spec in chaku::options::table().iter().filter(|spec| spec.scope >= Scope::Session) {
            if self.value(spec.key).is_some() {
                self.show_option(spec.key)?;
            }
        }
        Ok(())
    }

    fn show_option(&self, key: &str) -> Result<()> {
        let value = self.value(key).map_or_else(|| "unset".to_owned(), |values| values.join(", "));
        self.info(&format!("{key} = {value}"))
    }

    fn value(&self, key: &str) -> Option<Vec<String>> {
        let said = self.request_options.texts(key).or_else(|| self.session_options.texts(key));
        said.or_else(|| self.settings.options().texts(key))
    }

    fn model(&mut self, file: &str) -> Result<()> {
        if !file.is_empty() {
            let loaded = model_source::load_named(&self.runtime, file, &self.settings, self.look)?;
            let session = loaded.model.session(&self.session_options)?;
            self.before = self.messages();
            self.session = Arc::new(session);
            let before = std::mem::replace(&mut self.loaded, loaded);
            before.model.close(Some(CLOSE_TIME))?;
        }
        let Loaded { model, name } = &self.loaded;
        self.info(&format!("{name} ({}), a window of {} tokens", model.description(), model.context_size()))
    }

    fn tokens(&self) -> Result<()> {
        let (used, size) = (self.session.context_used(), self.loaded.model.context_size());
        self.info(&format!("{used} of {size} tokens are in use, in {} messages", self.messages().len()))?;
        let Some(answer) = &self.last else { return Ok(()) };
        let usage = answer.end.usage;
        self.info(&format!(
            "the last prompt had {} tokens, {} of them computed before; the answer has {}",
            usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens
        ))
    }
}

/// Saves a session, if there is anything in it.
fn keep(session: &Session, path: &Path, options: &Options) -> Result<()> {
    if session.message_count() == 0 { Ok(()) } else { saved::save_with(session, path, options) }
}

impl Shown {
    fn named(&mut self, name: &str) -> Option<&mut bool> {
        match name.replace('_', "-").as_str() {
            "markdown" => Some(&mut self.markdown),
            "show-reasoning" => Some(&mut self.reasoning),
            "show-timings" => Some(&mut self.timings),
            _ => None,
        }
    }
}
