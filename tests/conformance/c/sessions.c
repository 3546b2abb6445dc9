/* Several sessions of one model, and the limits that keep everything bounded. */
#include "reply.h"

#include <pthread.h>

typedef struct {
    chaku_model *model;
    int number;
    chaku_code code;
    int64_t prompt_tokens;
    reply *first, *second;
} talk;

static chaku_code say(chaku_session *session, const char *text, reply *into) {
    chaku_request *request = NULL;
    chaku_code code = chaku_session_chat(session, text, -1, NULL, &request, NULL);
    if (code == CHAKU_OK) code = chaku_request_run(request, collect, into, NULL);
    chaku_request_free(request);
    return code;
}

static void *talk_twice(void *argument) {
    talk *t = argument;
    chaku_session *session = NULL;
    char text[64];
    snprintf(text, sizeof text, "%.*s?", 1 + t->number * 5,
             "I am one of those who ask, and you are the one to answer.");
    t->code = chaku_session_new(t->model, NULL, &session, NULL);
    if (t->code == CHAKU_OK) t->code = say(session, text, t->first);
    if (t->code == CHAKU_OK) t->code = say(session, text, t->second);
    chaku_session_free(session);
    return NULL;
}

CASE(several_sessions_at_once) {
    enum { THREADS = 8 };
    chaku_model *model = load(SCRIPT, NULL);
    pthread_t threads[THREADS];
    talk talks[THREADS];
    for (int i = 0; i < THREADS; i++) {
        talk t = {model, i, CHAKU_OK, 0, new_reply(), new_reply()};
        talks[i] = t;
    }
    for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_create(&threads[i], NULL, talk_twice, &talks[i]), 0);
    for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(talks[i].code, CHAKU_OK);
        check_stream(talks[i].first);
        check_stream(talks[i].second);
        CHECK_STR(talks[i].first->text, SCRIPT_REPLY);
        CHECK_STR(talks[i].second->text, SCRIPT_REPLY);
        /* Each has its own conversation: a question of another length, and its own first turn in the cache. */
        CHECK(i == 0 || talks[i].first->prompt_tokens != talks[i - 1].first->prompt_tokens);
        CHECK_INT(talks[i].second->cached_tokens, talks[i].first->context_used);
    }
}

/* More text in all sessions than the memory holds: the least recently used one gives way, and computes again. */
CASE(sessions_share_memory) {
    chaku_model *model = load(SCRIPT, OPTIONS("ctx_size", "256"));
    chaku_session *sessions[6];
    for (int i = 0; i < 6; i++) sessions[i] = new_session(model, NULL);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 6; i++) {
            reply *r = chat(sessions[i], "What do you say?", NULL);
            CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
            CHECK_STR(r->text, SCRIPT_REPLY);
            CHECK_INT(chaku_session_message_count(sessions[i]), 2 * (turn + 1));
        }
    }
}

CASE(session_busy) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *running = start_chat(session, "Count.", OPTIONS("event_queue", "1")), *second = NULL;
    reply *r = new_reply();
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, NULL, &second, ERROR), CHAKU_FAILED_PRECONDITION,
                "concurrent_use");
    CHECK_FAILS(chaku_session_generate(session, "Go.", -1, NULL, &second, ERROR), CHAKU_FAILED_PRECONDITION,
                "concurrent_use");
    CHECK_FAILS(chaku_session_ingest(session, "user", "Go.", -1, NULL, &second, ERROR), CHAKU_FAILED_PRECONDITION,
                "concurrent_use");
    CHECK_FAILS(chaku_session_continue(session, NULL, &second, ERROR), CHAKU_FAILED_PRECONDITION, "concurrent_use");
    CHECK_FAILS(chaku_session_reset(session, ERROR), CHAKU_FAILED_PRECONDITION, "concurrent_use");
    CHECK(second == NULL);
    read_tokens(running, r, 3);
    chaku_request_cancel(running);
    read_rest(running, r);
    CHECK_STR(chat(session, "Go.", OPTIONS("max_tokens", "8"))->text, LONG_WORDS);
}

