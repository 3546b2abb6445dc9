// From the start of loading to the first token of a chat with a plain llama.cpp loop, and its peak memory after 64 tokens. One run a process.
#include "../tests/reference/raw_llama.hpp"
#include "measure.hpp"

#include <cstdio>

int main(int argc, char ** argv) try {
    if (argc != 2) throw std::runtime_error("usage: first_token_raw MODEL");
    const auto   began = measure::Clock::now();
    raw::Options options;
    options.threads = 2;
    raw::Llama llama(argv[1], options);
    llama.prefill(llama.tokenize(llama.render({ { "user", "What is a llama?" } })));
    double first = 0;
    llama.generate({}, true, 64, [&](llama_token) {
        if (first == 0) first = measure::seconds_since(began);
        return true;
    });
    std::printf("{\"seconds\": %.6f, \"peak_kib\": %ld}\n", first, measure::peak_kib());
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
