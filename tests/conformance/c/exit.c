/* The end of the host's program, whatever the library is doing. */
#include "reply.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave_while_loading(void) { start_load(SMOLLM2, NULL); }

static void leave_while_preparing(void) { start_chat(new_session(load(LONG, NULL), NULL), "Count.", NULL); }

static void leave_while_preparing_freed(void) {
    chaku_request_cancel(start_chat(new_session(load(LONG, NULL), NULL), "Count.", NULL));
    free_everything();
}

static void leave_in_prefill(void) {
    chaku_request *request = start_chat(new_session(load(SMOLLM2, OPTIONS("ubatch_size", "64")), NULL),
                                        repeat("The llama looks back. ", 100), NULL);
    read_progress(request, new_reply());
}

static void leave_in_decode(void) {
    chaku_request *request =
        start_chat(new_session(load(LONG, NULL), NULL), "Count.", OPTIONS("event_queue", "100000"));
    read_tokens(request, new_reply(), 2);
}

/* Each way to leave in a process of its own, at several moments: what is wrong here shows now and then. */
CASE(exit_while_running) {
    static const struct {
        void (*leave)(void);
        int attempts;
    } ways[] = {{leave_while_loading, 6},
                {leave_while_preparing, 60},
                {leave_while_preparing_freed, 60},
                {leave_in_prefill, 6},
                {leave_in_decode, 60}};
    for (int way = 0; way < 5; way++) {
        for (int attempt = 0; attempt < ways[way].attempts; attempt++) {
            int status = 0;
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(CASE_SECONDS / 3);
                ways[way].leave();
                sleep_ms(attempt % 5);
                exit(0);
            }
            CHECK_INT(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fail("way %d, attempt %d: the program did not end well", way, attempt);
            }
        }
    }
}

/* What a child does that does not know it should not: everything is refused, nothing waits for a thread it does not have. */
static void use_everything(chaku_model *model, chaku_session *session, chaku_request *request) {
    chaku_options *options = NULL;
    chaku_session *another = NULL;
    chaku_request *more = NULL;
    chaku_model *loaded = NULL;
    chaku_event *event = NULL;
    int code = CHAKU_FAILED_PRECONDITION;
    CHECK_FAILS(chaku_request_next(request, -1, &event, ERROR), code, "forked");
    CHECK_FAILS(chaku_request_close(request, -1, ERROR), code, "forked");
    CHECK_FAILS(chaku_session_chat(session, "Hi", -1, NULL, &more, ERROR), code, "forked");
    CHECK_FAILS(chaku_session_new(model, NULL, &another, ERROR), code, "forked");
    CHECK_FAILS(chaku_model_load(NULL, model_path(SCRIPT), NULL, &loaded, ERROR), code, "forked");
    CHECK_FAILS(chaku_model_close(model, -1, ERROR), code, "forked");
    CHECK_FAILS(chaku_options_new(&options, ERROR), code, "forked");
    CHECK_INT(chaku_model_vocab_size(model), 0);
    CHECK_INT(chaku_request_cancel(request), code);
    CHECK_INT(chaku_request_free(request), code);
    CHECK_INT(chaku_session_free(session), code);
    CHECK_INT(chaku_model_free(model), code);
    CHECK_INT(chaku_abi_version(), CHAKU_ABI_VERSION);
    CHECK_INT(chaku_option_kind("temperature"), CHAKU_OPTION_KIND_F64);
}

CASE(forked_child) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("max_tokens", "400"));
    reply *r = new_reply();
    int status = 0;
    pid_t child;
    read_tokens(request, r, 2);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(CASE_SECONDS / 3);
        use_everything(model, session, request);
        exit(7);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 7);
    read_rest(request, r);
    CHECK_STR(r->text, repeat(LONG_WORDS, 50));
}
