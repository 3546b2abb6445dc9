/* No threads left: a limit on the user's processes, which counts threads. Root has no such limit, so the case goes on as
 * somebody else. */
#include "faults.h"

#include <grp.h>

enum { NOBODY = 65534 };

static int destroyed;
static void count_destroy(void *user_data) { (void)user_data, __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST); }
static int32_t take_event(const chaku_event *event, void *user_data) {
    (void)event, (void)user_data;
    return 0;
}
static int32_t take_ready(void *user_data) {
    (void)user_data;
    return 0;
}

static void become_nobody(void) {
    if (geteuid() == 0) EXPECT(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

/* Each thread that a life starts is the one too many in its turn. */
static void fewer_than_a_life_needs(void) {
    static const struct choice two[] = {{CHAKU_OPT_THREADS, 2}, {CHAKU_OPT_CTX_SIZE, 512}, {CHAKU_OPT_MAX_TOKENS, 8}, {NULL, 0}};
    /* Nobody may look into every folder. */
    const char *model = copy_of("tiny-script.gguf");
    int threads, refused = 0;
    become_nobody();
    for (threads = 1; threads <= 8; threads++) {
        struct outcome outcome;
        limit(RLIMIT_NPROC, (rlim_t)threads);
        live(model, two, &outcome);
        unlimit(RLIMIT_NPROC);
        EXPECT(went_well(&outcome) || was_in_want(&outcome));
        if (!went_well(&outcome)) refused++;
        live_well(model);
    }
    say("limits of 1 to 8 threads: %d typed errors", refused);
    EXPECT(refused > 0);
}

static void none_for_callbacks_and_long_texts(void) {
    static char text[4096];
    struct outcome outcome;
    int64_t count = 0;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    memset(text, 'a', sizeof text - 1);
    become_nobody();
    EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
    EXPECT(chaku_session_chat(session, "Say something.", -1, NULL, &request, NULL) == CHAKU_OK);
    limit(RLIMIT_NPROC, 1);
    FAILS(chaku_request_on_event(request, take_event, NULL, count_destroy, &error), CHAKU_RESOURCE_EXHAUSTED, "no_thread");
    EXPECT(destroyed == 1);
    FAILS(chaku_request_on_ready(request, take_ready, NULL, count_destroy, &error), CHAKU_RESOURCE_EXHAUSTED, "no_thread");
    EXPECT(destroyed == 2);
    FAILS(chaku_model_tokenize(model, text, -1, 0, 0, NULL, 0, &count, &error), CHAKU_RESOURCE_EXHAUSTED, "no_thread");
    /* What has its threads goes on. */
    memset(&outcome, 0, sizeof outcome);
    read_to_end(request, &outcome);
    EXPECT(went_well(&outcome) && outcome.finals == 1);
    chat(model, &outcome);
    EXPECT(went_well(&outcome));
    unlimit(RLIMIT_NPROC);
    EXPECT(chaku_model_tokenize(model, text, -1, 0, 0, NULL, 0, &count, NULL) == CHAKU_OK && count > 0);
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_model_free(model);
}

/* The preparing thread tokenizes on a thread of its own: the request fails, the next one works. */
static void none_for_a_long_message(void) {
    static char text[4096];
    struct outcome outcome;
    chaku_model *model = load(model_file("tiny-script.gguf"), SMALL, &outcome);
    chaku_session *session = NULL;
    int round;
    memset(text, 'a', 300);
    become_nobody();
    EXPECT(chaku_session_new(model, NULL, &session, NULL) == CHAKU_OK);
    for (round = 0; round < 2; round++) {
        chaku_request *request = NULL;
        if (round == 0) limit(RLIMIT_NPROC, 1);
        EXPECT(chaku_session_chat(session, text, -1, NULL, &request, NULL) == CHAKU_OK);
        memset(&outcome, 0, sizeof outcome);
        read_to_end(request, &outcome);
        EXPECT(outcome.finals == 1 && (round == 0 ? was_in_want(&outcome) : went_well(&outcome)));
        if (round == 0) unlimit(RLIMIT_NPROC);
        chaku_request_free(request);
    }
    chaku_session_free(session);
    chaku_model_free(model);
}

int main(int argc, char **argv) {
    static const struct fault faults[] = {
        {"fewer threads than a life needs", fewer_than_a_life_needs, 0},
        {"no thread for callbacks and long texts", none_for_callbacks_and_long_texts, 0},
        {"no thread for a long message", none_for_a_long_message, 0},
    };
    return try_faults(argc, argv, faults, sizeof faults / sizeof *faults);
}
