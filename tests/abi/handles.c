/* The handle table under load, and everything freed in any order while it works: handles SHORT.gguf LONG.gguf. Bounded
 * by the number of operations, not by time. CHAKU_TEST_SEED chooses another order. */
#define _POSIX_C_SOURCE 200809L
#include <chaku.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNTIME, MODEL, SESSION, REQUEST, EVENT, OPTIONS, BUFFER, ERROR_, TYPES };

static const char *short_path, *long_path;
static int passed, failed;

/* Counts from any thread; prints the first failures. */
static void check_at(int line, int holds, const char *what, long long detail) {
    if (holds) {
        __atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
    } else if (__atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED) <= 20) {
        printf("FAILED  %s:%d: %s (%lld)\n", __FILE__, line, what, detail);
        fflush(stdout);
    }
}
#define CHECK(condition, detail) check_at(__LINE__, (condition) ? 1 : 0, #condition, (long long)(detail))

static void must(chaku_code code, const char *what) {
    if (code == CHAKU_OK) return;
    printf("FAILED  %s gave %s\n", what, chaku_code_name(code));
    exit(1);
}

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state >> 11;
}

static void sleep_ms(int ms) {
    struct timespec time;
    time.tv_sec = 0, time.tv_nsec = (long)ms * 1000000L;
    nanosleep(&time, NULL);
}

static chaku_code release(int type, void *handle) {
    switch (type) {
        case RUNTIME: return chaku_runtime_free(handle);
        case MODEL: return chaku_model_free(handle);
        case SESSION: return chaku_session_free(handle);
        case REQUEST: return chaku_request_free(handle);
        case EVENT: return chaku_event_free(handle);
        case OPTIONS: return chaku_options_free(handle);
        case BUFFER: return chaku_buffer_free(handle);
        default: return chaku_error_free(handle);
    }
}

static chaku_options *options_with(const char *key, int64_t value) {
    chaku_options *options = NULL;
    must(chaku_options_new(&options, NULL), "chaku_options_new");
    must(chaku_options_set_i64(options, key, value, NULL), key);
    return options;
}

static chaku_model *load(chaku_runtime *runtime, const char *path) {
    chaku_options *options = options_with(CHAKU_OPT_THREADS, 1);
    chaku_model *model = NULL;
    must(chaku_options_set_i64(options, CHAKU_OPT_MAX_SESSIONS, 256, NULL), "max_sessions");
    must(chaku_options_set_i64(options, CHAKU_OPT_CTX_SIZE, 1024, NULL), "ctx_size");
    must(chaku_model_load(runtime, path, options, &model, NULL), "chaku_model_load");
    chaku_options_free(options);
    return model;
}

/* ---- Part 1: eight threads make, use, share and free handles of all types ---- */

enum { WORKERS = 8, OPERATIONS = 20000, PLACES = 16, OWN = 32 };

static chaku_model *base_model;
static chaku_event *base_event;
static int32_t vocabulary, first_token;
static void *places[TYPES][PLACES]; /* anybody may use, replace and free what lies here */
static int made[TYPES], freed[TYPES];
static pthread_barrier_t start;

static void free_counted(int type, void *handle) {
    chaku_code code = release(type, handle);
    CHECK(code == CHAKU_OK || code == CHAKU_INVALID_ARGUMENT, code);
    if (handle != NULL && code == CHAKU_OK) __atomic_add_fetch(&freed[type], 1, __ATOMIC_RELAXED);
}

static void *make(int type) {
    void *handle = NULL;
    chaku_code code = CHAKU_OK;
    switch (type) {
        case RUNTIME: code = chaku_runtime_new(NULL, (chaku_runtime **)&handle, NULL); break;
        case MODEL: code = chaku_model_retain(base_model, (chaku_model **)&handle, NULL); break;
        case SESSION: code = chaku_session_new(base_model, NULL, (chaku_session **)&handle, NULL); break;
        case EVENT: code = chaku_event_retain(base_event, (chaku_event **)&handle, NULL); break;
        case OPTIONS: code = chaku_options_new((chaku_options **)&handle, NULL); break;
        case BUFFER: code = chaku_model_metrics(base_model, (chaku_buffer **)&handle, NULL); break;
        case ERROR_: chaku_options_unset(NULL, "x", (chaku_error **)&handle); break;
        default: {
            chaku_session *session = make(SESSION);
            code = chaku_session_chat(session, "hello", -1, NULL, (chaku_request **)&handle, NULL);
            free_counted(SESSION, session);
        }
    }
    must(code, "making a handle");
    __atomic_add_fetch(&made[type], 1, __ATOMIC_RELAXED);
    return handle;
}

