// What llama.cpp's own settings cost, for choosing ours: how many sequences a context may have (n_seq_max), and flash attention.
// Prints {"prefill": tokens/s, "decode1": ..., "decode8": ..., "mib": peak memory} for one choice; the decode speeds are of all sequences of a step together,
// each of which has 256 tokens behind it.
#include "measure.hpp"
#include "prompts.hpp"
#include "raw_batch.hpp"

#include <cstdio>

namespace {

constexpr int      SEQUENCES = 8;
constexpr int      STEPS     = 32;
constexpr size_t   PROMPT    = 256;
constexpr uint32_t CONTEXT   = 8192;

raw::Tokens prompt(const raw::Llama & llama, int number) {
    auto tokens = llama.tokenize(prompts::wool(number, PROMPT));
    tokens.resize(PROMPT);
    return tokens;
}

double decode(raw::Llama & llama, raw::Batch & batch, int sequences) {
    batch.clear();
    for (int i = 0; i < sequences; ++i) batch.add(i, prompt(llama, i));
    batch.start();
    const auto began = measure::Clock::now();
    for (int i = 0; i < STEPS; ++i) batch.step();
    return sequences * STEPS / measure::seconds_since(began);
}

}  // namespace

int main(int argc, char ** argv) try {
    if (argc != 4) throw std::runtime_error("usage: shapes MODEL N_SEQ_MAX on|off");
    raw::Options options;
    options.n_ctx      = CONTEXT;
    options.n_seq_max  = static_cast<uint32_t>(std::atoi(argv[2]));
    options.threads    = 2;
    options.flash_attn = std::string(argv[3]) == "on" ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    raw::Llama llama(argv[1], options);
    raw::Batch batch(llama);
    decode(llama, batch, 1);

    raw::Tokens tokens;
    for (int i = 0; i < SEQUENCES; ++i) {
        const auto part = prompt(llama, i);
        tokens.insert(tokens.end(), part.begin(), part.end());
    }
    batch.clear();
    const auto began = measure::Clock::now();
    batch.prefill(0, tokens);
    const double prefill = static_cast<double>(tokens.size()) / measure::seconds_since(began);

    const double one = decode(llama, batch, 1), eight = decode(llama, batch, SEQUENCES);
    std::printf("{\"prefill\": %.2f, \"decode1\": %.2f, \"decode8\": %.2f, \"mib\": %.1f}\n", prefill, one, eight, measure::peak_kib() / 1024.0);
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
