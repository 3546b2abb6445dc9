// The ways to read, and the one final event.
#include "reply.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>

// What a callable on another thread collects. It outlives the case: whoever comes last drops it.
struct Listener {
    Reply reply;
    int events = 0;
    std::atomic<int> destroyed{0};

    static auto callable(const std::shared_ptr<Listener> &listener, int stop_after = 0) {
        return [listener, stop_after, counts = CountsDestruction(listener->destroyed)](const chaku::Event &event) {
            collect(listener->reply, event);
            return ++listener->events >= stop_after && stop_after > 0 ? Flow::stop : Flow::go_on;
        };
    }
};

// Reads as an event loop does: woken, then until there is nothing.
static Reply read_when_ready(chaku::Request request) {
    struct Wake {
        std::mutex lock;
        std::condition_variable came;
        bool ready = false;
    };
    const auto wake = std::make_shared<Wake>();
    MUST(request.on_ready([wake] {
        std::lock_guard locked(wake->lock);
        wake->ready = true;
        wake->came.notify_one();
    }));
    Reply reply;
    while (reply.final_count == 0) {
        {
            std::unique_lock locked(wake->lock);
            CHECK(wake->came.wait_for(locked, event_wait, [&] { return wake->ready; }));
            wake->ready = false;
        }
        while (reply.final_count == 0) {
            const chaku::Event event = MUST(request.next(0ms));
            if (!event) break;
            collect(reply, event);
        }
    }
    check_stream(reply);
    MUST(request.close(event_wait));
    return reply;
}

CASE(three_ways_of_reading) {
    auto model = load("tiny-emoji.gguf");
    const Reply pulled = chat(new_session(model), "Go.");

    Reply ran;
    MUST(start_chat(new_session(model), "Go.").run([&](const chaku::Event &event) { collect(ran, event); }));
    check_stream(ran);

    const auto listener = std::make_shared<Listener>();
    auto request = start_chat(new_session(model), "Go.");
    MUST(request.on_event(Listener::callable(listener)));
    FAILS(request.next(0ms), Code::failed_precondition, "reader_taken");
    WAIT_UNTIL(listener->destroyed > 0);
    check_stream(listener->reply);
    CHECK_EQ(listener->destroyed.load(), 1);

    Reply woken = read_when_ready(start_chat(new_session(model), "Go."));

    // Pulled by a range-for: the same once more.
    Reply iterated;
    request = start_chat(new_session(model), "Go.");
    auto events = request.events();
    for (const chaku::Event &event : events) collect(iterated, event);
    MUST(events.status());
    check_stream(iterated);

    for (const Reply *reply : {&ran, &listener->reply, &woken, &iterated}) {
        CHECK_EQ(reply->text, pulled.text);
        CHECK(reply->tokens == pulled.tokens);
        CHECK_EQ(reply->finish_reason, pulled.finish_reason);
    }
}

CASE(run_without_callback) {
    auto session = new_session(load(SCRIPT));
    MUST(start_chat(session, "Go.").run());
    FAILS(start_chat(session, "Go.", {{"grammar", "("}}).run(), Code::invalid_argument, "invalid_grammar");
}

CASE(callback_stop) {
    auto session = new_session(load(LONG));
    const auto blocking = std::make_shared<Listener>();
    FAILS(start_chat(session, "Count.").run(Listener::callable(blocking, 3)), Code::cancelled, "cancelled");
    CHECK_EQ(blocking->events, 4);
    check_stream(blocking->reply);
    CHECK_CANCELLED(blocking->reply);
    CHECK_EQ(chat(session, "Count.", {{"max_tokens", 2}}).tokens.size(), 2);

    const auto asynchronous = std::make_shared<Listener>();
    auto request = start_chat(session, "Count.");
    MUST(request.on_event(Listener::callable(asynchronous, 3)));
    WAIT_UNTIL(asynchronous->destroyed > 0);
    CHECK_EQ(asynchronous->events, 4);
    check_stream(asynchronous->reply);
    CHECK_CANCELLED(asynchronous->reply);
    CHECK_EQ(asynchronous->destroyed.load(), 1);
}

CASE(one_reader) {
    auto session = new_session(load(LONG));
    auto request = start_chat(session, "Count.");
    const auto first = std::make_shared<Listener>(), second = std::make_shared<Listener>();
    MUST(request.on_event(Listener::callable(first)));
    FAILS(request.on_event(Listener::callable(second)), Code::failed_precondition, "reader_taken");
    CHECK_EQ(second->destroyed.load(), 1); // also when the call fails
    CHECK_EQ(second->events, 0);
    FAILS(request.next(0ms), Code::failed_precondition, "reader_taken");
    FAILS(request.run(), Code::failed_precondition, "reader_taken");
    auto events = request.events();
    for (const chaku::Event &event : events) check("a range has no event", !event);
    FAILS(events.status(), Code::failed_precondition, "reader_taken");
    request.cancel();
    WAIT_UNTIL(first->destroyed > 0);
    CHECK_EQ(first->reply.final_count, 1);
}

CASE(callback_may_not_wait) {
    auto session = new_session(load(SCRIPT));
    bool refused = false;
    MUST(start_chat(session, "Go.").run([&](const chaku::Event &) {
        refused = session.chat("Go.").error().reason() == "reentrant" && session.context_used() >= 0;
        return refused ? Flow::go_on : Flow::stop;
    }));
    CHECK(refused);
}

CASE(exactly_one_final_event) {
    auto model = load(LONG, {{"ctx_size", 1024}});
    chaku::Request requests[5];
    const FinishReason ends[] = {FinishReason::length, FinishReason::stop, FinishReason::cancelled,
                                 FinishReason::deadline, FinishReason::error};
    requests[0] = start_chat(new_session(model), "Go.", {{"max_tokens", 3}});
    requests[1] = start_chat(new_session(model), "Go.", {{"stop", "three"}});
    requests[2] = start_chat(new_session(model), "Go.", {{"event_queue", 2}});
    requests[3] = start_chat(new_session(model), "Go.", {{"event_queue", 2}, {"deadline_ms", 300}});
    requests[4] = start_chat(new_session(model), "Go.", {{"event_queue", 2000}});
    for (int i = 0; i < 3; i++) requests[2].cancel();
    WAIT_UNTIL(requests[3].is_finished()); // read, it would reach the end of the window first
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(read_all(requests[i]).finish_reason, ends[i]); // checks that there is one, and that it is the last
        requests[i].cancel();
        FAILS(requests[i].next(20ms), Code::out_of_range, "finished");
    }
}

CASE(finished_after_final) {
    auto request = start_chat(new_session(load(SCRIPT)), "Go.");
    read_all(request);
    CHECK(request.is_finished());
    FAILS(request.next(), Code::out_of_range, "finished");
    FAILS(request.next(0ms), Code::out_of_range, "finished");
    FAILS(request.next(1ms), Code::out_of_range, "finished");
    CHECK(!*request.next());
    FAILS(request.on_event([](const chaku::Event &) {}), Code::out_of_range, "finished");
    FAILS(request.next(0ms), Code::out_of_range, "finished");
    FAILS(request.run(), Code::out_of_range, "finished");
}

CASE(next_times_out) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto request = start_chat(new_session(other.model), "Go.");
    CHECK(!MUST(request.next(0ms)));
    CHECK(!MUST(request.next(30ms)));
    CHECK(!MUST(request.next(-1ms))); // a time that is past is no time, and not for ever
    CHECK(!request.is_finished());
}
