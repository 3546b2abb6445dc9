/* A host whose threads have 64 KiB of stack calls every kind of function; and whole programs under a small stack limit. */
#include "faults.h"

#include <pthread.h>

enum { STACK = 64 << 10 };

static int32_t take_event(const chaku_event *event, void *user_data) {
    *(int64_t *)user_data += chaku_event_kind(event) == CHAKU_EVENT_TEXT;
    return 0;
}

static void *everything(void *nothing) {
    static char text[20000], buffer[64];
    static struct outcome outcome;
    static int32_t tokens[20000];
    static const struct choice two[] = {{CHAKU_OPT_THREADS, 2}, {CHAKU_OPT_CTX_SIZE, 4096}, {CHAKU_OPT_MAX_TOKENS, 16}, {NULL, 0}};
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int64_t count = 0, length = 0, texts = 0;
    chaku_model *model = load(model_file("tiny-script.gguf"), two, &outcome);
    EXPECT(model != NULL);
    EXPECT(chaku_model_load(NULL, model_file("truncated.gguf"), NULL, &model, &error) != CHAKU_OK);
    chaku_error_free(error);
    model = load(model_file("tiny-script.gguf"), two, &outcome);
    memset(text, 'a', sizeof text - 1);
    EXPECT(chaku_model_tokenize(model, text, -1, 1, 1, tokens, 20000, &count, NULL) == CHAKU_OK && count > 0);
    EXPECT(chaku_model_detokenize(model, tokens, 8, 1, buffer, sizeof buffer, &length, NULL) == CHAKU_OK);
    EXPECT(chaku_model_metadata_count(model) > 0 && chaku_model_metadata_value(model, 0) != NULL);
    EXPECT(chaku_model_chat_template(model) != NULL && chaku_model_description(model) != NULL);
    EXPECT(chaku_device_count() > 0 && chaku_build_info() != NULL);
    EXPECT(chaku_options_new(&options, NULL) == CHAKU_OK);
    EXPECT(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, "root ::= [a-z]*", -1, NULL) == CHAKU_OK);
    EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
    EXPECT(chaku_session_chat(session, "Hello.", -1, NULL, &request, NULL) == CHAKU_OK);
    EXPECT(chaku_request_run(request, take_event, &texts, NULL) == CHAKU_OK && texts > 0);
    EXPECT(chaku_request_free(request) == CHAKU_OK);
    EXPECT(chaku_session_reset(session, NULL) == CHAKU_OK);
    EXPECT(chaku_session_generate(session, text, 2000, options, &request, NULL) == CHAKU_OK);
    memset(&outcome, 0, sizeof outcome);
    read_to_end(request, &outcome);
    EXPECT(outcome.finals == 1);
    EXPECT(chaku_request_close(request, -1, NULL) == CHAKU_OK);
    EXPECT(chaku_session_close(session, -1, NULL) == CHAKU_OK && chaku_model_close(model, -1, NULL) == CHAKU_OK);
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return nothing;
}

static void tiny_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    EXPECT(pthread_attr_setstacksize(&attributes, STACK) == 0);
    EXPECT(pthread_create(&thread, &attributes, everything, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

/* Threads that are started get what this says, when the program begins with it. */
static void stack_limit(void) { everything(NULL); }

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"calls on a stack of 64 KiB", tiny_stack, 0},
        {"calls under the limit the program has", stack_limit, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
