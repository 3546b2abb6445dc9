/*
 * chaku: large language models inside your program
 * ================================================
 *
 * A runtime owns models, a model has sessions (conversations), a session runs requests, and a request sends events:
 * text, progress, and exactly one final event. Every call that takes time is a request, so every one can be followed,
 * cancelled from any thread, and given a deadline.
 *
 * A whole program. It streams an answer:
 *
 * @code
 * #include <chaku.h>
 * #include <stdio.h>
 *
 * static int32_t show(const chaku_event *event, void *user_data) {
 *     (void)user_data;
 *     if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
 *         fputs(chaku_event_text(event, NULL), stdout);
 *         fflush(stdout);
 *     }
 *     return 0; // go on
 * }
 *
 * int main(int argc, char **argv) {
 *     chaku_model *model = NULL;
 *     chaku_session *session = NULL;
 *     chaku_request *request = NULL;
 *     chaku_error *error = NULL;
 *     const char *path = argc > 1 ? argv[1] : "model.gguf";
 *     chaku_code code = chaku_model_load(NULL, path, NULL, &model, &error);
 *     if (code == CHAKU_OK) code = chaku_session_new(model, NULL, &session, &error);
 *     if (code == CHAKU_OK) code = chaku_session_chat(session, "Why is the sky blue?", -1, NULL, &request, &error);
 *     if (code == CHAKU_OK) code = chaku_request_run(request, show, NULL, &error);
 *     if (code != CHAKU_OK) fprintf(stderr, "%s: %s\n", chaku_code_name(code), chaku_error_message(error));
 *     chaku_error_free(error); // NULL is fine for every free, and the order does not matter
 *     chaku_request_free(request);
 *     chaku_session_free(session);
 *     chaku_model_free(model);
 *     return code == CHAKU_OK ? 0 : 1;
 * }
 * @endcode
 *
 * Linking
 * -------
 *   Linux     shared  cc main.c -lchaku
 *             static  cc main.c libchaku.a -lstdc++ -lm -lpthread -ldl
 *   macOS     shared  cc main.c -lchaku
 *             static  cc main.c libchaku.a -lc++ -framework Accelerate -framework Foundation
 *   Windows   shared  cl main.c chaku.dll.lib
 *
 * Who owns what
 * -------------
 * Every pointer of every function has one of these words:
 *
 *   borrowed             only looked at, or written to, until the function returns
 *   copied               borrowed, and what is needed of it is copied: it may change or go afterwards
 *   consumed             gone: do not use it again
 *   returns owned        yours, until you pass it to the function named there
 *   valid until          chaku's, and yours to read until then
 *
 * Handles (chaku_model *, chaku_session *, ...) are not addresses. One that was freed, that is of another type or that
 * never was one gives CHAKU_INVALID_ARGUMENT with the reason `stale_handle` or `wrong_handle`, never a crash. NULL gives
 * `null_pointer`. Every handle is freed exactly once; freeing never waits; any order is fine, also while work runs.
 * Nothing has to be freed before the process ends: returning from main in the middle of an answer is fine.
 *
 * Errors
 * ------
 * A function that can fail returns a chaku_code: CHAKU_OK (0), or what went wrong. Outputs are written on CHAKU_OK only;
 * an output that is a handle is NULL otherwise. `out_error` comes last and may be NULL; else it is set to NULL on success
 * and to an error object on failure. A function that cannot fail returns its value, or the neutral value its comment names.
 * No call ends the process, prints, or throws. Every function may fail with INVALID_ARGUMENT (`null_pointer`,
 * `stale_handle`, `wrong_handle`, `invalid_utf8`), RESOURCE_EXHAUSTED, INTERNAL (`panic`: a bug of chaku; `poisoned`: an
 * object that such a panic left in an unknown state, and that can only be freed) and FAILED_PRECONDITION (`forked`: see
 * below); the comments name what else to expect.
 *
 * Text
 * ----
 * All text is UTF-8. Names, keys and paths are NUL-terminated. Prompt text is a pointer and a length in bytes, -1 meaning
 * NUL-terminated. Text that comes out is NUL-terminated as well, and whole characters only: what the model cuts in the
 * middle of a character is held back.
 *
 * Threads
 * -------
 *   shared               from any thread, from several at once
 *   callback-safe        also from inside a callback; other functions refuse there with `reentrant`
 *
 * Every function is shared. One that waits says so. Callbacks return 0 to go on and anything else to stop; they must not
 * throw or longjmp. `destroy` runs exactly once, after the last call, on any thread, perhaps inside the very function that
 * registers or frees; in it callback-safe functions may be called as well.
 *
 * Deadlines and timeouts count on the monotonic clock, which stands still while the machine sleeps.
 *
 * Processes
 * ---------
 * A child made by fork after chaku was used has none of its threads: there every function that takes or makes a handle
 * gives `forked`, frees leak on purpose and say so, and only version, code names, backends, the table of options and the
 * errors made in the child itself can be read. Load models after the fork, or start the child with exec.
 *
 * Reading a stream, three ways
 * ----------------------------
 *   1. chaku_request_run        calls back on your own thread until the end: the simplest program.
 *   2. chaku_request_next       gives one event at a time, with a timeout. For event loops, chaku_request_on_ready wakes the
 *                               loop, which then reads with a timeout of 0 until it gets NULL.
 *   3. chaku_request_on_event   calls back on a thread of chaku, one call at a time.
 *
 * Events wait in a queue of limited length (option `event_queue`). A reader that stops reading pauses its own request and
 * no other.
 *
 * Many sessions of one model
 * --------------------------
 * The requests of all sessions are computed together, `max_running` of them at once. The others wait: the most urgent goes
 * first (option `priority`), and when `queue_limit` of them wait, the next one is refused, waits outside or takes the place
 * of a less urgent one (option `overload`). What prompts have in common, such as a system prompt, is computed once.
 *
 *   chaku_session_fork          lets a conversation go on in two ways; chaku_session_rewind takes it back.
 *   chaku_session_save          writes it to a file or to memory, from where chaku_session_restore takes it up again.
 *   chaku_session_run_tools     lets the model call functions of the program until it answers without.
 *   chaku_model_chat            answers a conversation that the program keeps itself.
 *
 *   chaku_runtime_plan          says what memory a model would take, without loading it.
 *   chaku_model_metrics         says what is going on: queue, tokens a second, KV cache; chaku_runtime_metrics the same of all
 *                               models, chaku_request_timeline where a request's time went. All of this is JSON.
 *
 * Versions
 * --------
 * Check chaku_abi_version() == CHAKU_ABI_VERSION first thing. Under 0 the interface may still change, so check
 * chaku_version_number() == CHAKU_VERSION_NUMBER as well; from 1 on it only grows. Growth means new functions, and new event
 * kinds, finish reasons, error reasons, details, option keys, features and device kinds: pass over those you do not know. A
 * request's end is judged by its code; a reason never moves to another code.
 */

/* Generated from capi/src by `make header`. Do not edit. */

#ifndef CHAKU_H
#define CHAKU_H

#include <stdint.h>

/** The release this header belongs to. */
#define CHAKU_VERSION_MAJOR 0
#define CHAKU_VERSION_MINOR 1
#define CHAKU_VERSION_PATCH 0
/** The same as one number, which grows with every release. */
#define CHAKU_VERSION_NUMBER \
    (CHAKU_VERSION_MAJOR * 1000000 + CHAKU_VERSION_MINOR * 1000 + CHAKU_VERSION_PATCH)

/** A pointer that may be NULL. Clang checks and Swift reads it; outputs are not marked, their comments tell. */
#if defined(__clang__)
#define CHAKU_NULLABLE _Nullable
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-extension"
#pragma clang diagnostic ignored "-Wnullability-completeness"
#pragma clang assume_nonnull begin
#else
#define CHAKU_NULLABLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------------------------------- */

/**
 * Text or bytes that a function made: JSON, a saved session, or what a tool came to.
 *
 * Thread class: shared. A buffer never changes.
 */
typedef struct chaku_buffer chaku_buffer;

/**
 * What went wrong: a code, a stable reason, a message for people and details for programs.
 *
 * Thread class: shared. An error never changes.
 */
typedef struct chaku_error chaku_error;

/**
 * One event of a request.
 *
 * Thread class: shared. An event never changes.
 */
typedef struct chaku_event chaku_event;

/**
 * A loaded model: weights, tokenizer and chat template. Its sessions keep it alive, so it may be freed before them.
 *
 * Thread class: shared.
 */
typedef struct chaku_model chaku_model;

/**
 * Values by key, for a runtime, a model, a session or a request. A key that is not set keeps its default. What an
 * object was made with is copied: changing or freeing the options afterwards changes nothing.
 *
 * Thread class: shared.
 */
typedef struct chaku_options chaku_options;

/**
 * A piece of work that takes time. It sends events: progress, text, and exactly one final event.
 *
 * Thread class: shared. Each event is read once: two threads that read share them, and after chaku_request_on_event
 * nobody else can read.
 */
typedef struct chaku_request chaku_request;

/**
 * The owner of models, of their limits and of the log. NULL stands for the default runtime, which is made when it is
 * first needed, writes no log and lives as long as the process.
 *
 * Thread class: shared.
 */
typedef struct chaku_runtime chaku_runtime;

/**
 * A conversation, or a raw text that grows. It runs one request at a time; what was computed is kept for the next.
 *
 * Thread class: shared. A second request while one runs is refused with `concurrent_use`.
 */
typedef struct chaku_session chaku_session;

/** A status: CHAKU_OK or one of the CHAKU_ codes below, which have the names and numbers of gRPC's codes. */
typedef int32_t chaku_code;

/* ---- Callbacks ----------------------------------------------------------------------------------------------------- */

/**
 * Called with each event of a request, one at a time.
 *
 * - `event`: borrowed until the callback returns; chaku_event_retain keeps it.
 * - `user_data`: borrowed; the pointer given at registration.
 *
 * Returns 0 to go on, anything else to cancel the request: see the function it is given to.
 * It may call callback-safe functions only, and must neither throw nor longjmp.
 */
typedef int32_t (*chaku_event_callback)(const chaku_event *event, void *CHAKU_NULLABLE user_data);

/**
 * Called with each call of a tool that the model makes, one at a time: make it, and say what it came to.
 *
 * - `id`: borrowed until the callback returns. NUL-terminated: the call's name in the conversation.
 * - `name`: borrowed until the callback returns. NUL-terminated: the tool.
 * - `arguments`, `arguments_len`: borrowed until the callback returns. NUL-terminated JSON; length in bytes.
 * - `out_result`: borrowed until the callback returns, written to: a buffer of chaku_buffer_new with the text the model is
 *   told, which chaku frees. It is NULL before; left so, the text is empty. Errors of the tool are told in words too.
 * - `user_data`: borrowed; the pointer given to the function that calls.
 *
 * Returns 0 to go on, anything else to end the loop with CANCELLED.
 * It may call all functions, for instance to ask another session, and must neither throw nor longjmp.
 */
typedef int32_t (*chaku_tool_callback)(const char *id,
                                       const char *name,
                                       const char *arguments,
                                       int64_t arguments_len,
                                       chaku_buffer **out_result,
                                       void *CHAKU_NULLABLE user_data);

/**
 * Called when a request has something to read after it had nothing: read until chaku_request_next gives NULL, on any
 * thread but not in here.
 *
 * - `user_data`: borrowed; the pointer given at registration.
 *
 * Returns 0 to go on, anything else to be called no more.
 * It may call callback-safe functions only, and must neither throw nor longjmp.
 */
typedef int32_t (*chaku_ready_callback)(void *CHAKU_NULLABLE user_data);

/**
 * Called with each line of the log, from any thread, and from several at once.
 *
 * - `level`: one of the CHAKU_LOG_ levels.
 * - `target`: borrowed until the callback returns. NUL-terminated: the part of chaku that speaks, e.g. "chaku::engine".
 * - `message`, `message_len`: borrowed until the callback returns. NUL-terminated; length in bytes.
 * - `user_data`: borrowed; the pointer given at registration.
 *
 * Returns 0 to go on, anything else to be called no more.
 * It must call no function of chaku, because the line may be written in the middle of one, and must neither throw nor
 * longjmp.
 */
typedef int32_t (*chaku_log_callback)(int32_t level,
                                      const char *target,
                                      const char *message,
                                      int64_t message_len,
                                      void *CHAKU_NULLABLE user_data);

