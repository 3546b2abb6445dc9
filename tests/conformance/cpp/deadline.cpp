// Deadlines, which count from the call.
#include "reply.hpp"

CASE(deadline_in_queue) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto session = new_session(other.model);
    const Reply reply = chat(session, "Go.", {{"deadline_ms", 100}});
    CHECK_DEADLINE(reply);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK(reply.timings.total_ms >= 100.0);
    CHECK_EQ(session.message_count(), 0);
    CHECK(!other.request.is_finished());
}

// Nobody reads, and still it ends in time.
CASE(deadline_unread) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto request = start_chat(new_session(other.model), "Go.", {{"deadline_ms", 100}});
    WAIT_UNTIL(request.is_finished());
    CHECK(!other.request.is_finished());
    CHECK_DEADLINE(read_all(request));
}

CASE(deadline_in_decode) {
    auto session = new_session(load(LONG, {{"ctx_size", 131072}}));
    const Reply reply = chat(session, "Count.", {{"deadline_ms", 500}});
    CHECK_DEADLINE(reply);
    CHECK(reply.usage.completion_tokens > 0);
    CHECK(reply.timings.total_ms >= 500.0);
    CHECK(starts_with(reply.text, " one two"));
    CHECK_EQ(session.message_count(), 2);
}

CASE(deadline_while_paused) {
    auto session = new_session(load(LONG));
    auto request = start_chat(session, "Count.", {{"deadline_ms", 500}, {"event_queue", 1}});
    WAIT_UNTIL(request.is_finished());
    CHECK_DEADLINE(read_all(request));
}

CASE(deadline_in_prefill) {
    auto session = new_session(load(SMOLLM2, {{"ubatch_size", 16}}));
    const Reply reply =
        chat(session, repeat("The llama walks up the mountain and looks back. ", 300), {{"deadline_ms", 2000}});
    CHECK_DEADLINE(reply);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK(reply.progress_count > 0);
    CHECK(reply.progress < 1.0);
    CHECK_EQ(session.context_used(), 0);
    CHECK_EQ(chat(session, "Hi.", {{"max_tokens", 2}, {"ignore_eos", true}}).tokens.size(), 2);
}

CASE(deadline_of_a_load) {
    auto request = start_load(SMOLLM2, {{"deadline_ms", 1}, {"mmap", false}});
    CHECK_DEADLINE(read_all(request));
    FAILS(request.model(), Code::deadline_exceeded, "deadline");
}

CASE(runtime_default_deadline) {
    auto runtime = MUST(chaku::Runtime::make({{"default_deadline_ms", 1500}}));
    auto model = MUST(chaku::Model::load(runtime, model_path(LONG), {{"ctx_size", 131072}, {"threads", 1}}));
    auto session = new_session(model);
    CHECK_DEADLINE(chat(session, "Count."));
    // A deadline of its own speaks first, and 0 is none.
    CHECK_DEADLINE(chat(session, "Count.", {{"deadline_ms", 200}}));
    CHECK_LENGTH(chat(session, "Count.", {{"deadline_ms", 0}, {"max_tokens", 3}}));
}

CASE(deadline_met) {
    const Reply reply = chat(new_session(load(SCRIPT)), "Go.", {{"deadline_ms", 60000}});
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, SCRIPT_REPLY);
}
