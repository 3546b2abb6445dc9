/* Hosts that do odd things: callbacks that never return, thousands of objects, objects that are never freed. */
#include "faults.h"

enum { SESSIONS = 10000, CHATS_EVERY = 200, LEAKED = 100000 };

static int destroyed;
static void count_destroy(void *user_data) { (void)user_data, __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST); }

static void stuck_callback(void) {
    static const struct choice wide[] = {{CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 8192}, {CHAKU_OPT_MAX_TOKENS, 50}, {NULL, 0}};
    static const struct choice forever[] = {{CHAKU_OPT_MAX_TOKENS, 0}, {CHAKU_OPT_EVENT_QUEUE, 4}, {NULL, 0}};
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-long.gguf"), wide, &outcome);
    chaku_request *stuck = endless(model, forever);
    EXPECT(chaku_request_on_event(stuck, never_return, NULL, count_destroy, NULL) == CHAKU_OK);
    while (!is_stuck()) sleep_ms(1);
    /* It holds up its own request only. */
    chat(model, &outcome);
    EXPECT(went_well(&outcome) && outcome.tokens == 50);
    EXPECT(!chaku_request_is_finished(stuck));
    /* Cancelled it ends, but its callback does not. */
    EXPECT(chaku_request_cancel(stuck) == CHAKU_OK);
    FAILS(chaku_request_close(stuck, 100, &error), CHAKU_DEADLINE_EXCEEDED, "close_timeout");
    while (!chaku_request_is_finished(stuck)) sleep_ms(1);
    chat(model, &outcome);
    EXPECT(went_well(&outcome));
    EXPECT(chaku_model_close(model, -1, NULL) == CHAKU_OK);
    EXPECT(chaku_request_free(stuck) == CHAKU_OK);
    chaku_model_free(model);
    live_well(model_file("tiny-script.gguf"));
    EXPECT(destroyed == 0);
}

static void many_sessions(void) {
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    int i;
    for (i = 0; i < SESSIONS; i++) {
        chaku_session *session = NULL;
        EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
        EXPECT(chaku_session_free(session) == CHAKU_OK);
        if (i % CHATS_EVERY == 0) {
            chat(model, &outcome);
            EXPECT(went_well(&outcome));
        }
    }
    EXPECT(chaku_model_close(model, -1, NULL) == CHAKU_OK);
    chaku_model_free(model);
}

/* As many as may exist, and thousands of refusals; nothing is freed. */
static void leaked_sessions(void) {
    struct outcome outcome;
    chaku_model *model;
    int i, made = 0;
    struct choice most[] = {{CHAKU_OPT_THREADS, 1}, {CHAKU_OPT_CTX_SIZE, 4096}, {CHAKU_OPT_MAX_TOKENS, 4}, {CHAKU_OPT_MAX_SESSIONS, 256}, {NULL, 0}};
    model = load(model_file("tiny-script.gguf"), most, &outcome);
    for (i = 0; i < SESSIONS; i++) {
        chaku_session *session = NULL;
        chaku_request *request = NULL;
        chaku_error *error = NULL;
        if (chaku_session_new(model, NULL, &session, &error) == CHAKU_OK) {
            if (made++ % 16 == 0) EXPECT(chaku_session_chat(session, "Hello.", -1, NULL, &request, NULL) == CHAKU_OK);
        } else {
            /* The errors are leaked as well. */
            EXPECT(strcmp(chaku_error_reason(error), "session_limit") == 0);
        }
    }
    EXPECT(made == 256);
    EXPECT(chaku_model_close(model, -1, NULL) == CHAKU_OK);
}

static void leaked_handles(void) {
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    int i;
    for (i = 0; i < LEAKED; i++) {
        chaku_options *options = NULL;
        chaku_model *again = NULL;
        chaku_error *error = NULL;
        chaku_code code = i % 2 ? chaku_options_new(&options, &error) : chaku_model_retain(model, &again, &error);
        EXPECT(code == CHAKU_OK || code == CHAKU_RESOURCE_EXHAUSTED);
    }
    chat(model, &outcome);
    EXPECT(went_well(&outcome));
    /* Left open, with an answer under way. */
    endless(model, NO_CHOICE);
}

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"a callback that never returns", stuck_callback, 0},
        {"ten thousand sessions", many_sessions, 0},
        {"sessions that are never freed", leaked_sessions, 0},
        {"a hundred thousand handles that are never freed", leaked_handles, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
