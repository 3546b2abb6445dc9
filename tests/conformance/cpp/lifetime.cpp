// Closing and freeing, in any order, while work runs.
#include "reply.hpp"

#include <memory>
#include <mutex>

// Chats as soon as the session's former request has ended.
static Reply chat_when_idle(chaku::Session &session) {
    chaku::Request request;
    WAIT_UNTIL((request = *session.chat("Count.", {{"max_tokens", 8}})));
    return read_all(request);
}

CASE(unload_while_running) {
    auto model = load(LONG);
    auto session = new_session(model);
    auto running = start_chat(session, "Count.", {{"event_queue", 4}});
    auto waiting = start_chat(new_session(model), "Count.", {{"event_queue", 4}});
    Reply reply;
    read_tokens(running, reply, 3);
    MUST(model.close(event_wait));
    CHECK(running.is_finished() && waiting.is_finished());
    read_rest(running, reply);
    CHECK_END(reply, FinishReason::cancelled, Code::cancelled, "closed_while_running");
    CHECK_END(read_all(waiting), FinishReason::cancelled, Code::cancelled, "closed_while_running");
    FAILS(session.chat("Count."), Code::failed_precondition, "closed");
    FAILS(chaku::Session::make(model), Code::failed_precondition, "closed");
    MUST(model.close(event_wait));
    CHECK_EQ(model.metadata("general.name"), "tiny-script");
    CHECK_EQ(chat(new_session(load(SCRIPT)), "Go.").text, SCRIPT_REPLY);
}

// In the middle of a step of a slow prefill.
CASE(unload_in_prefill) {
    auto model = load(SMOLLM2, {{"ubatch_size", 256}});
    auto request = start_chat(new_session(model), repeat("The llama walks up the mountain and looks back. ", 130));
    Reply reply;
    read_progress(request, reply);
    MUST(model.close(event_wait));
    read_rest(request, reply);
    CHECK_END(reply, FinishReason::cancelled, Code::cancelled, "closed_while_running");
    CHECK_EQ(reply.progress_count, 1);
}

CASE(free_model_before_session) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    auto request = start_chat(session, "Go.", {{"event_queue", 1}});
    model.free();
    CHECK_EQ(read_all(request).text, SCRIPT_REPLY);
    CHECK_EQ(chat(session, "Go.").text, SCRIPT_REPLY);
}

CASE(free_session_before_request) {
    auto model = load(SCRIPT, {{"max_sessions", 1}});
    auto session = new_session(model);
    auto request = start_chat(session, "Go.", {{"event_queue", 1}});
    session.free();
    model.free();
    CHECK_EQ(read_all(request).text, SCRIPT_REPLY);
    model = load(SCRIPT, {{"max_sessions", 1}});
    session = new_session(model);
    request = start_chat(session, "Go.");
    session.free();
    CHECK_EQ(read_all(request).text, SCRIPT_REPLY);
    WAIT_UNTIL(chaku::Session::make(model).has_value());
}

CASE(free_request_cancels) {
    auto session = new_session(load(LONG, {{"ctx_size", 131072}}));
    {
        auto request = start_chat(session, "Count.", {{"event_queue", 1048576}});
        Reply reply;
        read_tokens(request, reply, 2);
    } // its destructor frees it
    CHECK_EQ(chat_when_idle(session).text, LONG_WORDS);

    static std::atomic<int> destroyed{0};
    auto request = start_chat(session, "Count.");
    MUST(request.on_event([counts = CountsDestruction(destroyed)](const chaku::Event &) {}));
    request.free();
    WAIT_UNTIL(destroyed > 0);
    CHECK_EQ(chat_when_idle(session).text, LONG_WORDS);
    CHECK_EQ(destroyed.load(), 1);
}

