// Sixteen answers at once through the C ABI beside a plain llama.cpp loop that decodes and samples sixteen sequences in one batch.
// Prints {"raw": tokens/s, "abi": tokens/s, "raw_steady": ..., "abi_steady": ...} for each round. The first two count from the questions to the last token;
// the steady ones only while all sixteen stream. Both sides load the model anew each round, so that no cache of earlier rounds helps or hinders.
#include "prompts.hpp"
#include "raw_batch.hpp"
#include "streams.hpp"

#include <algorithm>
#include <cstdio>

namespace {

constexpr int      SESSIONS = 16;
constexpr int      TOKENS   = 128;
constexpr uint32_t CONTEXT  = 4096;

struct Speed {
    double whole, steady;
};

Speed run_raw(const char * path) {
    raw::Options options;
    options.n_ctx     = CONTEXT;
    options.n_seq_max = SESSIONS;
    options.threads   = streams::threads();
    raw::Llama llama(path, options);
    raw::Batch batch(llama);
    batch.add(0, llama.tokenize("Hi"));
    batch.start();
    for (int i = 0; i < 8; ++i) batch.step();
    batch.clear();

    const auto began = measure::Clock::now();
    for (int i = 0; i < SESSIONS; ++i) batch.add(i, llama.tokenize(llama.render({ { "user", prompts::question(i) } })));
    batch.start();
    const auto steady = measure::Clock::now();
    for (int i = 1; i < TOKENS; ++i) batch.step();
    return { SESSIONS * TOKENS / measure::seconds_since(began), SESSIONS * (TOKENS - 1) / measure::seconds_since(steady) };
}

Speed run_abi(const char * path) {
    auto                         options = streams::model_options(CONTEXT);
    client::Options              none;
    auto                         model = streams::warm_model(path, options);
    std::vector<client::Session> sessions;
    std::vector<streams::Stream> answers(SESSIONS);
    for (int i = 0; i < SESSIONS; ++i) sessions.push_back(client::session(model, none));

    const auto began = measure::Clock::now();
    streams::side_by_side(SESSIONS, [&](int i) { answers[i] = streams::answer(sessions[i], prompts::question(i), TOKENS); });
    const double whole = measure::seconds_since(began);

    // From when the last of them has its first token, to when the first of them ends.
    auto from = answers[0].tokens.front(), to = answers[0].tokens.back();
    for (const auto & answer : answers) from = std::max(from, answer.tokens.front()), to = std::min(to, answer.tokens.back());
    long tokens = 0;
    for (const auto & answer : answers) {
        tokens += std::count_if(answer.tokens.begin(), answer.tokens.end(), [&](auto at) { return from < at && at <= to; });
    }
    return { SESSIONS * TOKENS / whole, from < to ? tokens / streams::Stream::seconds(from, to) : 0 };
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: batch16 MODEL ROUNDS");
    for (int round = 0; round < std::atoi(argv[2]); ++round) {
        Speed raw{}, abi{};
        if (round % 2 == 0) raw = run_raw(argv[1]);
        abi = run_abi(argv[1]);
        if (round % 2 == 1) raw = run_raw(argv[1]);
        std::printf("{\"raw\": %.3f, \"abi\": %.3f, \"raw_steady\": %.3f, \"abi_steady\": %.3f}\n", raw.whole, abi.whole, raw.steady, abi.steady);
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
