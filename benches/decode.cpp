// Decode speed through libchaku beside a plain llama.cpp loop, in one process: both see the same heat, the same neighbours and the same page cache.
// Prints {"raw": tokens/s, "abi": tokens/s} for each pair. A pair is four runs, a b b a: a drift of the machine hits both sides alike.
#include "../tests/reference/raw_llama.hpp"
#include "client.hpp"
#include "measure.hpp"

#include <cstdio>
#include <thread>

namespace {

constexpr int      TOKENS  = 160;
constexpr int      THREADS = 2;
constexpr uint32_t SEED    = 42;
const char * const PROMPT  = "Tell me everything you know about wool.";

// Seconds from the first token to the last, so that neither side's prefill counts.
class Stopwatch {
public:
    void token() {
        const auto now = measure::Clock::now();
        if (count_++ == 0) first_ = now;
        last_ = now;
    }
    double seconds() const {
        if (count_ != TOKENS) throw std::runtime_error("expected " + std::to_string(TOKENS) + " tokens, got " + std::to_string(count_));
        return std::chrono::duration<double>(last_ - first_).count();
    }

private:
    int                        count_ = 0;
    measure::Clock::time_point first_, last_;
};

double decode_raw(raw::Llama & llama) {
    common_params_sampling sampling;
    sampling.seed = SEED;
    llama.reset();
    llama.prefill(llama.tokenize(llama.render({ { "user", PROMPT } })));
    Stopwatch watch;
    llama.generate(sampling, true, TOKENS, [&](llama_token) { return watch.token(), true; });
    return watch.seconds();
}

double decode_abi(const client::Model & model) {
    client::Options session_options, request_options;
    request_options.integer("max_tokens", TOKENS).integer("seed", SEED).flag("ignore_eos", true);
    auto session = client::session(model, session_options);
    auto request = client::chat(session, PROMPT, request_options);
    Stopwatch watch;
    while (true) {
        auto event = client::next(request, -1);
        if (client::is_final(event)) break;
        if (client::is_text(event)) watch.token();  // one event a token
    }
    return watch.seconds();
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 3) throw std::runtime_error("usage: decode MODEL PAIRS");
    raw::Options raw_options;
    raw_options.threads = THREADS;
    raw::Llama llama(argv[1], raw_options);

    client::Options model_options;
    model_options.integer("ctx_size", 2048).integer("threads", THREADS).integer("threads_batch", THREADS);
    auto model = client::load(argv[1], model_options);

    // A thread pool spins for a moment after its last graph; the other side must not pay for that.
    const auto rest = [] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); };
    const auto raw_run = [&] { return rest(), decode_raw(llama); };
    const auto abi_run = [&] { return rest(), decode_abi(model); };
    raw_run(), abi_run();
    for (int pair = 0; pair < std::atoi(argv[2]); ++pair) {
        double raw = 0, abi = 0;
        if (pair % 2 == 0) {
            raw += raw_run(), abi += abi_run(), abi += abi_run(), raw += raw_run();
        } else {
            abi += abi_run(), raw += raw_run(), raw += raw_run(), abi += abi_run();
        }
        constexpr double tokens = 2 * (TOKENS - 1);
        std::printf("{\"raw\": %.3f, \"abi\": %.3f}\n", tokens / raw, tokens / abi);
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
