// Several sequences of one plain llama.cpp context, decoded in one batch and sampled: the least that continuous batching costs.
#pragma once

#include "../tests/reference/raw_llama.hpp"

#include <string>
#include <vector>

namespace raw {

using Tokens = std::vector<llama_token>;

class Batch {
public:
    // Of the texts nothing is random and none ends by itself, as `temperature` 0 and `ignore_eos` have it.
    explicit Batch(Llama & llama) : llama_(llama), memory_(llama_get_memory(llama.context())) {
        batch_         = llama_batch_init(static_cast<int32_t>(llama_n_batch(llama.context())), 0, 1);
        sampling_.temp = 0;
        const llama_vocab * vocab = llama_model_get_vocab(llama.model());
        for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); ++token) {
            if (llama_vocab_is_eog(vocab, token)) sampling_.logit_bias.push_back({ token, -INFINITY });
        }
    }
    ~Batch() { llama_batch_free(batch_); }

    Batch(const Batch &) = delete;
    Batch & operator=(const Batch &) = delete;

    void clear() {
        llama_memory_clear(memory_, true);
        texts_.clear();
    }

    // Computes a text that others share, without sampling, as sequence `id`.
    void prefill(llama_seq_id id, const Tokens & tokens) {
        llama_memory_seq_rm(memory_, id, -1, -1);
        for (size_t i = 0; i < tokens.size(); ++i) {
            add(id, tokens[i], i, false);
            if (full() || i + 1 == tokens.size()) decode();
        }
    }

    // Sequence `id` becomes a text: it begins like sequence `from`, whose first `shared` tokens it does not compute. Computed by `start`.
    void add(llama_seq_id id, const Tokens & prompt, llama_seq_id from = 0, size_t shared = 0) {
        llama_memory_seq_rm(memory_, id, -1, -1);
        if (shared > 0) llama_memory_seq_cp(memory_, from, id, 0, static_cast<llama_pos>(shared));
        texts_.push_back({ id, prompt, shared, common_sampler_ptr(common_sampler_init(llama_.model(), sampling_)) });
        for (llama_token token : prompt) common_sampler_accept(texts_.back().sampler.get(), token, false);
    }

    // Computes what was added, in one batch that must hold it, and samples the first token of each.
    void start() {
        for (Text & text : texts_) {
            for (; text.done < text.tokens.size(); ++text.done) {
                if (full()) throw std::runtime_error("the prompts do not fit one batch");
                text.output = batch_.n_tokens;
                add(text.id, text.tokens[text.done], text.done, text.done + 1 == text.tokens.size());
            }
        }
        decode();
        sample();
    }

    // One more token of each text.
    void step() {
        for (Text & text : texts_) {
            text.output = batch_.n_tokens;
            add(text.id, text.tokens[text.done], text.done, true);
            ++text.done;
        }
        decode();
        sample();
    }

    // Forgets the texts; their sequences are emptied when they are used again.
    void end() { texts_.clear(); }

private:
    struct Text {
        llama_seq_id       id;
        Tokens             tokens;
        size_t             done;  // so many of them are in the KV cache
        common_sampler_ptr sampler;
        int32_t            output = 0;
    };

    bool full() const { return batch_.n_tokens == static_cast<int32_t>(llama_n_batch(llama_.context())); }

    void add(llama_seq_id id, llama_token token, size_t position, bool output) {
        const int32_t i     = batch_.n_tokens++;
        batch_.token[i]     = token;
        batch_.pos[i]       = static_cast<llama_pos>(position);
        batch_.n_seq_id[i]  = 1;
        batch_.seq_id[i][0] = id;
        batch_.logits[i]    = output;
    }

    void decode() {
        if (llama_decode(llama_.context(), batch_) != 0) throw std::runtime_error("llama_decode failed");
        batch_.n_tokens = 0;
    }

    void sample() {
        for (Text & text : texts_) {
            const llama_token token = common_sampler_sample(text.sampler.get(), llama_.context(), text.output);
            common_sampler_accept(text.sampler.get(), token, true);
            text.tokens.push_back(token);
        }
    }

    Llama &                llama_;
    llama_memory_t         memory_;
    llama_batch            batch_{};
    common_params_sampling sampling_;
    std::vector<Text>      texts_;
};

}  // namespace raw
