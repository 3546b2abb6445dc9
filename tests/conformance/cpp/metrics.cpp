// What a model, a runtime and a request tell about themselves.
#include "json.hpp"
#include "reply.hpp"

// A second model of the runtime, which generates 8 tokens and is gone.
static void load_and_leave(const chaku::Runtime &runtime) {
    auto model = MUST(chaku::Model::load(runtime, model_path(LONG), {{"threads", 1}}));
    CHECK_EQ(metric(runtime, "models"), 2);
    CHECK_LENGTH(chat(new_session(model), "Count.", {{"max_tokens", 8}}));
}

CASE(metrics) {
    auto runtime = MUST(chaku::Runtime::make());
    auto model = MUST(chaku::Model::load(runtime, model_path(LONG), {{"threads", 1}}));
    auto session = new_session(model);
    const std::string json = MUST(model.metrics());
    for (const char *name :
         {"models", "sessions", "queue_depth", "requests_running", "requests_paused", "prompt_tokens_total",
          "generated_tokens_total", "cached_tokens_total", "prompt_tokens_per_second", "generated_tokens_per_second",
          "kv_used_tokens", "kv_capacity_tokens", "steps_total", "step_seconds_total", "step_ms", "threads",
          "cancelled_total", "deadline_exceeded_total", "overload_total", "evictions_total", "preemptions_total",
          "prompt_cache_bytes"}) {
        CHECK(json_number(json, name) >= 0);
    }
    CHECK_EQ(json_number(json, "models"), 1);
    CHECK_EQ(json_number(json, "sessions"), 1);
    CHECK_EQ(json_number(json, "steps_total"), 0);

    const Reply reply = chat(session, "Count.", {{"max_tokens", 16}});
    WAIT_UNTIL(metric(model, "generated_tokens_total") == 16);
    CHECK_EQ(metric(model, "prompt_tokens_total"), reply.usage.prompt_tokens);
    CHECK(metric(model, "steps_total") >= 16);
    CHECK(metric(model, "kv_used_tokens") >= static_cast<double>(reply.usage.prompt_tokens));
    auto cancelled = start_chat(session, "Count.", {{"event_queue", 1}});
    WAIT_UNTIL(metric(model, "requests_running") == 1);
    cancelled.cancel();
    CHECK_CANCELLED(read_all(cancelled));
    CHECK_EQ(metric(model, "cancelled_total"), 1);
    CHECK_DEADLINE(chat(session, "Count.", {{"deadline_ms", 20}, {"event_queue", 1}}));
    CHECK_EQ(metric(model, "deadline_exceeded_total"), 1);
    WAIT_UNTIL(metric(model, "requests_running") == 0);

    // The runtime adds up, and keeps what is over.
    CHECK(metric(runtime, "generated_tokens_total") >= 16);
    load_and_leave(runtime);
    WAIT_UNTIL(metric(runtime, "models") == 1);
    CHECK(metric(runtime, "generated_tokens_total") >= 16 + 8);
    CHECK_EQ(json_number(MUST(chaku::metrics()), "generated_tokens_total"), 0);
    runtime.free();
    FAILS(runtime.metrics(), Code::invalid_argument, "null_pointer"); // not the default one's
}

CASE(timeline) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto request = start_chat(new_session(other.model), "Go.", {{"max_tokens", 8}});
    WAIT_UNTIL(timeline_of(request, "prepared_ms") >= 0);
    CHECK_EQ(timeline_of(request, "started_ms"), -1);
    CHECK_EQ(timeline_of(request, "ended_ms"), -1);
    other.request.cancel();
    const Reply reply = read_all(request);
    double before = 0;
    for (const char *name :
         {"queued_ms", "prepare_began_ms", "prepared_ms", "started_ms", "first_token_ms", "ended_ms"}) {
        const double moment = timeline_of(request, name);
        CHECK(moment >= before);
        before = moment;
    }
    CHECK_EQ(before, reply.timings.total_ms);
    for (const char *name : {"preempted", "resumed", "stalled"}) CHECK_EQ(timeline_of(request, name), 0);
}