/**
 * Called exactly once, after the last call of the callback registered with it, and also when the registration fails;
 * never while that callback runs. A callback that wants no more calls may have to wait for it until what it was
 * registered with lets go of it.
 *
 * - `user_data`: borrowed; the pointer given at registration, which may now be freed.
 */
typedef void (*chaku_destroy_callback)(void *CHAKU_NULLABLE user_data);

/* ---- Version ------------------------------------------------------------------------------------------------------- */

/**
 * The version of the binary interface: the number in the shared library's name. Code compiled against one number works
 * with every library of the same number; under 0 it works with the very same version only, so compare
 * CHAKU_VERSION_NUMBER as well.
 */
#define CHAKU_ABI_VERSION 0

/**
 * The binary interface of the library that runs. A program, and above all a language binding, checks first thing that
 * it is CHAKU_ABI_VERSION.
 *
 * Thread class: shared, callback-safe.
 */
uint32_t chaku_abi_version(void);

/**
 * The version of the library that runs, in the form of CHAKU_VERSION_NUMBER: major * 1000000 + minor * 1000 + patch.
 *
 * Thread class: shared, callback-safe.
 */
uint32_t chaku_version_number(void);

/**
 * The version of the library that runs, as text.
 *
 * - Returns: valid until the library is unloaded. Never NULL.
 *
 * Thread class: shared, callback-safe.
 */
const char *chaku_version(void);

/**
 * Whether this build has a feature. Features are the compiled-in backends: "cpu", "cuda", "metal", "vulkan", "opencl",
 * "rocm", "mkl"; and "hub": it can download models.
 *
 * - `name`: borrowed. NUL-terminated.
 *
 * Returns 1 or 0; 0 for an unknown name.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_has_feature(const char *name);

/**
 * Versions and build settings of chaku and llama.cpp, for bug reports.
 *
 * - Returns: valid until the library is unloaded. Never NULL.
 *
 * Thread class: shared, callback-safe.
 */
const char *chaku_build_info(void);

/* ---- Codes and errors ---------------------------------------------------------------------------------------------- */

/** Success. */
#define CHAKU_OK 0
/** The caller cancelled the work, or closed the object that did it. */
#define CHAKU_CANCELLED 1
/** The cause is not known. */
#define CHAKU_UNKNOWN 2
/** An argument is wrong, whatever the state of the system is. */
#define CHAKU_INVALID_ARGUMENT 3
/** The deadline passed before the work was done. */
#define CHAKU_DEADLINE_EXCEEDED 4
/** A named thing (a file, a key) does not exist. */
#define CHAKU_NOT_FOUND 5
/** The thing to create exists already. */
#define CHAKU_ALREADY_EXISTS 6
/** The operating system refused access. */
#define CHAKU_PERMISSION_DENIED 7
/** A limit was reached: queue, sessions, memory. */
#define CHAKU_RESOURCE_EXHAUSTED 8
/** The object is not in the state this call needs. */
#define CHAKU_FAILED_PRECONDITION 9
/** The work was aborted by a conflict. */
#define CHAKU_ABORTED 10
/** Past the end: of a stream, of a buffer, of the context window. */
#define CHAKU_OUT_OF_RANGE 11
/** Not in this build, or not possible with this model. */
#define CHAKU_UNIMPLEMENTED 12
/** A bug of chaku or of llama.cpp. */
#define CHAKU_INTERNAL 13
/** Not now: try again later. */
#define CHAKU_UNAVAILABLE 14
/** Stored data is broken. */
#define CHAKU_DATA_LOSS 15
/** Credentials are missing or wrong. */
#define CHAKU_UNAUTHENTICATED 16

/**
 * The name of a code, for instance "INVALID_ARGUMENT".
 *
 * - Returns: valid until the library is unloaded. "UNKNOWN" for a number that is no code; never NULL.
 *
 * Thread class: shared, callback-safe.
 */
const char *chaku_code_name(chaku_code code);

/**
 * The error's code.
 *
 * - `error`: borrowed. NULL is no error.
 *
 * Returns CHAKU_OK for NULL, and CHAKU_INVALID_ARGUMENT for a handle that is no live error.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_error_code(const chaku_error *CHAKU_NULLABLE error);

/**
 * Why, more exactly than the code says: one stable word such as "queue_full", which programs may compare.
 *
 * - `error`: borrowed. NULL is no error.
 * - Returns: valid until `error` is freed. Empty, not NULL, for NULL and for a handle that is no live error.
 *
 * Thread class: shared, callback-safe.
 */
const char *chaku_error_reason(const chaku_error *CHAKU_NULLABLE error);

/**
 * What went wrong and what to do about it, for people.
 *
 * - `error`: borrowed. NULL is no error.
 * - Returns: valid until `error` is freed. Empty, not NULL, for NULL and for a handle that is no live error.
 *
 * Thread class: shared, callback-safe.
 */
const char *chaku_error_message(const chaku_error *CHAKU_NULLABLE error);

/**
 * One detail of the error, for instance "limit" of `queue_full`.
 *
 * - `error`: borrowed. NULL is no error.
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until `error` is freed. NULL when the error has no such detail.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_error_detail(const chaku_error *CHAKU_NULLABLE error, const char *key);

/**
 * How many details the error has.
 *
 * - `error`: borrowed. NULL is no error.
 *
 * Returns 0 for NULL and for a handle that is no live error.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_error_detail_count(const chaku_error *CHAKU_NULLABLE error);

/**
 * The key of a detail, by position from 0.
 *
 * - `error`: borrowed. NULL is no error.
 * - Returns: valid until `error` is freed. NULL past the last detail.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_error_detail_key(const chaku_error *CHAKU_NULLABLE error, int64_t index);

/**
 * Frees an error.
 *
 * - `error`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live error.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_error_free(chaku_error *CHAKU_NULLABLE error);

/* ---- Options: setting values --------------------------------------------------------------------------------------- */

/**
 * Makes options in which no key is set.
 *
 * - `out_options`: returns owned (free with chaku_options_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_new(chaku_options **out_options, chaku_error **out_error);

/**
 * Sets an integer key. A number key takes integers too.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `unknown_option` (detail "nearest": the most similar key) or `invalid_option` (wrong type
 * or out of range; details "key", "min", "max"). A setter that fails changes nothing. Where chaku_option_is_soft, a value
 * out of range is none of these: see chaku_options_is_clamped.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_set_i64(chaku_options *options, const char *key, int64_t value, chaku_error **out_error);

/**
 * Sets a number key.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_options_set_i64; NaN and infinities are out of range.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_set_f64(chaku_options *options, const char *key, double value, chaku_error **out_error);

/**
 * Sets a switch: 0 = off, 1 = on.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_options_set_i64; INVALID_ARGUMENT `invalid_argument` for another value than 0 and 1.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_set_bool(chaku_options *options, const char *key, int32_t value, chaku_error **out_error);

/**
 * Sets a text key; a list key becomes the list with this one element. An empty text is a value too: no text, or no
 * element, whatever an object above says.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `value`, `value_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_options_set_i64; INVALID_ARGUMENT `invalid_utf8` (detail "offset").
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_set_str(chaku_options *options,
                                 const char *key,
                                 const char *value,
                                 int64_t value_len,
                                 chaku_error **out_error);

/**
 * Appends an element to a list key, for instance a further stop text.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `value`, `value_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_options_set_str; `invalid_option` when the list is full.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_add_str(chaku_options *options,
                                 const char *key,
                                 const char *value,
                                 int64_t value_len,
                                 chaku_error **out_error);

/**
 * Makes a key unset again: a value given to an object above speaks, else the default.
 *
 * - `options`: borrowed.
 * - `key`: copied. NUL-terminated: one of the CHAKU_OPT_ names.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `unknown_option`.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_unset(chaku_options *options, const char *key, chaku_error **out_error);

/**
 * Whether a key is set.
 *
 * - `options`: borrowed.
 * - `key`: borrowed. NUL-terminated.
 *
 * Returns 1 or 0; 0 also for an unknown key and for a handle that is no live options object.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_options_is_set(const chaku_options *options, const char *key);

/**
 * Whether the value of a key lay outside its range and was taken as the nearest one inside, where chaku_option_is_soft says
 * so. The log of whatever is made with it has a warning.
 *
 * - `options`: borrowed.
 * - `key`: borrowed. NUL-terminated.
 *
 * Returns 1 or 0; 0 also for an unknown key and for a handle that is no live options object.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_options_is_clamped(const chaku_options *options, const char *key);

/**
 * Frees options. What was made with them is not touched.
 *
 * - `options`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live options object.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_options_free(chaku_options *CHAKU_NULLABLE options);

/* ---- Options: the table -------------------------------------------------------------------------------------------- */

/** Integer option. */
#define CHAKU_OPTION_KIND_I64 1
/** Number option. */
#define CHAKU_OPTION_KIND_F64 2
/** Switch option. */
#define CHAKU_OPTION_KIND_BOOL 3
/** Text option. */
#define CHAKU_OPTION_KIND_STR 4
/** Option that is a list of texts. */
#define CHAKU_OPTION_KIND_STR_LIST 5

/**
 * How many options there are.
 *
 * Thread class: shared, callback-safe.
 */
int64_t chaku_option_count(void);

/**
 * The key of an option, by position from 0.
 *
 * - Returns: valid until the library is unloaded. NULL past the last option.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_key(int64_t index);

/**
 * The type of an option's value: one of CHAKU_OPTION_KIND_I64, _F64, _BOOL, _STR, _STR_LIST.
 *
 * - `key`: borrowed. NUL-terminated.
 *
 * Returns 0 for an unknown key.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_option_kind(const char *key);

/**
 * The object an option belongs to: "runtime", "model", "session" or "request". It may also be given to an object above,
 * as a default for all below.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_scope(const char *key);

/**
 * The unit of an option's value, for instance "ms"; empty when it has none.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_unit(const char *key);

/**
 * One sentence about an option.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_doc(const char *key);

/**
 * The default of an option, as text; a switch is "0" or "1".
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key and for an option without a fixed default.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_default(const char *key);

/**
 * The smallest value of an integer or number option, as text.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key and for an option of another kind.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_min(const char *key);

/**
 * The largest value of an integer or number option, as text.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key and for an option of another kind.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_max(const char *key);

/**
 * Whether a value outside the range of an option is taken as the nearest one inside (see chaku_options_is_clamped), and
 * not refused.
 *
 * - `key`: borrowed. NUL-terminated.
 *
 * Returns 1 or 0; 0 also for an unknown key.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_option_is_soft(const char *key);

/**
 * The values a text option may have, separated by commas.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key and for an option that takes any text.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_choices(const char *key);

/**
 * Another name of an option, by position from 0: what llama.app calls it. A flag, with its dashes, or an environment
 * variable, in capitals.
 *
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown key and past the last name.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_alias(const char *key, int64_t index);

/**
 * The key of the option that a name stands for: a key, with `_` or `-`; a flag of llama.app, with or without its dashes;
 * an environment variable, CHAKU_ and the key in capitals, or llama.app's. Setters take keys alone.
 *
 * - `name`: borrowed. NUL-terminated.
 * - Returns: valid until the library is unloaded. NULL for an unknown name.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_option_find(const char *name);

/* Options of a runtime. */

/** Deadline of every request that sets none; 0 = no deadline. (i64, 0 to 86400000 ms, default 0) */
#define CHAKU_OPT_DEFAULT_DEADLINE_MS "default_deadline_ms"
/**
 * Memory of the machine that all models of the runtime may take together: weights, KV caches, what is computed with,
 * computed prompts; 0 = no limit. A model whose `ctx_size`, `kv_pool`, `prompt_cache_mib` or `gpu_layers` are unset
 * gets what fits; one that does not fit gets `memory_budget`. (i64, 0 to 16777216 MiB, default 0)
 */
#define CHAKU_OPT_MEMORY_BUDGET "memory_budget"
/**
 * Unload models that no request asks anything, the one asked longest ago first, when another one does not fit the
 * `memory_budget`. Their handles answer `unloaded`. (bool, default 0)
 */
#define CHAKU_OPT_UNLOAD_IDLE "unload_idle"

/* Options of a model, or defaults for them given to the runtime. */

/**
 * Context window of a session; 0 = the model's training context; unset = that, but at most 4096, and what fits the
 * runtime's `memory_budget`. (i64, 0 to 2147483392 tokens)
 */
