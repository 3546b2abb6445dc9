// The end of the context window.
#include "reply.hpp"

#include <cstdlib>

static constexpr int window = 256;
static std::string too_long() { return repeat("word after word ", 100); }

CASE(overflow_error_prompt) {
    auto session = new_session(load(SCRIPT, {{"ctx_size", window}}));
    const Reply reply = chat(session, too_long());
    CHECK_FAILED(reply, Code::out_of_range, "context_overflow");
    CHECK(contains(reply.error.message(), "256"));
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

CASE(overflow_error_details) {
    const Reply reply = chat(new_session(load(SCRIPT, {{"ctx_size", window}})), too_long());
    CHECK_EQ(reply.error.detail("ctx_size"), "256");
    CHECK(std::atoi(reply.error.detail("tokens").value_or("").data()) > window);
    bool listed = false;
    for (const auto &[key, value] : reply.error.details()) listed |= key == "ctx_size" && value == "256";
    CHECK(listed);
}

CASE(overflow_error_generation) {
    auto model = load(LONG, {{"ctx_size", window}});
    auto session = new_session(model);
    const Reply reply = chat(session, "Count.");
    CHECK_FAILED(reply, Code::out_of_range, "context_overflow");
    CHECK(reply.usage.completion_tokens > 100);
    CHECK(reply.usage.context_used <= model.context_size());
    CHECK(starts_with(reply.text, " one two"));
    CHECK_EQ(session.message_count(), 2);
    CHECK(session.context_used() <= model.context_size());
    MUST(session.reset());
    CHECK_LENGTH(chat(session, "Count.", {{"max_tokens", 2}}));
}

CASE(overflow_stop) {
    auto model = load(LONG, {{"ctx_size", window}});
    const Reply reply = chat(new_session(model, {{"overflow", "stop"}}), "Count.");
    CHECK_LENGTH(reply);
    CHECK(reply.usage.completion_tokens > 100);
    CHECK(reply.usage.context_used <= model.context_size());
    CHECK(reply.usage.context_used >= model.context_size() - 1);
}

// Ten windows of text in one go: the walk goes on word by word, whatever was dropped.
CASE(overflow_shift) {
    auto model = load(
        LONG, {{"ctx_size", window}, {"overflow", "shift"}, {"system_prompt", "Be brief."}, {"max_tokens", 2560}});
    const Reply reply = chat(new_session(model), "Count.");
    CHECK_LENGTH(reply);
    CHECK_EQ(reply.text, repeat(LONG_WORDS, 320));
    CHECK(reply.usage.context_used <= model.context_size());
}

CASE(overflow_shift_raw) {
    auto model = load(LONG, {{"ctx_size", window}, {"overflow", "shift"}});
    auto session = new_session(model);
    const Reply reply = generate(session, "Count.\n", {{"max_tokens", 1280}});
    CHECK_LENGTH(reply);
    CHECK_EQ(reply.text, repeat(LONG_WORDS, 160));
    CHECK(reply.usage.context_used <= model.context_size());
    CHECK_EQ(read_all(MUST(session.continue_answer({{"max_tokens", 800}}))).text, repeat(LONG_WORDS, 100));
}

// A conversation goes on for ever: the oldest turns are left out, the system prompt stays.
CASE(overflow_shift_turns) {
    auto model = load(SCRIPT, {{"ctx_size", window}, {"overflow", "shift"}});
    auto session = new_session(model, {{"system_prompt", "You are a parrot."}});
    std::int64_t most = 0, least = 0;
    for (int i = 0; i < 40; i++) {
        const Reply reply = chat(session, "What do you say now?");
        CHECK_STOPPED(reply);
        CHECK_EQ(reply.text, SCRIPT_REPLY);
        CHECK(reply.usage.prompt_tokens < window);
        if (reply.usage.prompt_tokens < most) least = reply.usage.prompt_tokens;
        if (reply.usage.prompt_tokens > most) most = reply.usage.prompt_tokens;
    }
    CHECK(least > 0); // turns were left out
    CHECK(least >
          count_tokens(model,
                       "<|im_start|>system\nYou are a parrot.<|im_end|>\n" USER("What do you say now?") ASSISTANT,
                       true));
}

// After a shift inside an answer the next turn has a conversation that fits again.
CASE(overflow_shift_then_chat) {
    auto session = new_session(load(LONG, {{"ctx_size", window}, {"overflow", "shift"}}));
    CHECK_LENGTH(chat(session, "Count.", {{"max_tokens", 600}}));
    for (int i = 0; i < 3; i++) {
        const Reply reply = chat(session, "Again.", {{"max_tokens", 8}});
        CHECK_LENGTH(reply);
        CHECK_EQ(reply.text, LONG_WORDS);
    }
}

CASE(overflow_shift_unsupported) {
    auto session = new_session(load("tiny-mamba.gguf", {{"ctx_size", window}, {"overflow", "shift"}}));
    CHECK_FAILED(chat(session, "Go.", {{"max_tokens", 600}}), Code::unimplemented, "shift_unsupported");
    MUST(session.reset());
    CHECK_EQ(chat(session, "Go.", {{"max_tokens", 5}}).tokens.size(), 5);
}

CASE(prompt_longer_than_context) {
    auto model = load(SCRIPT, {{"ctx_size", window}});
    for (const char *policy : {"error", "stop", "shift"}) {
        auto session = new_session(model, {{"overflow", policy}});
        CHECK_FAILED(chat(session, too_long()), Code::out_of_range, "context_overflow");
        CHECK_FAILED(generate(session, too_long()), Code::out_of_range, "context_overflow");
        CHECK_FAILED(read_all(MUST(session.ingest(nullptr, too_long()))), Code::out_of_range, "context_overflow");
        CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
    }
}

// A turn that does not fit any more leaves the conversation before it alone.
CASE(overflow_later_turn) {
    auto session = new_session(load(SCRIPT, {{"ctx_size", window}}));
    const Reply first = chat(session, "Go.");
    CHECK_FAILED(chat(session, too_long()), Code::out_of_range, "context_overflow");
    CHECK_EQ(session.message_count(), 2);
    const Reply third = chat(session, "Go.");
    CHECK_EQ(third.text, SCRIPT_REPLY);
    CHECK_EQ(third.usage.cached_tokens, first.usage.context_used);
}
