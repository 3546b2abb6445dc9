// What sessions can do besides talking: fork, rewind, and conversations without one.
#include "json.hpp"
#include "reply.hpp"

#define STORY "Tell me."

static void check_script(const Reply &reply) {
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, SCRIPT_REPLY);
}

// What both have in common was computed once.
CASE(fork) {
    constexpr int count = 10;
    auto model = load(SCRIPT, {{"ctx_size", 4096}, {"max_sessions", count + 1}});
    auto session = new_session(model, {{"system_prompt", "You are a parrot."}});
    const auto first = chat(session, repeat("word after word ", 60)).usage;
    const auto tail = count_tokens(model, "<|im_end|>\n" USER("Two?") ASSISTANT, true);
    CHECK(first.context_used > 200);
    chaku::Session forks[count];
    for (chaku::Session &fork : forks) fork = MUST(session.fork());
    FAILS(session.fork(), Code::resource_exhausted, "session_limit");
    std::vector<chaku::Request> requests;
    for (chaku::Session &fork : forks) requests.push_back(start_chat(fork, "Two?"));
    for (int i = 0; i < count; i++) {
        const Reply reply = read_all(requests[i]);
        check_script(reply);
        CHECK_EQ(reply.usage.prompt_tokens, first.context_used + tail);
        CHECK(reply.usage.cached_tokens >= first.context_used);
        CHECK_EQ(forks[i].message_count(), 4);
    }
    // Nothing of it is in the one they come from.
    CHECK_EQ(session.message_count(), 2);
    const Reply reply = chat(session, "Two?");
    CHECK_EQ(reply.usage.prompt_tokens, first.context_used + tail);
    CHECK(reply.usage.cached_tokens >= first.context_used);
    WAIT_UNTIL(metric(model, "generated_tokens_total") >= (count + 2) * 8);
    CHECK(metric(model, "prompt_tokens_total") <= static_cast<double>(first.prompt_tokens + (count + 1) * tail));
}

CASE(forks_are_independent) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    chat(session, STORY);
    const auto before = count_tokens(model, USER(STORY) ASSISTANT SCRIPT_REPLY "<|im_end|>\n", true);
    const auto with_one = before + count_tokens(model, USER("One?") ASSISTANT, true);
    auto one = MUST(session.fork()), two = MUST(session.fork({{"system_prompt", "Be brief."}}));
    session.free();
    CHECK_EQ(chat(one, "One?").usage.prompt_tokens, with_one);
    // Its own options hold before those it has from there.
    CHECK(chat(two, "One?").usage.prompt_tokens > with_one);
    auto three = MUST(one.fork());
    CHECK_EQ(three.message_count(), 4);
    MUST(one.reset());
    CHECK_EQ(three.message_count(), 4);
    check_script(chat(three, "Three?"));
    CHECK_EQ(chat(one, STORY).usage.prompt_tokens, count_tokens(model, USER(STORY) ASSISTANT, true));

    // A raw text goes on in each of them.
    session = new_session(load(LONG));
    generate(session, "Count.\n", {{"max_tokens", 12}});
    one = MUST(session.fork());
    for (chaku::Session *each : {&session, &one})
        CHECK_EQ(read_all(MUST(each->continue_answer({{"max_tokens", 4}}))).text, " five six seven eight");
    MUST(one.close(event_wait));
    FAILS(one.fork(), Code::failed_precondition, "closed");
}

// It begins before the request.
CASE(fork_while_running) {
    auto session = new_session(load(LONG));
    chat(session, "Count.", {{"max_tokens", 8}});
    auto request = start_chat(session, "Again.");
    Reply reply;
    read_tokens(request, reply, 4);
    auto fork = MUST(session.fork());
    CHECK_EQ(fork.message_count(), 2);
    CHECK_EQ(chat(fork, "Again.", {{"max_tokens", 16}}).text, LONG_WORDS LONG_WORDS);
    read_tokens(request, reply, 24);
    CHECK(starts_with(reply.text, LONG_WORDS LONG_WORDS LONG_WORDS));
    request.cancel();
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    CHECK_EQ(fork.message_count(), 4);
}

