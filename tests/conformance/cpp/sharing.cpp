// Many sessions at once: what they share, and how they leave each other alone.
#include "json.hpp"
#include "reply.hpp"

static void check_words(const Reply &reply, int times) {
    CHECK_LENGTH(reply);
    CHECK_EQ(reply.text, repeat(LONG_WORDS, times));
}

static void check_script(const Reply &reply) {
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.text, SCRIPT_REPLY);
}

// One computes the system prompt, the others find it, also those that arrive while it is being computed.
CASE(shared_prompt) {
    constexpr int sessions = 8;
    auto model = load(SCRIPT, {{"ctx_size", 4096}});
    const std::string system = repeat("You are one of those who answer. ", 20);
    const chaku::Options options{{"system_prompt", system}};
    const auto shared = count_tokens(model, system);
    CHECK(shared > 100);
    std::vector<chaku::Request> requests;
    for (int i = 0; i < sessions; i++)
        requests.push_back(start_chat(new_session(model, options), repeat("Go! ", i + 1)));
    int computed_it = 0;
    for (chaku::Request &request : requests) {
        const Reply reply = read_all(request);
        check_script(reply);
        CHECK(reply.usage.prompt_tokens > shared);
        computed_it += reply.usage.cached_tokens < shared;
    }
    CHECK_EQ(computed_it, 1);
    CHECK(metric(model, "cached_tokens_total") >= static_cast<double>(shared * (sessions - 1)));
    // Nor is it computed for one that comes later.
    CHECK(chat(new_session(model, options), "Later.").usage.cached_tokens >= shared);
}

CASE(stalled_reader_beside_lively_ones) {
    auto model = load(LONG, {{"ctx_size", 4096}});
    auto stalled = start_chat(new_session(model), "Count.", {{"event_queue", 4}, {"max_tokens", 80}});
    std::vector<chaku::Request> lively;
    for (int i = 0; i < 7; i++)
        lively.push_back(start_chat(new_session(model), repeat("Count. ", i + 1), {{"max_tokens", 160}}));
    for (chaku::Request &request : lively) check_words(read_all(request), 20);
    CHECK(!stalled.is_finished());
    CHECK(timeline_of(stalled, "stalled") >= 1);
    WAIT_UNTIL(metric(model, "requests_paused") == 1);
    check_words(read_all(stalled), 10);
}

// More than can be computed at once.
CASE(many_streams_at_once) {
    auto model = load(SCRIPT, {{"ctx_size", 4096}});
    const auto alone = chat(new_session(model), "Go.").usage.prompt_tokens;
    chaku::Session sessions[32];
    for (chaku::Session &session : sessions) session = new_session(model);
    for (int turn = 0; turn < 2; turn++) {
        std::vector<chaku::Request> requests;
        for (chaku::Session &session : sessions) requests.push_back(start_chat(session, "Go."));
        for (std::size_t i = requests.size(); i-- > 0;) {
            const Reply reply = read_all(requests[i]);
            check_script(reply);
            CHECK(turn > 0 || reply.usage.prompt_tokens == alone);
            CHECK_EQ(sessions[i].message_count(), 2 * (turn + 1));
        }
    }
}

// Answers that would need three times the memory there is: they give way to each other, and nothing of them is lost.
CASE(kv_pool_overflow) {
    auto model = load(LONG, {{"ctx_size", 512}, {"kv_pool", 1024}});
    std::vector<chaku::Request> requests;
    for (int i = 0; i < 8; i++)
        requests.push_back(start_chat(new_session(model), repeat("Count! ", i + 1), {{"max_tokens", 400}}));
    for (chaku::Request &request : requests) check_words(read_all(request), 50);
    CHECK_EQ(model.context_size(), 512);
    CHECK_EQ(metric(model, "kv_capacity_tokens"), 1024);
    CHECK(metric(model, "kv_used_tokens") <= 1024);
    CHECK(metric(model, "evictions_total") > 0);
}
