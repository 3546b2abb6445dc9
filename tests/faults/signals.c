/* Signals of the host: storms of them, a stop in mid-answer, and whether the library touches what is the host's. */
#include "faults.h"

#include <pthread.h>

static const struct choice LONG_ANSWER[] = {
    {CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 8192}, {CHAKU_OPT_MAX_TOKENS, 400}, {CHAKU_OPT_TEMPERATURE, 0}, {NULL, 0}};

static volatile sig_atomic_t arrived;
static void count_signal(int number) { (void)number, arrived++; }

/* ---- What is the host's stays as it is ---- */

struct dispositions {
    struct sigaction actions[65];
    sigset_t mask;
};

static void look(struct dispositions *at) {
    int number;
    memset(at, 0, sizeof *at);
    for (number = 1; number < 65; number++) sigaction(number, NULL, &at->actions[number]);
    pthread_sigmask(SIG_BLOCK, NULL, &at->mask);
}

static int same(const struct dispositions *a, const struct dispositions *b) {
    int number;
    for (number = 1; number < 65; number++) {
        if (a->actions[number].sa_handler != b->actions[number].sa_handler) return 0;
        if (a->actions[number].sa_flags != b->actions[number].sa_flags) return 0;
        if (sigismember(&a->mask, number) != sigismember(&b->mask, number)) return 0;
    }
    return 1;
}

static void untouched(void) {
    struct dispositions before, between, after;
    struct outcome outcome;
    chaku_model *model;
    signal(SIGUSR1, count_signal);
    look(&before);
    model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    chat(model, &outcome);
    look(&between);
    chaku_model_close(model, -1, NULL);
    chaku_model_free(model);
    look(&after);
    EXPECT(went_well(&outcome) && same(&before, &between) && same(&before, &after));
}

/* ---- Storms ---- */

static volatile int storm_over;

static void *blow(void *process) {
    while (!storm_over) {
        kill(*(pid_t *)process, SIGUSR1);
        usleep(200);
    }
    return NULL;
}

static int32_t take_event(const chaku_event *event, void *user_data) {
    *(int *)user_data += chaku_event_kind(event) == CHAKU_EVENT_TEXT;
    return 0;
}

static void in_a_storm(int flags) {
    struct outcome quiet, loud;
    struct sigaction action;
    struct sigevent event;
    struct itimerspec every_ms = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    pthread_t blower;
    pid_t self = getpid();
    chaku_model *model = load(model_file("tiny-long.gguf"), LONG_ANSWER, &quiet);
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    int64_t began;
    int texts = 0;
    chat(model, &quiet);
    chaku_model_free(model);

    memset(&action, 0, sizeof action);
    action.sa_handler = count_signal;
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    EXPECT(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &every_ms, NULL) == 0);
    EXPECT(pthread_create(&blower, NULL, blow, &self) == 0);

    model = load(model_file("tiny-long.gguf"), LONG_ANSWER, &loud);
    EXPECT(model != NULL);
    chat(model, &loud);
    EXPECT(went_well(&quiet) && went_well(&loud) && loud.finals == 1 && strcmp(quiet.text, loud.text) == 0);
    /* Read by a callback on this thread. */
    EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
    EXPECT(chaku_session_chat(session, "Say something.", -1, NULL, &request, NULL) == CHAKU_OK);
    EXPECT(chaku_request_run(request, take_event, &texts, NULL) == CHAKU_OK && texts == quiet.tokens);
    chaku_request_free(request);
    chaku_session_free(session);
    /* A wait is not cut short. */
    request = endless(model, NO_CHOICE);
    EXPECT(chaku_request_on_event(request, never_return, NULL, NULL, NULL) == CHAKU_OK);
    began = now_ms();
    FAILS(chaku_request_close(request, 300, &error), CHAKU_DEADLINE_EXCEEDED, "close_timeout");
    EXPECT(now_ms() - began >= 300);
    storm_over = 1;
    pthread_join(blower, NULL);
    timer_delete(timer);
    EXPECT(arrived > 100);
}

static void interrupting_storm(void) { in_a_storm(0); }
static void restarting_storm(void) { in_a_storm(SA_RESTART); }

/* ---- Stopped and continued ---- */

static void answer_to(int begun, const struct choice *choices, int32_t finish) {
    struct outcome outcome;
    chaku_event *event = NULL;
    chaku_model *model = load(model_file("tiny-long.gguf"), LONG_ANSWER, &outcome);
    chaku_request *request = endless(model, choices);
    int finals = 0, texts = 0;
    int32_t reason = 0;
    while (!finals && chaku_request_next(request, -1, &event, NULL) == CHAKU_OK) {
        if (chaku_event_kind(event) == CHAKU_EVENT_TEXT && ++texts == 3) EXPECT(write(begun, "x", 1) == 1);
        if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) finals++, reason = chaku_event_finish_reason(event);
        chaku_event_free(event);
        /* So that the stop comes in the middle. */
        if (texts < 50) usleep(2000);
    }
    EXPECT(finals == 1 && reason == finish);
    chaku_request_free(request);
    chat(model, &outcome);
    EXPECT(went_well(&outcome));
    chaku_model_free(model);
}

static void stopped(const struct choice *choices, int32_t finish) {
    int begun[2], status = 0;
    char byte;
    pid_t child;
    EXPECT(pipe(begun) == 0);
    child = fork();
    if (child == 0) {
        answer_to(begun[1], choices, finish);
        exit(failed_so_far() > 0);
    }
    EXPECT(read(begun[0], &byte, 1) == 1);
    kill(child, SIGSTOP);
    sleep_ms(2000);
    kill(child, SIGCONT);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void stopped_in_mid_answer(void) {
    stopped(NO_CHOICE, CHAKU_FINISH_LENGTH);
}

static void stopped_past_its_deadline(void) {
    static const struct choice deadline[] = {{CHAKU_OPT_DEADLINE_MS, 1500}, {NULL, 0}};
    stopped(deadline, CHAKU_FINISH_DEADLINE);
}

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"handlers and masks are the host's", untouched, 0},
        {"a storm of signals that interrupt", interrupting_storm, 0},
        {"a storm of signals that restart", restarting_storm, 0},
        {"stopped and continued in mid-answer", stopped_in_mid_answer, 0},
        {"stopped past its deadline", stopped_past_its_deadline, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