CASE(rewind) {
    auto session = new_session(load(SCRIPT), {{"system_prompt", "You are a parrot."}});
    const auto first = chat(session, "One?").usage, second = chat(session, "Two?").usage;
    auto used = session.context_used();
    CHECK_EQ(FAILS(session.rewind(5), Code::invalid_argument, "invalid_argument").detail("most"), "4");
    FAILS(session.rewind(-1), Code::invalid_argument, "invalid_argument");
    FAILS(session.rewind(INT64_MAX), Code::invalid_argument, "invalid_argument");
    MUST(session.rewind(4));
    CHECK_EQ(session.context_used(), used);
    MUST(session.rewind(2));
    CHECK_EQ(session.message_count(), 2);
    CHECK_EQ(session.context_used(), first.context_used);
    const Reply again = chat(session, "Two?");
    check_script(again);
    CHECK_EQ(again.usage.prompt_tokens, second.prompt_tokens);
    CHECK(again.usage.cached_tokens >= first.context_used);
    // To the beginning: the system prompt stays.
    MUST(session.rewind(0));
    CHECK_EQ(session.message_count(), 0);
    CHECK_EQ(chat(session, "One?").usage.prompt_tokens, first.prompt_tokens);

    // A raw text is taken back by tokens.
    session = new_session(load(LONG));
    generate(session, "Count.\n", {{"max_tokens", 16}});
    used = session.context_used();
    MUST(session.rewind(used - 4));
    CHECK_EQ(session.context_used(), used - 4);
    CHECK_EQ(read_all(MUST(session.continue_answer({{"max_tokens", 8}}))).text,
             " five six seven eight one two three four");

    auto running = MUST(session.generate("\n", {{"event_queue", 1}}));
    FAILS(session.rewind(1), Code::failed_precondition, "concurrent_use");
    MUST(session.close(event_wait));
    FAILS(session.rewind(1), Code::failed_precondition, "closed");
}

// ---- Without a session ----

static Reply answer(const chaku::Model &model, const std::vector<chaku::Message> &messages,
                    const chaku::Options &options = {}) {
    return read_all(MUST(model.chat(messages, options)));
}

CASE(stateless_chat) {
    auto model = load(SCRIPT, {{"max_sessions", 1}});
    auto only = new_session(model); // these need none
    const Reply first = answer(model, {{"user", "One?"}});
    check_script(first);
    CHECK_EQ(first.usage.prompt_tokens, count_tokens(model, USER("One?") ASSISTANT, true));
    CHECK_EQ(first.usage.cached_tokens, 0);
    // The conversation grows, and what there was is not computed again.
    const Reply second = answer(model, {{"user", "One?"}, {"assistant", SCRIPT_REPLY}, {"user", "Two?"}});
    check_script(second);
    CHECK_EQ(second.usage.prompt_tokens,
             count_tokens(model, USER("One?") ASSISTANT SCRIPT_REPLY "<|im_end|>\n" USER("Two?") ASSISTANT, true));
    CHECK(second.usage.cached_tokens >= first.usage.prompt_tokens);
    CHECK_EQ(only.message_count(), 0);

    // A system message first is the system prompt, and options hold.
    const Reply brief = answer(model, {{"system", "Be brief."}, {"user", "One?"}}, {{"max_tokens", 3}});
    CHECK_LENGTH(brief);
    CHECK_EQ(brief.usage.prompt_tokens,
             answer(model, {{"user", "One?"}}, {{"system_prompt", "Be brief."}}).usage.prompt_tokens);
    CHECK(brief.usage.prompt_tokens > first.usage.prompt_tokens);
    // Whatever a text has in it: names of control tokens, quotes, line feeds, a NUL.
    using namespace std::string_view_literals;
    auto roomy = load(SCRIPT);
    for (const std::string_view text : {"<|im_end|>"sv, "\"\\\b\f\n\r\t\x01\x7F/"sv, "a\0b"sv, "\xF0\x9F\xA6\x99"sv}) {
        CHECK_EQ(answer(model, {{"user", text}}).usage.prompt_tokens, chat(new_session(roomy), text).usage.prompt_tokens);
    }
    MUST(model.close(event_wait));
    FAILS(model.chat({{"user", "One?"}}), Code::failed_precondition, "closed");
}

CASE(invalid_messages) {
    auto model = load(SCRIPT);
    const auto refused = [&](const char *messages) {
        const auto error = FAILS(model.chat_json(messages), Code::invalid_argument, "invalid_messages");
        return std::string(error.detail("index").value_or(""));
    };
    for (const char *json : {"", "{}", "[", "[]", "[]]", R"({"role":"user","content":"x"})"})
        CHECK_EQ(refused(json), "");
    CHECK_EQ(refused(R"([{"role":"user","content":"x"},7])"), "1");
    CHECK_EQ(refused(R"([{"role":"user"}])"), "0");
    CHECK_EQ(refused(R"([{"role":"user","content":"x","name":"y"}])"), "0");
    FAILS(model.chat({}), Code::invalid_argument, "invalid_messages");
    FAILS(model.chat({{"robot", "x"}}), Code::invalid_argument, "invalid_messages");
    FAILS(model.chat({{"user", "x"}, {"assistant", "y"}}), Code::invalid_argument, "invalid_messages");
    FAILS(model.chat({{"user", ""}}), Code::invalid_argument, "invalid_messages");
    FAILS(model.chat({{"user", "\xFF"}}), Code::invalid_argument, "invalid_utf8");
    FAILS(load("tiny-nochat.gguf").chat({{"user", "x"}}), Code::failed_precondition, "no_chat_template");
    check_script(answer(model, {{"user", "x"}}));
}
