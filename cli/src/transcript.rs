//! The transcript that `-o` writes: in llama.app's form.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::answer::Answer;
use crate::failure::{Failure, Result};

pub(crate) struct Transcript(File);

impl Transcript {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path);
        Ok(Transcript(file.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?))
    }

    /// What the user said.
    pub(crate) fn user(&mut self, text: &str) -> Result<()> {
        self.write(&format!("User:\n{text}\n\n"))
    }

    /// What the model answered.
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<()> {
        let thought = match answer.reasoning.as_str() {
            "" => String::new(),
            thought => format!("[Start thinking]\n\n{thought}\n\n[End thinking]\n\n"),
        };
        self.write(&format!("Assistant:\n{thought}{}\n\n", answer.text))
    }

    /// Something else that became part of the conversation.
    pub(crate) fn note(&mut self, text: &str) -> Result<()> {
        self.write(&format!("User: {text}\n\n"))
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.0
            .write_all(text.as_bytes())
            .map_err(|error| Failure::failed(format!("cannot write the transcript: {error}")))
    }
}
