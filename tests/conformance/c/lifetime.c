/* Closing and freeing, in any order, while work runs. */
#include "reply.h"

/* Chats as soon as the session's former request has ended. */
static reply *chat_when_idle(chaku_session *session) {
    chaku_request *request = NULL;
    WAIT_UNTIL(chaku_session_chat(session, "Count.", -1, OPTIONS("max_tokens", "8"), &request, NULL) == CHAKU_OK);
    return read_all(own_request(request));
}

static int32_t ignore_event(const chaku_event *event, void *user_data) {
    (void)event;
    (void)user_data;
    return 0;
}

CASE(unload_while_running) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL), *none = NULL;
    chaku_request *running = start_chat(session, "Count.", OPTIONS("event_queue", "4"));
    chaku_request *waiting = start_chat(new_session(model, NULL), "Count.", OPTIONS("event_queue", "4"));
    reply *r = new_reply();
    read_tokens(running, r, 3);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK(chaku_request_is_finished(running) && chaku_request_is_finished(waiting));
    read_rest(running, r);
    CHECK_END(r, CHAKU_FINISH_CANCELLED, CHAKU_CANCELLED, "closed_while_running");
    CHECK_END(read_all(waiting), CHAKU_FINISH_CANCELLED, CHAKU_CANCELLED, "closed_while_running");
    CHECK_FAILS(chaku_session_chat(session, "Count.", -1, NULL, &running, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_FAILS(chaku_session_new(model, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK_STR(chaku_model_metadata(model, "general.name"), "tiny-script");
    CHECK_STR(chat(new_session(load(SCRIPT, NULL), NULL), "Go.", NULL)->text, SCRIPT_REPLY);
}

/* In the middle of a step of a slow prefill. */
CASE(unload_in_prefill) {
    chaku_model *model = load(SMOLLM2, OPTIONS("ubatch_size", "256"));
    chaku_request *request =
        start_chat(new_session(model, NULL), repeat("The llama walks up the mountain and looks back. ", 130), NULL);
    reply *r = new_reply();
    read_progress(request, r);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    read_rest(request, r);
    CHECK_END(r, CHAKU_FINISH_CANCELLED, CHAKU_CANCELLED, "closed_while_running");
    CHECK_INT(r->progress_count, 1);
}

CASE(free_model_before_session) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = start_chat(session, "Go.", OPTIONS("event_queue", "1"));
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    CHECK_STR(read_all(request)->text, SCRIPT_REPLY);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(free_session_before_request) {
    chaku_model *model = load(SCRIPT, OPTIONS("max_sessions", "1"));
    chaku_session *session = new_session(model, NULL), *next = NULL;
    chaku_request *request = start_chat(session, "Go.", OPTIONS("event_queue", "1"));
    CHECK_INT(chaku_session_free(session), CHAKU_OK);
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    CHECK_STR(read_all(request)->text, SCRIPT_REPLY);
    model = load(SCRIPT, OPTIONS("max_sessions", "1"));
    session = new_session(model, NULL);
    request = start_chat(session, "Go.", NULL);
    CHECK_INT(chaku_session_free(session), CHAKU_OK);
    CHECK_STR(read_all(request)->text, SCRIPT_REPLY);
    WAIT_UNTIL(chaku_session_new(model, NULL, &next, NULL) == CHAKU_OK);
    own_session(next);
}

CASE(free_request_cancels) {
    chaku_session *session = new_session(load(LONG, OPTIONS("ctx_size", "131072")), NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("event_queue", "1048576"));
    reply *r = new_reply();
    static counter destroyed;
    init_counter(&destroyed);
    read_tokens(request, r, 2);
    CHECK_INT(chaku_request_free(request), CHAKU_OK);
    CHECK_STR(chat_when_idle(session)->text, LONG_WORDS);

    request = start_chat(session, "Count.", NULL);
    CHECK_OK(chaku_request_on_event(request, ignore_event, &destroyed, count_up, ERROR));
    CHECK_INT(chaku_request_free(request), CHAKU_OK);
    WAIT_UNTIL(count(&destroyed) > 0);
    CHECK_STR(chat_when_idle(session)->text, LONG_WORDS);
    CHECK_INT(count(&destroyed), 1);
}

/* A callback that frees the request it is called for. */
typedef struct {
    chaku_request *request;
    counter freed, destroyed;
} self_freeing;

static int32_t free_own_request(const chaku_event *event, void *user_data) {
    self_freeing *s = user_data;
    (void)event;
    if (chaku_request_free(s->request) == CHAKU_OK) count_up(&s->freed);
    return 0;
}

static void end_self_freeing(void *user_data) { count_up(&((self_freeing *)user_data)->destroyed); }

static void init_self_freeing(self_freeing *s, chaku_session *session) {
    init_counter(&s->freed);
    init_counter(&s->destroyed);
    s->request = start_chat(session, "Count.", NULL);
}

CASE(free_in_callback) {
    chaku_session *session = new_session(load(LONG, OPTIONS("ctx_size", "131072")), NULL);
    static self_freeing blocking, asynchronous; /* they outlive the last touch of another thread */
    init_self_freeing(&blocking, session);
    CHECK_FAILS(chaku_request_run(blocking.request, free_own_request, &blocking, ERROR), CHAKU_CANCELLED, "cancelled");
    CHECK_INT(count(&blocking.freed), 1);
    CHECK_STR(chat_when_idle(session)->text, LONG_WORDS);

    init_self_freeing(&asynchronous, session);
    CHECK_OK(chaku_request_on_event(asynchronous.request, free_own_request, &asynchronous, end_self_freeing, ERROR));
    WAIT_UNTIL(count(&asynchronous.destroyed) > 0);
    CHECK_INT(count(&asynchronous.freed), 1);
    CHECK_STR(chat_when_idle(session)->text, LONG_WORDS);
    CHECK_INT(count(&asynchronous.destroyed), 1);
}

typedef struct {
    chaku_request *request;
    counter started;
    chaku_code code;
} reader;

static void *wait_for_the_end(void *argument) {
    reader *r = argument;
    count_up(&r->started);
    r->code = chaku_request_run(r->request, NULL, NULL, NULL);
    return NULL;
}

/* The reader is told, and does not wait for ever. */
CASE(free_while_another_thread_reads) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_session *session = new_session(other.model, NULL);
    reader r;
    pthread_t thread;
    init_counter(&r.started);
    r.request = start_chat(session, "Count.", NULL);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_the_end, &r), 0);
    WAIT_UNTIL(count(&r.started) > 0);
    sleep_ms(20);
    CHECK_INT(chaku_request_free(r.request), CHAKU_OK);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(r.code, CHAKU_CANCELLED);
}

