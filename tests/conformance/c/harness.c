#include "harness.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

chaku_error *the_error;

/* Where the case is: what the watchdog names. */
static const char *volatile current_file = "?";
static volatile int current_line;

void here(const char *file, int line) {
    const char *slash = strrchr(file, '/');
    current_file = slash ? slash + 1 : file;
    current_line = line;
}

const char *where_file(void) { return current_file; }
int where_line(void) { return current_line; }

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(case_report, "%s:%d: ", current_file, current_line);
    vfprintf(case_report, format, arguments);
    fputc('\n', case_report);
    va_end(arguments);
    fflush(case_report);
    _exit(1); /* no destructor: it might hang on what just went wrong */
}

void check(const char *what, int holds) {
    if (!holds) fail("does not hold: %s", what);
}

void check_int(const char *what, int64_t actual, int64_t expected) {
    if (actual != expected) fail("%s is %lld, not %lld", what, (long long)actual, (long long)expected);
}

void check_str(const char *what, const char *actual, const char *expected) {
    if (!actual) fail("%s is NULL, not \"%s\"", what, expected);
    if (strcmp(actual, expected) != 0) fail("%s is \"%.2000s\", not \"%.2000s\"", what, actual, expected);
}

void clear_error(void) {
    chaku_error_free(the_error);
    the_error = NULL;
}

const char *detail(const char *key) {
    const char *value = chaku_error_detail(the_error, key);
    return value ? value : "";
}

void check_ok(const char *what, chaku_code code) {
    if (code != CHAKU_OK) {
        fail("%s gives %s `%s`: %s", what, chaku_code_name(code), chaku_error_reason(the_error),
             chaku_error_message(the_error));
    }
    if (the_error) fail("%s succeeds and leaves an error object", what);
}

void check_fails(const char *what, chaku_code code, chaku_code expected, const char *reason) {
    const char *actual = chaku_error_reason(the_error);
    if (code != expected || strcmp(actual, reason) != 0) {
        fail("%s gives %s `%s` (%s), not %s `%s`", what, chaku_code_name(code), actual, chaku_error_message(the_error),
             chaku_code_name(expected), reason);
    }
    if (chaku_error_code(the_error) != code) fail("%s returns another code than its error object has", what);
    if (!*chaku_error_message(the_error)) fail("%s gives an error without a message", what);
}

void sleep_ms(int ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000L};
    nanosleep(&time, NULL);
}

/* ---- Objects ---- */

typedef enum { OPTIONS_OBJECT, RUNTIME, MODEL, SESSION, REQUEST, BUFFER, MEMORY } owned_kind;

static struct {
    owned_kind kind;
    void *object;
} owned[4096];
static int owned_count;

void *own(int kind, void *object) {
    if (owned_count == (int)(sizeof owned / sizeof *owned)) fail("the case makes too many objects");
    owned[owned_count].kind = (owned_kind)kind;
    owned[owned_count++].object = object;
    return object;
}

chaku_runtime *own_runtime(chaku_runtime *runtime) { return own(RUNTIME, runtime); }
chaku_model *own_model(chaku_model *model) { return own(MODEL, model); }
chaku_session *own_session(chaku_session *session) { return own(SESSION, session); }
chaku_request *own_request(chaku_request *request) { return own(REQUEST, request); }
chaku_buffer *own_buffer(chaku_buffer *buffer) { return own(BUFFER, buffer); }

void *own_memory(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) fail("no memory");
    return own(MEMORY, memory);
}

/* A handle the case has freed already is stale, which a free must survive. */
void free_everything(void) {
    clear_error();
    while (owned_count > 0) {
        void *object = owned[--owned_count].object;
        switch (owned[owned_count].kind) {
            case OPTIONS_OBJECT: chaku_options_free(object); break;
            case RUNTIME: chaku_runtime_free(object); break;
            case MODEL: chaku_model_free(object); break;
            case SESSION: chaku_session_free(object); break;
            case REQUEST: chaku_request_free(object); break;
            case BUFFER: chaku_buffer_free(object); break;
            case MEMORY: free(object); break;
        }
    }
}

static void set_option(chaku_options *options, const char *key, const char *value) {
    switch (chaku_option_kind(key)) {
        case CHAKU_OPTION_KIND_I64: CHECK_OK(chaku_options_set_i64(options, key, strtoll(value, NULL, 10), ERROR)); break;
        case CHAKU_OPTION_KIND_F64: CHECK_OK(chaku_options_set_f64(options, key, strtod(value, NULL), ERROR)); break;
        case CHAKU_OPTION_KIND_BOOL:
            CHECK_OK(chaku_options_set_bool(options, key, (int32_t)strtol(value, NULL, 10), ERROR));
            break;
        case CHAKU_OPTION_KIND_STR: CHECK_OK(chaku_options_set_str(options, key, value, -1, ERROR)); break;
        case CHAKU_OPTION_KIND_STR_LIST: CHECK_OK(chaku_options_add_str(options, key, value, -1, ERROR)); break;
        default: fail("there is no option %s", key);
    }
}

chaku_options *options_of(const char *key, ...) {
    chaku_options *options = NULL;
    va_list arguments;
    CHECK_OK(chaku_options_new(&options, ERROR));
    own(OPTIONS_OBJECT, options);
    va_start(arguments, key);
    for (; key; key = va_arg(arguments, const char *)) set_option(options, key, va_arg(arguments, const char *));
    va_end(arguments);
    return options;
}

const char *model_path(const char *file) {
    static char path[4096];
    const char *folder = getenv("CHAKU_TEST_MODELS");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "target/models", file);
    return path;
}

chaku_model *load(const char *file, chaku_options *options) {
    chaku_model *model = NULL;
    if (!options) options = OPTIONS("threads", "1");
    if (!chaku_options_is_set(options, "threads")) set_option(options, "threads", "1");
    CHECK_OK(chaku_model_load(NULL, model_path(file), options, &model, ERROR));
    return own_model(model);
}

chaku_session *new_session(chaku_model *model, const chaku_options *options) {
    chaku_session *session = NULL;
    CHECK_OK(chaku_session_new(model, options, &session, ERROR));
    return own_session(session);
}

chaku_request *start_load(const char *file, const chaku_options *options) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_model_load_async(NULL, model_path(file), options, &request, ERROR));
    return own_request(request);
}

chaku_request *start_chat(chaku_session *session, const char *text, const chaku_options *options) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_session_chat(session, text, -1, options, &request, ERROR));
    return own_request(request);
}

chaku_request *start_generate(chaku_session *session, const char *text, const chaku_options *options) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_session_generate(session, text, -1, options, &request, ERROR));
    return own_request(request);
}

/* ---- Helpers ---- */

int64_t count_tokens(chaku_model *model, const char *text, int parse_special) {
    int64_t count = -1;
    CHECK_OK(chaku_model_tokenize(model, text, -1, 0, parse_special, NULL, 0, &count, ERROR));
    return count;
}

char *repeat(const char *unit, int times) {
    size_t length = strlen(unit);
    char *text = own_memory(length * (size_t)times + 1);
    for (int i = 0; i < times; i++) memcpy(text + (size_t)i * length, unit, length);
    return text;
}

void init_counter(counter *c) {
    pthread_mutex_init(&c->lock, NULL);
    c->count = 0;
}

void count_up(void *c) {
    counter *up = c;
    pthread_mutex_lock(&up->lock);
    up->count++;
    pthread_mutex_unlock(&up->lock);
}

int count(counter *c) {
    int now;
    pthread_mutex_lock(&c->lock);
    now = c->count;
    pthread_mutex_unlock(&c->lock);
    return now;
}
