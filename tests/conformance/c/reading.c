/* The three ways to read, and the one final event. */
#include "reply.h"

static int32_t count_ready(void *user_data) {
    count_up(user_data);
    return 0;
}

/* A callback that collects on another thread, and can stop the request. */
typedef struct {
    reply *collected;
    counter destroyed;
    int64_t stop_after; /* events; 0 = never */
    int64_t events;
} listener;

static int32_t listen_to(const chaku_event *event, void *user_data) {
    listener *l = user_data;
    collect(event, l->collected);
    l->events++;
    return l->stop_after > 0 && l->events >= l->stop_after;
}

static void end_listener(void *user_data) { count_up(&((listener *)user_data)->destroyed); }

static void init_listener(listener *l, int64_t stop_after) {
    l->collected = new_reply();
    l->stop_after = stop_after;
    l->events = 0;
    init_counter(&l->destroyed);
}

/* Reads as an event loop does: woken, then until there is nothing. */
static reply *read_when_ready(chaku_request *request) {
    reply *r = new_reply();
    static counter ready;
    init_counter(&ready);
    CHECK_OK(chaku_request_on_ready(request, count_ready, &ready, NULL, ERROR));
    for (int seen = 0; r->final_count == 0; seen++) {
        chaku_event *event = NULL;
        WAIT_UNTIL(count(&ready) > seen);
        do {
            CHECK_OK(chaku_request_next(request, 0, &event, ERROR));
            if (event) collect(event, r);
            chaku_event_free(event);
        } while (event && r->final_count == 0);
    }
    check_stream(r);
    CHECK_INT(chaku_request_close(request, EVENT_MS, NULL), CHAKU_OK);
    chaku_request_free(request);
    return r;
}

CASE(three_ways_of_reading) {
    chaku_model *model = load("tiny-emoji.gguf", NULL);
    reply *pulled = chat(new_session(model, NULL), "Go.", NULL), *ran = new_reply(), *woken;
    chaku_request *request = start_chat(new_session(model, NULL), "Go.", NULL);
    chaku_event *event = NULL;
    static listener l;
    init_listener(&l, 0);

    CHECK_OK(chaku_request_run(request, collect, ran, ERROR));
    check_stream(ran);
    request = start_chat(new_session(model, NULL), "Go.", NULL);
    CHECK_OK(chaku_request_on_event(request, listen_to, &l, end_listener, ERROR));
    CHECK_FAILS(chaku_request_next(request, 0, &event, ERROR), CHAKU_FAILED_PRECONDITION, "reader_taken");
    WAIT_UNTIL(count(&l.destroyed) > 0);
    check_stream(l.collected);
    woken = read_when_ready(start_chat(new_session(model, NULL), "Go.", NULL));

    CHECK_STR(ran->text, pulled->text);
    CHECK_STR(l.collected->text, pulled->text);
    CHECK_STR(woken->text, pulled->text);
    CHECK(memcmp(ran->tokens, pulled->tokens, sizeof pulled->tokens) == 0);
    CHECK(memcmp(l.collected->tokens, pulled->tokens, sizeof pulled->tokens) == 0);
    CHECK(memcmp(woken->tokens, pulled->tokens, sizeof pulled->tokens) == 0);
    CHECK_INT(ran->finish_reason, pulled->finish_reason);
    CHECK_INT(l.collected->finish_reason, pulled->finish_reason);
    CHECK_INT(woken->finish_reason, pulled->finish_reason);
    CHECK_INT(count(&l.destroyed), 1);
}

CASE(run_without_callback) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    CHECK_OK(chaku_request_run(start_chat(session, "Go.", NULL), NULL, NULL, ERROR));
    CHECK_FAILS(chaku_request_run(start_chat(session, "Go.", OPTIONS("grammar", "(")), NULL, NULL, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_grammar");
}

CASE(callback_stop) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL);
    static listener blocking, asynchronous;
    init_listener(&blocking, 3);
    CHECK_FAILS(chaku_request_run(start_chat(session, "Count.", NULL), listen_to, &blocking, ERROR), CHAKU_CANCELLED,
                "cancelled");
    CHECK_INT(blocking.events, 4);
    check_stream(blocking.collected);
    CHECK_CANCELLED(blocking.collected);
    CHECK_INT(chat(session, "Count.", OPTIONS("max_tokens", "2"))->token_count, 2);

    init_listener(&asynchronous, 3);
    CHECK_OK(
        chaku_request_on_event(start_chat(session, "Count.", NULL), listen_to, &asynchronous, end_listener, ERROR));
    WAIT_UNTIL(count(&asynchronous.destroyed) > 0);
    CHECK_INT(asynchronous.events, 4);
    check_stream(asynchronous.collected);
    CHECK_CANCELLED(asynchronous.collected);
    CHECK_INT(count(&asynchronous.destroyed), 1);
}

