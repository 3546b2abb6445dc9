/* Many sessions at once: what they share, and how they leave each other alone. */
#include "json.h"
#include "reply.h"

static void check_words(const reply *r, int times) {
    CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_STR(r->text, repeat(LONG_WORDS, times));
}

/* One computes the system prompt, the others find it, also those that arrive while it is being computed. */
CASE(shared_prompt) {
    enum { SESSIONS = 8 };
    chaku_model *model = load(SCRIPT, OPTIONS("ctx_size", "4096"));
    const char *system = repeat("You are one of those who answer. ", 20);
    int64_t shared = count_tokens(model, system, 0);
    chaku_request *requests[SESSIONS];
    int computed_it = 0;
    CHECK(shared > 100);
    for (int i = 0; i < SESSIONS; i++)
        requests[i] = start_chat(new_session(model, OPTIONS("system_prompt", system)), repeat("Go! ", i + 1), NULL);
    for (int i = 0; i < SESSIONS; i++) {
        reply *r = read_all(requests[i]);
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        CHECK_STR(r->text, SCRIPT_REPLY);
        CHECK(r->prompt_tokens > shared);
        computed_it += r->cached_tokens < shared;
    }
    CHECK_INT(computed_it, 1);
    CHECK(model_metric(model, "cached_tokens_total") >= (double)(shared * (SESSIONS - 1)));
    /* Nor is it computed for one that comes later. */
    CHECK(chat(new_session(model, OPTIONS("system_prompt", system)), "Later.", NULL)->cached_tokens >= shared);
}

CASE(stalled_reader_beside_lively_ones) {
    enum { LIVELY = 7 };
    chaku_model *model = load(LONG, OPTIONS("ctx_size", "4096"));
    chaku_request *stalled = start_chat(new_session(model, NULL), "Count.", OPTIONS("event_queue", "4", "max_tokens", "80"));
    chaku_request *lively[LIVELY];
    for (int i = 0; i < LIVELY; i++)
        lively[i] = start_chat(new_session(model, NULL), repeat("Count. ", i + 1), OPTIONS("max_tokens", "160"));
    for (int i = 0; i < LIVELY; i++) check_words(read_all(lively[i]), 20);
    CHECK(!chaku_request_is_finished(stalled));
    CHECK(timeline_of(stalled, "stalled") >= 1);
    WAIT_UNTIL(model_metric(model, "requests_paused") == 1);
    check_words(read_all(stalled), 10);
}

/* More than can be computed at once. */
CASE(many_streams_at_once) {
    enum { SESSIONS = 32 };
    chaku_model *model = load(SCRIPT, OPTIONS("ctx_size", "4096"));
    chaku_session *sessions[SESSIONS];
    chaku_request *requests[SESSIONS];
    int64_t alone = chat(new_session(model, NULL), "Go.", NULL)->prompt_tokens;
    for (int i = 0; i < SESSIONS; i++) sessions[i] = new_session(model, NULL);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < SESSIONS; i++) requests[i] = start_chat(sessions[i], "Go.", NULL);
        for (int i = SESSIONS - 1; i >= 0; i--) {
            reply *r = read_all(requests[i]);
            CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
            CHECK_STR(r->text, SCRIPT_REPLY);
            CHECK(turn > 0 || r->prompt_tokens == alone);
            CHECK_INT(chaku_session_message_count(sessions[i]), 2 * (turn + 1));
        }
    }
}

/* Answers that would need three times the memory there is: they give way to each other, and nothing of them is lost. */
CASE(kv_pool_overflow) {
    enum { SESSIONS = 8 };
    chaku_model *model = load(LONG, OPTIONS("ctx_size", "512", "kv_pool", "1024"));
    chaku_request *requests[SESSIONS];
    for (int i = 0; i < SESSIONS; i++)
        requests[i] = start_chat(new_session(model, NULL), repeat("Count! ", i + 1), OPTIONS("max_tokens", "400"));
    for (int i = 0; i < SESSIONS; i++) check_words(read_all(requests[i]), 50);
    CHECK_INT(chaku_model_context_size(model), 512);
    CHECK_INT(model_metric(model, "kv_capacity_tokens"), 1024);
    CHECK(model_metric(model, "kv_used_tokens") <= 1024);
    CHECK(model_metric(model, "evictions_total") > 0);
}
