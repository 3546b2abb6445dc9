/* Three ways to read, with a model: what callbacks may do, when `destroy` runs, how work ends. Takes a model that always
 * answers with the same short text, and one whose answer is long. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include "check.h"

#include <pthread.h>
#include <time.h>

static void sleep_ms(long ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&time, NULL);
}

/* What callbacks saw, under a lock: some run on threads of the library. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int texts, finals, readies, lines, destroyed;
    int wrong; /* what went wrong on a thread where CHECK may not count */
    chaku_request *request; /* to free inside the callback, unless NULL */
    chaku_event *kept;      /* retained in the callback */
};

static void note(struct seen *seen, int *counter) {
    pthread_mutex_lock(&seen->lock);
    ++*counter;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static int count(struct seen *seen, const int *counter) {
    int value;
    pthread_mutex_lock(&seen->lock);
    value = *counter;
    pthread_mutex_unlock(&seen->lock);
    return value;
}

/* Waits until the counter is there, ten seconds at most. */
static int reaches(struct seen *seen, const int *counter, int wanted) {
    int tries;
    for (tries = 0; tries < 1000; tries++) {
        if (count(seen, counter) >= wanted) return 1;
        sleep_ms(10);
    }
    return 0;
}

static void seen_init(struct seen *seen) {
    memset(seen, 0, sizeof *seen);
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->changed, NULL);
}

static void on_destroy(void *user_data) {
    struct seen *seen = user_data;
    note(seen, &seen->destroyed);
}

static int32_t on_event(const chaku_event *event, void *user_data) {
    struct seen *seen = user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) note(seen, &seen->texts);
    if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) note(seen, &seen->finals);
    return 0;
}

static int32_t stop_at_once(const chaku_event *event, void *user_data) {
    on_event(event, user_data);
    return chaku_event_kind(event) == CHAKU_EVENT_TEXT ? 1 : 0;
}

static int32_t free_own_request(const chaku_event *event, void *user_data) {
    struct seen *seen = user_data;
    on_event(event, user_data);
    if (seen->request != NULL) {
        if (chaku_request_free(seen->request) != CHAKU_OK) note(seen, &seen->wrong);
        seen->request = NULL;
    }
    return 0;
}

static int32_t on_ready(void *user_data) {
    struct seen *seen = user_data;
    note(seen, &seen->readies);
    return 0;
}

static int32_t on_ready_once(void *user_data) {
    on_ready(user_data);
    return 1;
}

static int32_t on_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    struct seen *seen = user_data;
    if (level < CHAKU_LOG_ERROR || level > CHAKU_LOG_DEBUG) note(seen, &seen->wrong);
    if (target[0] == '\0' || (int64_t)strlen(message) != length) note(seen, &seen->wrong);
    note(seen, &seen->lines);
    return 0;
}

static chaku_model *loaded(const char *path) {
    chaku_model *model = NULL;
    WORKS(chaku_model_load(NULL, path, NULL, &model, &error));
    return model;
}

static chaku_request *asked(chaku_session *session) {
    chaku_request *request = NULL;
    WORKS(chaku_session_chat(session, "hello", -1, NULL, &request, &error));
    return request;
}

