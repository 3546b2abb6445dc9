/*
 * Show how sure a model is of its answer: each token with the logarithm of its probability, and the two likeliest tokens
 * in its place. 0 is certain, -0.7 one half, -2.3 a tenth.
 *
 *     logprobs MODEL.gguf ["QUESTION"]
 *
 * The table goes to stdout, errors go to stderr.
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

/* A token may be a part of a character: what is not plain is shown as its bytes. */
static void print_token(double logprob, const uint8_t *bytes, int64_t length) {
    printf("%8.3f \"", logprob);
    for (int64_t i = 0; i < length; i++) printf(bytes[i] < 32 || bytes[i] > 126 ? "\\x%02x" : "%c", bytes[i]);
    printf("\"");
}

/* Called with every event of the answer. */
static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        int64_t length = 0;
        const uint8_t *bytes = chaku_event_bytes(event, &length);
        print_token(chaku_event_logprob(event), bytes, length);
        printf("   of");
        for (int64_t i = 0; i < chaku_event_top_logprob_count(event); i++) {
            bytes = chaku_event_top_logprob_bytes(event, i, &length);
            print_token(chaku_event_top_logprob(event, i), bytes, length);
        }
        printf("\n");
    }
    return 0; /* anything else would cancel */
}

int main(int argc, char **argv) {
    const char *question = argc > 2 ? argv[2] : "Is a llama an animal?";
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL;
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [QUESTION]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_LOGPROBS, 2, &error), &error) &&
           ok(chaku_options_set_f64(options, CHAKU_OPT_TEMPERATURE, 0, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 24, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) &&
           ok(chaku_session_chat(session, question, -1, options, &request, &error), &error) &&
           ok(chaku_request_run(request, show, NULL, &error), &error);
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
