// The log goes where the host wants it, and nothing goes anywhere else.
#include "reply.hpp"

#include <memory>

#define SECRET "xyzzy-swordfish"

struct Seen {
    std::atomic<int> lines{0}, too_detailed{0}, broken{0}, secrets{0}, destroyed{0}, clamped{0};
};

// Loads a model in a runtime of its own and asks it something.
static void work(chaku::Runtime &runtime, std::string_view question) {
    auto model = MUST(chaku::Model::load(runtime, model_path(SCRIPT), {{"threads", 1}}));
    CHECK_EQ(chat(new_session(model), question).text, SCRIPT_REPLY);
    MUST(model.close(event_wait));
}

static chaku::Runtime with_sink(Seen &seen, chaku::LogLevel wanted) {
    auto runtime = MUST(chaku::Runtime::make());
    MUST(runtime.set_log(wanted, [&seen, wanted, counts = CountsDestruction(seen.destroyed)](
                                     chaku::LogLevel level, std::string_view target, std::string_view message) {
        ++seen.lines;
        seen.too_detailed += level > wanted;
        seen.broken += level < chaku::LogLevel::error || !starts_with(target, "chaku") || contains(message, "\n") ||
                       message.find('\0') != message.npos || message.data()[message.size()] != '\0';
        seen.secrets += contains(message, SECRET);
        seen.clamped +=
            level == chaku::LogLevel::warn && contains(message, "clamped") &&
            (contains(message, "temperature") || contains(message, "top_k") || contains(message, "top_p"));
    }));
    return runtime;
}

CASE(log_sink) {
    static Seen loud, quiet; // they outlive the last touch of another thread
    {
        auto detailed = with_sink(loud, chaku::LogLevel::debug), errors = with_sink(quiet, chaku::LogLevel::error);
        work(errors, SECRET);
        CHECK_EQ(quiet.lines.load(), 0);
        CHECK_EQ(loud.lines.load(), 0); // each runtime has its own
        work(detailed, SECRET);
        CHECK(loud.lines > 5);
        CHECK_EQ(quiet.lines.load(), 0);
        CHECK_EQ(loud.broken.load(), 0);
        CHECK_EQ(loud.too_detailed.load(), 0);
        CHECK_EQ(loud.secrets.load(), 0);
        CHECK_EQ(loud.destroyed.load(), 0);
        MUST(detailed.clear_log());
        WAIT_UNTIL(loud.destroyed > 0);
        const int lines = loud.lines;
        work(detailed, SECRET);
        CHECK_EQ(loud.lines.load(), lines);
    }
    WAIT_UNTIL(quiet.destroyed > 0);
    CHECK_EQ(loud.destroyed.load(), 1);
    CHECK_EQ(quiet.destroyed.load(), 1);

    // The default runtime has a log too. A level that is none is refused, and the callable is destroyed all the same.
    static Seen ours;
    const auto sink = [](chaku::LogLevel, std::string_view, std::string_view) { ++ours.lines; };
    FAILS(chaku::set_log(static_cast<chaku::LogLevel>(99),
                         [counts = CountsDestruction(ours.destroyed)](chaku::LogLevel, std::string_view,
                                                                      std::string_view) {}),
          Code::invalid_argument, "invalid_argument");
    CHECK_EQ(ours.destroyed.load(), 1);
    MUST(chaku::set_log(chaku::LogLevel::debug, sink));
    MUST(load(SCRIPT).close(event_wait));
    CHECK(ours.lines > 0);
    MUST(chaku::clear_log());
}

CASE(soft_range) {
    static Seen seen;
    auto runtime = with_sink(seen, chaku::LogLevel::warn);
    chaku::Options outside{{"temperature", -1}, {"top_k", -5}, {"top_p", 1.5}, {"max_tokens", 16}};
    const chaku::Options inside{{"temperature", 0}, {"top_k", 0}, {"top_p", 1}, {"max_tokens", 16}};
    CHECK(outside.is_clamped("temperature") && outside.is_clamped("top_k"));
    CHECK(!outside.is_clamped("max_tokens") && !inside.is_clamped("top_p"));
    auto session = new_session(MUST(chaku::Model::load(runtime, model_path(RANDOM), {{"fixed_shape", true}})));
    const Reply reply = chat(session, "Go.", outside);
    CHECK_EQ(seen.clamped.load(), 3);
    MUST(session.reset());
    CHECK_EQ(chat(session, "Go.", inside).text, reply.text);
    CHECK_EQ(seen.clamped.load(), 3);
    // The last value counts.
    CHECK(!outside.set("temperature", 1).is_clamped("temperature"));
}

// Any case fails that writes to stdout or stderr; this one does whatever llama.cpp would like to talk about.
CASE(silence) {
    FAILS(chaku::Model::load(model_path("truncated.gguf")), Code::data_loss, "model_corrupt");
    FAILS(chaku::Model::load(model_path("not-a-gguf.bin")), Code::data_loss, "model_corrupt");
    chat(new_session(load(SMOLLM2)), "Hi.", {{"max_tokens", 4}});
    chat(new_session(load("tiny-raise.gguf")), "Hi.");
    auto model = load(RANDOM, {{"ctx_size", 256}});
    chat(new_session(model), "Hi.", {{"grammar", "root ::= ("}});
    chat(new_session(model), "Hi.", {{"samplers", "no_such_sampler"}, {"max_tokens", 2}});
    chat(new_session(model), "Hi.");
    chat(new_session(model, {{"overflow", "shift"}}), "Hi.", {{"max_tokens", 400}});
    chat(new_session(load("tiny-mamba.gguf")), "Hi.", {{"max_tokens", 4}});
    CHECK(!chaku::devices().empty());
}
