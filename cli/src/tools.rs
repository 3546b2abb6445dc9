//! Runs what a model calls: one shell command for all tools, which the user allowed.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use chaku::ToolCall;
use serde_json::{Value, json};

use crate::args::Settings;
use crate::terminal::Look;

/// More of a result is cut off: it would not fit a window anyway.
const LONGEST_RESULT: u64 = 1 << 20;

/// Answers in a row that may call tools, so that a model that never ends calling does.
pub(crate) const MOST_ROUNDS: usize = 32;

/// Who runs the calls, and whether that was allowed.
pub(crate) struct Runner {
    command: Option<String>,
    /// Allowed beforehand.
    yes: bool,
    /// There is somebody to ask.
    can_ask: bool,
}

impl Runner {
    pub(crate) fn new(settings: &Settings, look: Look) -> Self {
        let command = settings.text("tool-command").filter(|command| !command.is_empty()).map(str::to_owned);
        Runner { command, yes: settings.is_on("yes"), can_ask: look.stdin_is_terminal }
    }

    /// Whether calls are run at all. Else they are the answer.
    pub(crate) fn runs(&self) -> bool {
        self.command.is_some() && (self.yes || self.can_ask)
    }

    /// The result of a call for the model. `ask` is asked unless it was allowed beforehand.
    pub(crate) fn result(&self, call: &ToolCall, ask: impl FnOnce() -> io::Result<bool>) -> io::Result<String> {
        let Some(command) = &self.command else { return Ok("error: there is nothing to run it with".to_owned()) };
        if !self.yes && !ask()? {
            return Ok("error: the user did not allow this call".to_owned());
        }
        Ok(run(command, call).unwrap_or_else(|error| format!("error: the tool could not be run: {error}")))
    }
}

fn run(command: &str, call: &ToolCall) -> io::Result<String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell)
        .args([flag, command])
        .env("CHAKU_TOOL", &call.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
    let question = format!("{}\n", json!({ "id": call.id, "name": call.name, "arguments": arguments }));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut result = Vec::new();
    let read = std::thread::scope(|scope| {
        // Beside the reading: a command may print before it has read all. One that reads nothing breaks the pipe, as it may.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(question.as_bytes())));
        stdout.map_or(Ok(0), |stdout| stdout.take(LONGEST_RESULT).read_to_end(&mut result))
    });
    let status = child.wait()?;
    read?;
    let text = String::from_utf8_lossy(&result).trim_end().to_owned();
    Ok(if status.success() {
        text
    } else {
        format!("error: the command failed, {status}\n{text}").trim_end().to_owned()
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn call(arguments: &str) -> ToolCall {
        let mut call = ToolCall::default();
        (call.id, call.name, call.arguments) = ("1".into(), "add".into(), arguments.into());
        call
    }

    #[test]
    fn a_command_reads_the_call_and_prints_the_result() {
        assert_eq!(run("cat", &call(r#"{"a": 1}"#)).unwrap(), r#"{"id":"1","name":"add","arguments":{"a":1}}"#);
        assert_eq!(run("echo $CHAKU_TOOL", &call("{}")).unwrap(), "add");
        assert!(
            run("echo no; exit 3", &call("{}")).unwrap().starts_with("error: the command failed, exit status: 3\nno")
        );
    }

    #[test]
    fn a_result_without_end_is_cut_off() {
        let result = run("yes", &call("{}")).unwrap();
        assert!(result.starts_with("error: the command failed"), "the command hears that nobody reads on");
        assert!((LONGEST_RESULT..LONGEST_RESULT + 100).contains(&(result.len() as u64)));
    }

    #[test]
    fn nothing_runs_that_nobody_allowed() {
        let runner = Runner { command: Some("echo ran".into()), yes: false, can_ask: true };
        assert!(runner.result(&call("{}"), || Ok(false)).unwrap().contains("did not allow"));
        assert_eq!(runner.result(&call("{}"), || Ok(true)).unwrap(), "ran");
        assert!(!Runner { command: Some("x".into()), yes: false, can_ask: false }.runs());
        assert!(!Runner { command: None, yes: true, can_ask: true }.runs());
    }
}