#define CHAKU_OPT_CTX_SIZE "ctx_size"
/**
 * Tokens that the KV cache holds, of all sessions together; unset, or less than `ctx_size` = `ctx_size`. (i64, 1 to
 * 2147483392 tokens)
 */
#define CHAKU_OPT_KV_POOL "kv_pool"
/** Upper limit of `ubatch_size`. (i64, 1 to 2147483392 tokens, default 2048) */
#define CHAKU_OPT_BATCH_SIZE "batch_size"
/**
 * Tokens computed at once in prefill: the unit of progress, and of cancellation on a GPU. (i64, 1 to 2147483392
 * tokens, default 512)
 */
#define CHAKU_OPT_UBATCH_SIZE "ubatch_size"
/**
 * Compute threads for decoding; unset = the machine's physical cores, at most 8. More than the process has processors
 * are not used. (i64, 1 to 512 threads)
 */
#define CHAKU_OPT_THREADS "threads"
/**
 * Compute threads for prefill; unset = `threads`. More than the process has processors are not used. (i64, 1 to 512
 * threads)
 */
#define CHAKU_OPT_THREADS_BATCH "threads_batch"
/**
 * Layers to keep on the GPU; -1 = all. Means nothing in a build without a GPU backend. (i64, -1 to 2147483647 layers,
 * default -1)
 */
#define CHAKU_OPT_GPU_LAYERS "gpu_layers"
/** GPUs to use, by name, with commas between; none = the CPU alone; unset = all. (str) */
#define CHAKU_OPT_DEVICES "devices"
/**
 * How a model is spread over several GPUs: not, so that `main_gpu` has all of it; layer by layer; or by the rows of
 * each tensor, where the backend can. (str: none, layer, row; default layer)
 */
#define CHAKU_OPT_SPLIT_MODE "split_mode"
/**
 * The GPU that has the model under `split_mode = none`: its place among those used, from 0. (i64, 0 to 127, default 0)
 */
#define CHAKU_OPT_MAIN_GPU "main_gpu"
/** How large the GPUs' parts are, as numbers in proportion, such as `3,1`; unset = as their free memory is. (str) */
#define CHAKU_OPT_TENSOR_SPLIT "tensor_split"
/**
 * Where tensors go, each PATTERN=BUFFER, or several with commas between. PATTERN is a regular expression
 * (ECMAScript's, with at most three repetitions, and none of a group) that is found in the tensor's name, BUFFER a
 * device's kind of memory, such as `CPU`. The first that fits holds. (list of str, at most 256 of 512 bytes)
 */
#define CHAKU_OPT_OVERRIDE_TENSOR "override_tensor"
/** Keep the experts of all layers in the CPU's memory. (bool, default 0) */
#define CHAKU_OPT_CPU_MOE "cpu_moe"
/** Keep the experts of the first layers in the CPU's memory. (i64, 0 to 512 layers, default 0) */
#define CHAKU_OPT_N_CPU_MOE "n_cpu_moe"
/** Keep the dense feed-forward weights of the first layers in the CPU's memory. (i64, 0 to 512 layers, default 0) */
#define CHAKU_OPT_N_CPU_FFN "n_cpu_ffn"
/** Keep the KV cache of layers on a GPU there. (bool, default 1) */
#define CHAKU_OPT_KV_OFFLOAD "kv_offload"
/** Let a GPU compute long prompts with weights that are in the CPU's memory. (bool, default 1) */
#define CHAKU_OPT_OP_OFFLOAD "op_offload"
/** Bring weights into the order that the processor computes fastest with. (bool, default 1) */
#define CHAKU_OPT_REPACK "repack"
/** Use no memory of the host that a GPU reads by itself, so that `repack` applies there. (bool, default 0) */
#define CHAKU_OPT_NO_HOST "no_host"
/** Flash attention. (str: auto, on, off; default auto) */
#define CHAKU_OPT_FLASH_ATTN "flash_attn"
/** Number format of the K cache. (str: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl; default f16) */
#define CHAKU_OPT_CACHE_TYPE_K "cache_type_k"
/**
 * Number format of the V cache; a quantized one needs flash attention. (str: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1,
 * q4_0, iq4_nl; default f16)
 */
#define CHAKU_OPT_CACHE_TYPE_V "cache_type_v"
/**
 * How the weights come into memory: auto = mapped, if `mmap` is on and every device can, else read; none = read; mmap
 * = mapped; mlock = read, and locked there; mmap+mlock = mapped and locked; dio = read past the system's cache, where
 * it can. If the system refuses to lock, the log says so. (str: auto, none, mmap, mlock, mmap+mlock, dio; default
 * auto)
 */
#define CHAKU_OPT_LOAD_MODE "load_mode"
/**
 * Whether tensors of which a step needs few rows stay in the file until it does; auto = those of more than 4 GiB. Few
 * architectures have any. (str: auto, on, off; default auto)
 */
#define CHAKU_OPT_LAZY_MODE "lazy_mode"
/**
 * Under `load_mode = auto`: map the file instead of reading it into memory. A mapped file must not be cut off or
 * overwritten while the model lives: that ends the process or changes answers. Replace it by renaming another over it,
 * or load without mapping. (bool, default 1)
 */
#define CHAKU_OPT_MMAP "mmap"
/**
 * How RoPE is stretched to a window longer than that of the training; model = as the file says. (str: model, none,
 * linear, yarn; default model)
 */
#define CHAKU_OPT_ROPE_SCALING "rope_scaling"
/**
 * How many times as long the window gets by RoPE's stretching; 0 = as the file says. (f64, 0 to 1000000, default 0)
 */
#define CHAKU_OPT_ROPE_SCALE "rope_scale"
/**
 * The same said as a factor of RoPE's frequencies: one over `rope_scale`. Where both are set at one place, this one
 * counts; 0 = as the file says. (f64, 0 to 1000, default 0)
 */
#define CHAKU_OPT_ROPE_FREQ_SCALE "rope_freq_scale"
/** Base of RoPE's frequencies, 2 or more; 0 = the model's. (f64, 0 to 1000000000000, default 0) */
#define CHAKU_OPT_ROPE_FREQ_BASE "rope_freq_base"
/** YaRN: the window of the training; 0 = as the file says. (i64, 0 to 2147483647 tokens, default 0) */
#define CHAKU_OPT_YARN_ORIG_CTX "yarn_orig_ctx"
/**
 * YaRN: how much of the low frequencies is stretched, 1 = all; below 0 = as the file says. (f64, -1 to 1000, default
 * -1)
 */
#define CHAKU_OPT_YARN_EXT_FACTOR "yarn_ext_factor"
/**
 * YaRN: factor of the attention where `yarn_ext_factor` is 0; below 0 = as the file says. (f64, -1 to 1000, default
 * -1)
 */
#define CHAKU_OPT_YARN_ATTN_FACTOR "yarn_attn_factor"
/**
 * YaRN: rotations over the window above which a frequency stays as it is; below 0 = as the file says. (f64, -1 to
 * 1000000, default -1)
 */
#define CHAKU_OPT_YARN_BETA_FAST "yarn_beta_fast"
/**
 * YaRN: rotations over the window below which a frequency is stretched in full; below 0 = as the file says. (f64, -1
 * to 1000000, default -1)
 */
#define CHAKU_OPT_YARN_BETA_SLOW "yarn_beta_slow"
/**
 * Values in the place of the file's, each KEY=TYPE:VALUE, or several with commas between; TYPE is int, float, bool or
 * str, and has to be what the file has there. They are checked as if the file had them. Metadata that is told stays
 * the file's. (list of str, at most 64 of 512 bytes)
 */
#define CHAKU_OPT_OVERRIDE_KV "override_kv"
/** Check every tensor's numbers while loading. (bool, default 0) */
#define CHAKU_OPT_CHECK_TENSORS "check_tensors"
/**
 * Sessions that may exist at once; the next one gets `session_limit`. More than `max_running` take turns. (i64, 1 to
 * 65536 sessions, default 256)
 */
#define CHAKU_OPT_MAX_SESSIONS "max_sessions"
/**
 * Requests computed at once, and sequences in the KV cache, which running requests, idle sessions and cached prefixes
 * share. Each costs memory for one row of logits: 4 bytes a token of the vocabulary. (i64, 1 to 256 requests, default
 * 16)
 */
#define CHAKU_OPT_MAX_RUNNING "max_running"
/**
 * Requests that may wait to start; what happens to the next one is its `overload`. (i64, 1 to 65536 requests, default
 * 64)
 */
#define CHAKU_OPT_QUEUE_LIMIT "queue_limit"
/**
 * Memory for computed prompts that had to leave the KV cache, the least recently used of which goes first; 0 = none.
 * (i64, 0 to 16777216 MiB, default 512)
 */
#define CHAKU_OPT_PROMPT_CACHE_MIB "prompt_cache_mib"
/**
 * How long a step should take while answers are being generated: longer prompts are then computed in smaller chunks.
 * (i64, 1 to 60000 ms, default 50)
 */
#define CHAKU_OPT_STEP_TARGET_MS "step_target_ms"
/**
 * Use fewer compute threads while other programs keep the processors busy; off = always `threads` and `threads_batch`.
 * (bool, default 1)
 */
#define CHAKU_OPT_ADAPT_THREADS "adapt_threads"
/**
 * Processors that compute threads may use, such as `0-3,6`; unset = all. Linux and Android only. More threads than
 * these are not used. (str)
 */
#define CHAKU_OPT_CPU_AFFINITY "cpu_affinity"
/**
 * How urgent compute threads are, against other threads of the machine: low lets them go first, high needs a privilege
 * and is else normal. Linux and Android only; elsewhere it does nothing. (str: low, normal, high; default normal)
 */
#define CHAKU_OPT_CPU_PRIORITY "cpu_priority"
/**
 * Repeatable text: one compute thread, prefill in full chunks, one request at a time, and nothing of what other
 * sessions computed is used. (bool, default 0)
 */
#define CHAKU_OPT_FIXED_SHAPE "fixed_shape"
/** Jinja source to use instead of the model's own chat template; `chatml` = that of ChatML. (str) */
#define CHAKU_OPT_CHAT_TEMPLATE "chat_template"
/** File with the Jinja source to use instead of the model's own chat template, in place of `chat_template`. (str) */
#define CHAKU_OPT_CHAT_TEMPLATE_FILE "chat_template_file"
/**
 * Download nothing: a model of the hub must be in the cache, else `offline` is what the error says. Unset, the
 * variable HF_HUB_OFFLINE says so too. (bool, default 0)
 */
#define CHAKU_OPT_OFFLINE "offline"
/**
 * Folder of what is downloaded; unset = the first that is set of LLAMA_CACHE, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
 * HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub, which other tools share. (str)
 */
#define CHAKU_OPT_CACHE_DIR "cache_dir"
/** Address of the hub; unset = MODEL_ENDPOINT, HF_ENDPOINT, else https://huggingface.co. (str) */
#define CHAKU_OPT_HUB_ENDPOINT "hub_endpoint"
/**
 * Access token, sent to the hub and to no other host; unset = HF_TOKEN; an empty text = none. It is shown nowhere.
 * (str)
 */
#define CHAKU_OPT_HUB_TOKEN "hub_token"

/* Options of a session, or defaults for them given to the model or the runtime. */

/** The conversation's system message. (str) */
#define CHAKU_OPT_SYSTEM_PROMPT "system_prompt"
/**
 * When the window is full: fail with `context_overflow`, stop with finish_reason `length`, or drop the oldest tokens
 * after the system prompt. (str: error, stop, shift; default error)
 */
#define CHAKU_OPT_OVERFLOW "overflow"
/**
 * What a session keeps of a request that was cancelled, expired or failed after its first token: question and partial
 * answer, or nothing. (str: keep, rollback; default keep)
 */
#define CHAKU_OPT_ON_CANCEL "on_cancel"

/* Options of a request, or defaults for them given to the session, the model or the runtime. */

/**
 * Most tokens to generate; 0 = until the model ends or the window is full, and under `overflow = shift` 1048576. (i64,
 * 0 to 2147483647 tokens, default 0)
 */
#define CHAKU_OPT_MAX_TOKENS "max_tokens"
/**
 * Time for the whole request, from the call, waiting included; given to a model, for its load as well; 0 = none; unset
 * = the runtime's `default_deadline_ms`. (i64, 0 to 86400000 ms)
 */