CASE(free_in_callback) {
    auto session = new_session(load(LONG, {{"ctx_size", 131072}}));
    auto blocking = start_chat(session, "Count.");
    int calls = 0;
    const auto end = blocking.run([&](const chaku::Event &) {
        calls++;
        blocking.free();
    });
    FAILS(end, Code::cancelled, "cancelled");
    CHECK_EQ(calls, 1);
    CHECK(!blocking);
    CHECK_EQ(chat_when_idle(session).text, LONG_WORDS);

    // The callable owns its request, and frees it in its first call.
    static std::atomic<int> destroyed{0}, freed{0};
    auto owner = std::make_shared<chaku::Request>(start_chat(session, "Count."));
    chaku::Request &asynchronous = *owner;
    MUST(asynchronous.on_event([owner = std::move(owner), counts = CountsDestruction(destroyed)](const chaku::Event &) {
        ++freed;
        owner->free();
    }));
    WAIT_UNTIL(destroyed > 0);
    CHECK_EQ(freed.load(), 1);
    CHECK_EQ(chat_when_idle(session).text, LONG_WORDS);
    CHECK_EQ(destroyed.load(), 1);
}

// The reader is told, and does not wait for ever.
CASE(free_while_another_thread_reads) {
    Busy other = make_busy({{"ctx_size", 131072}});
    auto session = new_session(other.model);
    auto request = start_chat(session, "Count.");
    std::atomic<bool> started{false};
    chaku::Error error;
    std::thread thread([&] {
        started = true;
        error = request.run().error();
    });
    WAIT_UNTIL(started.load());
    std::this_thread::sleep_for(20ms);
    request.free();
    thread.join();
    CHECK(error.code() == Code::cancelled);
}

CASE(close_then_use) {
    auto model = load(LONG);
    auto session = new_session(model);
    auto request = start_chat(session, "Count.", {{"event_queue", 4}});
    Reply reply;
    read_tokens(request, reply, 2);
    MUST(request.close(event_wait));
    CHECK(request.is_finished());
    read_rest(request, reply);
    CHECK_CANCELLED(reply);

    MUST(request.close());
    CHECK_EQ(chat(session, "Count.", {{"max_tokens", 2}}).tokens.size(), 2);

    MUST(model.close());
    FAILS(session.chat("Count."), Code::failed_precondition, "closed");
    FAILS(session.generate("Count."), Code::failed_precondition, "closed");
    FAILS(session.continue_answer(), Code::failed_precondition, "closed");
    CHECK_EQ(session.message_count(), 4);
    MUST(model.close());
}

CASE(session_close) {
    auto model = load(LONG);
    auto session = new_session(model);
    auto request = start_chat(session, "Count.", {{"event_queue", 4}});
    Reply reply;
    read_tokens(request, reply, 2);
    MUST(session.close(event_wait));
    CHECK(request.is_finished());
    read_rest(request, reply);
    CHECK_CANCELLED(reply);
    MUST(session.close());
    FAILS(session.chat("Count."), Code::failed_precondition, "closed");
    FAILS(session.continue_answer(), Code::failed_precondition, "closed");
    FAILS(session.reset(), Code::failed_precondition, "closed");
    CHECK_EQ(chat(new_session(model), "Count.", {{"max_tokens", 2}}).tokens.size(), 2);
}

// A callback that hangs until the case opens the gate.
CASE(close_waits_for_callback) {
    auto request = start_chat(new_session(load(LONG)), "Count.");
    static std::mutex gate;
    static std::atomic<int> arrived{0}, destroyed{0};
    std::unique_lock closed(gate);
    MUST(request.on_event([counts = CountsDestruction(destroyed)](const chaku::Event &) {
        ++arrived;
        std::lock_guard pass(gate);
    }));
    WAIT_UNTIL(arrived > 0);
    FAILS(request.close(50ms), Code::deadline_exceeded, "close_timeout");
    FAILS(request.close(-5ms), Code::deadline_exceeded, "close_timeout"); // a time that is past: no wait
    CHECK_EQ(destroyed.load(), 0);
    closed.unlock();
    MUST(request.close(event_wait));
    CHECK_EQ(destroyed.load(), 1);
}

