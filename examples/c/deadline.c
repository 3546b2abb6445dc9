/*
 * Give an answer a deadline: whatever was written when the time is up is kept, and can be continued.
 *
 *     deadline MODEL.gguf [MILLISECONDS]
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

static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        fputs(chaku_event_text(event, NULL), stdout);
        fflush(stdout);
    } else if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) {
        printf("\n-- %s after %.0f ms and %lld tokens\n",
               chaku_event_finish_reason(event) == CHAKU_FINISH_DEADLINE ? "time is up" : "done",
               chaku_event_total_ms(event), (long long)chaku_event_completion_tokens(event));
    }
    return 0;
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    chaku_code code = CHAKU_OK;
    int64_t deadline_ms = argc > 2 ? strtoll(argv[2], NULL, 10) : 500;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [MILLISECONDS]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) && ok(chaku_options_new(&options, &error), &error) &&
           /* The deadline counts from the call, waiting included. */
           ok(chaku_options_set_i64(options, CHAKU_OPT_DEADLINE_MS, deadline_ms, &error), &error) &&
           ok(chaku_session_chat(session, "Explain photosynthesis in detail.", -1, options, &request, &error), &error);
    if (good) {
        code = chaku_request_run(request, show, NULL, &error);
        /* Being late is what this program shows: only other errors are failures. */
        good = code == CHAKU_DEADLINE_EXCEEDED || ok(code, &error);
        if (code == CHAKU_DEADLINE_EXCEEDED) chaku_error_free(error);
    }
    chaku_request_free(request);
    chaku_options_free(options);
    chaku_session_free(session);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
