//! The one error of this crate.

/// Everything that can go wrong below the safe core.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum Error {
    /// A C++ exception, caught in the shim.
    #[error("{call}: {message}")]
    Threw {
        /// The llama.cpp function that threw.
        call: &'static str,
        /// The exception's own words.
        message: String,
    },
    /// An assert of llama.cpp failed, and was caught in the shim: the model, or what was done with it, is impossible.
    #[error("a check of llama.cpp failed in {call}: {message}")]
    Asserted {
        /// The llama.cpp function that was called.
        call: &'static str,
        /// File, line and condition of the assert.
        message: String,
    },
    /// An assert failed earlier in this context, which was left half done.
    #[error("llama.cpp failed in this context before, and it cannot be used any more; load the model again")]
    Broken,
    /// The model file cannot be read.
    #[error("cannot read the file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The model file is broken.
    #[error("the file is broken, {what}: {message}; download or convert it again")]
    BadFile {
        /// The key or tensor at fault, or `header`.
        what: String,
        /// What was found there, and what was expected.
        message: String,
    },
    /// The file is sound, but nothing that this build can load as a model.
    #[error("the file cannot be loaded, {what}: {message}")]
    UnsupportedFile {
        /// The key or tensor that says so, or `header`.
        what: String,
        /// What it says.
        message: String,
    },
    /// llama.cpp refused the model file.
    #[error("{message}")]
    LoadFailed {
        /// What llama.cpp logged about it.
        message: String,
    },
    /// The progress callback of a load returned `false`.
    #[error("load cancelled")]
    Cancelled,
    /// llama.cpp refused to create the context.
    #[error("{message}")]
    ContextFailed {
        /// What llama.cpp logged about it.
        message: String,
    },
    /// `llama_decode` failed, or what it computed is unusable.
    #[error("decode failed with code {code}: {message}")]
    Decode {
        /// What `llama_decode` returned: -1 for a batch it rejects, below that for a failure of the computation.
        code: i32,
        /// What llama.cpp logged about it.
        message: String,
    },
    /// The window has no room, where only part of the work was done.
    #[error("the window has no room for a copy of the sequence")]
    NoRoom,
    /// The state of a sequence could not be read, or does not fit this model and context.
    #[error("the state of a sequence: {message}")]
    StateFailed {
        /// What llama.cpp logged about it.
        message: String,
    },
    /// The system does not grant memory.
    #[error("failed to allocate {bytes} bytes")]
    NoMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// The text is not a grammar, or one that llama.cpp cannot run.
    #[error("invalid grammar: {message}")]
    InvalidGrammar {
        /// What is wrong with it.
        message: String,
    },
    /// A sampling parameter is out of range, or sampling is impossible.
    #[error("{message}")]
    InvalidSampling {
        /// Which one, and what it may be.
        message: String,
    },
    /// The chat template does not parse, or raised an error while rendering.
    #[error("chat template: {message}")]
    Template {
        /// The template engine's words.
        message: String,
    },
    /// [`TemplateLimits::stop`](crate::TemplateLimits::stop) ended the work of a chat template.
    #[error("the chat template takes too long")]
    TemplateStopped,
    /// Caught before a call that would have aborted the process.
    #[error("{what}: {message}")]
    InvalidInput {
        /// The argument at fault.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// This build of llama.cpp uses instructions that this CPU does not have.
    #[error("this CPU lacks {missing}, which this build needs")]
    CpuUnsupported {
        /// The missing features, separated by commas.
        missing: String,
    },
    /// The system starts no further thread.
    #[error("{message}")]
    NoThread {
        /// What for, and the system's words.
        message: String,
    },
    /// A text or its tokens do not fit llama.cpp's 32-bit lengths.
    #[error("text of {bytes} bytes is too long")]
    TextTooLong {
        /// Its size.
        bytes: usize,
    },
}

impl Error {
    pub(crate) fn input(what: &'static str, message: impl Into<String>) -> Self {
        Self::InvalidInput { what, message: message.into() }
    }
}
