/*
 * Watch a model at work: eight sessions ask at once, four of them are answered at a time, and twice a second a row of
 * the model's numbers is printed until all have their answer.
 *
 *     top MODEL.gguf
 */
#ifdef _WIN32
#include <windows.h>
#define wait_ms(ms) Sleep(ms)
#else
#define _POSIX_C_SOURCE 199309L
#include <time.h>
static void wait_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}
#endif
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS = 8 };

static const char *const questions[] = {"Why is the sky blue?", "Tell me a story.", "What is a llama?",
                                        "How does rain form?"};

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

/* Somebody must read the answers, or they would stand still. */
static int32_t ignore(const chaku_event *event, void *user_data) {
    (void)event, (void)user_data;
    return 0;
}

/* A real program has a JSON parser. The object is flat, and its names are stable. */
static double number(const char *json, const char *name) {
    char quoted[64];
    const char *found;
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    found = strstr(json, quoted);
    return found ? strtod(found + strlen(quoted), NULL) : 0;
}

static int print_row(chaku_model *model, int row) {
    chaku_buffer *buffer = NULL;
    chaku_error *error = NULL;
    const char *json;
    if (!ok(chaku_model_metrics(model, &buffer, &error), &error)) return 0;
    json = chaku_buffer_data(buffer, NULL);
    if (row % 20 == 0) printf("queue running paused prompt/s tokens/s        kv threads step ms cached\n");
    printf("%5.0f %7.0f %6.0f %8.1f %8.1f %4.0f/%-4.0f %7.0f %7.2f %6.0f\n", number(json, "queue_depth"),
           number(json, "requests_running"), number(json, "requests_paused"), number(json, "prompt_tokens_per_second"),
           number(json, "generated_tokens_per_second"), number(json, "kv_used_tokens"),
           number(json, "kv_capacity_tokens"), number(json, "threads"), number(json, "step_ms"),
           number(json, "cached_tokens_total"));
    fflush(stdout);
    chaku_buffer_free(buffer);
    return 1;
}

static int start(chaku_model *model, const char *question, chaku_request **request) {
    chaku_session *session = NULL;
    chaku_error *error = NULL;
    int good = ok(chaku_session_new(model, NULL, &session, &error), &error) &&
               ok(chaku_session_chat(session, question, -1, NULL, request, &error), &error) &&
               ok(chaku_request_on_event(*request, ignore, NULL, NULL, &error), &error);
    chaku_session_free(session); /* its request goes on */
    return good;
}

/* Where the time of the last request went: most of it waiting for its turn. */
static int print_timeline(chaku_request *request) {
    chaku_buffer *buffer = NULL;
    chaku_error *error = NULL;
    int good = ok(chaku_request_timeline(request, &buffer, &error), &error);
    if (good) printf("the last one: %s\n", chaku_buffer_data(buffer, NULL));
    chaku_buffer_free(buffer);
    return good;
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_request *requests[SESSIONS] = {NULL};
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int good, i, row, unfinished = SESSIONS;

    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 2;
    }
    good = ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_RUNNING, 4, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 64, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_SYSTEM_PROMPT, "You are a poet.", -1, &error), &error) &&
           ok(chaku_model_load(NULL, argv[1], options, &model, &error), &error);
    for (i = 0; good && i < SESSIONS; i++) good = start(model, questions[i % 4], &requests[i]);
    for (row = 0; good && unfinished > 0; row++) {
        wait_ms(500);
        for (unfinished = i = 0; i < SESSIONS; i++) unfinished += !chaku_request_is_finished(requests[i]);
        good = print_row(model, row);
    }
    good = good && print_timeline(requests[SESSIONS - 1]);
    for (i = 0; i < SESSIONS; i++) chaku_request_free(requests[i]);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
