//! The one error of chaku: a canonical code, a stable reason, a sentence that says what to do, and details.

use std::borrow::Cow;
use std::sync::Arc;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Canonical status codes, with gRPC's names and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Code {
    /// Not an error.
    Ok = 0,
    /// The caller cancelled the work, or closed the object that did it.
    Cancelled = 1,
    /// The cause is not known.
    Unknown = 2,
    /// An argument is wrong whatever the state of the system is.
    InvalidArgument = 3,
    /// The deadline passed before the work was done.
    DeadlineExceeded = 4,
    /// A named thing (a file, a key) does not exist.
    NotFound = 5,
    /// The thing to create exists already.
    AlreadyExists = 6,
    /// The operating system refused access.
    PermissionDenied = 7,
    /// A limit was reached: queue, sessions, memory.
    ResourceExhausted = 8,
    /// The object is not in the state this call needs.
    FailedPrecondition = 9,
    /// The work was aborted by a conflict.
    Aborted = 10,
    /// Past the end: of a stream, of a buffer, of the context window.
    OutOfRange = 11,
    /// Not in this build, or not possible with this model.
    Unimplemented = 12,
    /// A bug of chaku or of llama.cpp.
    Internal = 13,
    /// Try again later.
    Unavailable = 14,
    /// Stored data is broken.
    DataLoss = 15,
    /// Credentials are missing or wrong.
    Unauthenticated = 16,
}

/// Declares the reasons: each has one stable text and belongs to one code.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $code:ident;)+) => {
        /// Why, more exactly than the code says. The texts are stable: programs may compare them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// The stable text, for instance `queue_full`.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $text,)+ }
            }

            /// The code this reason belongs to.
            pub fn code(self) -> Code {
                match self { $(Reason::$name => Code::$code,)+ }
            }
        }
    };
}