CASE(one_reader) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *request = start_chat(session, "Count.", NULL);
    chaku_event *event = NULL;
    static listener first, second;
    init_listener(&first, 0);
    init_listener(&second, 0);
    CHECK_OK(chaku_request_on_event(request, listen_to, &first, end_listener, ERROR));
    CHECK_FAILS(chaku_request_on_event(request, listen_to, &second, end_listener, ERROR), CHAKU_FAILED_PRECONDITION,
                "reader_taken");
    CHECK_INT(count(&second.destroyed), 1); /* destroy runs also when the call fails */
    CHECK_INT(second.events, 0);
    CHECK_FAILS(chaku_request_next(request, 0, &event, ERROR), CHAKU_FAILED_PRECONDITION, "reader_taken");
    CHECK_FAILS(chaku_request_run(request, NULL, NULL, ERROR), CHAKU_FAILED_PRECONDITION, "reader_taken");
    chaku_request_cancel(request);
    WAIT_UNTIL(count(&first.destroyed) == 1);
    CHECK_INT(first.collected->final_count, 1);
}

static int32_t call_back_in(const chaku_event *event, void *user_data) {
    chaku_session *session = user_data;
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    (void)event;
    if (chaku_session_context_used(session) < 0) return 1;
    if (chaku_session_chat(session, "Go.", -1, NULL, &request, &error) != CHAKU_FAILED_PRECONDITION) return 1;
    if (strcmp(chaku_error_reason(error), "reentrant") != 0) return 1;
    chaku_error_free(error);
    return 0;
}

CASE(callback_may_not_wait) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    CHECK_OK(chaku_request_run(start_chat(session, "Go.", NULL), call_back_in, session, ERROR));
}

CASE(exactly_one_final_event) {
    chaku_model *model = load(LONG, OPTIONS("ctx_size", "1024"));
    chaku_request *requests[5];
    int32_t ends[] = {CHAKU_FINISH_LENGTH, CHAKU_FINISH_STOP, CHAKU_FINISH_CANCELLED, CHAKU_FINISH_DEADLINE,
                      CHAKU_FINISH_ERROR};
    requests[0] = start_chat(new_session(model, NULL), "Go.", OPTIONS("max_tokens", "3"));
    requests[1] = start_chat(new_session(model, NULL), "Go.", OPTIONS("stop", "three"));
    requests[2] = start_chat(new_session(model, NULL), "Go.", OPTIONS("event_queue", "2"));
    requests[3] = start_chat(new_session(model, NULL), "Go.", OPTIONS("event_queue", "2", "deadline_ms", "300"));
    requests[4] = start_chat(new_session(model, NULL), "Go.", OPTIONS("event_queue", "2000"));
    for (int i = 0; i < 3; i++) chaku_request_cancel(requests[2]);
    WAIT_UNTIL(chaku_request_is_finished(requests[3])); /* read, it would reach the end of the window first */
    for (int i = 0; i < 5; i++) {
        chaku_event *event = NULL;
        reply *r = read_all(requests[i]); /* checks that there is one, and that it is the last */
        CHECK_INT(r->finish_reason, ends[i]);
        chaku_request_cancel(requests[i]);
        CHECK_FAILS(chaku_request_next(requests[i], 20, &event, ERROR), CHAKU_OUT_OF_RANGE, "finished");
    }
}

CASE(finished_after_final) {
    chaku_request *request = start_chat(new_session(load(SCRIPT, NULL), NULL), "Go.", NULL);
    chaku_event *event = (chaku_event *)1;
    read_all(request);
    CHECK(chaku_request_is_finished(request));
    for (int i = 0; i < 3; i++)
        CHECK_FAILS(chaku_request_next(request, i - 1, &event, ERROR), CHAKU_OUT_OF_RANGE, "finished");
    CHECK(event == NULL);
    CHECK_FAILS(chaku_request_run(request, NULL, NULL, ERROR), CHAKU_OUT_OF_RANGE, "finished");
    CHECK_FAILS(chaku_request_on_event(request, collect, NULL, NULL, ERROR), CHAKU_OUT_OF_RANGE, "finished");
    CHECK_FAILS(chaku_request_next(request, 0, &event, ERROR), CHAKU_OUT_OF_RANGE, "finished");
}

CASE(next_times_out) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_request *request = start_chat(new_session(other.model, NULL), "Go.", NULL);
    chaku_event *event = (chaku_event *)1;
    CHECK_OK(chaku_request_next(request, 0, &event, ERROR));
    CHECK(event == NULL);
    CHECK_OK(chaku_request_next(request, 30, &event, ERROR));
    CHECK(event == NULL);
    CHECK(!chaku_request_is_finished(request));
}
