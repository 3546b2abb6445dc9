// From the start of loading to the first token of a chat through libchaku, and its peak memory after 64 tokens. One run a process.
#include "client.hpp"
#include "measure.hpp"

#include <cstdio>

int main(int argc, char ** argv) try {
    if (argc != 2) throw std::runtime_error("usage: first_token_chaku MODEL");
    const auto      began = measure::Clock::now();
    client::Options model_options, session_options, request_options;
    model_options.integer("ctx_size", 2048).integer("threads", 2).integer("threads_batch", 2);
    request_options.integer("max_tokens", 64).flag("ignore_eos", true);
    auto model   = client::load(argv[1], model_options);
    auto session = client::session(model, session_options);
    auto request = client::chat(session, "What is a llama?", request_options);
    while (!client::is_text(client::next(request, -1))) {
    }
    const double first = measure::seconds_since(began);
    client::finish(request);
    std::printf("{\"seconds\": %.6f, \"peak_kib\": %ld}\n", first, measure::peak_kib());
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
