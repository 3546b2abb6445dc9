// The plain loop's side of the comparison. Prints one token id a line for every turn; what the arguments mean is in run.sh.
#include "raw_llama.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int argc, char ** argv) {
    if (argc < 7) {
        std::fprintf(stderr, "usage: %s MODEL generate|chat MAX_TOKENS IGNORE_EOS TEMPERATURE TEXT...\n", argv[0]);
        return 2;
    }
    const bool chat       = std::strcmp(argv[2], "chat") == 0;
    const int  max        = std::atoi(argv[3]);
    const bool ignore_eos = std::atoi(argv[4]) != 0;

    try {
        raw::Llama             llama(argv[1], raw::Options{});
        common_params_sampling sampling;
        sampling.temp = std::strtof(argv[5], nullptr);
        sampling.seed = 42;

        raw::Messages messages;
        for (int i = 6; i < argc; ++i) {
            messages.emplace_back("user", argv[i]);
            llama.prefill(llama.tokenize(chat ? llama.render(messages) : argv[i]));
            std::string reply;
            for (llama_token token : llama.generate(sampling, ignore_eos, max)) {
                std::printf("%d\n", token);
                reply += llama.piece(token);
            }
            std::printf("end of turn\n");
            messages.emplace_back("assistant", reply);
        }
    } catch (const std::exception & error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
    return 0;
}
