// The plain loop's side of the comparison. Prints one token id a line for every turn; what the arguments mean is in run.sh.
#include "raw_llama.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// With RAW_ODD_SAMPLERS: those that no other comparison has, as run.sh gives them to the program.
void add_odd_ones(common_params_sampling & sampling) {
    sampling.samplers              = { COMMON_SAMPLER_TYPE_DRY, COMMON_SAMPLER_TYPE_TOP_K, COMMON_SAMPLER_TYPE_ADAPTIVE_P };
    sampling.dry_multiplier        = 0.8f;
    sampling.dry_sequence_breakers = { ".", " the" };
    sampling.adaptive_target       = 0.3f;
    sampling.adaptive_decay        = 0.8f;
}

}  // namespace

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
        if (std::getenv("RAW_ODD_SAMPLERS")) add_odd_ones(sampling);

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
