// One streamed answer through the C ABI for each line of stdin: what benches/python/stream.py and benches/node/stream.mjs do in their languages.
// Prints {"tokens": n, "seconds": s} for each: from the first token to the last, so that no prefill counts.
#include "client.hpp"
#include "measure.hpp"

#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

namespace {

constexpr int TOKENS = 64;

double answer(const client::Model & model) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // a thread pool spins for a moment after its last graph
    client::Options session_options, request_options;
    request_options.integer("max_tokens", TOKENS).integer("seed", 42).flag("ignore_eos", true);
    auto session = client::session(model, session_options);
    auto request = client::chat(session, "Tell me everything you know about wool.", request_options);

    int                        tokens = 0;
    measure::Clock::time_point first, last;
    while (true) {
        auto event = client::next(request, -1);
        if (client::is_final(event)) break;
        if (!client::is_text(event)) continue;
        if (++tokens == 1) first = measure::Clock::now();
        if (tokens == TOKENS) last = measure::Clock::now();
    }
    if (tokens != TOKENS) throw std::runtime_error("expected " + std::to_string(TOKENS) + " tokens, got " + std::to_string(tokens));
    return std::chrono::duration<double>(last - first).count();
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 2) throw std::runtime_error("usage: stream MODEL");
    client::Options model_options;
    model_options.integer("ctx_size", 2048).integer("threads", 2).integer("threads_batch", 2);
    auto model = client::load(argv[1], model_options);
    for (std::string line; std::getline(std::cin, line);) {
        std::printf("{\"tokens\": %d, \"seconds\": %.6f}\n", TOKENS - 1, answer(model));
        std::fflush(stdout);
    }
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