#define CHAKU_OPT_DEADLINE_MS "deadline_ms"
/** Texts that end the answer; they are never part of it. (list of str, at most 64 of 1024 bytes) */
#define CHAKU_OPT_STOP "stop"
/**
 * Who goes first. A request that waits counts one level higher for each 10 s, so that nothing starves. (str: low,
 * normal, high; default normal)
 */
#define CHAKU_OPT_PRIORITY "priority"
/**
 * When `queue_limit` requests wait: refuse with `queue_full`; stand outside until there is a place, as many at most;
 * or displace the youngest of the least urgent that wait, if it is less urgent, which ends with `displaced`. (str:
 * reject, wait, displace; default reject)
 */
#define CHAKU_OPT_OVERLOAD "overload"
/**
 * Events that may wait to be read; then the request pauses until the reader catches up. (i64, 1 to 1048576 events,
 * default 256)
 */
#define CHAKU_OPT_EVENT_QUEUE "event_queue"
/** Raw prompts: let the tokenizer add the model's BOS token to the first text of the session. (bool, default 1) */
#define CHAKU_OPT_ADD_SPECIAL "add_special"
/** Raw prompts: read the names of control tokens in the text as these tokens. (bool, default 0) */
#define CHAKU_OPT_PARSE_SPECIAL "parse_special"
/** Seed of the sampler; unset or 4294967295 = a new one for each request. (i64, 0 to 4294967295) */
#define CHAKU_OPT_SEED "seed"
/**
 * Which of several answers to the same prompt this is: added to `seed`, so that they differ. Choices of one prompt
 * that are asked together share its computation. (i64, 0 to 255, default 0)
 */
#define CHAKU_OPT_CHOICE "choice"
/** Sharpness of the distribution; 0 = always the likeliest token. (f64, 0 to 100, else clamped, default 0.8) */
#define CHAKU_OPT_TEMPERATURE "temperature"
/** Keep the k likeliest tokens; 0 = all. (i64, 0 to 2147483647 tokens, else clamped, default 40) */
#define CHAKU_OPT_TOP_K "top_k"
/** Keep the likeliest tokens that make up this probability; 1 = all. (f64, 0 to 1, else clamped, default 0.95) */
#define CHAKU_OPT_TOP_P "top_p"
/** Drop tokens less likely than this fraction of the likeliest; 0 = none. (f64, 0 to 1, else clamped, default 0.05) */
#define CHAKU_OPT_MIN_P "min_p"
/** Locally typical sampling; 1 = off. (f64, 0 to 1, default 1) */
#define CHAKU_OPT_TYPICAL_P "typical_p"
/** Keep logits within this many standard deviations of the highest; -1 = off. (f64, -1 to 100, default -1) */
#define CHAKU_OPT_TOP_N_SIGMA "top_n_sigma"
/** Penalty on repeated tokens; 1 = off. (f64, 0.01 to 100, default 1) */
#define CHAKU_OPT_REPEAT_PENALTY "repeat_penalty"
/** How far back the penalties look; 0 = off. (i64, 0 to 1048576 tokens, default 64) */
#define CHAKU_OPT_REPEAT_LAST_N "repeat_last_n"
/** Penalty on any token that occurred; 0 = off. (f64, -100 to 100, default 0) */
#define CHAKU_OPT_PRESENCE_PENALTY "presence_penalty"
/** Penalty that grows with a token's count; 0 = off. (f64, -100 to 100, default 0) */
#define CHAKU_OPT_FREQUENCY_PENALTY "frequency_penalty"
/** Strength of the DRY repetition penalty; 0 = off. (f64, 0 to 100, default 0) */
#define CHAKU_OPT_DRY_MULTIPLIER "dry_multiplier"
/** Base of the DRY penalty's growth. (f64, 0 to 100, default 1.75) */
#define CHAKU_OPT_DRY_BASE "dry_base"
/** Repetitions up to this length are free of the DRY penalty. (i64, 0 to 1048576 tokens, default 2) */
#define CHAKU_OPT_DRY_ALLOWED_LENGTH "dry_allowed_length"
/** How far back DRY looks; 0 = off. (i64, 0 to 1048576 tokens, default 64) */
#define CHAKU_OPT_DRY_PENALTY_LAST_N "dry_penalty_last_n"
/**
 * Texts at which a repetition ends for DRY; unset = line feed, `:`, `"` and `*`. What comes before a `none` does not
 * count, so that it alone means that there are none. (list of str, at most 64 of 40 bytes)
 */
#define CHAKU_OPT_DRY_SEQUENCE_BREAKERS "dry_sequence_breakers"
/** Chance that XTC removes the likeliest tokens; 0 = off. (f64, 0 to 1, else clamped, default 0) */
#define CHAKU_OPT_XTC_PROBABILITY "xtc_probability"
/** Probability a token needs to be removed by XTC; above 0.5 = off. (f64, 0 to 1, else clamped, default 0.1) */
#define CHAKU_OPT_XTC_THRESHOLD "xtc_threshold"
/** Half-width of the dynamic temperature; 0 = off. (f64, 0 to 100, default 0) */
#define CHAKU_OPT_DYNATEMP_RANGE "dynatemp_range"
/** How entropy maps to dynamic temperature. (f64, 0 to 100, default 1) */
#define CHAKU_OPT_DYNATEMP_EXPONENT "dynatemp_exponent"
/** Mirostat version, instead of the other samplers; 0 = off. (i64, 0 to 2, else clamped, default 0) */
#define CHAKU_OPT_MIROSTAT "mirostat"
/** Mirostat's learning rate (eta). (f64, 0 to 100, default 0.1) */
#define CHAKU_OPT_MIROSTAT_LR "mirostat_lr"
/** Mirostat's target entropy (tau). (f64, 0 to 100, default 5) */
#define CHAKU_OPT_MIROSTAT_ENT "mirostat_ent"
/**
 * Probability of the tokens that adaptive-p prefers, which follows what was chosen lately; below 0 = off. It chooses
 * the token, and only where `samplers` name `adaptive_p`. (f64, -1 to 1, default -1)
 */
#define CHAKU_OPT_ADAPTIVE_TARGET "adaptive_target"
/**
 * How long adaptive-p remembers: the part that what was chosen keeps with each token. (f64, 0 to 0.99, default 0.9)
 */
#define CHAKU_OPT_ADAPTIVE_DECAY "adaptive_decay"
/**
 * Sampler names in order, separated by `;`; unset = penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature.
 * (str)
 */
#define CHAKU_OPT_SAMPLERS "samplers"
/**
 * The same with a letter for each: e = penalties, d = dry, s = top_n_sigma, k = top_k, y = typ_p, p = top_p, m =
 * min_p, x = xtc, t = temperature, a = adaptive_p, i = infill. It goes before `samplers` that are set at the same
 * place or below. (str)
 */
#define CHAKU_OPT_SAMPLER_SEQ "sampler_seq"
/**
 * Changes of tokens' chances, each TOKEN=BIAS. TOKEN is a token's number, or a text, each of whose tokens it concerns,
 * in quotes (as in JSON) where it could be a number. BIAS is added to the logit before anything else: a number from
 * -1000000 to 1000000, or `-inf` or `false`, which ban the token. Not with `typical_p` below 1. (list of str, at most
 * 16384 of 256 bytes)
 */
#define CHAKU_OPT_LOGIT_BIAS "logit_bias"
/**
 * Tell with each token of the answer the logarithm of its probability, and of those of so many of the likeliest in its
 * place; 0 = of its own alone; -1 = none. (i64, -1 to 64 tokens, default -1)
 */
#define CHAKU_OPT_LOGPROBS "logprobs"
/**
 * Which probabilities `logprobs` tells: on = of the tokens that the samplers left, as the choice was made; off = the
 * model's own, of the whole vocabulary, before a constraint, `logit_bias` or a sampler changed any. (bool, default 0)
 */
#define CHAKU_OPT_LOGPROBS_AFTER_SAMPLING "logprobs_after_sampling"
/**
 * Tell of each token of the prompt, before the answer, how likely it was, as `logprobs` does of the answer's. The
 * whole prompt is computed for that, whatever was computed before. -1 = no. (i64, -1 to 64 tokens, default -1)
 */
#define CHAKU_OPT_PROMPT_LOGPROBS "prompt_logprobs"
/**
 * Before each token of the answer, tell the logits and stand still until the request is resumed, with these or others
 * to choose from. (bool, default 0)
 */
#define CHAKU_OPT_PAUSE_FOR_LOGITS "pause_for_logits"
/**
 * GBNF grammar the answer must follow. Of `grammar`, `json_schema`, `json_object`, `regex` and `lark` at most one may
 * be given, and not with `typical_p` below 1. (str)
 */
#define CHAKU_OPT_GRAMMAR "grammar"
/** JSON Schema, as JSON, of the one JSON value that the answer must be. (str) */
#define CHAKU_OPT_JSON_SCHEMA "json_schema"
/** The answer must be a JSON object. (bool, default 0) */
#define CHAKU_OPT_JSON_OBJECT "json_object"
/** Regular expression the whole answer must match, in the syntax of Rust's regex crate without anchors. (str) */
#define CHAKU_OPT_REGEX "regex"
/** Lark grammar the answer must follow, in llguidance's dialect; its first rule is `start`. (str) */
#define CHAKU_OPT_LARK "lark"
/** Never let the model end its answer. (bool, default 0) */
#define CHAKU_OPT_IGNORE_EOS "ignore_eos"
/**
 * Tools that the model may call, as a JSON list of OpenAI's tool definitions. Not together with a constraint. (str)
 */
#define CHAKU_OPT_TOOLS "tools"
/** Whether it calls one: auto (or unset) = as it likes, none, required, or the name of the one it must call. (str) */
#define CHAKU_OPT_TOOL_CHOICE "tool_choice"
/** Let an answer have several calls. (bool, default 0) */
#define CHAKU_OPT_PARALLEL_TOOL_CALLS "parallel_tool_calls"
/**
 * Whether the model may think before it answers, where its chat template lets one choose: auto and on = yes. (str:
 * auto, on, off; default auto)
 */
#define CHAKU_OPT_REASONING "reasoning"
/**
 * What becomes of the thinking: none = it is a part of the text, which a constraint then holds from its first token;
 * auto and deepseek = it has events of its own, and a constraint holds what comes after it. (str: auto, none,
 * deepseek; default auto)
 */
#define CHAKU_OPT_REASONING_FORMAT "reasoning_format"
/** Most tokens of thinking; -1 = no limit. (i64, -1 to 2147483647 tokens, default -1) */
#define CHAKU_OPT_REASONING_BUDGET "reasoning_budget"
/**
 * What the model is made to think last when `reasoning_budget` is used up. Plain text, never read as control tokens.
 * (str)
 */
#define CHAKU_OPT_REASONING_BUDGET_MESSAGE "reasoning_budget_message"
/**
 * How much the model should think, for chat templates that know the variable `reasoning_effort`: minimal, low, medium,
 * high or what else a template knows; unset or default = as the template has it. `chat_template_kwargs` go before it.
 * (str)
 */
#define CHAKU_OPT_REASONING_EFFORT "reasoning_effort"
/**
 * Show the model the thinking of all its earlier answers, not of the last one alone, where its chat template lets one
 * choose: the variable `preserve_reasoning`. `chat_template_kwargs` go before it. (bool, default 1)
 */
#define CHAKU_OPT_REASONING_PRESERVE "reasoning_preserve"
/**
 * Messages may end with one of the assistant, which the model then goes on with: the answer is what follows it. (bool,
 * default 0)
 */
#define CHAKU_OPT_CONTINUE_FINAL_MESSAGE "continue_final_message"
/** Variables of the chat template, as a JSON object. (str) */
#define CHAKU_OPT_CHAT_TEMPLATE_KWARGS "chat_template_kwargs"

/* ---- Buffer -------------------------------------------------------------------------------------------------------- */

