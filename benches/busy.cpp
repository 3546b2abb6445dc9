// One answer through the C ABI, alone and beside two busy programs: with the threads that chaku chooses while it runs, with one, and with two.
// Prints {"neighbours": 0 or 2, "adaptive": tokens/s, "fixed1": ..., "fixed2": ...} for each round.
#include "neighbours.hpp"
#include "prompts.hpp"
#include "streams.hpp"

#include <array>
#include <cstdio>

namespace {

constexpr int     TOKENS  = 128;
constexpr double  LONGEST = 6;  // seconds: two threads beside busy neighbours may take minutes for what takes one a second
constexpr int64_t CONTEXT = 2048;

client::Model load(const char * path, int threads, bool adapt) {
    client::Options options;
    options.integer("ctx_size", CONTEXT).integer("threads", threads).integer("threads_batch", threads).flag("adapt_threads", adapt);
    return client::load(path, options);
}

// From the first token on, until the answer or the time ends.
double tokens_per_second(const client::Model & model) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // another model's threads spin for a moment after their last graph
    client::Options none;
    auto            options = streams::request_options(TOKENS);
    auto            session = client::session(model, none);
    auto            request = client::chat(session, prompts::question(0), options);
    while (!client::is_text(client::next(request, -1))) {
    }
    const auto began  = measure::Clock::now();
    auto       last   = began;
    int        tokens = 0;
    while (measure::seconds_since(began) < LONGEST) {
        auto event = client::next(request, 1000);
        if (!event) continue;
        if (client::is_final(event)) return tokens / streams::Stream::seconds(began, last);
        if (!client::is_text(event)) continue;
        last = measure::Clock::now();
        ++tokens;
    }
    const double took = measure::seconds_since(began);
    chaku_request_cancel(request.get());
    while (!client::is_final(client::next(request, -1))) {
    }
    return tokens / took;
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: busy MODEL ROUNDS");
    Neighbours       neighbours(2);
    const std::array models{ load(argv[1], 2, true), load(argv[1], 1, false), load(argv[1], 2, false) };

    // The neighbours stay awake through their half of the rounds: a host is busy for a while, not for one answer.
    for (const int awake : { 0, 2 }) {
        if (awake) neighbours.wake();
        for (const auto & model : models) tokens_per_second(model);
        for (int round = 0; round < std::atoi(argv[2]); ++round) {
            std::array<double, 3> speeds{};
            for (size_t i = 0; i < models.size(); ++i) {
                const size_t side = (i + static_cast<size_t>(round)) % models.size();
                speeds[side]      = tokens_per_second(models[side]);
            }
            std::printf("{\"neighbours\": %d, \"adaptive\": %.3f, \"fixed1\": %.3f, \"fixed2\": %.3f}\n", awake, speeds[0], speeds[1], speeds[2]);
            std::fflush(stdout);
        }
        neighbours.sleep();
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
