/* What a model, a runtime and a request tell about themselves. */
#include "json.h"
#include "reply.h"

/* A second model of the runtime, which generates 8 tokens and is gone. */
static void load_and_leave(chaku_runtime *runtime) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    CHECK_OK(chaku_model_load(runtime, model_path(LONG), OPTIONS("threads", "1"), &model, ERROR));
    CHECK_INT(runtime_metric(runtime, "models"), 2);
    CHECK_OK(chaku_session_new(model, NULL, &session, ERROR));
    CHECK_OK(chaku_session_chat(session, "Count.", -1, OPTIONS("max_tokens", "8"), &request, ERROR));
    CHECK_OK(chaku_request_run(request, NULL, NULL, ERROR));
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_model_free(model);
}

CASE(metrics) {
    static const char *const names[] = {"models", "sessions", "queue_depth", "requests_running", "requests_paused",
                                        "prompt_tokens_total", "generated_tokens_total", "cached_tokens_total",
                                        "prompt_tokens_per_second", "generated_tokens_per_second", "kv_used_tokens",
                                        "kv_capacity_tokens", "steps_total", "step_seconds_total", "step_ms", "threads",
                                        "cancelled_total", "deadline_exceeded_total", "overload_total",
                                        "evictions_total", "preemptions_total", "prompt_cache_bytes"};
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL;
    chaku_session *session;
    chaku_request *cancelled;
    chaku_buffer *buffer = NULL;
    const char *json;
    reply *r;
    CHECK_OK(chaku_runtime_new(NULL, &runtime, ERROR));
    own_runtime(runtime);
    CHECK_OK(chaku_model_load(runtime, model_path(LONG), OPTIONS("threads", "1"), &model, ERROR));
    own_model(model);
    session = new_session(model, NULL);
    CHECK_OK(chaku_model_metrics(model, &buffer, ERROR));
    json = json_of(buffer);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(json_number(json, names[i]) >= 0);
    CHECK_INT(json_number(json, "models"), 1);
    CHECK_INT(json_number(json, "sessions"), 1);
    CHECK_INT(json_number(json, "steps_total"), 0);

    r = chat(session, "Count.", OPTIONS("max_tokens", "16"));
    WAIT_UNTIL(model_metric(model, "generated_tokens_total") == 16);
    CHECK_INT(model_metric(model, "prompt_tokens_total"), r->prompt_tokens);
    CHECK(model_metric(model, "steps_total") >= 16);
    CHECK(model_metric(model, "kv_used_tokens") >= (double)r->prompt_tokens);
    cancelled = start_chat(session, "Count.", OPTIONS("event_queue", "1"));
    WAIT_UNTIL(model_metric(model, "requests_running") == 1);
    chaku_request_cancel(cancelled);
    CHECK_CANCELLED(read_all(cancelled));
    CHECK_INT(model_metric(model, "cancelled_total"), 1);
    CHECK_DEADLINE(chat(session, "Count.", OPTIONS("deadline_ms", "20", "event_queue", "1")));
    CHECK_INT(model_metric(model, "deadline_exceeded_total"), 1);
    WAIT_UNTIL(model_metric(model, "requests_running") == 0);

    /* The runtime adds up, and keeps what is over. */
    CHECK(runtime_metric(runtime, "generated_tokens_total") >= 16);
    CHECK_INT(runtime_metric(runtime, "models"), 1);
    load_and_leave(runtime);
    WAIT_UNTIL(runtime_metric(runtime, "models") == 1);
    CHECK(runtime_metric(runtime, "generated_tokens_total") >= 16 + 8);
    CHECK_INT(runtime_metric(NULL, "generated_tokens_total"), 0);
}

CASE(timeline) {
    static const char *const moments[] = {"queued_ms",  "prepare_began_ms", "prepared_ms",
                                          "started_ms", "first_token_ms",   "ended_ms"};
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_request *request = start_chat(new_session(other.model, NULL), "Go.", OPTIONS("max_tokens", "8"));
    double before = 0;
    reply *r;
    WAIT_UNTIL(timeline_of(request, "prepared_ms") >= 0);
    CHECK(timeline_of(request, "started_ms") == -1);
    CHECK(timeline_of(request, "ended_ms") == -1);
    chaku_request_cancel(other.request);
    r = read_all(request);
    for (int i = 0; i < 6; i++) {
        double moment = timeline_of(request, moments[i]);
        CHECK(moment >= before);
        before = moment;
    }
    CHECK(before == r->total_ms);
    CHECK_INT(timeline_of(request, "preempted") + timeline_of(request, "resumed") + timeline_of(request, "stalled"), 0);
}
