/* The wall clock jumps by a day, forwards and backwards, while deadlines and timeouts run. */
#include "faults.h"

#include <dlfcn.h>

enum { DAY_S = 24 * 60 * 60, DEADLINE_MS = 600 };

static void jump(int64_t seconds) {
    void (*lie)(int64_t);
    time_t before = time(NULL), after;
    *(void **)&lie = dlsym(RTLD_DEFAULT, "lie");
    EXPECT(lie != NULL);
    if (lie == NULL) return;
    lie(0);
    before = time(NULL);
    lie(seconds);
    after = time(NULL);
    EXPECT(after - before >= seconds - 2 && after - before <= seconds + 2);
}

/* A deadline passes neither early nor never; nor does a wait. */
static void with(int64_t seconds) {
    static const struct choice deadline[] = {{CHAKU_OPT_DEADLINE_MS, DEADLINE_MS}, {CHAKU_OPT_MAX_TOKENS, 0}, {NULL, 0}};
    static const struct choice wide[] = {{CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 65536}, {NULL, 0}};
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-long.gguf"), wide, &outcome);
    int64_t began = now_ms();
    chaku_request *request = endless(model, deadline);
    chaku_event *event = NULL;
    EXPECT(chaku_request_next(request, -1, &event, NULL) == CHAKU_OK);
    chaku_event_free(event);
    jump(seconds);
    /* The reader stalls: what waits to be read has a deadline too. */
    sleep_ms(50);
    memset(&outcome, 0, sizeof outcome);
    read_to_end(request, &outcome);
    EXPECT(outcome.code == CHAKU_DEADLINE_EXCEEDED && outcome.finals == 1);
    EXPECT(now_ms() - began >= DEADLINE_MS);
    chaku_request_free(request);

    request = endless(model, NO_CHOICE);
    EXPECT(chaku_request_on_event(request, never_return, NULL, NULL, NULL) == CHAKU_OK);
    jump(0);
    began = now_ms();
    FAILS(chaku_request_close(request, 200, &error), CHAKU_DEADLINE_EXCEEDED, "close_timeout");
    EXPECT(now_ms() - began >= 200);
    jump(seconds);
    live_well(model_file("tiny-script.gguf"));
    chaku_request_free(request);
    chaku_model_free(model);
}

static void forwards(void) { with(DAY_S); }
static void backwards(void) { with(-DAY_S); }

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"the clock jumps a day forwards", forwards, 0},
        {"the clock jumps a day backwards", backwards, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