// The type system keeps handles of another type out, so a stale handle is one that was freed behind an object's back;
// what NULL is in C is an object that was moved from or freed.
CASE(stale_handles) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    auto request = start_chat(session, "Go.");
    CHECK(chaku_request_free(request.get()) == CHAKU_OK);
    FAILS(request.next(0ms), Code::invalid_argument, "stale_handle");
    FAILS(request.run(), Code::invalid_argument, "stale_handle");
    FAILS(request.close(), Code::invalid_argument, "stale_handle");
    FAILS(request.on_event([](const chaku::Event &) {}), Code::invalid_argument, "stale_handle");
    FAILS(request.on_ready([] {}), Code::invalid_argument, "stale_handle");
    request.cancel();
    request.free();
    FAILS(request.next(0ms), Code::invalid_argument, "null_pointer");
    FAILS(request.model(), Code::invalid_argument, "null_pointer");
    CHECK(request.is_finished()); // nothing more will come
    request.cancel();
    request.free();

    chaku::Session moved = std::move(session);
    FAILS(session.chat("Go."), Code::invalid_argument, "null_pointer");
    FAILS(session.generate("Go."), Code::invalid_argument, "null_pointer");
    FAILS(session.ingest("user", "Go."), Code::invalid_argument, "null_pointer");
    FAILS(session.continue_answer(), Code::invalid_argument, "null_pointer");
    FAILS(session.reset(), Code::invalid_argument, "null_pointer");
    FAILS(session.close(), Code::invalid_argument, "null_pointer");
    CHECK_EQ(session.context_used() + session.message_count(), 0);
    session.cancel();
    chaku::Session wrong(reinterpret_cast<chaku_session *>(model.get()));
    FAILS(wrong.chat("Go."), Code::invalid_argument, "wrong_handle");
    wrong.release();

    chaku::Model empty;
    CHECK(!empty);
    FAILS(chaku::Session::make(empty), Code::invalid_argument, "null_pointer");
    FAILS(empty.retain(), Code::invalid_argument, "null_pointer");
    FAILS(empty.tokenize("Go."), Code::invalid_argument, "null_pointer");
    FAILS(empty.detokenize({1}), Code::invalid_argument, "null_pointer");
    FAILS(empty.close(), Code::invalid_argument, "null_pointer");
    CHECK_EQ(empty.vocab_size() + empty.context_size() + empty.metadata_count(), 0);
    CHECK_EQ(empty.description(), "");
    CHECK(!empty.chat_template() && !empty.metadata("general.name") && !empty.token_bos());

    auto runtime = MUST(chaku::Runtime::make());
    runtime.free();
    FAILS(chaku::Model::load(runtime, model_path(SCRIPT)), Code::invalid_argument, "null_pointer");
    FAILS(chaku::Model::load_async(runtime, model_path(SCRIPT)), Code::invalid_argument, "null_pointer");
    FAILS(runtime.clear_log(), Code::invalid_argument, "null_pointer");

    const chaku::Event no_event;
    CHECK(no_event.kind() == EventKind::none && !no_event.is_final());
    CHECK_EQ(no_event.text(), "");
    CHECK_EQ(no_event.bytes(), "");
    CHECK(!no_event.token() && no_event.finish_reason() == FinishReason::none);
    FAILS(no_event.retain(), Code::invalid_argument, "null_pointer");

    // What was moved to works, also after a move to itself and over another object.
    chaku::Session &itself = moved;
    moved = std::move(itself);
    CHECK_EQ(chat(moved, "Go.").text, SCRIPT_REPLY);
    moved = new_session(model);
    CHECK_EQ(moved.message_count(), 0);
}

CASE(events_outlive_request) {
    auto model = load(SCRIPT);
    auto session = new_session(model);
    auto request = start_chat(session, "Go.");
    chaku::Event kept, last;
    for (chaku::Event &event : request.events()) {
        if (event.kind() == EventKind::text && !kept) kept = MUST(event.retain());
        if (event.is_final()) last = std::move(event);
    }
    request.free();
    session.free();
    MUST(model.close(event_wait));
    model.free();
    CHECK_EQ(kept.text(), "Hello");
    CHECK(last.finish_reason() == FinishReason::stop);
}