CASE(session_limit) {
    chaku_model *model = load(SCRIPT, OPTIONS("max_sessions", "2"));
    chaku_session *first = new_session(model, NULL), *second = new_session(model, NULL), *third = NULL;
    CHECK_FAILS(chaku_session_new(model, NULL, &third, ERROR), CHAKU_RESOURCE_EXHAUSTED, "session_limit");
    CHECK_STR(detail("limit"), "2");
    CHECK_INT(chaku_session_free(first), CHAKU_OK);
    CHECK_STR(chat(second, "Go.", NULL)->text, SCRIPT_REPLY);
    CHECK_STR(chat(new_session(model, NULL), "Go.", NULL)->text, SCRIPT_REPLY);
    /* Places are given back for ever. */
    CHECK_INT(chaku_session_free(second), CHAKU_OK);
    for (int i = 0; i < 300; i++) {
        CHECK_OK(chaku_session_new(model, NULL, &third, ERROR));
        CHECK_INT(chaku_session_free(third), CHAKU_OK);
    }
    for (int i = 0; i < 30; i++) {
        chaku_request *request = NULL;
        CHECK_OK(chaku_session_new(model, NULL, &third, ERROR));
        CHECK_OK(chaku_session_chat(third, "Go.", -1, NULL, &request, ERROR));
        CHECK_OK(chaku_session_close(third, EVENT_MS, ERROR));
        CHECK_INT(chaku_session_free(third), CHAKU_OK);
        CHECK_INT(chaku_request_free(request), CHAKU_OK);
    }
}

CASE(queue_full) {
    busy other = make_busy(OPTIONS("ctx_size", "131072", "queue_limit", "2"));
    chaku_session *one = new_session(other.model, NULL), *two = new_session(other.model, NULL),
                  *three = new_session(other.model, NULL);
    chaku_request *first = start_chat(one, "Go.", OPTIONS("max_tokens", "1")), *refused = NULL;
    start_chat(two, "Go.", OPTIONS("max_tokens", "1"));
    CHECK_FAILS(chaku_session_chat(three, "Go.", -1, NULL, &refused, ERROR), CHAKU_RESOURCE_EXHAUSTED, "queue_full");
    CHECK_STR(detail("limit"), "2");
    CHECK_STR(detail("queued"), "2");
    CHECK(!chaku_request_is_finished(other.request));
    /* One that is cancelled makes room at once, and the refused session is as before. */
    chaku_request_cancel(first);
    start_chat(three, "Go.", OPTIONS("max_tokens", "1"));
    chaku_request_cancel(other.request);
    CHECK_END(read_all(first), CHAKU_FINISH_CANCELLED, CHAKU_CANCELLED, "cancelled");
}

CASE(first_come_first_served) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_request *requests[5];
    for (int i = 0; i < 5; i++)
        requests[i] = start_chat(new_session(other.model, NULL), "Go.", OPTIONS("max_tokens", "50"));
    chaku_request_cancel(other.request);
    for (int i = 4; i >= 0; i--) {
        CHECK_END(read_all(requests[i]), CHAKU_FINISH_LENGTH, CHAKU_OK, "");
        for (int j = 0; j < i; j++) CHECK(chaku_request_is_finished(requests[j]));
    }
}

CASE(slow_reader_pauses_only_itself) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *other = new_session(model, NULL);
    chaku_request *slow = start_chat(new_session(model, NULL), "Count.", OPTIONS("event_queue", "4"));
    reply *r = new_reply();
    for (int i = 0; i < 3; i++)
        CHECK_STR(chat(other, "Count.", OPTIONS("max_tokens", "40"))->text, repeat(LONG_WORDS, 5));
    CHECK(!chaku_request_is_finished(slow));
    /* It goes on where it was, and no token is lost. */
    read_tokens(slow, r, 80);
    CHECK(strncmp(r->text, repeat(LONG_WORDS, 10), strlen(LONG_WORDS) * 10) == 0);
    chaku_request_cancel(slow);
    read_rest(slow, r);
    CHECK_CANCELLED(r);
    CHECK(r->token_count <= 80 + 4 + 2);
}