/**
 * Makes a buffer with a copy of a text, for a callback that has to give one.
 *
 * - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `out_buffer`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `invalid_utf8`; RESOURCE_EXHAUSTED `memory_budget`.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_buffer_new(const char *text, int64_t text_len, chaku_buffer **out_buffer, chaku_error **out_error);

/**
 * What a buffer holds. It is NUL-terminated as well; bytes may have NULs inside.
 *
 * - `buffer`: borrowed.
 * - `out_len`: borrowed, written to: the length in bytes, without the NUL; may be NULL.
 * - Returns: valid until `buffer` is freed. NULL for a handle that is no live buffer.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_buffer_data(const chaku_buffer *buffer, int64_t *CHAKU_NULLABLE out_len);

/**
 * Frees a buffer.
 *
 * - `buffer`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live buffer.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_buffer_free(chaku_buffer *CHAKU_NULLABLE buffer);

/* ---- Backends and devices ------------------------------------------------------------------------------------------ */

/** The processor. */
#define CHAKU_DEVICE_CPU 1
/** A graphics processor with memory of its own. */
#define CHAKU_DEVICE_GPU 2
/** A graphics processor that shares the processor's memory. */
#define CHAKU_DEVICE_INTEGRATED_GPU 3
/** Something else that computes. */
#define CHAKU_DEVICE_ACCELERATOR 4

/**
 * How many backends are compiled in.
 *
 * Thread class: shared, callback-safe.
 */
int64_t chaku_backend_count(void);

/**
 * The name of a compiled-in backend, for instance "cpu" or "cuda", by position from 0.
 *
 * - Returns: valid until the library is unloaded. NULL past the last backend.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_backend_name(int64_t index);

/**
 * How many devices can compute. 0 when this machine cannot run this build, which a load then explains.
 *
 * Thread class: shared, callback-safe. The first call may take some milliseconds.
 */
int64_t chaku_device_count(void);

/**
 * The short name of a device, for instance "CPU" or "CUDA0", by position from 0.
 *
 * - Returns: valid until the library is unloaded. NULL past the last device.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_device_name(int64_t index);

/**
 * The maker's name of a device, by position from 0.
 *
 * - Returns: valid until the library is unloaded. NULL past the last device.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_device_description(int64_t index);

/**
 * The backend that drives a device, by position from 0.
 *
 * - Returns: valid until the library is unloaded. NULL past the last device.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_device_backend(int64_t index);

/**
 * What a device is: one of the CHAKU_DEVICE_ kinds, by position from 0.
 *
 * Returns 0 past the last device.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_device_kind(int64_t index);

/**
 * A device's memory in bytes, by position from 0.
 *
 * Returns -1 past the last device, and when it is not known.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_device_memory_total(int64_t index);

/**
 * A device's free memory in bytes at this moment, by position from 0.
 *
 * Returns -1 past the last device, and when it is not known.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_device_memory_free(int64_t index);

/* ---- Runtime ------------------------------------------------------------------------------------------------------- */

/** Something failed that no request reports. */
#define CHAKU_LOG_ERROR 1
/** Something is wrong but work goes on. */
#define CHAKU_LOG_WARN 2
/** What happens, a few lines a load. */
#define CHAKU_LOG_INFO 3
/** Each request, and what llama.cpp says. */
#define CHAKU_LOG_DEBUG 4
/** Everything, prompt text included. */
#define CHAKU_LOG_TRACE 5

/**
 * Makes a runtime. Most programs need none: NULL is the default runtime everywhere.
 *
 * - `options`: copied. Runtime keys, and defaults for all below; NULL = none.
 * - `out_runtime`: returns owned (free with chaku_runtime_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared.
 */
chaku_code chaku_runtime_new(const chaku_options *CHAKU_NULLABLE options,
                             chaku_runtime **out_runtime,
                             chaku_error **out_error);

/**
 * Sends the log of models loaded from now on to a callback. Without one, nothing is logged anywhere. A model keeps the
 * callback it was loaded with.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `level`: lines up to this CHAKU_LOG_ level are wanted; means nothing without a callback.
 * - `callback`: borrowed until `destroy` runs. NULL = no log of models loaded from now on.
 * - `user_data`: borrowed until `destroy` runs; passed to the callback.
 * - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `invalid_argument` for a level that is none.
 * Thread class: shared. Callbacks that are under way may still end after this function returned.
 */
chaku_code chaku_runtime_set_log(chaku_runtime *CHAKU_NULLABLE runtime,
                                 int32_t level,
                                 chaku_log_callback CHAKU_NULLABLE callback,
                                 void *CHAKU_NULLABLE user_data,
                                 chaku_destroy_callback CHAKU_NULLABLE destroy,
                                 chaku_error **out_error);

/**
 * Frees a runtime. Its models and requests keep what they need of it.
 *
 * - `runtime`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live runtime.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_runtime_free(chaku_runtime *CHAKU_NULLABLE runtime);

/* ---- Model --------------------------------------------------------------------------------------------------------- */

/**
 * Loads a GGUF file and waits for it.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `path`: copied. NUL-terminated UTF-8, on every system. May be a spec: see chaku_model_download.
 * - `options`: copied. Model keys, and defaults for its sessions and requests; NULL = none.
 * - `out_model`: returns owned (free with chaku_model_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: NOT_FOUND `file_not_found`; PERMISSION_DENIED `file_permission`; UNAVAILABLE `file_unreadable`; DATA_LOSS
 * `model_corrupt` (not a GGUF, or a broken one); UNIMPLEMENTED `model_unsupported`; INVALID_ARGUMENT `invalid_option`
 * (an option this model cannot have); RESOURCE_EXHAUSTED `memory_budget`, `queue_full` (16 loads are under way),
 * `no_thread`; FAILED_PRECONDITION `cpu_unsupported`; DEADLINE_EXCEEDED `deadline`. For a spec also those of
 * chaku_model_download.
 * Thread class: shared. Waits; chaku_model_load_async does not, shows progress and can be cancelled.
 */
chaku_code chaku_model_load(chaku_runtime *CHAKU_NULLABLE runtime,
                            const char *path,
                            const chaku_options *CHAKU_NULLABLE options,
                            chaku_model **out_model,
                            chaku_error **out_error);

/**
 * Starts to load a GGUF file and returns at once. The request's events are progress and the final event; then
 * chaku_request_model gives the model.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `path`: copied. NUL-terminated UTF-8, on every system. May be a spec: see chaku_model_download.
 * - `options`: copied. Model keys, and defaults for its sessions and requests; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: those of the file arrive in the final event; see chaku_model_load.
 * Thread class: shared.
 */
chaku_code chaku_model_load_async(chaku_runtime *CHAKU_NULLABLE runtime,
                                  const char *path,
                                  const chaku_options *CHAKU_NULLABLE options,
                                  chaku_request **out_request,
                                  chaku_error **out_error);

/**
 * Starts to download a model of the Hugging Face hub, or what is missing of it in the cache that tools for the hub share,
 * and returns at once. The request's events are progress, in bytes, and the final event; then chaku_request_path gives the
 * files. chaku_model_load and chaku_model_load_async do the same by themselves when their path is such a spec, before they load.
 * The library reads HF_TOKEN and the other variables that its options name, unless these are set.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `spec`: copied. NUL-terminated UTF-8: "hf:user/repo", "hf:user/repo:tag" (a quantization, for instance Q4_K_M),
 *   "hf:user/repo/file", or a URL.
 * - `options`: copied. Model keys, of which `offline`, `cache_dir`, `hub_endpoint`, `hub_token` and the deadline matter; NULL =
 *   none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: UNIMPLEMENTED `unimplemented`: this library was built without downloads, which chaku_has_feature("hub") says;
 * INVALID_ARGUMENT `invalid_argument` for what is no spec, `invalid_option`; RESOURCE_EXHAUSTED `queue_full` (16 loads and downloads
 * are under way), `no_thread`. The rest arrives in the final event: UNAUTHENTICATED `hub_unauthorized`; PERMISSION_DENIED
 * `hub_forbidden`; NOT_FOUND `hub_not_found`; UNAVAILABLE `hub_unavailable`, `file_unwritable`; DATA_LOSS
 * `checksum_mismatch`; RESOURCE_EXHAUSTED `disk_full`; FAILED_PRECONDITION `offline`; DEADLINE_EXCEEDED `deadline`.
 * Thread class: shared.
 */
chaku_code chaku_model_download(chaku_runtime *CHAKU_NULLABLE runtime,
                                const char *spec,
                                const chaku_options *CHAKU_NULLABLE options,
                                chaku_request **out_request,
                                chaku_error **out_error);

/**
 * Makes one more handle to a model, to be freed on its own.
 *
 * - `model`: borrowed.
 * - `out_model`: returns owned (free with chaku_model_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_model_retain(const chaku_model *model, chaku_model **out_model, chaku_error **out_error);

/**
 * Ends all work of a model and waits until it is over: running and waiting requests end with `closed_while_running`,
 * new ones are refused with `closed`. Their callbacks may still be under way: chaku_request_close waits for those. The
 * weights are given back once the model, its sessions and its requests are freed.
 *
 * - `model`: borrowed.
 * - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: DEADLINE_EXCEEDED `close_timeout`: the model goes on closing.
 * Thread class: shared. Waits.
 */
chaku_code chaku_model_close(chaku_model *model, int64_t timeout_ms, chaku_error **out_error);

/**
 * Frees a model's handle. Sessions keep the model itself as long as they need it.
 *
 * - `model`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live model.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_model_free(chaku_model *CHAKU_NULLABLE model);

/**
 * The size of a session's context window, in tokens.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_context_size(const chaku_model *model);

/**
 * The context window the model was trained for, in tokens.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_training_context(const chaku_model *model);

/**
 * How many tokens the vocabulary has.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_vocab_size(const chaku_model *model);

/**
 * The size of the model's tensors, in bytes.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_size_bytes(const chaku_model *model);

/**
 * How many parameters the model has.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_parameter_count(const chaku_model *model);

/**
 * The model in a few words, for instance "llama 135M Q4_1".
 *
 * - `model`: borrowed.
 * - Returns: valid until `model` is freed. NULL for a handle that is no live model.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_model_description(const chaku_model *model);

/**
 * The Jinja source of the file's chat template.
 *
 * - `model`: borrowed.
 * - Returns: valid until `model` is freed. NULL when there is none, and for a handle that is no live model.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_model_chat_template(const chaku_model *model);

/**
 * How many metadata entries the file has.
 *
 * - `model`: borrowed.
 *
 * Returns 0 for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_model_metadata_count(const chaku_model *model);

/**
 * The key of a metadata entry, by position from 0.
 *
 * - `model`: borrowed.
 * - Returns: valid until `model` is freed. NULL past the last entry.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_model_metadata_key(const chaku_model *model, int64_t index);

/**
 * The value of a metadata entry, as text, by position from 0.
 *
 * - `model`: borrowed.
 * - Returns: valid until `model` is freed. NULL past the last entry.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_model_metadata_value(const chaku_model *model, int64_t index);

/**
 * The value of the metadata entry with this key, for instance "general.name", as text.
 *
 * - `model`: borrowed.
 * - `key`: borrowed. NUL-terminated.
 * - Returns: valid until `model` is freed. NULL when there is no such entry.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_model_metadata(const chaku_model *model, const char *key);

/* ---- Tokens -------------------------------------------------------------------------------------------------------- */

