/*
 * Cancel an answer while it is written, then go on in the same session: the question and the part that was written are
 * kept.
 *
 *     cancel MODEL.gguf
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

struct reader {
    chaku_request *request;
    int tokens;
    int cancel_after; /* 0 = never */
};

static int32_t show(const chaku_event *event, void *user_data) {
    struct reader *reader = user_data;
    if (chaku_event_kind(event) != CHAKU_EVENT_TEXT) return 0;
    fputs(chaku_event_text(event, NULL), stdout);
    fflush(stdout);
    if (++reader->tokens == reader->cancel_after) {
        /* May come from any thread and at any time; here a callback asks, which could return 1 as well. */
        chaku_request_cancel(reader->request);
    }
    return 0;
}

/* Runs a request to its end; returns its outcome, which for a cancelled one is CHAKU_CANCELLED. */
static chaku_code run(chaku_request *request, int cancel_after) {
    struct reader reader;
    chaku_error *error = NULL;
    chaku_code code;
    reader.request = request;
    reader.tokens = 0;
    reader.cancel_after = cancel_after;
    code = chaku_request_run(request, show, &reader, &error);
    if (code == CHAKU_CANCELLED) {
        printf("\n-- cancelled after %d tokens\n", reader.tokens);
        chaku_error_free(error);
    } else if (ok(code, &error)) {
        printf("\n-- done\n");
    }
    return code;
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_request *first = NULL;
    chaku_request *second = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) && ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 32, &error), &error) &&
           ok(chaku_session_chat(session, "Tell me a long story about a llama.", -1, NULL, &first, &error), &error);
    if (good) {
        chaku_code code = run(first, 8);
        /* A model with little to say may be done before it is cancelled. */
        good = code == CHAKU_CANCELLED || code == CHAKU_OK;
    }
    good = good && ok(chaku_session_chat(session, "And how does it end?", -1, options, &second, &error), &error) &&
           run(second, 0) == CHAKU_OK;
    chaku_request_free(second);
    chaku_request_free(first);
    chaku_options_free(options);
    chaku_session_free(session);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
