// Raw text, and text that is computed ahead.
#include "reply.hpp"

CASE(generate_raw) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    const Reply first = generate(session, "Text.\n", {{"max_tokens", 2}});
    CHECK_LENGTH(first);
    CHECK_EQ(first.text, "Hello there,");
    CHECK_EQ(first.usage.prompt_tokens, count_tokens(model, "Text.\n"));
    CHECK_EQ(session.message_count(), 0);
    const Reply second = generate(session, " More.\n");
    CHECK_STOPPED(second);
    CHECK_EQ(second.text, SCRIPT_REPLY);
    CHECK_EQ(second.usage.prompt_tokens, first.usage.context_used + count_tokens(model, " More.\n"));
    CHECK(second.usage.cached_tokens >= first.usage.context_used - 1);
}

CASE(continue_raw) {
    auto session = new_session(load(SCRIPT));
    CHECK_EQ(generate(session, "Text.\n", {{"max_tokens", 3}}).text, "Hello there, I");
    const Reply reply = read_all(MUST(session.continue_answer()));
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, " am a test model.");
}

CASE(special_tokens_in_raw_text) {
    auto model = load(RANDOM);
    CHECK_EQ(generate(new_session(model), "<|im_end|>", {{"max_tokens", 1}}).usage.prompt_tokens,
             count_tokens(model, "<|im_end|>"));
    CHECK_EQ(generate(new_session(model), "<|im_end|>", {{"max_tokens", 1}, {"parse_special", true}})
                 .usage.prompt_tokens,
             1);
}

CASE(ingest) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    Reply reply = read_all(MUST(session.ingest(nullptr, "A long text to come back to.")));
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.tokens.size(), 0);
    CHECK_EQ(reply.usage.completion_tokens, 0);
    CHECK_EQ(reply.usage.context_used, count_tokens(model, "A long text to come back to."));
    const auto used = reply.usage.context_used;
    CHECK_EQ(session.context_used(), used);
    reply = generate(session, "\n");
    CHECK_EQ(reply.text, SCRIPT_REPLY);
    CHECK_EQ(reply.usage.cached_tokens, used);
}

CASE(ingest_messages) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    CHECK_STOPPED(read_all(MUST(session.ingest("user", "Are you there?"))));
    CHECK_EQ(session.message_count(), 1);
    CHECK_STOPPED(read_all(MUST(session.ingest("assistant", "Yes."))));
    const Reply reply = chat(session, "Good.");
    CHECK_EQ(reply.text, SCRIPT_REPLY);
    CHECK_EQ(reply.usage.prompt_tokens,
             count_tokens(model,
                          USER("Are you there?") "<|im_start|>assistant\nYes.<|im_end|>\n" USER("Good.") ASSISTANT,
                          true));
    CHECK(reply.usage.cached_tokens > 0);
    CHECK_EQ(session.message_count(), 4);
    FAILS(session.ingest("bystander", "Hm."), Code::invalid_argument, "invalid_argument");
}

CASE(session_mode) {
    auto model = load(SCRIPT);
    auto talk = new_session(model), raw = new_session(model);
    chat(talk, "Hi.");
    generate(raw, "Hi.\n");
    FAILS(talk.generate("Hi."), Code::failed_precondition, "session_mode");
    FAILS(talk.ingest(nullptr, "Hi."), Code::failed_precondition, "session_mode");
    FAILS(raw.chat("Hi."), Code::failed_precondition, "session_mode");
    FAILS(raw.ingest("user", "Hi."), Code::failed_precondition, "session_mode");
    CHECK_EQ(chat(talk, "Hi.").text, SCRIPT_REPLY);
    CHECK_EQ(generate(raw, "\n").text, SCRIPT_REPLY);
    MUST(raw.reset());
    CHECK_EQ(chat(raw, "Hi.").text, SCRIPT_REPLY);
}