/* Everything that could wait is refused inside a callback; the rest works there. */
static int32_t look_around(const chaku_event *event, void *user_data) {
    void **all = user_data;
    struct seen *seen = all[0];
    chaku_model *model = all[1];
    chaku_session *session = all[2];
    chaku_request *request = all[3];
    chaku_request *other = (chaku_request *)all;
    chaku_event *next = NULL;
    chaku_session *second = NULL;
    int64_t tokens = 0;
    int code = CHAKU_FAILED_PRECONDITION;
    if (chaku_event_kind(event) != CHAKU_EVENT_TEXT || count(seen, &seen->texts) > 0) return 0;
    note(seen, &seen->texts);

    FAILS(chaku_request_next(request, 0, &next, &error), code, "reentrant", NULL);
    FAILS(chaku_request_run(request, NULL, NULL, &error), code, "reentrant", NULL);
    FAILS(chaku_request_close(request, 0, &error), code, "reentrant", NULL);
    FAILS(chaku_session_chat(session, "x", -1, NULL, &other, &error), code, "reentrant", NULL);
    CHECK(other == NULL);
    FAILS(chaku_session_new(model, NULL, &second, &error), code, "reentrant", NULL);
    FAILS(chaku_session_reset(session, &error), code, "reentrant", NULL);
    FAILS(chaku_model_close(model, 0, &error), code, "reentrant", NULL);
    FAILS(chaku_request_on_event(request, on_event, seen, on_destroy, &error), code, "reentrant", NULL);
    CHECK(count(seen, &seen->destroyed) == 1);

    WORKS(chaku_model_tokenize(model, "hello", -1, 0, 0, NULL, 0, &tokens, &error));
    CHECK(tokens > 0 && chaku_session_message_count(session) >= 0 && chaku_model_vocab_size(model) > 0);
    WORKS(chaku_event_retain(event, &seen->kept, &error));
    /* A borrowed event is not the callback's to free; doing it all the same does no harm. */
    CHECK(chaku_event_free((chaku_event *)event) == CHAKU_OK);
    CHECK(chaku_event_kind(event) == 0 && chaku_event_kind(seen->kept) == CHAKU_EVENT_TEXT);
    return 0;
}

static void inside_a_callback(const char *path) {
    struct seen seen;
    void *all[4];
    int64_t length = -1;
    const char *text;
    chaku_model *model = loaded(path);
    chaku_session *session = NULL;
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    all[0] = &seen, all[1] = model, all[2] = session, all[3] = asked(session);
    WORKS(chaku_request_run(all[3], look_around, all, &error));
    CHECK(seen.texts == 1);

    text = chaku_event_text(seen.kept, &length);
    CHECK(text != NULL && (int64_t)strlen(text) == length);
    CHECK(chaku_event_free(seen.kept) == CHAKU_OK && chaku_event_free(seen.kept) == CHAKU_INVALID_ARGUMENT);
    /* In an order nobody would choose. */
    CHECK(chaku_model_free(model) == CHAKU_OK);
    CHECK(chaku_session_free(session) == CHAKU_OK);
    CHECK(chaku_request_free(all[3]) == CHAKU_OK);
    CHECK(chaku_request_free(all[3]) == CHAKU_INVALID_ARGUMENT);
}

static void blocking_callback(chaku_model *model) {
    struct seen seen;
    chaku_session *session = NULL;
    chaku_request *request;
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    request = asked(session);
    FAILS(chaku_request_run(request, stop_at_once, &seen, &error), CHAKU_CANCELLED, "cancelled", NULL);
    CHECK(seen.texts == 1);
    FAILS(chaku_request_run(request, on_event, &seen, &error), CHAKU_OUT_OF_RANGE, "finished", NULL);
    chaku_request_free(request);
    chaku_session_free(session);
}