CASE(close_then_use) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("event_queue", "4")), *none = NULL;
    reply *r = new_reply();
    read_tokens(request, r, 2);
    CHECK_OK(chaku_request_close(request, EVENT_MS, ERROR));
    CHECK(chaku_request_is_finished(request));
    read_rest(request, r);
    CHECK_CANCELLED(r);

    CHECK_OK(chaku_request_close(request, EVENT_MS, ERROR));
    CHECK_INT(chat(session, "Count.", OPTIONS("max_tokens", "2"))->token_count, 2);

    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_session_chat(session, "Count.", -1, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_FAILS(chaku_session_generate(session, "Count.", -1, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_FAILS(chaku_session_continue(session, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK(none == NULL);
    CHECK_INT(chaku_session_message_count(session), 4);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
}

CASE(session_close) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("event_queue", "4")), *none = NULL;
    reply *r = new_reply();
    read_tokens(request, r, 2);
    CHECK_OK(chaku_session_close(session, EVENT_MS, ERROR));
    CHECK(chaku_request_is_finished(request));
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK_OK(chaku_session_close(session, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_session_chat(session, "Count.", -1, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_FAILS(chaku_session_continue(session, NULL, &none, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK_FAILS(chaku_session_reset(session, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    CHECK(none == NULL);
    CHECK_INT(chat(new_session(model, NULL), "Count.", OPTIONS("max_tokens", "2"))->token_count, 2);
}

/* A callback that hangs until the case opens the gate. */
typedef struct {
    pthread_mutex_t gate;
    counter arrived, destroyed;
} hanging;

static int32_t wait_at_gate(const chaku_event *event, void *user_data) {
    hanging *h = user_data;
    (void)event;
    count_up(&h->arrived);
    pthread_mutex_lock(&h->gate);
    pthread_mutex_unlock(&h->gate);
    return 0;
}

static void end_hanging(void *user_data) { count_up(&((hanging *)user_data)->destroyed); }

CASE(close_waits_for_callback) {
    chaku_request *request = start_chat(new_session(load(LONG, NULL), NULL), "Count.", NULL);
    static hanging h;
    pthread_mutex_init(&h.gate, NULL);
    init_counter(&h.arrived);
    init_counter(&h.destroyed);
    pthread_mutex_lock(&h.gate);
    CHECK_OK(chaku_request_on_event(request, wait_at_gate, &h, end_hanging, ERROR));
    WAIT_UNTIL(count(&h.arrived) > 0);
    CHECK_FAILS(chaku_request_close(request, 50, ERROR), CHAKU_DEADLINE_EXCEEDED, "close_timeout");
    CHECK_INT(count(&h.destroyed), 0);
    pthread_mutex_unlock(&h.gate);
    CHECK_OK(chaku_request_close(request, EVENT_MS, ERROR));
    CHECK_INT(count(&h.destroyed), 1);
}

CASE(stale_handles) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL), *none = NULL;
    chaku_request *request = start_chat(session, "Go.", NULL), *no_request = NULL;
    chaku_event *event = NULL;
    CHECK_INT(chaku_request_free(request), CHAKU_OK);
    CHECK_FAILS(chaku_request_next(request, 0, &event, ERROR), CHAKU_INVALID_ARGUMENT, "stale_handle");
    CHECK_INT(chaku_request_cancel(request), CHAKU_INVALID_ARGUMENT);
    CHECK_INT(chaku_request_free(request), CHAKU_INVALID_ARGUMENT);
    CHECK_INT(chaku_session_free(session), CHAKU_OK);
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, NULL, &no_request, ERROR), CHAKU_INVALID_ARGUMENT,
                "stale_handle");
    CHECK_FAILS(chaku_session_chat((chaku_session *)(void *)model, "Go.", -1, NULL, &no_request, ERROR),
                CHAKU_INVALID_ARGUMENT, "wrong_handle");
    CHECK_FAILS(chaku_session_chat(NULL, "Go.", -1, NULL, &no_request, ERROR), CHAKU_INVALID_ARGUMENT, "null_pointer");
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    CHECK_FAILS(chaku_session_new(model, NULL, &none, ERROR), CHAKU_INVALID_ARGUMENT, "stale_handle");
    CHECK_INT(chaku_model_free(NULL), CHAKU_OK);
}

CASE(events_outlive_request) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = start_chat(session, "Go.", NULL);
    chaku_event *first = NULL, *kept = NULL, *last = NULL;
    CHECK_OK(chaku_request_next(request, EVENT_MS, &first, ERROR));
    while (chaku_event_kind(first) != CHAKU_EVENT_TEXT) {
        chaku_event_free(first);
        CHECK_OK(chaku_request_next(request, EVENT_MS, &first, ERROR));
    }
    CHECK_OK(chaku_event_retain(first, &kept, ERROR));
    CHECK_INT(chaku_event_free(first), CHAKU_OK);
    do {
        chaku_event_free(last);
        CHECK_OK(chaku_request_next(request, EVENT_MS, &last, ERROR));
    } while (chaku_event_kind(last) != CHAKU_EVENT_FINAL);
    CHECK_INT(chaku_request_free(request), CHAKU_OK);
    CHECK_INT(chaku_session_free(session), CHAKU_OK);
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    CHECK_STR(chaku_event_text(kept, NULL), "Hello");
    CHECK_INT(chaku_event_finish_reason(last), CHAKU_FINISH_STOP);
    CHECK_INT(chaku_event_free(kept), CHAKU_OK);
    CHECK_INT(chaku_event_free(last), CHAKU_OK);
}
