/* Who waits, who goes first, and what happens when too many wait. */
#include "json.h"
#include "reply.h"

#define LONG_WINDOW "ctx_size", "131072"
#define QUICK "max_tokens", "8"
#define CHECK_QUICK(r) (here(__FILE__, __LINE__), check_quick(r))

static void check_quick(const reply *r) {
    check_end(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    check_str("the text", r->text, LONG_WORDS);
}

static chaku_request *ask(busy *other, chaku_options *options) {
    return start_chat(new_session(other->model, NULL), "Go.", options);
}

/* Reads at least so many tokens of an endless answer, the first of which is number `at`, and all that are there. */
static void read_words(chaku_request *request, int64_t at, int64_t count) {
    static const char *const words[] = {" one", " two", " three", " four", " five", " six", " seven", " eight"};
    chaku_event *event = NULL;
    for (int64_t read = 0;; read++) {
        CHECK_OK(chaku_request_next(request, read < count ? EVENT_MS : 0, &event, ERROR));
        if (!event && read >= count) return;
        CHECK_INT(chaku_event_kind(event), CHAKU_EVENT_TEXT);
        CHECK_STR(chaku_event_text(event, NULL), words[(at + read) % 8]);
        chaku_event_free(event);
    }
}

CASE(priority) {
    busy other = make_busy(OPTIONS(LONG_WINDOW));
    chaku_request *low = ask(&other, OPTIONS(QUICK, "priority", "low")), *normal = ask(&other, OPTIONS(QUICK));
    WAIT_UNTIL(timeline_of(normal, "prepared_ms") >= 0);
    /* It takes even the place of the one that runs, which never ends. */
    CHECK_QUICK(chat(new_session(other.model, NULL), "Go.", OPTIONS(QUICK, "priority", "high")));
    CHECK(!chaku_request_is_finished(other.request));
    CHECK(!chaku_request_is_finished(normal));
    CHECK(!chaku_request_is_finished(low));
    /* That one goes on without a gap. */
    WAIT_UNTIL(timeline_of(other.request, "resumed") >= 1);
    CHECK(timeline_of(other.request, "preempted") >= 1);
    read_words(other.request, 1, 16);
    chaku_request_cancel(other.request);
    CHECK_QUICK(read_all(low));
    CHECK(chaku_request_is_finished(normal));
    CHECK_QUICK(read_all(normal));
}

CASE(overload_wait) {
    busy other = make_busy(OPTIONS(LONG_WINDOW, "queue_limit", "1"));
    chaku_request *queued = ask(&other, OPTIONS(QUICK)), *outside = ask(&other, OPTIONS(QUICK, "overload", "wait")),
                  *refused = NULL;
    chaku_session *session = new_session(other.model, NULL);
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, NULL, &refused, ERROR), CHAKU_RESOURCE_EXHAUSTED, "queue_full");
    /* As many stand outside as may wait inside. */
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, OPTIONS("overload", "wait"), &refused, ERROR),
                CHAKU_RESOURCE_EXHAUSTED, "queue_full");
    CHECK_INT(chaku_request_queue_position(queued), 0);
    CHECK_INT(chaku_request_queue_position(outside), 1);
    chaku_request_cancel(outside);
    CHECK_CANCELLED(read_all(outside));
    /* The wait counts, and ends at the deadline. */
    CHECK_DEADLINE(chat(session, "Go.", OPTIONS("overload", "wait", "deadline_ms", "100")));
    outside = ask(&other, OPTIONS(QUICK, "overload", "wait"));
    chaku_request_cancel(other.request);
    CHECK_QUICK(read_all(queued));
    CHECK_QUICK(read_all(outside));
    CHECK(model_metric(other.model, "overload_total") >= 2);
}

CASE(overload_displace) {
    busy other = make_busy(OPTIONS(LONG_WINDOW, "queue_limit", "2"));
    chaku_request *old = ask(&other, OPTIONS(QUICK, "priority", "low")),
                  *young = ask(&other, OPTIONS(QUICK, "priority", "low")), *refused = NULL;
    chaku_session *session = new_session(other.model, NULL);
    chaku_request *first = ask(&other, OPTIONS(QUICK, "overload", "displace")), *second;
    CHECK_END(read_all(young), CHAKU_FINISH_ERROR, CHAKU_RESOURCE_EXHAUSTED, "displaced");
    CHECK(!chaku_request_is_finished(old));
    second = ask(&other, OPTIONS(QUICK, "overload", "displace"));
    CHECK_END(read_all(old), CHAKU_FINISH_ERROR, CHAKU_RESOURCE_EXHAUSTED, "displaced");
    /* None is less urgent any more. */
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, OPTIONS("overload", "displace"), &refused, ERROR),
                CHAKU_RESOURCE_EXHAUSTED, "queue_full");
    CHECK_STR(detail("limit"), "2");
    chaku_request_cancel(other.request);
    CHECK_QUICK(read_all(second));
    CHECK_QUICK(read_all(first));
    /* Who was displaced may come again. */
    CHECK_QUICK(chat(session, "Go.", OPTIONS(QUICK)));
}

CASE(queue_position) {
    busy other = make_busy(OPTIONS(LONG_WINDOW));
    chaku_request *low[2], *normal;
    for (int i = 0; i < 2; i++) low[i] = ask(&other, OPTIONS(QUICK, "priority", "low"));
    CHECK_INT(chaku_request_queue_position(other.request), -1);
    CHECK_INT(chaku_request_queue_position(low[0]), 0);
    CHECK_INT(chaku_request_queue_position(low[1]), 1);
    normal = ask(&other, OPTIONS(QUICK));
    CHECK_INT(chaku_request_queue_position(normal), 0);
    CHECK_INT(chaku_request_queue_position(low[0]), 1);
    CHECK_INT(chaku_request_queue_position(low[1]), 2);
    WAIT_UNTIL(model_metric(other.model, "queue_depth") == 3);
    chaku_request_cancel(low[0]);
    CHECK_INT(chaku_request_queue_position(low[0]), -1);
    CHECK_INT(chaku_request_queue_position(low[1]), 1);
    chaku_request_cancel(other.request);
    CHECK_QUICK(read_all(low[1]));
    CHECK_INT(chaku_request_queue_position(low[1]), -1);
    CHECK_INT(chaku_request_queue_position(start_load(SCRIPT, NULL)), -1); /* it never waits */
}
