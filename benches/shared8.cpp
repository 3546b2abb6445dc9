// Sixteen conversations under one system prompt of 800 tokens, eight at once and cold, through the C ABI, beside what they cost llama.cpp at least: the
// system prompt is computed once and shared, the eight questions are computed in one batch, then eight sequences a step are decoded and sampled.
// Prints {"limit": tokens/s, "abi": tokens/s, "ttft_max": seconds} for each round, in generated tokens. Both sides load the model anew each round.
#include "prompts.hpp"
#include "raw_batch.hpp"
#include "streams.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace {

constexpr int      CONVERSATIONS = 16;
constexpr int      AT_ONCE       = 8;
constexpr int      TOKENS        = 64;
constexpr int      SHARED        = 800;
constexpr uint32_t CONTEXT       = 8192;

// The limit is computing alone: tokens are there before the clock runs.
double run_limit(const char * path, int variant) {
    raw::Options options;
    options.n_ctx     = CONTEXT;
    options.n_seq_max = AT_ONCE + 1;
    options.threads   = streams::threads();
    raw::Llama               llama(path, options);
    raw::Batch               batch(llama);
    std::vector<raw::Tokens> texts;
    for (int i = 0; i < CONVERSATIONS; ++i) {
        texts.push_back(llama.tokenize(llama.render({ { "system", prompts::rules(variant) }, { "user", prompts::question(i) } })));
    }
    size_t shared = texts[0].size();
    for (const auto & text : texts) {
        shared = std::min<size_t>(shared, std::mismatch(text.begin(), text.end(), texts[0].begin(), texts[0].end()).first - text.begin());
    }
    if (shared < SHARED) throw std::runtime_error("the system prompt is too short");
    batch.add(0, llama.tokenize("Hi"));
    batch.start();
    for (int i = 0; i < 8; ++i) batch.step();
    batch.clear();

    const auto began = measure::Clock::now();
    batch.prefill(AT_ONCE, raw::Tokens(texts[0].begin(), texts[0].begin() + static_cast<std::ptrdiff_t>(shared)));
    for (int first = 0; first < CONVERSATIONS; first += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; ++i) batch.add(i, texts[first + i], AT_ONCE, shared);
        batch.start();
        for (int i = 1; i < TOKENS; ++i) batch.step();
        batch.end();
    }
    return CONVERSATIONS * TOKENS / measure::seconds_since(began);
}

struct Seen {
    double speed, first_token;
};

Seen run_abi(const char * path, int variant) {
    auto            options = streams::model_options(CONTEXT);
    auto            model   = streams::warm_model(path, options);
    const auto      rules   = prompts::rules(variant);
    client::Options session_options;
    session_options.text("system_prompt", rules.c_str());

    std::atomic<int>    next{ 0 };
    std::vector<double> first_tokens(CONVERSATIONS);
    const auto          began = measure::Clock::now();
    streams::side_by_side(AT_ONCE, [&](int) {
        for (int i; (i = next++) < CONVERSATIONS;) {
            first_tokens[i] = streams::answer(client::session(model, session_options), prompts::question(i), TOKENS).first_token();
        }
    });
    return { CONVERSATIONS * TOKENS / measure::seconds_since(began), *std::max_element(first_tokens.begin(), first_tokens.end()) };
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: shared8 MODEL ROUNDS");
    for (int round = 0; round < std::atoi(argv[2]); ++round) {
        double limit = 0;
        if (round % 2 == 0) limit = run_limit(argv[1], round);
        const Seen abi = run_abi(argv[1], round);
        if (round % 2 == 1) limit = run_limit(argv[1], round);
        std::printf("{\"limit\": %.3f, \"abi\": %.3f, \"ttft_max\": %.4f}\n", limit, abi.speed, abi.first_token);
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
