/* Programs that return from main in the middle of work: exit LONG.gguf REAL.gguf. Each is a process of its own, and
 * each leaves at another moment, half of them after freeing everything: what is wrong here shows now and then. */
#define _POSIX_C_SOURCE 200809L
#include <chaku.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ATTEMPTS = 20 };

static const char *long_path, *real_path;
static chaku_model *model;
static chaku_session *session;
static chaku_request *request;

static void must(chaku_code code, const char *what) {
    if (code == CHAKU_OK) return;
    fprintf(stderr, "%s gave %s\n", what, chaku_code_name(code));
    _exit(3);
}

static void sleep_us(long us) {
    struct timespec time;
    time.tv_sec = us / 1000000, time.tv_nsec = us % 1000000 * 1000;
    nanosleep(&time, NULL);
}

static void start(const char *path, const char *text, int64_t ubatch) {
    chaku_options *options = NULL;
    must(chaku_options_new(&options, NULL), "chaku_options_new");
    must(chaku_options_set_i64(options, CHAKU_OPT_THREADS, 1, NULL), "threads");
    must(chaku_options_set_i64(options, CHAKU_OPT_UBATCH_SIZE, ubatch, NULL), "ubatch_size");
    must(chaku_options_set_i64(options, CHAKU_OPT_EVENT_QUEUE, 100000, NULL), "event_queue");
    must(chaku_model_load(NULL, path, options, &model, NULL), "chaku_model_load");
    must(chaku_session_new(model, NULL, &session, NULL), "chaku_session_new");
    must(chaku_session_chat(session, text, -1, NULL, &request, NULL), "chaku_session_chat");
    chaku_options_free(options);
}

static void read_events(int count) {
    while (count-- > 0) {
        chaku_event *event = NULL;
        must(chaku_request_next(request, -1, &event, NULL), "chaku_request_next");
        chaku_event_free(event);
    }
}

static const char *long_text(void) {
    static char text[8000];
    while (strlen(text) + 32 < sizeof text) strcat(text, "The llama looks back. ");
    return text;
}

/* What callbacks and threads of the program have come to. */
static int arrived;
static void arrive(void) { __atomic_store_n(&arrived, 1, __ATOMIC_SEQ_CST); }
static void wait_for_arrival(void) {
    while (!__atomic_load_n(&arrived, __ATOMIC_SEQ_CST)) sleep_us(100);
}

static int32_t take_event(const chaku_event *event, void *user_data) {
    (void)user_data;
    arrive();
    return chaku_event_kind(event) == 0;
}

static int32_t never_return(const chaku_event *event, void *user_data) {
    (void)event, (void)user_data;
    arrive();
    while (arrived) sleep_us(1000000);
    return 0;
}

static int32_t take_ready(void *user_data) {
    (void)user_data;
    arrive();
    return 0;
}

static void *run_request(void *nothing) {
    arrive();
    chaku_request_run(request, take_event, NULL, NULL);
    return nothing;
}

static void *close_model(void *nothing) {
    arrive();
    chaku_model_close(model, -1, NULL);
    return nothing;
}

static void on_a_thread(void *(*run)(void *)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0) _exit(3);
    wait_for_arrival();
}

/* ---- The moments ---- */

static void loading(void) {
    must(chaku_model_load_async(NULL, real_path, NULL, &request, NULL), "chaku_model_load_async");
}

static void preparing(void) { start(long_path, long_text(), 512); }

static void in_prefill(void) {
    start(real_path, long_text(), 64);
    read_events(1);
}

static void in_decode(void) {
    start(long_path, "Count.", 512);
    read_events(3);
}

static void in_callbacks(void) {
    start(long_path, "Count.", 512);
    must(chaku_request_on_event(request, take_event, NULL, NULL, NULL), "chaku_request_on_event");
    wait_for_arrival();
}

static void with_a_stuck_callback(void) {
    start(long_path, "Count.", 512);
    must(chaku_request_on_event(request, never_return, NULL, NULL, NULL), "chaku_request_on_event");
    wait_for_arrival();
}

static void in_ready_callbacks(void) {
    start(long_path, "Count.", 512);
    must(chaku_request_on_ready(request, take_ready, NULL, NULL, NULL), "chaku_request_on_ready");
    read_events(3);
}

static void while_another_thread_reads(void) {
    start(long_path, "Count.", 512);
    on_a_thread(run_request);
}

static void while_another_thread_closes(void) {
    start(long_path, "Count.", 512);
    on_a_thread(close_model);
}

static void with_two_models_at_work(void) {
    start(long_path, "Count.", 512);
    read_events(1);
    start(long_path, long_text(), 8);
}

static const struct {
    const char *name;
    void (*come_to)(void);
    long step_us; /* from one attempt to the next */
} moments[] = {{"loading", loading, 5000},
               {"preparing", preparing, 100},
               {"in prefill", in_prefill, 5000},
               {"in decode", in_decode, 300},
               {"in event callbacks", in_callbacks, 300},
               {"with a stuck callback", with_a_stuck_callback, 100},
               {"in ready callbacks", in_ready_callbacks, 300},
               {"while another thread reads", while_another_thread_reads, 300},
               {"while another thread closes", while_another_thread_closes, 100},
               {"with two models at work", with_two_models_at_work, 300}};
enum { MOMENTS = sizeof moments / sizeof *moments };

int main(int argc, char **argv) {
    int m, attempt, passed = 0, failed = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s LONG.gguf REAL.gguf\n", argv[0]);
        return 2;
    }
    long_path = argv[1], real_path = argv[2];
    for (m = 0; m < MOMENTS; m++) {
        for (attempt = 0; attempt < ATTEMPTS; attempt++) {
            int status = 0;
            pid_t child = fork();
            if (child == 0) {
                alarm(120);
                moments[m].come_to();
                sleep_us(attempt / 2 * moments[m].step_us);
                if (attempt % 2) {
                    chaku_model_free(model);
                    chaku_request_free(request);
                    chaku_session_free(session);
                }
                return 0;
            }
            if (child < 0 || waitpid(child, &status, 0) != child) return 2;
            if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                passed++;
            } else {
                failed++;
                printf("FAILED  left %s, attempt %d: %s %d\n", moments[m].name, attempt,
                       WIFSIGNALED(status) ? "killed by signal" : "exit status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
                fflush(stdout);
            }
        }
    }
    printf("returned from main in the middle of work: %d times, %d moments, %d ended well\n", passed + failed, MOMENTS,
           passed);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
