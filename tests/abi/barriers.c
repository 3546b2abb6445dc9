/* What close promises, and what runs with no lock held: when chaku_request_close has returned, no callback of the request runs
 * or will run, and every `destroy` has. Takes a model whose answer is long. */
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

/* A callback and its destroy, both slow, and where they are. */
struct slow {
    pthread_mutex_t lock;
    int entered, left, destroyed;
    chaku_session *session; /* asked in destroy, unless NULL */
};

static void step(struct slow *slow, int *counter) {
    pthread_mutex_lock(&slow->lock);
    ++*counter;
    pthread_mutex_unlock(&slow->lock);
}

static int at(struct slow *slow, const int *counter) {
    int value;
    pthread_mutex_lock(&slow->lock);
    value = *counter;
    pthread_mutex_unlock(&slow->lock);
    return value;
}

static void await(struct slow *slow, const int *counter, int wanted) {
    while (at(slow, counter) < wanted) sleep_ms(1);
}

static void slow_init(struct slow *slow) {
    memset(slow, 0, sizeof *slow);
    pthread_mutex_init(&slow->lock, NULL);
}

static int32_t on_ready(void *user_data) {
    struct slow *slow = user_data;
    step(slow, &slow->entered);
    sleep_ms(50);
    step(slow, &slow->left);
    return 0;
}

static int32_t on_event(const chaku_event *event, void *user_data) {
    (void)event;
    return on_ready(user_data);
}

static int32_t on_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    (void)level, (void)target, (void)message, (void)length, (void)user_data;
    return 0;
}

static void on_destroy(void *user_data) {
    struct slow *slow = user_data;
    if (slow->session) chaku_session_context_used(slow->session);
    sleep_ms(50);
    step(slow, &slow->destroyed);
}

static chaku_request *ask(chaku_session *session) {
    chaku_request *request = NULL;
    WORKS(chaku_session_chat(session, "Count.", -1, NULL, &request, &error));
    return request;
}

static void a_running_ready_callback(chaku_session *session) {
    struct slow slow;
    chaku_request *request = ask(session);
    slow_init(&slow);
    WORKS(chaku_request_on_ready(request, on_ready, &slow, on_destroy, &error));
    await(&slow, &slow.entered, 1);
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(slow.entered == slow.left && slow.destroyed == 1);
    CHECK(chaku_request_free(request) == CHAKU_OK);
}

static void a_replaced_ready_callback(chaku_session *session) {
    struct slow first, second;
    chaku_request *request = ask(session);
    slow_init(&first), slow_init(&second);
    WORKS(chaku_request_on_ready(request, on_ready, &first, on_destroy, &error));
    await(&first, &first.entered, 1);
    WORKS(chaku_request_on_ready(request, on_ready, &second, on_destroy, &error));
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(first.entered == first.left && first.destroyed == 1);
    CHECK(second.entered == second.left && second.destroyed == 1);
    CHECK(chaku_request_free(request) == CHAKU_OK);
}

static void an_asynchronous_callback(chaku_session *session) {
    struct slow slow;
    chaku_request *request = ask(session);
    slow_init(&slow);
    WORKS(chaku_request_on_event(request, on_event, &slow, on_destroy, &error));
    await(&slow, &slow.entered, 2);
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(slow.entered == slow.left && slow.destroyed == 1);
    CHECK(chaku_request_free(request) == CHAKU_OK);
}

struct runner {
    chaku_request *request;
    struct slow slow;
};

static void *run(void *argument) {
    struct runner *runner = argument;
    chaku_request_run(runner->request, on_event, &runner->slow, NULL);
    return NULL;
}

static void a_blocking_callback_of_another_thread(chaku_session *session) {
    struct runner runner;
    pthread_t thread;
    int entered;
    runner.request = ask(session);
    slow_init(&runner.slow);
    CHECK(pthread_create(&thread, NULL, run, &runner) == 0);
    await(&runner.slow, &runner.slow.entered, 2);
    WORKS(chaku_request_close(runner.request, -1, &error));
    entered = at(&runner.slow, &runner.slow.entered);
    CHECK(entered == at(&runner.slow, &runner.slow.left));
    pthread_join(thread, NULL);
    CHECK(runner.slow.entered == entered);
    CHECK(chaku_request_free(runner.request) == CHAKU_OK);
}

/* Taken away, it is destroyed at a moment when nothing of the library is locked. */
static void the_destroy_of_a_log_callback_may_ask_the_session(const char *path) {
    struct slow slow;
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL;
    chaku_request *request;
    slow_init(&slow);
    WORKS(chaku_runtime_new(NULL, &runtime, &error));
    WORKS(chaku_model_load(runtime, path, NULL, &model, &error));
    WORKS(chaku_session_new(model, NULL, &slow.session, &error));
    WORKS(chaku_runtime_set_log(runtime, CHAKU_LOG_DEBUG, on_line, &slow, on_destroy, &error));
    request = ask(slow.session);
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    WORKS(chaku_runtime_set_log(runtime, CHAKU_LOG_DEBUG, NULL, NULL, NULL, &error));
    request = ask(slow.session);
    CHECK(chaku_request_free(request) == CHAKU_OK);
    await(&slow, &slow.destroyed, 1);
    WORKS(chaku_model_close(model, -1, &error));
    CHECK(chaku_model_free(model) == CHAKU_OK && chaku_session_free(slow.session) == CHAKU_OK);
    CHECK(chaku_runtime_free(runtime) == CHAKU_OK && slow.destroyed == 1);
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    if (argc != 2) return 2;
    WORKS(chaku_model_load(NULL, argv[1], NULL, &model, &error));
    WORKS(chaku_session_new(model, NULL, &session, &error));
    a_running_ready_callback(session);
    a_replaced_ready_callback(session);
    an_asynchronous_callback(session);
    a_blocking_callback_of_another_thread(session);
    the_destroy_of_a_log_callback_may_ask_the_session(argv[1]);
    CHECK(chaku_session_free(session) == CHAKU_OK && chaku_model_free(model) == CHAKU_OK);
    return check_summary("barriers");
}
