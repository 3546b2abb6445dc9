//! What the tests of the program need: a place of its own for each, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Replies "Hello there, I am a test model." to whatever it is asked.
pub(crate) const SCRIPT: &str = "tiny-script.gguf";
pub(crate) const SAYS: &str = "Hello there, I am a test model.";
/// Never ends.
pub(crate) const LONG: &str = "tiny-long.gguf";
pub(crate) const RANDOM: &str = "tiny-random.gguf";
/// Thinks "I think.", says "Wait:", and calls `add` with `{"a": 1, "b": 2}`.
pub(crate) const TOOLS: &str = "tiny-tools.gguf";
pub(crate) const SMOLLM2: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

pub(crate) fn model(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/models").join(name);
    assert!(path.is_file() || name.starts_with("nowhere"), "{} is missing: run `make models`", path.display());
    path.to_string_lossy().into_owned()
}

/// A folder that is home, and the environment that goes with it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A pipe that nobody writes into, unless the test does.
    pub(crate) fn pipe(&self, name: &str) -> String {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path.to_string_lossy().into_owned()
    }

    /// The program, with nothing of the machine's own settings.
    pub(crate) fn chaku(&self, words: &[&str]) -> Command {
        self.chaku_in(&[], words)
    }

    /// The same, run by another program, whose arguments end with the command line.
    pub(crate) fn chaku_in(&self, outer: &[&str], words: &[&str]) -> Command {
        let line = [HEARING, outer, &[env!("CARGO_BIN_EXE_chaku")], words].concat();
        let mut command = Command::new(line[0]);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["CHAKU_", "LLAMA_", "XDG_"].iter().any(|ours| name.starts_with(ours)) || name == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command.args(&line[1..]).env("HOME", self.0.path()).env("CHAKU_THREADS", "1").env("TERM", "xterm");
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        Ran::new(self.chaku(words).output().unwrap())
    }

    /// The same with something on its standard input.
    pub(crate) fn run_with(&self, input: &str, words: &[&str]) -> Ran {
        let mut child =
            self.chaku(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // One that reads nothing breaks the pipe, as it may.
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()));
        let ran = Ran::new(child.wait_with_output().unwrap());
        let _ = writer.join();
        ran
    }
}

/// Lets a program hear the signals that whoever runs the tests ignores, as `nohup` does.
const HEARING: &[&str] = if cfg!(target_os = "linux") { &["env", "--default-signal=INT,TERM,HUP"] } else { &[] };

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It went well, and said nothing besides its output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let out = self.ok();
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap()
    }

    /// It failed with this exit code, and said why.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &str) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.starts_with("error: ") && self.err.contains(words), "{self:?}");
        self.out
    }
}

/// The objects of a stream, one a line.
#[track_caller]
pub(crate) fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits for a text in what is read, and returns all that was read up to there.
pub(crate) fn read_until(reader: &mut impl std::io::Read, text: &str) -> String {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while reader.read(&mut byte).unwrap() == 1 {
        seen.push(byte[0]);
        if seen.ends_with(text.as_bytes()) {
            break;
        }
    }
    String::from_utf8_lossy(&seen).into_owned()
}

/// Sends a signal: `INT` is that of Ctrl-C.
pub(crate) fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
