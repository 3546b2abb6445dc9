// What callbacks throw never gets into C; and what value() throws. Takes a model that always answers with the same
// short text, and one whose answer is long.
#include "check.hpp"

#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

struct Thrown : std::runtime_error {
    int number;
    explicit Thrown(int number_) : std::runtime_error("thrown by a callback"), number(number_) {}
};

static void values() {
    const auto missing = [] { return chaku::Model::load("no/such/file.gguf"); };
    try {
        missing().value();
        CHECK(false && "value() throws");
    } catch (const chaku::Exception &exception) {
        CHECK(exception.error().code() == chaku::Code::not_found && exception.error().reason() == "file_not_found");
        CHECK(std::string(exception.what()).rfind("NOT_FOUND (file_not_found): ", 0) == 0);
        const std::exception_ptr copy = std::make_exception_ptr(exception); // an exception can be copied
        CHECK(copy != nullptr);
    }
    try {
        chaku::Result<void>(missing().error()).value();
        CHECK(false && "value() throws");
    } catch (const std::runtime_error &error) {
        CHECK(dynamic_cast<const chaku::Exception *>(&error) != nullptr);
    }
    chaku::Result<std::string> text = std::string("text");
    const chaku::Result<std::string> constant = std::string("text");
    CHECK(text.value() == "text" && constant.value() == "text" && std::move(text).value() == "text");
    chaku::Result<void>().value();
}

// Out of run, on the caller's thread, when the request has ended; and the callable is left alone after it threw.
static void from_run(chaku::Session &session) {
    int calls = 0;
    auto request = MUST(session.chat("Count."));
    try {
        (void)request.run([&](const chaku::Event &) {
            if (++calls == 3) throw Thrown(7);
        });
        CHECK(false && "run throws what its callback threw");
    } catch (const Thrown &thrown) {
        CHECK(thrown.number == 7 && calls == 3);
    }
    CHECK(request.is_finished());
    CHECK(request.next(0ms).error().reason() == "finished");

    // Also what is no std::exception, and from the final event; then the answer was whole.
    request = MUST(session.chat("Count.", {{"max_tokens", 3}}));
    try {
        (void)request.run([](const chaku::Event &event) {
            if (event.is_final()) throw event.code();
        });
        CHECK(false && "run throws what its callback threw");
    } catch (chaku::Code code) {
        CHECK(code == chaku::Code::ok);
    }

    // A callback that throws inside a callback's own business is nobody else's.
    request = MUST(session.chat("Count.", {{"max_tokens", 3}}));
    MUST(request.run([](const chaku::Event &) {
        try {
            throw Thrown(1);
        } catch (const Thrown &) {
        }
    }));
}

// On a thread of the request's own it means stop: only the final event follows.
static void from_on_event(chaku::Session &session) {
    static Life life;
    auto request = MUST(session.chat("Count."));
    MUST(request.on_event([living = Living(life)](const chaku::Event &event) {
        ++living->calls;
        living->finals += event.is_final() && event.code() == chaku::Code::cancelled;
        throw Thrown(1);
    }));
    CHECK(comes_true([] { return life.destroyed > 0; }));
    CHECK(life.calls == 2 && life.finals == 1 && life.destroyed == 1);
}

// No more calls, and the request goes on.
static void from_on_ready(chaku::Session &session) {
    static Life life;
    auto request = MUST(session.chat("Count.", {{"max_tokens", 20}, {"event_queue", 1}}));
    MUST(request.on_ready([living = Living(life)] {
        ++living->calls;
        throw Thrown(1);
    }));
    CHECK(comes_true([] { return life.calls > 0; }));
    int texts = 0;
    for (const chaku::Event &event : request.events()) texts += event.kind() == chaku::EventKind::text;
    CHECK(texts == 20);
    MUST(request.close());
    CHECK(life.calls == 1 && life.destroyed == 1);
}

// No more lines, and what was logged about goes on.
static void from_log(const std::string &path) {
    static Life life;
    auto runtime = MUST(chaku::Runtime::make());
    MUST(runtime.set_log(chaku::LogLevel::trace, [living = Living(life)](auto...) {
        ++living->calls;
        throw Thrown(1);
    }));
    auto model = MUST(chaku::Model::load(runtime, path, {{CHAKU_OPT_THREADS, 1}}));
    MUST(MUST(MUST(chaku::Session::make(model)).chat("Go.")).run());
    MUST(model.close());
    CHECK(life.calls == 1);
    MUST(runtime.clear_log());
    model.free();
    CHECK(comes_true([] { return life.destroyed > 0; }) && life.destroyed == 1);
}

// A callable that cannot be copied into place is not registered, and the request is free for another reader.
static void from_a_copy(chaku::Session &session) {
    struct Uncopyable {
        Uncopyable() = default;
        Uncopyable(const Uncopyable &) { throw Thrown(2); }
        void operator()(const chaku::Event &) const {}
    };
    auto request = MUST(session.chat("Count.", {{"max_tokens", 3}}));
    const Uncopyable callable;
    try {
        (void)request.on_event(callable);
        CHECK(false && "on_event throws what the copy threw");
    } catch (const Thrown &thrown) {
        CHECK(thrown.number == 2);
    }
    MUST(request.run(callable)); // which copies nothing
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SHORT.gguf LONG.gguf\n", argv[0]);
        return 2;
    }
    values();
    auto model = MUST(chaku::Model::load(argv[2], {{CHAKU_OPT_THREADS, 1}}));
    auto session = MUST(chaku::Session::make(model, {{CHAKU_OPT_ON_CANCEL, "rollback"}}));
    from_run(session);
    from_on_event(session);
    from_on_ready(session);
    from_log(argv[1]);
    from_a_copy(session);
    return summary("exceptions");
}