/**
 * Turns text into tokens.
 *
 * - `model`: borrowed.
 * - `text`, `text_len`: borrowed. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `add_special`: 1 = put the tokens around it that the model wants, such as BOS; 0 = do not.
 * - `parse_special`: 1 = read names of control tokens in the text as these tokens; 0 = as plain text, which is the
 *   only safe way with text from strangers.
 * - `tokens`: borrowed, written to: room for `capacity` tokens. NULL with a capacity of 0, which only asks for the count.
 * - `out_count`: borrowed, written to: how many tokens there are.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: OUT_OF_RANGE `buffer_too_small` (detail "needed"); INVALID_ARGUMENT `invalid_utf8` (detail "offset").
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_model_tokenize(const chaku_model *model,
                                const char *text,
                                int64_t text_len,
                                int32_t add_special,
                                int32_t parse_special,
                                int32_t *CHAKU_NULLABLE tokens,
                                int64_t capacity,
                                int64_t *out_count,
                                chaku_error **out_error);

/**
 * Turns tokens into text: the bytes they stand for, which may begin or end inside a character.
 *
 * - `model`: borrowed.
 * - `tokens`, `count`: borrowed. `count` may be 0.
 * - `special`: 1 = write control tokens by name, 0 = leave them out.
 * - `buffer`: borrowed, written to: room for `capacity` bytes, of which the text's NUL takes one. NULL with a capacity of
 *   0, which only asks for the length.
 * - `out_len`: borrowed, written to: the length of the text in bytes, without its NUL.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: OUT_OF_RANGE `buffer_too_small` (detail "needed": the capacity it takes, NUL included); INVALID_ARGUMENT
 * `invalid_token`.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_model_detokenize(const chaku_model *model,
                                  const int32_t *tokens,
                                  int64_t count,
                                  int32_t special,
                                  char *CHAKU_NULLABLE buffer,
                                  int64_t capacity,
                                  int64_t *out_len,
                                  chaku_error **out_error);

/**
 * The token that begins a text.
 *
 * - `model`: borrowed.
 *
 * Returns -1 when the model has none, and for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_model_token_bos(const chaku_model *model);

/**
 * The token that ends a text.
 *
 * - `model`: borrowed.
 *
 * Returns -1 when the model has none, and for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_model_token_eos(const chaku_model *model);

/**
 * The token that ends a turn of a conversation.
 *
 * - `model`: borrowed.
 *
 * Returns -1 when the model has none, and for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_model_token_eot(const chaku_model *model);

/**
 * The token that fills up a batch.
 *
 * - `model`: borrowed.
 *
 * Returns -1 when the model has none, and for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_model_token_pad(const chaku_model *model);

/**
 * Whether an answer ends when the model makes this token: end of text, of turn, of message.
 *
 * - `model`: borrowed.
 *
 * Returns 1 or 0; 0 also for a number that is no token and for a handle that is no live model.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_model_token_is_end(const chaku_model *model, int32_t token);

/* ---- Session ------------------------------------------------------------------------------------------------------- */

/**
 * Makes a session.
 *
 * - `model`: borrowed. The session keeps the model itself alive.
 * - `options`: copied. Session keys, and defaults for its requests; NULL = none.
 * - `out_session`: returns owned (free with chaku_session_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: RESOURCE_EXHAUSTED `session_limit`; FAILED_PRECONDITION `closed`.
 * Thread class: shared.
 */
chaku_code chaku_session_new(chaku_model *model,
                             const chaku_options *CHAKU_NULLABLE options,
                             chaku_session **out_session,
                             chaku_error **out_error);

/**
 * Says something to the model as the user, in the form of the model's chat template, and starts its answer.
 *
 * - `session`: borrowed.
 * - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated. Never read as control tokens.
 * - `options`: copied. Request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `session_mode` (the session holds raw text), `closed`,
 * `no_chat_template`; RESOURCE_EXHAUSTED `queue_full` (details "queued", "limit"); INVALID_ARGUMENT `empty_prompt`,
 * `invalid_utf8`. The rest arrives in the final event: OUT_OF_RANGE `context_overflow` (details "tokens", "ctx_size"),
 * INVALID_ARGUMENT `template_failed`, `invalid_grammar`, `invalid_tools` (detail "index"), `invalid_option`,
 * FAILED_PRECONDITION `tools_unsupported`, INTERNAL `decode_failed`.
 * Thread class: shared.
 */
chaku_code chaku_session_chat(chaku_session *session,
                              const char *text,
                              int64_t text_len,
                              const chaku_options *CHAKU_NULLABLE options,
                              chaku_request **out_request,
                              chaku_error **out_error);

/**
 * Says several things at once, such as the results of the tools that the model called, and starts its answer.
 *
 * - `session`: borrowed.
 * - `messages`, `messages_len`: copied. A JSON list in OpenAI's form, such as `[{"role": "tool", "tool_call_id": "…",
 *   "content": "7"}]`; length in bytes, -1 = NUL-terminated. The last message is a user's or a tool's; or, with the option
 *   `continue_final_message`, the assistant's, which is then gone on with. Never read as control tokens.
 * - `options`: copied. Request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `invalid_messages` (detail "index": which one, if it is one); else as chaku_session_chat.
 * Thread class: shared.
 */
chaku_code chaku_session_chat_messages(chaku_session *session,
                                       const char *messages,
                                       int64_t messages_len,
                                       const chaku_options *CHAKU_NULLABLE options,
                                       chaku_request **out_request,
                                       chaku_error **out_error);

/**
 * Appends raw text, without any template, and starts to generate after it.
 *
 * - `session`: borrowed.
 * - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `options`: copied. Request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_session_chat; `session_mode` when the session is a conversation.
 * Thread class: shared.
 */
chaku_code chaku_session_generate(chaku_session *session,
                                  const char *text,
                                  int64_t text_len,
                                  const chaku_options *CHAKU_NULLABLE options,
                                  chaku_request **out_request,
                                  chaku_error **out_error);

/**
 * Computes text without generating: a later answer then starts sooner.
 *
 * - `session`: borrowed.
 * - `role`: copied. NUL-terminated: "user", "assistant", "system" or "tool", and the text becomes a message of the
 *   conversation; NULL = raw text.
 * - `text`, `text_len`: copied. UTF-8; length in bytes, -1 = NUL-terminated.
 * - `options`: copied. Request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_session_chat.
 * Thread class: shared.
 */
chaku_code chaku_session_ingest(chaku_session *session,
                                const char *CHAKU_NULLABLE role,
                                const char *text,
                                int64_t text_len,
                                const chaku_options *CHAKU_NULLABLE options,
                                chaku_request **out_request,
                                chaku_error **out_error);

/**
 * Goes on where the last answer ended: after max_tokens, a cancel or a deadline.
 *
 * - `session`: borrowed.
 * - `options`: copied. Request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `nothing_to_continue`, in the final event if the answer calls tools; else as chaku_session_chat.
 * Thread class: shared.
 */
chaku_code chaku_session_continue(chaku_session *session,
                                  const chaku_options *CHAKU_NULLABLE options,
                                  chaku_request **out_request,
                                  chaku_error **out_error);

/**
 * Makes a session that goes on from where another one is, by itself. It begins with the content of that one (while a
 * request runs there: as it was before that), and with its options. What both have in common is computed and kept once.
 *
 * - `session`: borrowed.
 * - `options`: copied. Session keys, and defaults for its requests, which go before those of `session`; NULL = none.
 * - `out_session`: returns owned (free with chaku_session_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: RESOURCE_EXHAUSTED `session_limit`; FAILED_PRECONDITION `closed`; INVALID_ARGUMENT `invalid_option`.
 * Thread class: shared.
 */
chaku_code chaku_session_fork(chaku_session *session,
                              const chaku_options *CHAKU_NULLABLE options,
                              chaku_session **out_session,
                              chaku_error **out_error);

/**
 * Goes back to an earlier point. What is left need not be computed again.
 *
 * - `session`: borrowed.
 * - `length`: what to keep: messages of the conversation, the system prompt not counted, or tokens of the raw text.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `invalid_argument` for less than 0, or for more than there is (detail "most");
 * FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`.
 * Thread class: shared.
 */
chaku_code chaku_session_rewind(chaku_session *session, int64_t length, chaku_error **out_error);

/**
 * Forgets the conversation, but not the system prompt: the session is as new.
 *
 * - `session`: borrowed.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`.
 * Thread class: shared.
 */
chaku_code chaku_session_reset(chaku_session *session, chaku_error **out_error);

/**
 * How many tokens of the context window the session uses.
 *
 * - `session`: borrowed.
 *
 * Returns 0 for a handle that is no live session.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_session_context_used(const chaku_session *session);

/**
 * How many messages the conversation has, the system prompt not counted.
 *
 * - `session`: borrowed.
 *
 * Returns 0 for a session of raw text, and for a handle that is no live session.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_session_message_count(const chaku_session *session);

/**
 * Cancels the session's request, if one is under way, and chaku_session_run_tools.
 *
 * - `session`: borrowed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live session.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_session_cancel(chaku_session *CHAKU_NULLABLE session);

/**
 * Cancels the session's request, if one runs, waits until it has ended, and refuses new ones with `closed`. The request's
 * callback may still be under way: chaku_request_close waits for that.
 *
 * - `session`: borrowed.
 * - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: DEADLINE_EXCEEDED `close_timeout`: the session goes on closing.
 * Thread class: shared. Waits.
 */
chaku_code chaku_session_close(chaku_session *session, int64_t timeout_ms, chaku_error **out_error);

/**
 * Frees a session's handle. A request under way goes on; the session's memory is given back when it has ended.
 *
 * - `session`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live session.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_session_free(chaku_session *CHAKU_NULLABLE session);

/* ---- Tools --------------------------------------------------------------------------------------------------------- */

/**
 * Chats, lets a callback make the calls of the answer, tells the model what they came to, and so on until an answer has
 * none. All of it on the calling thread.
 *
 * - `session`: borrowed. While this runs, it is not to be asked anything else.
 * - `text`, `text_len`: copied. What the user says: UTF-8; length in bytes, -1 = NUL-terminated.
 * - `options`: copied. Request keys; NULL = none. `tools` must be set here or in the session's; `tool_choice` is for the
 *   first answer, the deadline for all of it. Requests do not pause for logits.
 * - `max_rounds`: most answers, 1 or more. When one more would be needed, the calls of the last are not made: its
 *   finish reason is CHAKU_FINISH_TOOL_CALLS.
 * - `on_tool`: borrowed. Called with each call. Required.
 * - `on_event`: borrowed. Called with the events of every answer, the final ones too; a value other than 0 ends it all
 *   with CANCELLED. NULL = nobody looks.
 * - `user_data`: borrowed; passed to both callbacks.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Returns CHAKU_OK when all answers succeeded, else the code of the end of one, for instance CANCELLED, after
 * chaku_session_cancel too, or DEADLINE_EXCEEDED. Calls without result then stay in the conversation.
 * Errors: INVALID_ARGUMENT `invalid_tools` (there are none), `invalid_argument`, `wrong_handle`, `stale_handle` or
 * `invalid_utf8` (what `on_tool` gave); else as chaku_session_chat.
 * Thread class: shared. Waits.
 */
chaku_code chaku_session_run_tools(chaku_session *session,
                                   const char *text,
                                   int64_t text_len,
                                   const chaku_options *CHAKU_NULLABLE options,
                                   int64_t max_rounds,
                                   chaku_tool_callback on_tool,
                                   chaku_event_callback CHAKU_NULLABLE on_event,
                                   void *CHAKU_NULLABLE user_data,
                                   chaku_error **out_error);

/**
 * The same, with several messages to begin with.
 *
 * - `session`: borrowed. While this runs, it is not to be asked anything else.
 * - `messages`, `messages_len`: copied. A JSON list, as for chaku_session_chat_messages; length in bytes, -1 = NUL-terminated.
 * - `options`: copied. Request keys; NULL = none.
 * - `max_rounds`: most answers, 1 or more.
 * - `on_tool`: borrowed. Called with each call. Required.
 * - `on_event`: borrowed. Called with each event; NULL = nobody looks.
 * - `user_data`: borrowed; passed to both callbacks.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Returns CHAKU_OK when all answers succeeded, else the code of the end of one, for instance CANCELLED or
 * DEADLINE_EXCEEDED.
 * Errors: INVALID_ARGUMENT `invalid_messages`; else as chaku_session_run_tools.
 * Thread class: shared. Waits.
 */
chaku_code chaku_session_run_tools_messages(chaku_session *session,
                                            const char *messages,
                                            int64_t messages_len,
                                            const chaku_options *CHAKU_NULLABLE options,
                                            int64_t max_rounds,
                                            chaku_tool_callback on_tool,
                                            chaku_event_callback CHAKU_NULLABLE on_event,
                                            void *CHAKU_NULLABLE user_data,
                                            chaku_error **out_error);

/* ---- Saved sessions ------------------------------------------------------------------------------------------------ */

/**
 * Saves a session: the conversation or the raw text, its system prompt, and what the KV cache holds of it, so that it goes
 * on later without being computed again. The session is busy until the request has ended, whose only event is the final
 * one. A file appears under its name when it is complete, and only the user may read it.
 *
 * - `session`: borrowed.
 * - `path`: copied. NUL-terminated UTF-8, on every system; a file that is there is replaced. NULL = to memory, from
 *   where chaku_request_buffer takes it.
 * - `options`: copied. Request keys, of which the deadline matters; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `concurrent_use` (a request runs), `closed`; RESOURCE_EXHAUSTED `queue_full` (16 saves of the
 * model are under way), `no_thread`; INVALID_ARGUMENT `invalid_option`. The rest arrives in the final event: UNAVAILABLE
 * `file_unwritable`, RESOURCE_EXHAUSTED `disk_full`, `memory_budget`.
 * Thread class: shared.
 */
