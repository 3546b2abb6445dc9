/*
 * Pull events one at a time: the program keeps control between them, here to show how the load and the prompt
 * progress, and every token with its bytes.
 *
 *     stream MODEL.gguf
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

static void show(const char *what, const chaku_event *event) {
    switch (chaku_event_kind(event)) {
    case CHAKU_EVENT_PROGRESS:
        printf("%-8s %3.0f %%\n", what, 100 * chaku_event_progress(event));
        break;
    case CHAKU_EVENT_TEXT: {
        int64_t length = 0;
        printf("token %6d  \"%s\"", (int)chaku_event_token(event), chaku_event_text(event, NULL));
        chaku_event_bytes(event, &length);
        printf("  (%lld bytes)\n", (long long)length);
        break;
    }
    case CHAKU_EVENT_FINAL:
        printf("%-8s done in %.0f ms: %.0f waiting, %.0f preparing, %.0f reading the prompt, %.0f generating\n", what,
               chaku_event_total_ms(event), chaku_event_queue_ms(event), chaku_event_prepare_ms(event),
               chaku_event_prefill_ms(event), chaku_event_decode_ms(event));
        break;
    default: /* a kind of event that came later than this program */
        break;
    }
}

/* Reads a request to its end; its own outcome is the result. */
static int drain(const char *what, chaku_request *request) {
    for (;;) {
        chaku_event *event = NULL;
        chaku_error *error = NULL;
        if (!ok(chaku_request_next(request, 100, &event, &error), &error)) return 0;
        if (event == NULL) {
            /* 100 ms without news: time to look after something else. */
            continue;
        }
        show(what, event);
        if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) {
            chaku_code code = chaku_event_error(event, &error);
            chaku_event_free(event);
            return ok(code, &error);
        }
        chaku_event_free(event);
    }
}

int main(int argc, char **argv) {
    chaku_request *load = NULL;
    chaku_request *request = NULL;
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load_async(NULL, argv[1], NULL, &load, &error), &error) && drain("load", load) &&
           ok(chaku_request_model(load, &model, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) && ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 24, &error), &error) &&
           ok(chaku_session_chat(session, "Name three animals of the Andes.", -1, options, &request, &error), &error) &&
           drain("answer", request);
    chaku_request_free(request);
    chaku_options_free(options);
    chaku_session_free(session);
    chaku_model_free(model);
    chaku_request_free(load);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
