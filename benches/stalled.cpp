// Seven answers that are read, alone and beside one whose reader has stopped reading.
// Prints {"alone": tokens/s, "beside": tokens/s} for each round: of the seven together, from the questions to the last token. Each side loads the model anew.
#include "prompts.hpp"
#include "streams.hpp"

#include <cstdio>

namespace {

constexpr int     LIVELY  = 7;
constexpr int     TOKENS  = 128;
constexpr int64_t CONTEXT = 4096;

double run(const char * path, bool stalled) {
    auto                         options = streams::model_options(CONTEXT);
    client::Options              none;
    auto                         model = streams::warm_model(path, options);
    std::vector<client::Session> sessions;
    for (int i = 0; i <= LIVELY; ++i) sessions.push_back(client::session(model, none));

    client::Request unread;
    if (stalled) {
        auto few = streams::request_options(1000);
        few.integer("event_queue", 4);
        unread = client::chat(sessions[LIVELY], prompts::question(LIVELY), few);
        std::this_thread::sleep_for(std::chrono::seconds(1));  // its queue is full long before
    }
    const auto began = measure::Clock::now();
    streams::side_by_side(LIVELY, [&](int i) { streams::answer(sessions[i], prompts::question(i), TOKENS); });
    const double took = measure::seconds_since(began);
    if (stalled && chaku_request_is_finished(unread.get())) throw std::runtime_error("the request that nobody reads has ended");
    return LIVELY * TOKENS / took;
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: stalled MODEL ROUNDS");
    for (int round = 0; round < std::atoi(argv[2]); ++round) {
        double alone = 0;
        if (round % 2 == 0) alone = run(argv[1], false);
        const double beside = run(argv[1], true);
        if (round % 2 == 1) alone = run(argv[1], false);
        std::printf("{\"alone\": %.3f, \"beside\": %.3f}\n", alone, beside);
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
