// A plain llama.cpp loop, written the way llama.cpp's own programs do it: what libchaku's text and speed are compared with.
#pragma once

#include "chat.h"
#include "common.h"
#include "llama.h"
#include "log.h"
#include "sampling.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace raw {

struct Options {
    uint32_t n_ctx     = 2048;
    uint32_t n_batch   = 2048;
    uint32_t n_ubatch  = 512;  // also the size of a prefill chunk
    uint32_t n_seq_max = 1;
    int32_t  threads   = 1;

    llama_flash_attn_type flash_attn = LLAMA_FLASH_ATTN_TYPE_AUTO;
};

// (role, content)
using Messages = std::vector<std::pair<std::string, std::string>>;

class Llama {
public:
    Llama(const std::string & path, const Options & options) : chunk_(options.n_ubatch) {
        llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
        common_log_set_verbosity_thold(-1);

        model_.reset(llama_model_load_from_file(path.c_str(), llama_model_default_params()));
        if (!model_) throw std::runtime_error("cannot load " + path);
        vocab_ = llama_model_get_vocab(model_.get());

        llama_context_params params = llama_context_default_params();
        params.n_ctx           = options.n_ctx;
        params.n_batch         = options.n_batch;
        params.n_ubatch        = options.n_ubatch;
        params.n_seq_max       = options.n_seq_max;
        params.n_threads       = options.threads;
        params.n_threads_batch = options.threads;
        params.flash_attn_type = options.flash_attn;
        params.kv_unified      = true;
        params.swa_full        = true;
        params.no_perf         = true;
        context_.reset(llama_init_from_model(model_.get(), params));
        if (!context_) throw std::runtime_error("cannot make a context");

        // Without a pool of its own llama.cpp starts and joins threads for every graph.
        ggml_threadpool_params pool = ggml_threadpool_params_default(options.threads);
        pool_.reset(ggml_threadpool_new(&pool));
        llama_attach_threadpool(context_.get(), pool_.get(), nullptr);

        templates_ = common_chat_templates_init(model_.get(), "");
        batch_     = llama_batch_init(static_cast<int32_t>(chunk_), 0, 1);
    }

    ~Llama() {
        llama_detach_threadpool(context_.get());
        llama_batch_free(batch_);
    }

    Llama(const Llama &) = delete;
    Llama & operator=(const Llama &) = delete;

    std::string render(const Messages & messages) const {
        common_chat_templates_inputs inputs;
        for (const auto & [role, content] : messages) {
            common_chat_msg message;
            message.role    = role;
            message.content = content;
            inputs.messages.push_back(std::move(message));
        }
        return common_chat_templates_apply(templates_.get(), inputs).prompt;
    }

    std::vector<llama_token> tokenize(const std::string & text) const { return common_tokenize(vocab_, text, true, true); }

    std::string piece(llama_token token) const { return common_token_to_piece(vocab_, token, false); }

    void reset() {
        llama_memory_clear(llama_get_memory(context_.get()), true);
        cached_.clear();
    }

    // Makes the KV cache hold exactly `prompt`: keeps the longest common prefix, removes the rest, and decodes what is new in chunks. The last
    // token is always decoded again, because its logits are wanted.
    void prefill(const std::vector<llama_token> & prompt) {
        size_t kept = std::mismatch(cached_.begin(), cached_.end(), prompt.begin(), prompt.end()).first - cached_.begin();
        kept        = std::min(kept, prompt.size() - 1);
        llama_memory_seq_rm(llama_get_memory(context_.get()), 0, static_cast<llama_pos>(kept), -1);
        cached_.resize(kept);
        while (cached_.size() < prompt.size()) {
            batch_.n_tokens  = 0;
            const size_t end = std::min(cached_.size() + chunk_, prompt.size());
            for (size_t i = cached_.size(); i < end; ++i) {
                add(prompt[i], i, i + 1 == prompt.size());
            }
            decode();
            cached_.insert(cached_.end(), prompt.begin() + static_cast<std::ptrdiff_t>(cached_.size()), prompt.begin() + static_cast<std::ptrdiff_t>(end));
        }
    }

    // Samples until the model ends its turn, `max` tokens are there, or `on_token` says stop (false). The prompt must have been prefilled.
    std::vector<llama_token> generate(common_params_sampling sampling, bool ignore_eos, int max, const std::function<bool(llama_token)> & on_token = {}) {
        if (ignore_eos) {
            for (llama_token token = 0; token < llama_vocab_n_tokens(vocab_); ++token) {
                if (llama_vocab_is_eog(vocab_, token)) sampling.logit_bias.push_back({ token, -INFINITY });
            }
        }
        common_sampler_ptr sampler(common_sampler_init(model_.get(), sampling));
        for (llama_token token : cached_) common_sampler_accept(sampler.get(), token, false);

        std::vector<llama_token> reply;
        while (true) {
            const llama_token token = common_sampler_sample(sampler.get(), context_.get(), -1);
            common_sampler_accept(sampler.get(), token, true);
            if (llama_vocab_is_eog(vocab_, token)) break;
            reply.push_back(token);
            if ((on_token && !on_token(token)) || static_cast<int>(reply.size()) == max) break;

            batch_.n_tokens = 0;
            add(token, cached_.size(), true);
            decode();
            cached_.push_back(token);
        }
        return reply;
    }

    // For loops of another kind, over several sequences: they have the context to themselves.
    const llama_model * model() const { return model_.get(); }
    llama_context *     context() const { return context_.get(); }

private:
    struct FreePool {
        void operator()(ggml_threadpool_t pool) const { ggml_threadpool_free(pool); }
    };

    void add(llama_token token, size_t position, bool output) {
        const int32_t i     = batch_.n_tokens++;
        batch_.token[i]     = token;
        batch_.pos[i]       = static_cast<llama_pos>(position);
        batch_.n_seq_id[i]  = 1;
        batch_.seq_id[i][0] = 0;
        batch_.logits[i]    = output;
    }

    void decode() {
        if (llama_decode(context_.get(), batch_) != 0) throw std::runtime_error("llama_decode failed");
    }

    // The order matters: the context goes before its pool, and both before the model.
    llama_model_ptr                                    model_;
    std::unique_ptr<ggml_threadpool, FreePool>         pool_;
    llama_context_ptr                                  context_;
    common_chat_templates_ptr                          templates_;
    const llama_vocab *                                vocab_ = nullptr;
    llama_batch                                        batch_{};
    size_t                                             chunk_;
    std::vector<llama_token>                           cached_;
};

}  // namespace raw