reasons! {
    /// The request was cancelled.
    Cancelled = "cancelled", Cancelled;
    /// The model or session was closed while the request was under way.
    ClosedWhileRunning = "closed_while_running", Cancelled;
    /// The request's deadline passed.
    Deadline = "deadline", DeadlineExceeded;
    /// `close` gave up waiting; the object still closes in the background.
    CloseTimeout = "close_timeout", DeadlineExceeded;
    /// A required pointer is NULL.
    NullPointer = "null_pointer", InvalidArgument;
    /// The handle was freed, or never was one.
    StaleHandle = "stale_handle", InvalidArgument;
    /// The handle is of another type.
    WrongHandle = "wrong_handle", InvalidArgument;
    /// Text is not UTF-8.
    InvalidUtf8 = "invalid_utf8", InvalidArgument;
    /// A plain argument (a number, an enum value) is out of range.
    InvalidArgument = "invalid_argument", InvalidArgument;
    /// An option's value has the wrong type or is out of range, or the option does not belong here.
    InvalidOption = "invalid_option", InvalidArgument;
    /// There is no option of this name.
    UnknownOption = "unknown_option", InvalidArgument;
    /// A line of a configuration file is no setting, or the file is too large; the details say where.
    InvalidConfig = "invalid_config", InvalidArgument;
    /// What the answer must be (`grammar`, `json_schema`, `regex`, `lark`) cannot be read or followed.
    InvalidGrammar = "invalid_grammar", InvalidArgument;
    /// An answer could not be held to what it must be any further.
    ConstraintFailed = "constraint_failed", FailedPrecondition;
    /// A list of messages is not one: the detail `index` says which message is wrong.
    InvalidMessages = "invalid_messages", InvalidArgument;
    /// The tools, or the choice among them, are none: the detail `index` says which tool is wrong.
    InvalidTools = "invalid_tools", InvalidArgument;
    /// The model's chat template knows no tools.
    ToolsUnsupported = "tools_unsupported", FailedPrecondition;
    /// The prompt has no text, or text that makes no token.
    EmptyPrompt = "empty_prompt", InvalidArgument;
    /// A token id is not in the vocabulary.
    InvalidToken = "invalid_token", InvalidArgument;
    /// The chat template failed to parse, raised, or refused the messages.
    TemplateFailed = "template_failed", InvalidArgument;
    /// There is no such file.
    FileNotFound = "file_not_found", NotFound;
    /// The file may not be read.
    FilePermission = "file_permission", PermissionDenied;
    /// Reading the file failed.
    FileUnreadable = "file_unreadable", Unavailable;
    /// Writing the file failed.
    FileUnwritable = "file_unwritable", Unavailable;
    /// The disk is full, or the user's share of it.
    DiskFull = "disk_full", ResourceExhausted;
    /// The hub does not know who asks: a token is missing or wrong. It may say the same of what does not exist.
    HubUnauthorized = "hub_unauthorized", Unauthenticated;
    /// Who asks may not have it: its licence was not accepted, for instance.
    HubForbidden = "hub_forbidden", PermissionDenied;
    /// The hub, or the cache, has no such repository, tag or file; the detail `available` may name the tags there are.
    HubNotFound = "hub_not_found", NotFound;
    /// The server cannot be reached, or does not answer as it should.
    HubUnavailable = "hub_unavailable", Unavailable;
    /// What was downloaded is not what was announced.
    ChecksumMismatch = "checksum_mismatch", DataLoss;
    /// The model is not in the cache, and nothing may be downloaded.
    Offline = "offline", FailedPrecondition;
    /// The file is not a GGUF, or is a broken one.
    ModelCorrupt = "model_corrupt", DataLoss;
    /// The model is sound but this build cannot run it.
    ModelUnsupported = "model_unsupported", Unimplemented;
    /// The saved state is none, or is a broken one.
    StateCorrupt = "state_corrupt", DataLoss;
    /// The saved state is of another model, or of other settings.
    StateMismatch = "state_mismatch", FailedPrecondition;
    /// The processor lacks instructions this build needs.
    CpuUnsupported = "cpu_unsupported", FailedPrecondition;
    /// There is no chat template in the model, and none was given.
    NoChatTemplate = "no_chat_template", FailedPrecondition;
    /// The request queue is full.
    QueueFull = "queue_full", ResourceExhausted;
    /// A more urgent request took this one's place in the full queue.
    Displaced = "displaced", ResourceExhausted;
    /// The model has as many sessions as it may have.
    SessionLimit = "session_limit", ResourceExhausted;
    /// Memory could not be had.
    MemoryBudget = "memory_budget", ResourceExhausted;
    /// A thread could not be started.
    NoThread = "no_thread", ResourceExhausted;
    /// The text does not fit the context window.
    ContextOverflow = "context_overflow", OutOfRange;
    /// The request's final event was read already.
    Finished = "finished", OutOfRange;
    /// The caller's buffer is too small; the detail `needed` says how large it must be.
    BufferTooSmall = "buffer_too_small", OutOfRange;
    /// The object does one thing at a time, and is doing one.
    ConcurrentUse = "concurrent_use", FailedPrecondition;
    /// Called from inside a callback that does not allow it.
    Reentrant = "reentrant", FailedPrecondition;
    /// Called in a child process after fork.
    Forked = "forked", FailedPrecondition;
    /// The object was closed.
    Closed = "closed", FailedPrecondition;
    /// The model was unloaded to make room for another one.
    Unloaded = "unloaded", FailedPrecondition;
    /// Chat and raw text do not mix in one session.
    SessionMode = "session_mode", FailedPrecondition;
    /// There is no answer or text to continue.
    NothingToContinue = "nothing_to_continue", FailedPrecondition;
    /// The request has not finished, so it has no result yet.
    NotFinished = "not_finished", FailedPrecondition;
    /// The request does not wait for logits.
    NotPaused = "not_paused", FailedPrecondition;
    /// The request was not one that yields this result.
    NoResult = "no_result", FailedPrecondition;
    /// The events of this request go to a callback.
    ReaderTaken = "reader_taken", FailedPrecondition;
    /// This model's memory cannot drop its oldest tokens.
    ShiftUnsupported = "shift_unsupported", Unimplemented;
    /// Not in this build.
    Unimplemented = "unimplemented", Unimplemented;
    /// llama.cpp failed to compute.
    DecodeFailed = "decode_failed", Internal;
    /// chaku panicked; the message is the panic's.
    Panic = "panic", Internal;
    /// A panic left the object in an unknown state.
    Poisoned = "poisoned", Internal;
    /// Something that should be impossible.
    Internal = "internal", Internal;
}

