/* Every function, with valid arguments, from inside each kind of callback: what is callback-safe does there what it
 * does elsewhere, everything else refuses. */
#include "misuse.h"

#include <stdlib.h>

/* The same calls, made outside and inside. */
static struct call *outside, *within;
static const char *place;
static int entered, left;

static void call_everything(void) {
    int f;
    if (__atomic_exchange_n(&entered, 1, __ATOMIC_SEQ_CST)) return;
    for (f = 0; f < function_count; f++) {
        const struct function *function = &functions[f];
        struct call *call = &within[f];
        run(call);
        if (!function->callback_safe) {
            check(REENTRANT, failed_with(call, CHAKU_FAILED_PRECONDITION, "reentrant", NULL), "%s in %s: %s",
                  function->name, place, outcome(call));
        } else if (find(function, OUT_ERROR) >= 0) {
            check(REENTRANT, succeeded(call), "%s in %s: %s", function->name, place, outcome(call));
        } else {
            check(REENTRANT, function->changing || same_value(call, &outside[f], 1), "%s in %s returned %s",
                  function->name, place, outcome(call));
        }
    }
    __atomic_store_n(&left, 1, __ATOMIC_SEQ_CST);
}

static int32_t in_event(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) call_everything();
    return 0;
}

static int32_t in_ready(void *user_data) {
    (void)user_data;
    call_everything();
    return 0;
}

static void in_destroy(void *user_data) {
    (void)user_data;
    call_everything();
}

/* ---- The places; each has a request to be called back for ---- */

static void running(chaku_request *request) { chaku_request_run(request, in_event, NULL, NULL); }

static void delivering(chaku_request *request) { chaku_request_on_event(request, in_event, NULL, NULL, NULL); }

static void getting_ready(chaku_request *request) { chaku_request_on_ready(request, in_ready, NULL, NULL, NULL); }

static void ending_a_delivery(chaku_request *request) {
    chaku_request_on_event(request, ignore_event, NULL, in_destroy, NULL);
}

static void ending_a_ready_callback(chaku_request *request) {
    chaku_request_on_ready(request, ignore_ready, NULL, in_destroy, NULL);
    chaku_request_on_ready(request, ignore_ready, NULL, NULL, NULL);
}

static void failing_to_register(chaku_request *request) {
    (void)request;
    chaku_request_on_event(stale[chaku_request_type][0], ignore_event, NULL, in_destroy, NULL);
}

static void ending_a_log(chaku_request *request) {
    (void)request;
    chaku_runtime_set_log(live[chaku_runtime_type], CHAKU_LOG_ERROR, ignore_line, NULL, in_destroy, NULL);
    chaku_runtime_set_log(live[chaku_runtime_type], CHAKU_LOG_ERROR, NULL, NULL, NULL, NULL);
}

void misuse_inside(void) {
    static const struct {
        const char *name;
        void (*enter)(chaku_request *request);
    } places[] = {{"an event callback of run", running},
                  {"an event callback", delivering},
                  {"a ready callback", getting_ready},
                  {"destroy after the last event", ending_a_delivery},
                  {"destroy of a ready callback", ending_a_ready_callback},
                  {"destroy of a refused callback", failing_to_register},
                  {"destroy of a log callback", ending_a_log}};
    int p, f, waited_ms;
    outside = calloc((size_t)function_count, sizeof *outside);
    within = calloc((size_t)function_count, sizeof *within);
    for (f = 0; f < function_count; f++) {
        if (!functions[f].callback_safe) continue;
        prepare(&outside[f], &functions[f]);
        run(&outside[f]);
    }
    for (p = 0; p < (int)(sizeof places / sizeof *places); p++) {
        chaku_request *request = make(chaku_request_type);
        place = places[p].name;
        for (f = 0; f < function_count; f++) prepare(&within[f], &functions[f]);
        entered = left = 0;
        places[p].enter(request);
        for (waited_ms = 0; !__atomic_load_n(&left, __ATOMIC_SEQ_CST) && waited_ms < 60000; waited_ms++) sleep_ms(1);
        check(REENTRANT, left, "never came into %s", place);
        chaku_request_free(request);
        for (f = 0; f < function_count; f++) finish(&within[f]);
    }
    for (f = 0; f < function_count; f++) {
        if (functions[f].callback_safe) finish(&outside[f]);
    }
    free(outside);
    free(within);
}
