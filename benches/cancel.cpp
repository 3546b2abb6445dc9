// How long a cancelled request takes to its final event, cancelled at a random moment of its decode or its prefill. Prints milliseconds, one a line.
#include "client.hpp"
#include "measure.hpp"

#include <cstdio>
#include <cstring>
#include <optional>
#include <random>

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr int PREFILL_TOKENS = 1500;
// Where a decode is cancelled: up to so many seconds after its first token.
constexpr double DECODE_WINDOW = 0.5;

// Different from its first word on, so that nothing of it is in the KV cache already.
std::string long_prompt(int number) {
    std::string text = std::to_string(number);
    // "… wool" is one token; the number takes the rest.
    for (int i = 0; i < PREFILL_TOKENS; ++i) text += " wool";
    return text;
}

struct Outcome {
    // How long the final event took after the cancel; nothing when the request left the wanted phase before: a prefill has no text yet.
    std::optional<double> milliseconds;
    client::Event         final;
};

// Reads events for `wait` seconds, cancels, and times the way to the final event. A reader that stopped reading would pause the request instead.
Outcome cancel_after(const client::Request & request, double wait, bool text_allowed) {
    const auto until = measure::Clock::now() + std::chrono::duration<double>(wait);
    bool       text  = false;
    while (measure::Clock::now() < until) {
        auto event = client::next(request, duration_cast<milliseconds>(until - measure::Clock::now()).count());
        if (!event) continue;
        if (client::is_final(event)) return { {}, std::move(event) };
        text = text || client::is_text(event);
    }
    const auto began = measure::Clock::now();
    chaku_request_cancel(request.get());
    while (true) {
        auto event = client::next(request, -1);
        text       = text || client::is_text(event);
        if (!client::is_final(event)) continue;
        const double took = measure::seconds_since(began) * 1e3;
        if (chaku_event_finish_reason(event.get()) != CHAKU_FINISH_CANCELLED || (text && !text_allowed)) return { {}, std::move(event) };
        return { took, std::move(event) };
    }
}

void reset(const client::Session & session) {
    chaku_error * error = nullptr;
    client::check(chaku_session_reset(session.get(), &error), error);
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 4) throw std::runtime_error("usage: cancel MODEL decode|prefill COUNT");
    const bool      prefill = std::strcmp(argv[2], "prefill") == 0;
    client::Options model_options, session_options, request_options;
    model_options.integer("ctx_size", 2048).integer("threads", 2).integer("threads_batch", 2);
    request_options.integer("max_tokens", prefill ? 1 : 1000).flag("ignore_eos", true);
    auto model   = client::load(argv[1], model_options);
    auto session = client::session(model, session_options);

    std::mt19937 random(42);
    double       prefill_seconds = 0;
    if (prefill) {
        auto request    = client::generate(session, long_prompt(0), request_options);
        auto final      = client::finish(request);
        prefill_seconds = chaku_event_prefill_ms(final.get()) / 1e3;
        if (chaku_event_prompt_tokens(final.get()) < PREFILL_TOKENS) throw std::runtime_error("the prompt is too short");
    }
    const int count = std::atoi(argv[3]);
    for (int done = 0, number = 1; done < count; ++number) {
        reset(session);
        client::Request request;
        double          wait;
        if (prefill) {
            request = client::generate(session, long_prompt(number), request_options);
            wait    = std::uniform_real_distribution<>(0.02, 0.98)(random) * prefill_seconds;
        } else {
            request = client::chat(session, "Tell me everything you know about wool.", request_options);
            wait    = std::uniform_real_distribution<>(0.0, DECODE_WINDOW)(random);
            while (!client::is_text(client::next(request, -1))) {
            }
        }
        const Outcome outcome = cancel_after(request, wait, !prefill);
        if (outcome.milliseconds) {
            std::printf("%.4f\n", *outcome.milliseconds);
            std::fflush(stdout);
            ++done;
        } else if (prefill) {
            // The machine has become faster than it was: aim anew.
            prefill_seconds = chaku_event_prefill_ms(outcome.final.get()) / 1e3;
        }
        if (number > 10 * count) throw std::runtime_error("too few requests could be cancelled in time");
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
