// The end of the host's program, whatever the library is doing; and a process that is no more than half of one.
#include "reply.hpp"

#include <cstdlib>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// There are three ways to own what is still at work: an object nobody destroys, one whose destructor runs in exit(),
// and one whose destructor ran before.
template <typename T>
static void leak(T object) {
    object.release();
}

static void leave_while_loading() { static const auto request = start_load(SMOLLM2); }

static void leave_while_preparing() { static const auto request = start_chat(new_session(load(LONG)), "Count."); }

static void leave_while_preparing_freed() { start_chat(new_session(load(LONG)), "Count.").cancel(); }

static void leave_in_prefill() {
    auto request = start_chat(new_session(load(SMOLLM2, {{"ubatch_size", 64}})), repeat("The llama looks back. ", 100));
    Reply reply;
    read_progress(request, reply);
    leak(std::move(request));
}

static void leave_in_decode() {
    auto request = start_chat(new_session(load(LONG)), "Count.", {{"event_queue", 100000}});
    Reply reply;
    read_tokens(request, reply, 2);
    leak(std::move(request));
}

// Each way to leave in a process of its own, at several moments: what is wrong here shows now and then.
CASE(exit_while_running) {
    const struct {
        void (*leave)();
        int attempts;
    } ways[] = {{leave_while_loading, 6},
                {leave_while_preparing, 60},
                {leave_while_preparing_freed, 60},
                {leave_in_prefill, 6},
                {leave_in_decode, 60}};
    for (const auto &way : ways) {
        for (int attempt = 0; attempt < way.attempts; attempt++) {
            const pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(static_cast<unsigned>(event_wait.count()));
                way.leave();
                std::this_thread::sleep_for(std::chrono::milliseconds(attempt % 5));
                std::exit(0);
            }
            int status = 0;
            CHECK_EQ(waitpid(child, &status, 0), child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fail("way " + std::to_string(&way - ways) + ", attempt " + std::to_string(attempt) +
                     ": the program did not end well");
            }
        }
    }
}

// What a child does that does not know it should not: everything is refused, and nothing waits for a thread it does not
// have.
static void use_everything(chaku::Model &model, chaku::Session &session, chaku::Request &request) {
    const Code code = Code::failed_precondition;
    FAILS(request.next(), code, "forked");
    FAILS(request.close(), code, "forked");
    FAILS(session.chat("Hi"), code, "forked");
    FAILS(chaku::Session::make(model), code, "forked");
    FAILS(chaku::Model::load(model_path(SCRIPT)), code, "forked");
    FAILS(model.close(), code, "forked");
    FAILS(chaku::Options({{"max_tokens", 1}}), code, "forked");
    auto events = request.events();
    for (const chaku::Event &event : events) check("there is no event", !event);
    FAILS(events.status(), code, "forked");
    CHECK_EQ(model.vocab_size(), 0);
    request.cancel();
    request.free();
    session.free();
    model.free();
    MUST(chaku::check_abi());
    CHECK(chaku::option_info("temperature")->kind == chaku::OptionKind::f64);
}

CASE(forked_child) {
    auto model = load(LONG);
    auto session = new_session(model);
    auto request = start_chat(session, "Count.", {{"max_tokens", 400}});
    Reply reply;
    read_tokens(request, reply, 2);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(static_cast<unsigned>(event_wait.count()));
        use_everything(model, session, request);
        std::exit(7);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 7);
    read_rest(request, reply);
    CHECK_EQ(reply.text, repeat(LONG_WORDS, 50));
}
