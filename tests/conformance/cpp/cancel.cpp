// Cancelling in each phase, from any thread, and what is left of it. Loading is in load.cpp.
#include "reply.hpp"

// A prompt SmolLM2 needs seconds for on one thread, and steps small enough to be seen between.
static chaku::Session slow_session() { return new_session(load(SMOLLM2, {{"ubatch_size", 64}, {"ctx_size", 4096}})); }
static std::string long_prompt() { return repeat("The llama walks up the mountain and looks back. ", 130); }

CASE(cancel_queued) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto session = new_session(other.model);
    auto request = start_chat(session, "Go.");
    request.cancel();
    const Reply reply = read_all(request);
    CHECK_CANCELLED(reply);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK_EQ(session.message_count(), 0);
    CHECK(!other.request.is_finished()); // it is the other one that keeps the engine busy
    other.request.cancel();
    CHECK_EQ(chat(session, "Go.", {{"max_tokens", 2}}).tokens.size(), 2);
}

// Megabytes of text are tokenized for seconds.
CASE(cancel_preparing) {
    // As much text as this window might just hold: more is refused at once.
    auto session = new_session(load(SCRIPT, {{"ctx_size", 131072}}));
    auto request = start_chat(session, repeat("some words to cut, ", 90000));
    std::this_thread::sleep_for(20ms);
    request.cancel();
    const Reply reply = read_all(request);
    CHECK_CANCELLED(reply);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

CASE(cancel_prefill) {
    auto session = slow_session();
    auto request = start_chat(session, long_prompt());
    Reply reply;
    read_progress(request, reply);
    request.cancel();
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK(reply.progress < 1.0);
    CHECK(reply.usage.prompt_tokens > 1000);
    CHECK_EQ(session.context_used(), 0);
    CHECK_EQ(session.message_count(), 0);
}

// The step under way is given up: it would end in a progress event.
CASE(cancel_inside_a_prefill_step) {
    auto session = new_session(load(SMOLLM2, {{"ubatch_size", 256}}));
    auto request = start_chat(session, long_prompt());
    Reply reply;
    read_progress(request, reply);
    request.cancel();
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    CHECK_EQ(reply.progress_count, 1);
    CHECK_EQ(chat(session, "Hi.", {{"max_tokens", 2}, {"ignore_eos", true}}).tokens.size(), 2);
}

// From another thread, while the reader waits.
CASE(cancel_decode) {
    auto session = new_session(load(LONG, {{"ctx_size", 131072}}));
    auto request = start_chat(session, "Count.", {{"event_queue", 8}});
    Reply reply;
    read_tokens(request, reply, 10);
    std::thread thread([&] {
        std::this_thread::sleep_for(50ms);
        request.cancel();
    });
    const auto end = request.run([&](const chaku::Event &event) { collect(reply, event); });
    thread.join();
    FAILS(end, Code::cancelled, "cancelled");
    check_stream(reply);
    CHECK_CANCELLED(reply);
    CHECK(reply.usage.completion_tokens >= 10);
}

CASE(cancel_paused) {
    auto session = new_session(load(LONG));
    auto request = start_chat(session, "Count.", {{"event_queue", 1}});
    Reply reply;
    read_tokens(request, reply, 1);
    std::this_thread::sleep_for(50ms); // the queue is full again, the request waits for its reader
    request.cancel();
    WAIT_UNTIL(request.is_finished());
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    CHECK(reply.tokens.size() <= 4);
}

// Stops an endless answer after some tokens.
static Reply cut_short(chaku::Session &session, std::string_view text) {
    auto request = start_chat(session, text, {{"event_queue", 4}});
    Reply reply;
    read_tokens(request, reply, 5);
    request.cancel();
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    return reply;
}

CASE(cancel_keeps_partial_answer) {
    auto model = load(LONG);
    auto session = new_session(model);
    const Reply cut = cut_short(session, "Count.");
    CHECK(starts_with(cut.text, " one two three four five"));
    CHECK_EQ(session.message_count(), 2);
    CHECK_EQ(session.context_used(), cut.usage.context_used);
    const Reply next = chat(session, "More.", {{"max_tokens", 3}});
    CHECK_EQ(next.usage.prompt_tokens, count_tokens(model, USER("Count.") ASSISTANT, true) +
                                           count_tokens(model, cut.text, true) +
                                           count_tokens(model, "<|im_end|>\n" USER("More.") ASSISTANT, true));
    CHECK(next.usage.cached_tokens >= cut.usage.context_used - 1);
    CHECK_EQ(next.text, " one two three");
}

CASE(cancel_then_continue) {
    auto session = new_session(load(LONG));
    const Reply cut = cut_short(session, "Count.");
    const Reply rest = read_all(MUST(session.continue_answer({{"max_tokens", 8}})));
    CHECK_LENGTH(rest);
    // Together they are the walk without a gap: the rest begins where the partial answer ended.
    CHECK(starts_with(repeat(LONG_WORDS, 3000), cut.text + rest.text));
    CHECK_EQ(session.message_count(), 2);
}

CASE(cancel_rollback) {
    auto model = load(LONG);
    auto session = new_session(model, {{"on_cancel", "rollback"}});
    cut_short(session, "Count.");
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(session.context_used(), 0);
    const Reply next = chat(session, "More.", {{"max_tokens", 3}});
    CHECK_EQ(next.usage.prompt_tokens, count_tokens(model, USER("More.") ASSISTANT, true));
    cut_short(session, "Count.");
    CHECK_EQ(session.message_count(), 2);
    CHECK_EQ(session.context_used(), next.usage.context_used);
}

CASE(cancel_before_first_token_leaves_session) {
    auto session = slow_session();
    const Reply before = chat(session, "Hi.", {{"max_tokens", 4}, {"ignore_eos", true}});
    auto request = start_chat(session, long_prompt());
    Reply cut;
    read_progress(request, cut);
    request.cancel();
    read_rest(request, cut);
    CHECK_CANCELLED(cut);
    CHECK_EQ(cut.usage.completion_tokens, 0);
    CHECK_EQ(session.message_count(), 2);
    CHECK_EQ(session.context_used(), before.usage.context_used);
    const Reply after = chat(session, "Hi.", {{"max_tokens", 4}, {"ignore_eos", true}});
    CHECK_LENGTH(after);
    CHECK(after.usage.cached_tokens >= before.usage.prompt_tokens);
    CHECK(after.usage.prompt_tokens < before.usage.context_used + 40);
}

CASE(session_usable_after_cancel) {
    auto session = new_session(load(SCRIPT));
    for (int i = 0; i < 20; i++) {
        auto request = start_chat(session, "Go.", {{"event_queue", 1}});
        Reply reply;
        if (i % 2) read_tokens(request, reply, 1); // in decode; else wherever it happens to be
        request.cancel();
        read_rest(request, reply);
        CHECK_CANCELLED(reply);
        CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
    }
}

CASE(cancel_after_the_end) {
    auto session = new_session(load(SCRIPT));
    auto request = start_chat(session, "Go.");
    WAIT_UNTIL(request.is_finished());
    request.cancel();
    request.cancel();
    const Reply reply = read_all(request);
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, SCRIPT_REPLY);
}

// Without the request's handle, and also when there is nothing to cancel.
CASE(cancel_through_session) {
    auto session = new_session(load(LONG));
    session.cancel();
    auto request = start_chat(session, "Count.", {{"event_queue", 4}});
    Reply reply;
    read_tokens(request, reply, 2);
    session.cancel();
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    CHECK_EQ(chat(session, "Count.", {{"max_tokens", 2}}).tokens.size(), 2);
}
