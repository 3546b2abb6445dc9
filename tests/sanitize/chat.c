/* An ordinary life under memcheck: chat SHORT.gguf LONG.gguf. An answer to its end, one that is cancelled, one whose
 * model is closed under it; then everything is freed, so that what is left at the end is lost. */
#include <chaku.h>

#include <stdio.h>

static int failed;

static void check(int holds, const char *what) {
    if (holds) return;
    printf("FAILED  %s\n", what);
    failed = 1;
}

static chaku_model *load(const char *path) {
    chaku_options *options = NULL;
    chaku_model *model = NULL;
    check(chaku_options_new(&options, NULL) == CHAKU_OK, "options");
    check(chaku_options_set_i64(options, CHAKU_OPT_THREADS, 1, NULL) == CHAKU_OK, "threads");
    check(chaku_options_set_i64(options, CHAKU_OPT_CTX_SIZE, 512, NULL) == CHAKU_OK, "ctx_size");
    check(chaku_options_set_i64(options, CHAKU_OPT_SEED, 7, NULL) == CHAKU_OK, "seed");
    check(chaku_model_load(NULL, path, options, &model, NULL) == CHAKU_OK, "load");
    check(chaku_options_free(options) == CHAKU_OK, "free options");
    return model;
}

static chaku_request *ask(chaku_session *session) {
    chaku_request *request = NULL;
    check(chaku_session_chat(session, "Hello!", -1, NULL, &request, NULL) == CHAKU_OK, "chat");
    return request;
}

/* Reads that many texts, or all; says how the request ended if it did. */
static int32_t read_texts(chaku_request *request, int most) {
    chaku_event *event = NULL;
    int32_t reason = 0;
    int texts = 0;
    while (reason == 0 && (most == 0 || texts < most)) {
        if (chaku_request_next(request, -1, &event, NULL) != CHAKU_OK) return -1;
        texts += chaku_event_text(event, NULL) != NULL;
        reason = chaku_event_finish_reason(event);
        chaku_event_free(event);
    }
    return reason;
}

static void answer(const char *path) {
    chaku_model *model = load(path);
    chaku_session *session = NULL;
    chaku_request *request;
    check(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK, "session");
    request = ask(session);
    check(read_texts(request, 0) == CHAKU_FINISH_STOP, "an answer to its end");
    chaku_request_free(request);
    chaku_session_free(session);
    check(chaku_model_close(model, -1, NULL) == CHAKU_OK, "close");
    chaku_model_free(model);
}

static void cancel_and_unload(const char *path) {
    chaku_model *model = load(path);
    chaku_session *session = NULL;
    chaku_request *request;
    check(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK, "session");
    request = ask(session);
    check(read_texts(request, 5) == 0, "an endless answer");
    check(chaku_request_cancel(request) == CHAKU_OK, "cancel");
    check(read_texts(request, 0) == CHAKU_FINISH_CANCELLED, "the end of a cancelled answer");
    chaku_request_free(request);
    request = ask(session);
    check(read_texts(request, 5) == 0, "a second endless answer");
    check(chaku_model_close(model, -1, NULL) == CHAKU_OK, "close while it runs");
    check(read_texts(request, 0) == CHAKU_FINISH_CANCELLED, "the end of an answer whose model was closed");
    chaku_model_free(model);
    chaku_session_free(session);
    chaku_request_free(request);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    answer(argv[1]);
    cancel_and_unload(argv[2]);
    return failed;
}
