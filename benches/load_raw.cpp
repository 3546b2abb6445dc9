// Loads a model with a plain llama.cpp loop and says when it could take a prompt. One run a process.
#include "../tests/reference/raw_llama.hpp"

#include <cstdio>

int main(int argc, char ** argv) try {
    if (argc != 2) throw std::runtime_error("usage: load_raw MODEL");
    raw::Options options;
    options.threads = 2;
    raw::Llama llama(argv[1], options);
    std::printf("> ");
    std::fflush(stdout);
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
