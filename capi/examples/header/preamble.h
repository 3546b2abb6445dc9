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
