//! The hub of `server.py`, for tests in Rust, which include this file by its path.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

/// It ends with this.
pub(crate) struct Server {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hub/server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests of downloads need python3");
        let (commands, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || BufReader::new(output).lines().try_for_each(|line| send.send(line.unwrap())));
        let mut server = Server { child, commands, lines, address: String::new() };
        server.address = server.line()["hub"].as_str().unwrap().to_owned();
        server
    }

    pub(crate) fn line(&self) -> Value {
        serde_json::from_str(&self.lines.recv().expect("the hub has ended")).unwrap()
    }

    pub(crate) fn say(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
        self.commands.flush().unwrap();
    }

    /// The requests since the last call.
    pub(crate) fn seen(&mut self) -> Vec<Value> {
        self.say("mark x");
        std::iter::from_fn(|| Some(self.line()).filter(|line| line.get("mark").is_none())).collect()
    }

    /// Waits until an answer has stalled in its middle.
    pub(crate) fn wait_stalled(&self) {
        while self.line().get("stalled").is_none() {}
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