/* Says what is behind a handle that anybody may have freed: what must be there, or what stands for nothing. */
static void look_at(int type, void *handle) {
    int64_t answer;
    chaku_model *model = NULL;
    switch (type) {
        case MODEL:
            answer = chaku_model_vocab_size(handle);
            CHECK(answer == vocabulary || answer == 0, answer);
            break;
        case SESSION:
            answer = chaku_session_context_used(handle);
            CHECK(answer >= 0 && answer < 1024, answer);
            break;
        case REQUEST:
            answer = chaku_request_model(handle, &model, NULL);
            /* It loads no model; freed meanwhile, it is cancelled too. */
            CHECK(model == NULL && (answer == CHAKU_FAILED_PRECONDITION || answer == CHAKU_INVALID_ARGUMENT ||
                                    answer == CHAKU_CANCELLED),
                  answer);
            break;
        case EVENT:
            answer = chaku_event_token(handle);
            CHECK(answer == first_token || answer == -1, answer);
            break;
        case OPTIONS:
            answer = chaku_options_set_i64(handle, CHAKU_OPT_SEED, 1, NULL);
            CHECK(answer == CHAKU_OK || answer == CHAKU_INVALID_ARGUMENT, answer);
            break;
        case BUFFER:
            /* Not read: it may be freed at any moment. */
            answer = -1;
            CHECK((chaku_buffer_data(handle, &answer) != NULL) == (answer > 0), answer);
            break;
        case ERROR_:
            answer = chaku_error_code(handle);
            CHECK(answer == CHAKU_INVALID_ARGUMENT || (handle == NULL && answer == CHAKU_OK), answer);
            break;
        default:
            answer = chaku_runtime_set_log(handle, CHAKU_LOG_ERROR, NULL, NULL, NULL, NULL);
            CHECK(answer == CHAKU_OK || answer == CHAKU_INVALID_ARGUMENT, answer);
    }
}

/* A handle of another type is none, whatever lives or lived behind it. */
static void look_as_another_type(int type, void *handle) {
    if (type != MODEL) CHECK(chaku_model_vocab_size(handle) == 0, type);
    if (type != EVENT)
        CHECK(
            chaku_event_token(handle) == -1 && chaku_event_free(handle) == (handle ? CHAKU_INVALID_ARGUMENT : CHAKU_OK),
            type);
    if (type != SESSION) CHECK(chaku_session_free(handle) == (handle ? CHAKU_INVALID_ARGUMENT : CHAKU_OK), type);
    if (type != BUFFER) CHECK(chaku_buffer_data(handle, NULL) == NULL, type);
    if (type != ERROR_) CHECK(chaku_error_free(handle) == (handle ? CHAKU_INVALID_ARGUMENT : CHAKU_OK), type);
}

/* An error that carries a number, to be known again. */
static chaku_error *numbered(chaku_options *options, unsigned number) {
    char key[32];
    chaku_error *error = NULL;
    snprintf(key, sizeof key, "key-%u", number);
    CHECK(chaku_options_unset(options, key, &error) == CHAKU_INVALID_ARGUMENT, number);
    return error;
}

static int has_number(const chaku_error *error, unsigned number) {
    char key[32];
    snprintf(key, sizeof key, "key-%u", number);
    return strstr(chaku_error_message(error), key) != NULL;
}

static void *work(void *argument) {
    uint64_t state = *(uint64_t *)argument;
    chaku_options *options = NULL;
    chaku_error *own[OWN] = {NULL}, *gone[OWN] = {NULL};
    unsigned numbers[OWN] = {0}, number = 0;
    int i;
    must(chaku_options_new(&options, NULL), "chaku_options_new");
    pthread_barrier_wait(&start);
    for (i = 0; i < OPERATIONS; i++) {
        int type = (int)(next_random(&state) % TYPES), action = (int)(next_random(&state) % 8);
        void **place = &places[type][next_random(&state) % PLACES];
        unsigned mine = (unsigned)(next_random(&state) % OWN);
        if (type == REQUEST && action < 2 && next_random(&state) % 16 != 0) action = 2; /* these take long to make */
        if (action == 0) {
            free_counted(type, __atomic_exchange_n(place, make(type), __ATOMIC_SEQ_CST));
        } else if (action == 1) {
            free_counted(type, __atomic_exchange_n(place, NULL, __ATOMIC_SEQ_CST));
        } else if (action == 2) {
            look_as_another_type(type, __atomic_load_n(place, __ATOMIC_SEQ_CST));
        } else if (action == 3) {
            /* Nobody else frees this thread's own: they are what they were, and never come back once they are gone. */
            CHECK(own[mine] == NULL || has_number(own[mine], numbers[mine]), numbers[mine]);
            CHECK(gone[mine] == NULL ||
                      (chaku_error_message(gone[mine])[0] == '\0' && chaku_error_free(gone[mine]) != CHAKU_OK),
                  mine);
        } else if (action == 4) {
            CHECK(chaku_error_free(own[mine]) == CHAKU_OK, mine);
            gone[mine] = own[mine];
            numbers[mine] = number++ * WORKERS + (unsigned)(*(uint64_t *)argument % WORKERS);
            own[mine] = numbered(options, numbers[mine]);
        } else {
            look_at(type, __atomic_load_n(place, __ATOMIC_SEQ_CST));
        }
    }
    for (i = 0; i < OWN; i++) CHECK(chaku_error_free(own[i]) == CHAKU_OK, i);
    chaku_options_free(options);
    return NULL;
}

