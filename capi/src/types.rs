//! The opaque C types. A pointer to one is a handle, never an address: see [`crate::handle`].

/// A status: CHAKU_OK or one of the CHAKU_ codes below, which have the names and numbers of gRPC's codes.
pub type chaku_code = i32;

/// What went wrong: a code, a stable reason, a message for people and details for programs.
///
/// Thread class: shared. An error never changes.
pub struct chaku_error(());

/// Values by key, for a runtime, a model, a session or a request. A key that is not set keeps its default. What an
/// object was made with is copied: changing or freeing the options afterwards changes nothing.
///
/// Thread class: shared.
pub struct chaku_options(());

/// The owner of models, of their limits and of the log. NULL stands for the default runtime, which is made when it is
/// first needed, writes no log and lives as long as the process.
///
/// Thread class: shared.
pub struct chaku_runtime(());

/// A loaded model: weights, tokenizer and chat template. Its sessions keep it alive, so it may be freed before them.
///
/// Thread class: shared.
pub struct chaku_model(());

/// A conversation, or a raw text that grows. It runs one request at a time; what was computed is kept for the next.
///
/// Thread class: shared. A second request while one runs is refused with `concurrent_use`.
pub struct chaku_session(());

/// A piece of work that takes time. It sends events: progress, text, and exactly one final event.
///
/// Thread class: shared. Each event is read once: two threads that read share them, and after chaku_request_on_event
/// nobody else can read.
pub struct chaku_request(());

/// Text or bytes that a function made: JSON, a saved session, or what a tool came to.
///
/// Thread class: shared. A buffer never changes.
pub struct chaku_buffer(());

/// One event of a request.
///
/// Thread class: shared. An event never changes.
pub struct chaku_event(());
