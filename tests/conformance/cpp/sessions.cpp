// Several sessions of one model, and the limits that keep everything bounded.
#include "reply.hpp"

struct Talk {
    chaku::Error error;
    Reply first, second;
};

static chaku::Error say(chaku::Session &session, std::string_view text, Reply &into) {
    auto request = session.chat(text);
    if (!request) return request.error();
    return request->run([&](const chaku::Event &event) { collect(into, event); }).error();
}

static void talk_twice(const chaku::Model &model, std::string_view text, Talk &talk) {
    auto session = chaku::Session::make(model);
    talk.error = session.error();
    if (!talk.error) talk.error = say(*session, text, talk.first);
    if (!talk.error) talk.error = say(*session, text, talk.second);
}

CASE(several_sessions_at_once) {
    constexpr std::size_t count = 8;
    constexpr std::string_view question = "I am one of those who ask, and you are the one to answer.";
    auto model = load(SCRIPT);
    Talk talks[count];
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; i++) {
        threads.emplace_back([&, i] { talk_twice(model, question.substr(0, 1 + i * 5), talks[i]); });
    }
    for (std::thread &thread : threads) thread.join();
    for (std::size_t i = 0; i < count; i++) {
        CHECK_EQ(talks[i].error.to_string(), chaku::Error().to_string());
        check_stream(talks[i].first);
        check_stream(talks[i].second);
        CHECK_EQ(talks[i].first.text, SCRIPT_REPLY);
        CHECK_EQ(talks[i].second.text, SCRIPT_REPLY);
        // Each has its own conversation: a question of another length, and its own first turn in the cache.
        CHECK(i == 0 || talks[i].first.usage.prompt_tokens != talks[i - 1].first.usage.prompt_tokens);
        CHECK_EQ(talks[i].second.usage.cached_tokens, talks[i].first.usage.context_used);
    }
}

// More text in all sessions than the memory holds: the least recently used one gives way, and computes again.
CASE(sessions_share_memory) {
    auto model = load(SCRIPT, {{"ctx_size", 256}});
    chaku::Session sessions[6];
    for (chaku::Session &session : sessions) session = new_session(model);
    for (int turn = 0; turn < 3; turn++) {
        for (chaku::Session &session : sessions) {
            const Reply reply = chat(session, "What do you say?");
            CHECK_STOPPED(reply);
            CHECK_EQ(reply.text, SCRIPT_REPLY);
            CHECK_EQ(session.message_count(), 2 * (turn + 1));
        }
    }
}

CASE(session_busy) {
    auto session = new_session(load(LONG));
    auto running = start_chat(session, "Count.", {{"event_queue", 1}});
    FAILS(session.chat("Go."), Code::failed_precondition, "concurrent_use");
    FAILS(session.generate("Go."), Code::failed_precondition, "concurrent_use");
    FAILS(session.ingest("user", "Go."), Code::failed_precondition, "concurrent_use");
    FAILS(session.continue_answer(), Code::failed_precondition, "concurrent_use");
    FAILS(session.reset(), Code::failed_precondition, "concurrent_use");
    Reply reply;
    read_tokens(running, reply, 3);
    running.cancel();
    read_rest(running, reply);
    CHECK_EQ(chat(session, "Go.", {{"max_tokens", 8}}).text, LONG_WORDS);
}

CASE(session_limit) {
    auto model = load(SCRIPT, {{"max_sessions", 2}});
    auto first = new_session(model), second = new_session(model);
    const auto error = FAILS(chaku::Session::make(model), Code::resource_exhausted, "session_limit");
    CHECK_EQ(error.detail("limit"), "2");
    first.free();
    CHECK_EQ(chat(second, "Go.").text, SCRIPT_REPLY);
    first = new_session(model);
    CHECK_EQ(chat(first, "Go.").text, SCRIPT_REPLY);
    // Places are given back for ever.
    second.free();
    for (int i = 0; i < 300; i++) MUST(chaku::Session::make(model));
    for (int i = 0; i < 300; i++) first = new_session(model); // which frees the one before
    for (int i = 0; i < 30; i++) {
        auto closed = new_session(model);
        auto request = start_chat(closed, "Go.");
        MUST(closed.close(event_wait));
        closed.free(); // before its request
    }
}

CASE(queue_full) {
    Busy other = make_busy({{"ctx_size", 131072}, {"queue_limit", 2}});
    auto one = new_session(other.model), two = new_session(other.model), three = new_session(other.model);
    const chaku::Options short_one{{"max_tokens", 1}};
    auto first = start_chat(one, "Go.", short_one), second = start_chat(two, "Go.", short_one);
    const auto error = FAILS(three.chat("Go."), Code::resource_exhausted, "queue_full");
    CHECK_EQ(error.detail("limit"), "2");
    CHECK_EQ(error.detail("queued"), "2");
    CHECK(!other.request.is_finished());
    // One that is cancelled makes room at once, and the refused session is as before.
    first.cancel();
    auto third = start_chat(three, "Go.", short_one);
    other.request.cancel();
    CHECK_CANCELLED(read_all(first));
}

CASE(first_come_first_served) {
    Busy other = make_busy({{"ctx_size", 131072}});
    chaku::Request requests[5];
    for (chaku::Request &request : requests)
        request = start_chat(new_session(other.model), "Go.", {{"max_tokens", 50}});
    other.request.cancel();
    for (int i = 4; i >= 0; i--) {
        CHECK_LENGTH(read_all(requests[i]));
        for (int j = 0; j < i; j++) CHECK(requests[j].is_finished());
    }
}

CASE(slow_reader_pauses_only_itself) {
    auto model = load(LONG);
    auto other = new_session(model);
    auto slow = start_chat(new_session(model), "Count.", {{"event_queue", 4}});
    for (int i = 0; i < 3; i++) CHECK_EQ(chat(other, "Count.", {{"max_tokens", 40}}).text, repeat(LONG_WORDS, 5));
    CHECK(!slow.is_finished());
    // It goes on where it was, and no token is lost.
    Reply reply;
    read_tokens(slow, reply, 80);
    CHECK(starts_with(reply.text, repeat(LONG_WORDS, 10)));
    slow.cancel();
    read_rest(slow, reply);
    CHECK_CANCELLED(reply);
    CHECK(reply.tokens.size() <= 80 + 4 + 2);
}