static void under_load(uint64_t seed) {
    pthread_t threads[WORKERS];
    uint64_t seeds[WORKERS];
    int type, i;
    chaku_request *request;
    base_model = load(NULL, short_path);
    vocabulary = (int32_t)chaku_model_vocab_size(base_model);
    request = make(REQUEST);
    while (base_event == NULL) {
        must(chaku_request_next(request, -1, &base_event, NULL), "chaku_request_next");
        if (chaku_event_kind(base_event) != CHAKU_EVENT_TEXT) chaku_event_free(base_event), base_event = NULL;
    }
    first_token = chaku_event_token(base_event);
    free_counted(REQUEST, request);
    pthread_barrier_init(&start, NULL, WORKERS);
    for (i = 0; i < WORKERS; i++) {
        seeds[i] = (seed * 1000003 + 1) * WORKERS + (uint64_t)i;
        if (pthread_create(&threads[i], NULL, work, &seeds[i]) != 0) exit(1);
    }
    for (i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    for (type = 0; type < TYPES; type++) {
        for (i = 0; i < PLACES; i++) free_counted(type, places[type][i]);
        CHECK(made[type] == freed[type], type);
    }
    chaku_event_free(base_event);
    chaku_model_free(base_model);
    printf(
        "%d threads, %d operations each, on %d runtimes, %d models, %d sessions, %d requests, %d events, %d options, "
        "%d buffers, %d errors\n",
        WORKERS, OPERATIONS, made[RUNTIME], made[MODEL], made[SESSION], made[REQUEST], made[EVENT], made[OPTIONS],
        made[BUFFER], made[ERROR_]);
}

/* ---- Part 2: everything is freed, in any order, by any thread, while requests run ---- */

enum { ROUNDS = 100, FREERS = 4, MOST = 64, SESSIONS = 6 };

struct item {
    int type;
    void *handle;
};

static struct item items[MOST];
static int item_count, next_item, destroyed, registered;

static void keep(int type, void *handle) {
    items[item_count].type = type;
    items[item_count++].handle = handle;
}

static void count_destroy(void *user_data) {
    (void)user_data;
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static int32_t on_event(const chaku_event *event, void *user_data) {
    (void)user_data;
    CHECK(chaku_event_kind(event) != 0, 0);
    return 0;
}

static int32_t on_ready(void *user_data) {
    (void)user_data;
    return 0;
}

static int32_t on_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    (void)target, (void)message, (void)length, (void)user_data;
    CHECK(level >= CHAKU_LOG_ERROR && level <= CHAKU_LOG_TRACE, level);
    return 0;
}

/* Reads until the request is freed under it, which cancels it. */
static void *read_to_the_end(void *request) {
    chaku_code code = chaku_request_run(request, NULL, NULL, NULL);
    CHECK(code == CHAKU_CANCELLED || code == CHAKU_INVALID_ARGUMENT, code);
    return NULL;
}

static void *free_items(void *nothing) {
    (void)nothing;
    pthread_barrier_wait(&start);
    for (;;) {
        int i = __atomic_fetch_add(&next_item, 1, __ATOMIC_SEQ_CST);
        if (i >= item_count) return NULL;
        CHECK(release(items[i].type, items[i].handle) == CHAKU_OK, items[i].type);
    }
}

static void shuffle(uint64_t *state) {
    int i;
    for (i = item_count - 1; i > 0; i--) {
        int other = (int)(next_random(state) % (unsigned)(i + 1));
        struct item kept = items[i];
        items[i] = items[other], items[other] = kept;
    }
}

/* A runtime, a model, and a session for every way to read a request. */
static chaku_request *make_everything(uint64_t *state) {
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL, *again = NULL;
    chaku_options *options = options_with(CHAKU_OPT_EVENT_QUEUE, 8);
    chaku_request *to_run = NULL, *loading = NULL;
    int i;
    item_count = next_item = 0;
    /* Endless: only a cancel ends these. */
    must(chaku_options_set_str(options, CHAKU_OPT_OVERFLOW, "shift", -1, NULL), "overflow");
    must(chaku_runtime_new(NULL, &runtime, NULL), "chaku_runtime_new");
    must(chaku_runtime_set_log(runtime, CHAKU_LOG_TRACE, on_line, NULL, count_destroy, NULL), "chaku_runtime_set_log");
    registered++;
    model = load(runtime, long_path);
    must(chaku_model_retain(model, &again, NULL), "chaku_model_retain");
    must(chaku_model_load_async(runtime, short_path, NULL, &loading, NULL), "chaku_model_load_async");
    keep(RUNTIME, runtime), keep(MODEL, model), keep(MODEL, again), keep(REQUEST, loading), keep(OPTIONS, options);
    for (i = 0; i < SESSIONS; i++) {
        chaku_session *session = NULL;
        chaku_request *request = NULL;
        chaku_event *event = NULL;
        chaku_error *error = NULL;
        must(chaku_session_new(model, options, &session, NULL), "chaku_session_new");
        must(chaku_session_chat(session, "go", -1, NULL, &request, NULL), "chaku_session_chat");
        CHECK(chaku_session_reset(session, &error) == CHAKU_FAILED_PRECONDITION, i);
        keep(SESSION, session), keep(REQUEST, request), keep(ERROR_, error);
        if (i < 2) {
            must(chaku_request_on_ready(request, on_ready, NULL, count_destroy, NULL), "chaku_request_on_ready");
            registered++;
        }
        /* Those that are read no further come first: their queues fill, and the engine turns to the others. */
        if (i < 3) {
            must(chaku_request_next(request, -1, &event, NULL), "chaku_request_next");
            keep(EVENT, event);
        }
        if (i == 3) to_run = request;
        if (i > 3) {
            must(chaku_request_on_event(request, on_event, NULL, count_destroy, NULL), "chaku_request_on_event");
            registered++;
        }
    }
    shuffle(state);
    return to_run;
}

static void in_any_order(uint64_t seed) {
    uint64_t state = seed * 7919 + 17;
    int round, i, waited_ms;
    for (round = 0; round < ROUNDS; round++) {
        pthread_t freers[FREERS], reader;
        chaku_request *to_run = make_everything(&state);
        if (pthread_create(&reader, NULL, read_to_the_end, to_run) != 0) exit(1);
        sleep_ms((int)(next_random(&state) % 4));
        pthread_barrier_init(&start, NULL, FREERS);
        for (i = 0; i < FREERS; i++) {
            if (pthread_create(&freers[i], NULL, free_items, NULL) != 0) exit(1);
        }
        for (i = 0; i < FREERS; i++) pthread_join(freers[i], NULL);
        pthread_join(reader, NULL);
        pthread_barrier_destroy(&start);
        for (i = 0; i < item_count; i++)
            CHECK(release(items[i].type, items[i].handle) == CHAKU_INVALID_ARGUMENT, items[i].type);
    }
    for (waited_ms = 0; __atomic_load_n(&destroyed, __ATOMIC_SEQ_CST) < registered && waited_ms < 60000; waited_ms++)
        sleep_ms(1);
    CHECK(destroyed == registered, destroyed);
    printf("%d rounds, in each %d objects freed in any order by %d threads; destroy ran for all %d callbacks\n", ROUNDS,
           item_count, FREERS, registered);
}

/* ---- And nothing is left running ---- */

static int threads_now(void) {
    DIR *folder = opendir("/proc/self/task");
    int count = -2;               /* without . and .. */
    if (folder == NULL) return 1; /* not this system's way to tell */
    while (readdir(folder) != NULL) count++;
    closedir(folder);
    return count;
}

int main(int argc, char **argv) {
    const char *seed_text = getenv("CHAKU_TEST_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    int waited_ms, threads_before = threads_now();
    if (argc != 3) {
        fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    short_path = argv[1], long_path = argv[2];
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    under_load(seed);
    in_any_order(seed);
    for (waited_ms = 0; threads_now() > threads_before && waited_ms < 60000; waited_ms++) sleep_ms(1);
    CHECK(threads_now() == threads_before, threads_now());
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