/// What went wrong, and what to do about it. Cloning is cheap.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    reason: Reason,
    message: String,
    details: Vec<(Cow<'static, str>, String)>,
}

impl Error {
    /// An error with a message for people: lower case, no full stop, naming what was wrong and what to do.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Error(Arc::new(Inner { reason, message: message.into(), details: Vec::new() }))
    }

    /// Adds a detail a program can read, for instance `limit` = `64`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        Arc::make_mut(&mut self.0).details.push((Cow::Borrowed(key), value.to_string()));
        self
    }

    /// The canonical code.
    pub fn code(&self) -> Code {
        self.0.reason.code()
    }

    /// The stable reason.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// All details, in the order they were added.
    pub fn details(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.details
    }

    /// One detail.
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.0.details.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

impl From<chaku_llama::Error> for Error {
    fn from(error: chaku_llama::Error) -> Self {
        use chaku_llama::Error as E;
        let words = error.to_string();
        if out_of_memory(&words) {
            return Error::new(Reason::MemoryBudget, format!("out of memory: {words}"));
        }
        let reason = match &error {
            E::Cancelled => Reason::Cancelled,
            // llama.cpp tells these two apart by its words alone.
            E::LoadFailed { message } if message.contains("unknown model architecture") => Reason::ModelUnsupported,
            E::LoadFailed { .. } | E::Asserted { .. } | E::BadFile { .. } => Reason::ModelCorrupt,
            E::UnsupportedFile { .. } => Reason::ModelUnsupported,
            E::Unreadable(error) => match error.kind() {
                std::io::ErrorKind::NotFound => Reason::FileNotFound,
                std::io::ErrorKind::PermissionDenied => Reason::FilePermission,
                std::io::ErrorKind::OutOfMemory => Reason::MemoryBudget,
                _ => Reason::FileUnreadable,
            },
            // What it asks for itself: a tokenizer without a vocabulary, say.
            E::InvalidInput { what: "model", .. } => Reason::ModelUnsupported,
            // The tokenizer throws when its vocabulary lacks what its kind needs.
            E::Threw { call: "llama_tokenize" | "llama_detokenize" | "llama_token_to_piece", .. } => {
                Reason::ModelCorrupt
            }
            E::Threw { call: "llama_decode", .. } => Reason::DecodeFailed,
            E::Broken => Reason::Poisoned,
            E::ContextFailed { .. } => Reason::MemoryBudget,
            E::Decode { .. } => Reason::DecodeFailed,
            E::InvalidGrammar { .. } => Reason::InvalidGrammar,
            E::InvalidSampling { .. } => Reason::InvalidOption,
            E::Template { .. } | E::TemplateStopped => Reason::TemplateFailed,
            E::CpuUnsupported { .. } => Reason::CpuUnsupported,
            E::NoThread { .. } => Reason::NoThread,
            E::TextTooLong { .. } => Reason::ContextOverflow,
            _ => Reason::Internal,
        };
        Error::new(reason, words)
    }
}

/// llama.cpp tells a lack of memory by its words alone, whatever the call was about.
fn out_of_memory(words: &str) -> bool {
    [
        "bad_alloc",
        "insufficient memory",
        "unable to allocate",
        "failed to allocate",
        "Cannot allocate",
        "mem_buffer != NULL",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}