static void asynchronous_callback(chaku_model *short_answers, chaku_model *model) {
    struct seen seen, refused;
    chaku_session *session = NULL;
    chaku_request *request;
    chaku_event *event = NULL;
    int texts;

    /* To the end, then destroyed. */
    seen_init(&seen);
    WORKS(chaku_session_new(short_answers, NULL, &session, &error));
    request = asked(session);
    WORKS(chaku_request_on_event(request, on_event, &seen, on_destroy, &error));
    FAILS(chaku_request_next(request, 0, &event, &error), CHAKU_FAILED_PRECONDITION, "reader_taken", NULL);
    seen_init(&refused);
    FAILS(chaku_request_on_event(request, on_event, &refused, on_destroy, &error), CHAKU_FAILED_PRECONDITION, "reader_taken", NULL);
    CHECK(refused.destroyed == 1 && refused.texts == 0);
    CHECK(reaches(&seen, &seen.destroyed, 1));
    CHECK(seen.texts > 0 && seen.finals == 1 && seen.destroyed == 1);
    chaku_request_free(request);
    chaku_session_free(session);

    /* Stopped by its return value: the final event still comes. */
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    request = asked(session);
    WORKS(chaku_request_on_event(request, stop_at_once, &seen, on_destroy, &error));
    CHECK(reaches(&seen, &seen.destroyed, 1));
    CHECK(seen.texts == 1 && seen.finals == 1);
    chaku_request_free(request);

    /* Freed while it runs: no callback starts any more, and destroy marks the end. */
    seen_init(&seen);
    request = asked(session);
    WORKS(chaku_request_on_event(request, on_event, &seen, on_destroy, &error));
    CHECK(reaches(&seen, &seen.texts, 1));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    CHECK(reaches(&seen, &seen.destroyed, 1));
    texts = count(&seen, &seen.texts);
    sleep_ms(50);
    CHECK(count(&seen, &seen.texts) == texts && count(&seen, &seen.finals) == 0 && count(&seen, &seen.destroyed) == 1);
    chaku_session_free(session);

    /* Freed by its own callback. */
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    request = asked(session);
    seen.request = request;
    WORKS(chaku_request_on_event(request, free_own_request, &seen, on_destroy, &error));
    CHECK(reaches(&seen, &seen.destroyed, 1));
    CHECK(seen.wrong == 0);
    CHECK(chaku_request_is_finished(request) == 1 && chaku_request_free(request) == CHAKU_INVALID_ARGUMENT);
    chaku_session_free(session);

    /* Closed: when close returns, destroy has run. */
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    request = asked(session);
    WORKS(chaku_request_on_event(request, on_event, &seen, on_destroy, &error));
    WORKS(chaku_request_close(request, 10000, &error));
    CHECK(count(&seen, &seen.destroyed) == 1 && chaku_request_is_finished(request) == 1);
    chaku_request_free(request);
    chaku_session_free(session);
}

static void ready_wake(chaku_model *model) {
    struct seen seen, replaced, once;
    chaku_session *session = NULL;
    chaku_request *request;
    int finished = 0, wakes = 0;
    seen_init(&seen);
    WORKS(chaku_session_new(model, NULL, &session, &error));
    request = asked(session);
    seen_init(&replaced);
    WORKS(chaku_request_on_ready(request, on_ready, &replaced, on_destroy, &error));
    WORKS(chaku_request_on_ready(request, on_ready, &seen, on_destroy, &error));
    CHECK(reaches(&replaced, &replaced.destroyed, 1));
    while (!finished && reaches(&seen, &seen.readies, wakes + 1)) {
        chaku_event *event = NULL;
        wakes = count(&seen, &seen.readies);
        while (chaku_request_next(request, 0, &event, NULL) == CHAKU_OK && event != NULL) {
            finished = chaku_event_kind(event) == CHAKU_EVENT_FINAL;
            chaku_event_free(event);
        }
    }
    CHECK(finished);
    CHECK(chaku_request_free(request) == CHAKU_OK);
    CHECK(reaches(&seen, &seen.destroyed, 1));
    CHECK(seen.destroyed == 1 && replaced.destroyed == 1);

    /* A callback that says no is called no more, though there is news after every read. */
    seen_init(&once);
    request = asked(session);
    WORKS(chaku_request_on_ready(request, on_ready_once, &once, on_destroy, &error));
    WORKS(chaku_request_run(request, NULL, NULL, &error));
    CHECK(reaches(&once, &once.readies, 1));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    CHECK(reaches(&once, &once.destroyed, 1));
    CHECK(once.readies == 1 && once.destroyed == 1);
    chaku_session_free(session);
}