chaku_code chaku_session_save(chaku_session *session,
                              const char *CHAKU_NULLABLE path,
                              const chaku_options *CHAKU_NULLABLE options,
                              chaku_request **out_request,
                              chaku_error **out_error);

/**
 * What a request of chaku_session_save without a path has saved. Each call makes a copy.
 *
 * - `request`: borrowed.
 * - `out_buffer`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a save to memory); the save's own error when it failed;
 * RESOURCE_EXHAUSTED `memory_budget`.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_request_buffer(const chaku_request *request, chaku_buffer **out_buffer, chaku_error **out_error);

/**
 * Makes a session of a file that chaku_session_save wrote. What is needed of the model to understand the conversation must
 * be as it was: vocabulary, sizes, chat template. What was computed is taken over if the model was also loaded as it was,
 * and computed again otherwise. There is a checksum against accidents, and none against malice: take files from nobody
 * whose models you would not load.
 *
 * - `model`: borrowed. The session keeps the model itself alive.
 * - `path`: copied. NUL-terminated UTF-8, on every system.
 * - `options`: copied. Session keys, and defaults for its requests: none are saved but the system prompt, which holds
 *   unless another one is given. NULL = none.
 * - `out_session`: returns owned (free with chaku_session_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: DATA_LOSS `state_corrupt` (not a saved session, or truncated, or changed, or of another version of chaku);
 * FAILED_PRECONDITION `state_mismatch` (of another model or chat template), `closed`; NOT_FOUND `file_not_found`;
 * PERMISSION_DENIED `file_permission`; UNAVAILABLE `file_unreadable`; RESOURCE_EXHAUSTED `session_limit`, `memory_budget`;
 * INVALID_ARGUMENT `invalid_option`.
 * Thread class: shared. Waits for the file.
 */
chaku_code chaku_session_restore(chaku_model *model,
                                 const char *path,
                                 const chaku_options *CHAKU_NULLABLE options,
                                 chaku_session **out_session,
                                 chaku_error **out_error);

/**
 * Makes a session of what chaku_session_save saved to memory, or of a file of it that was read.
 *
 * - `model`: borrowed. The session keeps the model itself alive.
 * - `data`, `data_len`: borrowed. The bytes that were saved, and how many they are.
 * - `options`: copied. As for chaku_session_restore; NULL = none.
 * - `out_session`: returns owned (free with chaku_session_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: as chaku_session_restore, but for those of files.
 * Thread class: shared. Takes as long as copying and checking the bytes does.
 */
chaku_code chaku_session_restore_buffer(chaku_model *model,
                                        const void *data,
                                        int64_t data_len,
                                        const chaku_options *CHAKU_NULLABLE options,
                                        chaku_session **out_session,
                                        chaku_error **out_error);

/* ---- Conversations without a session ------------------------------------------------------------------------------- */

/**
 * Answers the last message of a conversation that is given whole, without a session: nothing of it is kept. What was
 * computed may be found again by whoever begins in the same way, so that a growing conversation is not computed anew each
 * time. It takes no place of `max_sessions`. For several choices call it so many times, each with its own option `choice`: they
 * share the prompt, which is computed once.
 *
 * - `model`: borrowed. The request keeps the model itself alive.
 * - `messages`, `messages_len`: copied. A JSON list such as `[{"role": "user", "content": "Hello"}]`; length in bytes, -1 =
 *   NUL-terminated. A role is "system", "user", "assistant" or "tool", all in OpenAI's form, and the last message is a
 *   user's or a tool's; or, with the option `continue_final_message`, the assistant's, which is then gone on with. A system message that comes first stands in for the option `system_prompt`. Never read as control tokens.
 * - `options`: copied. Session and request keys; NULL = none.
 * - `out_request`: returns owned (free with chaku_request_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: INVALID_ARGUMENT `invalid_messages` (detail "index": which one, if it is one); else as chaku_session_chat.
 * Thread class: shared.
 */
chaku_code chaku_model_chat(chaku_model *model,
                            const char *messages,
                            int64_t messages_len,
                            const chaku_options *CHAKU_NULLABLE options,
                            chaku_request **out_request,
                            chaku_error **out_error);

/* ---- Request ------------------------------------------------------------------------------------------------------- */

/**
 * Reads the next event.
 *
 * - `request`: borrowed.
 * - `timeout_ms`: longest wait in milliseconds; 0 = do not wait, -1 = for ever.
 * - `out_event`: returns owned (free with chaku_event_free). NULL with CHAKU_OK = nothing came in time.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: OUT_OF_RANGE `finished` after the final event; FAILED_PRECONDITION `reader_taken` when the events go to a
 * callback. A request that failed is no error here: its final event says so.
 * Thread class: shared. Waits.
 */
chaku_code chaku_request_next(chaku_request *request,
                              int64_t timeout_ms,
                              chaku_event **out_event,
                              chaku_error **out_error);

/**
 * Reads all events on the calling thread, until the final one, which is passed to the callback too.
 *
 * - `request`: borrowed.
 * - `on_event`: borrowed. NULL = only wait for the end, and resume what pauses for logits. A value other than 0 cancels the
 *   request; then only the final event follows.
 * - `user_data`: borrowed; passed to the callback.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Returns CHAKU_OK when the request succeeded, else the code of its end, for instance CANCELLED or DEADLINE_EXCEEDED.
 * Errors: also those of chaku_request_next.
 * Thread class: shared. Waits.
 */
chaku_code chaku_request_run(chaku_request *request,
                             chaku_event_callback CHAKU_NULLABLE on_event,
                             void *CHAKU_NULLABLE user_data,
                             chaku_error **out_error);

/**
 * Passes all events to a callback on a thread of chaku, one at a time. The final event is the last call.
 * A callback that takes long holds up its own request only.
 *
 * - `request`: borrowed.
 * - `on_event`: borrowed until `destroy` runs. A value other than 0 cancels the request; then only the final event
 *   follows. Required.
 * - `user_data`: borrowed until `destroy` runs; passed to the callback.
 * - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `reader_taken`: a request has one callback; OUT_OF_RANGE `finished` after the final event
 * was read; RESOURCE_EXHAUSTED `no_thread`.
 * Thread class: shared.
 */
chaku_code chaku_request_on_event(chaku_request *request,
                                  chaku_event_callback on_event,
                                  void *CHAKU_NULLABLE user_data,
                                  chaku_destroy_callback CHAKU_NULLABLE destroy,
                                  chaku_error **out_error);

/**
 * Calls back whenever events begin to wait: when there was nothing to read and now there is, and once at registration
 * if there is something already. It carries nothing: read with chaku_request_next and a timeout of 0 until that gives
 * NULL, or the next call may never come. In place of the callback before, if there was one.
 *
 * - `request`: borrowed.
 * - `on_ready`: borrowed until `destroy` runs. A value other than 0 ends the calls. Required.
 * - `user_data`: borrowed until `destroy` runs; passed to the callback.
 * - `destroy`: borrowed until it runs. NULL = nothing to do. Called once, with `user_data`, also when this function fails.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: RESOURCE_EXHAUSTED `no_thread`.
 * Thread class: shared. The callback comes from a thread of the runtime and should return at once.
 */
chaku_code chaku_request_on_ready(chaku_request *request,
                                  chaku_ready_callback on_ready,
                                  void *CHAKU_NULLABLE user_data,
                                  chaku_destroy_callback CHAKU_NULLABLE destroy,
                                  chaku_error **out_error);

/**
 * Cancels a request, whatever it is doing. Its final event follows promptly, with CHAKU_FINISH_CANCELLED unless it comes
 * to an end of its own first.
 *
 * - `request`: borrowed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live request.
 * Thread class: shared, callback-safe. Never waits.
 */
chaku_code chaku_request_cancel(chaku_request *CHAKU_NULLABLE request);

/**
 * Whether the final event exists, read or not.
 *
 * - `request`: borrowed.
 *
 * Returns 1 or 0; 1 also for a handle that is no live request, from which nothing more will come.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_request_is_finished(const chaku_request *request);

/**
 * How many waiting requests go before this one, as things stand: 0 = it is the next to start. The number may grow when a
 * more urgent request arrives.
 *
 * - `request`: borrowed.
 *
 * Returns -1 for a request that does not wait, because it has started or ended or is one that never waits, and for a
 * handle that is no live request.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_request_queue_position(const chaku_request *request);

/**
 * Lets a request go on that stands still after a logits event: the next token is chosen, by the samplers and within the
 * constraint that there are, from these logits.
 *
 * - `request`: borrowed.
 * - `logits`, `count`: copied. One for each token of the vocabulary, finite, or minus infinity for a token that must not come,
 *   though not for all of them. NULL with a count of 0 = those of the event.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `not_paused`: it does not stand still; INVALID_ARGUMENT `invalid_argument`: not so many, or
 * not numbers to choose from; the request waits on. `null_pointer`.
 * Thread class: shared, callback-safe, in the request's own callbacks too. Never waits.
 */
chaku_code chaku_request_resume(chaku_request *request,
                                const float *CHAKU_NULLABLE logits,
                                int64_t count,
                                chaku_error **out_error);

/**
 * When a request got how far, as a JSON object: "queued_ms", "prepare_began_ms", "prepared_ms", "started_ms",
 * "first_token_ms" and "ended_ms" in milliseconds since the call that made it, null as long as it has not come so far, and
 * how often it was "preempted" (it gave way to others), "resumed" (it went on after that) and "stalled" (it was passed over
 * since its events were not read). Later versions may add names.
 *
 * - `request`: borrowed.
 * - `out_json`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_request_timeline(const chaku_request *request, chaku_buffer **out_json, chaku_error **out_error);

/**
 * The model a request of chaku_model_load_async has loaded. Each call makes a handle of its own to the same model.
 *
 * - `request`: borrowed.
 * - `out_model`: returns owned (free with chaku_model_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a load); the load's own error when it failed.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_request_model(const chaku_request *request, chaku_model **out_model, chaku_error **out_error);

/**
 * How many files a request of chaku_model_download has found or brought: one, or each part of a model in parts.
 *
 * - `request`: borrowed.
 *
 * Returns 0 for a request that has not finished, failed or was no download, and for a handle that is no live request.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_request_path_count(const chaku_request *request);

/**
 * The path of such a file, by position from 0: the first is the one to load. The text is UTF-8 and ends with a NUL.
 *
 * - `request`: borrowed.
 * - `out_path`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: FAILED_PRECONDITION `not_finished`, `no_result` (not a download); the download's own error when it failed;
 * INVALID_ARGUMENT `invalid_argument` past the last one, `invalid_utf8` for a path that is not UTF-8.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_request_path(const chaku_request *request,
                              int64_t index,
                              chaku_buffer **out_path,
                              chaku_error **out_error);

/**
 * Cancels a request and waits until its final event exists, its callback has returned for the last time and every `destroy`
 * has run. A load may hold its file, and a prompt being prepared its memory, for a moment longer.
 *
 * - `request`: borrowed.
 * - `timeout_ms`: longest wait in milliseconds; -1 = for ever.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: DEADLINE_EXCEEDED `close_timeout`: the request goes on ending.
 * Thread class: shared. Waits.
 */
chaku_code chaku_request_close(chaku_request *request, int64_t timeout_ms, chaku_error **out_error);

/**
 * Frees a request's handle and cancels the request. No callback is begun any more; one that is on its way to the host at
 * that very moment still arrives. `destroy` marks the end of the last one.
 *
 * - `request`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live request.
 * Thread class: shared, callback-safe, in the request's own callbacks too. Never waits.
 */
chaku_code chaku_request_free(chaku_request *CHAKU_NULLABLE request);

/* ---- Event --------------------------------------------------------------------------------------------------------- */

/** Work was done that yields no text: part of a load or of a prompt. */
#define CHAKU_EVENT_PROGRESS 1
/** Text of the answer was generated: as a rule one token of it. */
#define CHAKU_EVENT_TEXT 2
/** The request ended; nothing follows. */
#define CHAKU_EVENT_FINAL 3
/** Text of what the model thinks before it answers: as a rule one token of it. No part of the answer. */
#define CHAKU_EVENT_REASONING 4
/** The model begins to call a tool: chaku_event_tool_call_index, _id and _name say which. */
#define CHAKU_EVENT_TOOL_CALL 5

