/*
 * Chat with a model in the terminal.
 *
 *     chat MODEL.gguf             a conversation; /exit or end of file ends it
 *     chat MODEL.gguf "QUESTION"  one answer
 *
 * The answer goes to stdout, word by word; numbers and errors go to stderr.
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <io.h>
#define isatty _isatty
#define STDIN 0
#else
#include <unistd.h>
#define STDIN 0
#endif

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

/* Called with every event of an answer. */
static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        int64_t length = 0;
        const char *text = chaku_event_text(event, &length);
        fwrite(text, 1, (size_t)length, stdout);
        fflush(stdout);
    } else if (chaku_event_kind(event) == CHAKU_EVENT_FINAL && chaku_event_code(event) == CHAKU_OK) {
        int64_t tokens = chaku_event_completion_tokens(event);
        double seconds = chaku_event_decode_ms(event) / 1000.0;
        /* decode_ms runs from the first token to the last, so the first one is not counted. */
        double speed = seconds > 0 ? (double)(tokens - 1) / seconds : 0;
        printf("\n");
        fflush(stdout);
        fprintf(stderr, "[%lld tokens, %.1f tokens/s, %lld of the prompt's %lld tokens were computed before]\n",
                (long long)tokens, speed, (long long)chaku_event_cached_tokens(event),
                (long long)chaku_event_prompt_tokens(event));
    }
    return 0; /* anything else would cancel */
}

static int answer(chaku_session *session, const char *question) {
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    int good = ok(chaku_session_chat(session, question, -1, NULL, &request, &error), &error) &&
               ok(chaku_request_run(request, show, NULL, &error), &error);
    chaku_request_free(request);
    return good;
}

static int converse(chaku_session *session) {
    char line[4096];
    fprintf(stderr, "Say something; /exit ends.\n");
    for (;;) {
        fprintf(stderr, "> ");
        if (fgets(line, sizeof line, stdin) == NULL) return 1;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "/exit") == 0) return 1;
        if (line[0] != '\0' && !answer(session, line)) return 0;
    }
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    const char *system = "You are a helpful assistant. Answer briefly.";
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [QUESTION]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_SYSTEM_PROMPT, system, -1, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 512, &error), &error) &&
           ok(chaku_session_new(model, options, &session, &error), &error);
    if (good) {
        if (argc > 2) {
            good = answer(session, argv[2]);
        } else if (isatty(STDIN)) {
            good = converse(session);
        } else {
            good = answer(session, "Why is the sky blue?");
        }
    }
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