static void buffers(chaku_model *model) {
    const char *text = "hello llama";
    int32_t tokens[64];
    char back[64];
    int64_t count = -1, again = -1, length = -1;
    int code = CHAKU_OUT_OF_RANGE;
    WORKS(chaku_model_tokenize(model, text, -1, 0, 0, NULL, 0, &count, &error));
    CHECK(count > 1 && count <= 64);
    tokens[count] = -99;
    WORKS(chaku_model_tokenize(model, text, -1, 0, 0, tokens, count, &again, &error));
    CHECK(again == count && tokens[count] == -99);
    again = -1;
    FAILS(chaku_model_tokenize(model, text, -1, 0, 0, tokens, count - 1, &again, &error), code, "buffer_too_small", "tokens");
    CHECK(again == -1);
    FAILS(chaku_model_tokenize(model, text, -1, 0, 0, NULL, count, &again, &error), CHAKU_INVALID_ARGUMENT, "null_pointer", "tokens");
    FAILS(chaku_model_tokenize(model, text, -1, 2, 0, NULL, 0, &again, &error), CHAKU_INVALID_ARGUMENT, "invalid_argument", "add_special");
    FAILS(chaku_model_tokenize(model, text, -1, 0, 0, tokens, -1, &again, &error), CHAKU_INVALID_ARGUMENT, "invalid_argument", NULL);

    WORKS(chaku_model_detokenize(model, tokens, count, 0, NULL, 0, &length, &error));
    CHECK(length == (int64_t)strlen(text));
    FAILS(chaku_model_detokenize(model, tokens, count, 0, back, length, &again, &error), code, "buffer_too_small", "buffer");
    WORKS(chaku_model_detokenize(model, tokens, count, 0, back, length + 1, &again, &error));
    CHECK(again == length && strcmp(back, text) == 0);
    tokens[0] = INT32_MAX;
    FAILS(chaku_model_detokenize(model, tokens, 1, 0, back, 64, &again, &error), CHAKU_INVALID_ARGUMENT, "invalid_token", NULL);
}

static void one_more_handle(const char *path) {
    chaku_request *load = NULL;
    chaku_model *model = NULL, *second = NULL, *third = NULL;
    WORKS(chaku_model_load_async(NULL, path, NULL, &load, &error));
    WORKS(chaku_request_run(load, NULL, NULL, &error));
    WORKS(chaku_request_model(load, &model, &error));
    WORKS(chaku_request_model(load, &second, &error));
    WORKS(chaku_model_retain(model, &third, &error));
    CHECK(model != second && model != third && second != third);
    CHECK(chaku_request_free(load) == CHAKU_OK && chaku_model_free(model) == CHAKU_OK && chaku_model_free(second) == CHAKU_OK);
    CHECK(chaku_model_free(model) == CHAKU_INVALID_ARGUMENT);
    CHECK(chaku_model_vocab_size(model) == 0 && chaku_model_vocab_size(third) > 0);
    WORKS(chaku_model_close(third, 10000, &error));
    FAILS(chaku_session_new(third, NULL, &(chaku_session *){NULL}, &error), CHAKU_FAILED_PRECONDITION, "closed", NULL);
    CHECK(chaku_model_free(third) == CHAKU_OK);
}

static void log_lines(const char *path) {
    struct seen seen;
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL;
    seen_init(&seen);
    WORKS(chaku_runtime_new(NULL, &runtime, &error));
    WORKS(chaku_runtime_set_log(runtime, CHAKU_LOG_DEBUG, on_line, &seen, on_destroy, &error));
    WORKS(chaku_model_load(runtime, path, NULL, &model, &error));
    CHECK(count(&seen, &seen.lines) > 0);
    WORKS(chaku_model_close(model, 10000, &error));
    chaku_model_free(model);
    chaku_runtime_free(runtime);
    CHECK(reaches(&seen, &seen.destroyed, 1));
    CHECK(seen.destroyed == 1 && seen.wrong == 0);
}

int main(int argc, char **argv) {
    chaku_model *short_answers, *long_answers;
    if (argc != 3) {
        fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    inside_a_callback(argv[1]);
    short_answers = loaded(argv[1]);
    long_answers = loaded(argv[2]);
    blocking_callback(long_answers);
    asynchronous_callback(short_answers, long_answers);
    ready_wake(short_answers);
    buffers(short_answers);
    one_more_handle(argv[1]);
    log_lines(argv[1]);
    chaku_model_free(short_answers);
    chaku_model_free(long_answers);
    return check_summary("callbacks");
}