/**
 * More of a call's arguments: chaku_event_text is the piece, chaku_event_tool_call_index the call. All pieces of a call
 * together are JSON, if the answer was not cut short.
 */
#define CHAKU_EVENT_TOOL_CALL_ARGUMENTS 6
/** A token of the prompt and how likely it was, under `prompt_logprobs`; before the answer. No part of it. */
#define CHAKU_EVENT_PROMPT 7
/** The request stands still, under `pause_for_logits`: look at chaku_event_logits, and call chaku_request_resume. */
#define CHAKU_EVENT_LOGITS 8
/** The model ended its answer, a stop text was met, or work that makes no text is complete. */
#define CHAKU_FINISH_STOP 1
/** max_tokens was reached, or the window is full under overflow = stop. */
#define CHAKU_FINISH_LENGTH 2
/** The model called tools. */
#define CHAKU_FINISH_TOOL_CALLS 3
/** Cancelled by the caller. */
#define CHAKU_FINISH_CANCELLED 4
/** The deadline passed. */
#define CHAKU_FINISH_DEADLINE 5
/** It failed; chaku_event_error says how. */
#define CHAKU_FINISH_ERROR 6
/** A progress event is about a file that is being loaded; it counts in thousandths. */
#define CHAKU_PHASE_LOAD 1
/** It is about a prompt that is being computed; it counts tokens. */
#define CHAKU_PHASE_PREFILL 2
/** It is about files that are being downloaded; it counts bytes. */
#define CHAKU_PHASE_DOWNLOAD 3

/**
 * What kind of event it is: one of the CHAKU_EVENT_ kinds. Ignore kinds you do not know.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_kind(const chaku_event *event);

/**
 * The text of an event that has some: whole characters, NUL-terminated, and perhaps with NULs inside. Of a text event it
 * is part of the answer, and empty when the token ends inside a character: the rest comes with a later token. Look at the
 * kind first: kinds to come may carry text that is no part of the answer.
 *
 * - `event`: borrowed.
 * - `out_len`: borrowed, written to: the length in bytes; may be NULL. Untouched when NULL is returned.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NULL for an event
 *   without text.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_event_text(const chaku_event *event, int64_t *CHAKU_NULLABLE out_len);

/**
 * The bytes of an event's text, as the model made them: perhaps a part of a character.
 *
 * - `event`: borrowed.
 * - `out_len`: borrowed, written to: how many bytes; may be NULL. Untouched when NULL is returned.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. Not
 *   NUL-terminated. NULL for an event without text.
 *
 * Thread class: shared, callback-safe.
 */
const uint8_t *CHAKU_NULLABLE chaku_event_bytes(const chaku_event *event, int64_t *CHAKU_NULLABLE out_len);

/**
 * The token of a text, reasoning or prompt event.
 *
 * - `event`: borrowed.
 *
 * Returns -1 for other events, for text that is not that of one token, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_token(const chaku_event *event);

/**
 * Which call of the answer an event is about, from 0 on.
 *
 * - `event`: borrowed.
 *
 * Returns -1 for other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_tool_call_index(const chaku_event *event);

/**
 * What the result of a call that begins has to name it by: the "tool_call_id" of its message.
 *
 * - `event`: borrowed.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NUL-terminated. NULL
 *   for other events.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_event_tool_call_id(const chaku_event *event);

/**
 * The tool that a call that begins is for.
 *
 * - `event`: borrowed.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NUL-terminated. NULL
 *   for other events.
 *
 * Thread class: shared, callback-safe.
 */
const char *CHAKU_NULLABLE chaku_event_tool_call_name(const chaku_event *event);

/**
 * Whether a text event has a character that never became whole, shown as U+FFFD.
 *
 * - `event`: borrowed.
 *
 * Returns 1 or 0; 0 also for other events and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_replaced(const chaku_event *event);

/**
 * How likely the token of a text or prompt event was: the natural logarithm of its probability, of the model itself or, of
 * a text event with `logprobs_after_sampling`, as it was chosen.
 *
 * - `event`: borrowed.
 *
 * Returns 1, which is no logarithm of a probability, for a request that did not ask, for the first token of a prompt, for
 * other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_logprob(const chaku_event *event);

/**
 * How many of the likeliest tokens a text event tells: as many as `logprobs` says, or all that were possible. The one that
 * was chosen may be among them.
 *
 * - `event`: borrowed.
 *
 * Returns 0 also for other events and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_top_logprob_count(const chaku_event *event);

/**
 * One of the likeliest tokens in the place of a text event's, by position from 0, the likeliest first.
 *
 * - `event`: borrowed.
 *
 * Returns -1 past the last one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_top_logprob_token(const chaku_event *event, int64_t index);

/**
 * How likely it was: the natural logarithm of its probability.
 *
 * - `event`: borrowed.
 *
 * Returns 1 past the last one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_top_logprob(const chaku_event *event, int64_t index);

/**
 * Its bytes: perhaps a part of a character, and none for a control token.
 *
 * - `event`: borrowed.
 * - `out_len`: borrowed, written to: how many bytes; may be NULL. Untouched when NULL is returned.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. Not
 *   NUL-terminated. NULL past the last one.
 *
 * Thread class: shared, callback-safe.
 */
const uint8_t *CHAKU_NULLABLE chaku_event_top_logprob_bytes(const chaku_event *event,
                                                            int64_t index,
                                                            int64_t *CHAKU_NULLABLE out_len);

/**
 * The logits of a logits event, one for each token of the vocabulary: the model's own, before a constraint, `logit_bias` or
 * a sampler changes any.
 *
 * - `event`: borrowed.
 * - `out_count`: borrowed, written to: how many, which is what chaku_model_vocab_size says; may be NULL. Untouched when NULL
 *   is returned.
 * - Returns: valid until `event` is freed, or until the callback returns that `event` was passed to. NULL for other events.
 *
 * Thread class: shared, callback-safe.
 */
const float *CHAKU_NULLABLE chaku_event_logits(const chaku_event *event, int64_t *CHAKU_NULLABLE out_count);

/**
 * How many tokens, of prompt and answer, come before the one that a logits event is about.
 *
 * - `event`: borrowed.
 *
 * Returns -1 for other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_position(const chaku_event *event);

/**
 * How far a progress event says the work is, from 0 to 1; -1 when that cannot be known.
 *
 * - `event`: borrowed.
 *
 * Returns 1 for a final event, 0 for a text event and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_progress(const chaku_event *event);

/**
 * What a progress event is about: one of the CHAKU_PHASE_ constants. A load that downloads first comes to 1 in one phase,
 * then in the other. Phases to come may be others.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_phase(const chaku_event *event);

/**
 * How many of what a progress event counts are done: tokens, bytes, thousandths.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_progress_done(const chaku_event *event);

/**
 * How many there are in all; 0 when that is not known.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_progress_total(const chaku_event *event);

/**
 * Why the request ended: one of the CHAKU_FINISH_ reasons.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int32_t chaku_event_finish_reason(const chaku_event *event);

/**
 * The code of the request's end: CHAKU_OK when it succeeded.
 *
 * - `event`: borrowed.
 *
 * Returns CHAKU_OK for other events than the final one, and CHAKU_INVALID_ARGUMENT for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_event_code(const chaku_event *event);

/**
 * The error of the request's end, in the way a function that fails gives it: code and error object.
 *
 * - `event`: borrowed.
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL. NULL when the request succeeded and for other
 *   events than the final one.
 *
 * Returns what chaku_event_code returns.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_event_error(const chaku_event *event, chaku_error **out_error);

/**
 * How many tokens the whole prompt had.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_prompt_tokens(const chaku_event *event);

/**
 * How many of the prompt's tokens were computed before and cost nothing.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_cached_tokens(const chaku_event *event);

/**
 * How many tokens were generated, those of a stop text and the one that ended the answer included.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_completion_tokens(const chaku_event *event);

/**
 * How many tokens of the context window were in use when the request ended.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
int64_t chaku_event_context_used(const chaku_event *event);

/**
 * How long the request waited for the engine, in milliseconds.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_queue_ms(const chaku_event *event);

/**
 * How long template and tokenizer took, in milliseconds.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_prepare_ms(const chaku_event *event);

/**
 * The time from the start of compute to the first token, in milliseconds.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_prefill_ms(const chaku_event *event);

/**
 * The time from the first token to the last, in milliseconds.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_decode_ms(const chaku_event *event);

/**
 * The time from the call to the final event, in milliseconds.
 *
 * - `event`: borrowed.
 *
 * Returns 0 for other events than the final one, and for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
double chaku_event_total_ms(const chaku_event *event);

/**
 * Makes one more handle to an event, to be freed on its own: the way to keep an event that a callback only borrowed.
 *
 * - `event`: borrowed.
 * - `out_event`: returns owned (free with chaku_event_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_event_retain(const chaku_event *event, chaku_event **out_event, chaku_error **out_error);

/**
 * Frees an event.
 *
 * - `event`: consumed. NULL does nothing.
 *
 * Returns CHAKU_OK, or CHAKU_INVALID_ARGUMENT for a handle that is no live event.
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_event_free(chaku_event *CHAKU_NULLABLE event);

/* ---- Metrics ------------------------------------------------------------------------------------------------------- */

/**
 * The numbers of a model at this moment, as a JSON object of names and numbers:
 *
 *   models, sessions
 *   queue_depth, requests_running, requests_paused      requests that wait to start, that have started, and of these
 *                                                       those that nothing is computed for at the moment
 *   prompt_tokens_total, generated_tokens_total, cached_tokens_total
 *   prompt_tokens_per_second, generated_tokens_per_second
 *   kv_used_tokens, kv_capacity_tokens                  what the KV cache holds, and can hold
 *   steps_total, step_seconds_total, steps_per_second, step_ms, threads
 *   cancelled_total, deadline_exceeded_total, overload_total
 *   evictions_total, preemptions_total                  sequences that lost their place in the KV cache, and running
 *                                                       requests that gave way
 *   prompt_cache_bytes, prompt_cache_hits_total
 *
 * Those that end in "_total" only grow; rates are means over the last five seconds. Later versions may add names.
 *
 * - `model`: borrowed.
 * - `out_json`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_model_metrics(const chaku_model *model, chaku_buffer **out_json, chaku_error **out_error);

/**
 * The numbers of all models of a runtime together, in the form of chaku_model_metrics. What models did that are freed
 * stays counted.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `out_json`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Thread class: shared, callback-safe.
 */
chaku_code chaku_runtime_metrics(const chaku_runtime *CHAKU_NULLABLE runtime,
                                 chaku_buffer **out_json,
                                 chaku_error **out_error);

/* ---- Plan ---------------------------------------------------------------------------------------------------------- */

/**
 * What memory a model would take, and with which sizes it would be loaded, as a JSON object. The file is read up to its
 * weights, and nothing is loaded. Bytes:
 *
 *   devices             a list, for each device: "name", "weights", "kv_per_token", "kv_total", "compute", "other" (vocabulary,
 *                       tables, logits: an estimate), "total"
 *   total               of all devices together
 *   prompt_cache        what computed prompts may take later, at most; not in the total
 *   available           what is left of the runtime's `memory_budget`; null = it has none
 *   fits                whether that is enough; true without a budget
 *
 * and sizes: ctx_size, kv_pool (tokens), max_running, gpu_layers. Later versions may add names.
 *
 * - `runtime`: borrowed. NULL = the default runtime.
 * - `path`: copied. NUL-terminated UTF-8, on every system.
 * - `options`: copied. What the model would be loaded with; NULL = none.
 * - `out_json`: returns owned (free with chaku_buffer_free).
 * - `out_error`: returns owned (free with chaku_error_free); may be NULL.
 *
 * Errors: those of the file, of its options and of the machine that chaku_model_load has; see chaku_model_load.
 * Thread class: shared. Waits for the file.
 */
chaku_code chaku_runtime_plan(chaku_runtime *CHAKU_NULLABLE runtime,
                              const char *path,
                              const chaku_options *CHAKU_NULLABLE options,
                              chaku_buffer **out_json,
                              chaku_error **out_error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#if defined(__clang__)
#pragma clang assume_nonnull end
#pragma clang diagnostic pop
#endif

#endif /* CHAKU_H */
