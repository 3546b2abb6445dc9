/* The log goes where the host wants it, and nothing goes anywhere else. */
#include "reply.h"

#include <pthread.h>

#define SECRET "xyzzy-swordfish"

typedef struct {
    pthread_mutex_t lock;
    int lines, too_detailed, broken, secrets, destroyed, clamped;
    int32_t level;
} sink;

static int32_t take_line(int32_t level, const char *target, const char *message, int64_t message_len, void *user_data) {
    sink *s = user_data;
    pthread_mutex_lock(&s->lock);
    s->lines++;
    s->too_detailed += level > s->level;
    s->broken += level < CHAKU_LOG_ERROR || strncmp(target, "chaku", 5) != 0 ||
                 message_len != (int64_t)strlen(message) || strchr(message, '\n') != NULL;
    s->secrets += strstr(message, SECRET) != NULL;
    s->clamped += level == CHAKU_LOG_WARN && strstr(message, "clamped") != NULL &&
                  (strstr(message, "temperature") || strstr(message, "top_k") || strstr(message, "top_p"));
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static void end_sink(void *user_data) {
    sink *s = user_data;
    pthread_mutex_lock(&s->lock);
    s->destroyed++;
    pthread_mutex_unlock(&s->lock);
}

static sink snapshot(sink *s) {
    sink copy;
    pthread_mutex_lock(&s->lock);
    copy = *s;
    pthread_mutex_unlock(&s->lock);
    return copy;
}

/* Loads a model in a runtime of its own and asks it something. */
static void work(chaku_runtime *runtime, const char *question) {
    chaku_model *model = NULL;
    CHECK_OK(chaku_model_load(runtime, model_path(SCRIPT), OPTIONS("threads", "1"), &model, ERROR));
    CHECK_STR(chat(new_session(own_model(model), NULL), question, NULL)->text, SCRIPT_REPLY);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
}

static chaku_runtime *with_sink(sink *s, int32_t level) {
    chaku_runtime *runtime = NULL;
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->level = level;
    CHECK_OK(chaku_runtime_new(NULL, &runtime, ERROR));
    CHECK_OK(chaku_runtime_set_log(own_runtime(runtime), level, take_line, s, end_sink, ERROR));
    return runtime;
}

CASE(log_sink) {
    sink loud, quiet;
    chaku_runtime *detailed = with_sink(&loud, CHAKU_LOG_DEBUG), *errors = with_sink(&quiet, CHAKU_LOG_ERROR);
    int lines;
    work(errors, SECRET);
    CHECK_INT(snapshot(&quiet).lines, 0);
    CHECK_INT(snapshot(&loud).lines, 0); /* each runtime has its own */
    work(detailed, SECRET);
    lines = snapshot(&loud).lines;
    CHECK(lines > 5);
    CHECK_INT(snapshot(&quiet).lines, 0);
    CHECK_INT(snapshot(&loud).broken, 0);
    CHECK_INT(snapshot(&loud).too_detailed, 0);
    CHECK_INT(snapshot(&loud).secrets, 0);
    CHECK_INT(snapshot(&loud).destroyed, 0);
    CHECK_OK(chaku_runtime_set_log(detailed, CHAKU_LOG_ERROR, NULL, NULL, NULL, ERROR));
    work(detailed, SECRET);
    free_everything();
    WAIT_UNTIL(snapshot(&loud).destroyed > 0 && snapshot(&quiet).destroyed > 0);
    CHECK_INT(snapshot(&loud).destroyed, 1);
    CHECK_INT(snapshot(&quiet).destroyed, 1);
    CHECK(snapshot(&loud).lines >= lines);
    CHECK_FAILS(chaku_runtime_set_log(NULL, 99, take_line, &loud, NULL, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_argument");
}

CASE(soft_range) {
    static sink log;
    chaku_runtime *runtime = with_sink(&log, CHAKU_LOG_WARN);
    chaku_model *model = NULL;
    chaku_session *session;
    chaku_options *outside = OPTIONS("temperature", "-1", "top_k", "-5", "top_p", "1.5", "max_tokens", "16");
    chaku_options *inside = OPTIONS("temperature", "0", "top_k", "0", "top_p", "1", "max_tokens", "16");
    reply *one;
    CHECK(chaku_options_is_clamped(outside, "temperature") && chaku_options_is_clamped(outside, "top_k"));
    CHECK(!chaku_options_is_clamped(outside, "max_tokens") && !chaku_options_is_clamped(inside, "top_p"));
    CHECK_OK(chaku_model_load(runtime, model_path(RANDOM), OPTIONS("fixed_shape", "1"), &model, ERROR));
    session = new_session(own_model(model), NULL);
    one = chat(session, "Go.", outside);
    CHECK_INT(snapshot(&log).clamped, 3);
    CHECK_OK(chaku_session_reset(session, ERROR));
    CHECK_STR(chat(session, "Go.", inside)->text, one->text);
    CHECK_INT(snapshot(&log).clamped, 3);
    /* The last value counts. */
    CHECK_OK(chaku_options_set_f64(outside, "temperature", 1, ERROR));
    CHECK(!chaku_options_is_clamped(outside, "temperature"));
}

/* Any case fails that writes to stdout or stderr; this one does whatever llama.cpp would like to talk about. */
CASE(silence) {
    chaku_model *model = NULL;
    CHECK_FAILS(chaku_model_load(NULL, model_path("truncated.gguf"), NULL, &model, ERROR), CHAKU_DATA_LOSS,
                "model_corrupt");
    CHECK_FAILS(chaku_model_load(NULL, model_path("not-a-gguf.bin"), NULL, &model, ERROR), CHAKU_DATA_LOSS,
                "model_corrupt");
    chat(new_session(load(SMOLLM2, NULL), NULL), "Hi.", OPTIONS("max_tokens", "4"));
    chat(new_session(load("tiny-raise.gguf", NULL), NULL), "Hi.", NULL);
    model = load(RANDOM, OPTIONS("ctx_size", "256"));
    chat(new_session(model, NULL), "Hi.", OPTIONS("grammar", "root ::= ("));
    chat(new_session(model, NULL), "Hi.", OPTIONS("samplers", "no_such_sampler", "max_tokens", "2"));
    chat(new_session(model, NULL), "Hi.", NULL);
    chat(new_session(model, OPTIONS("overflow", "shift")), "Hi.", OPTIONS("max_tokens", "400"));
    chat(new_session(load("tiny-mamba.gguf", NULL), NULL), "Hi.", OPTIONS("max_tokens", "4"));
    chaku_device_count();
}
