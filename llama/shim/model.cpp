// Model loading and the vocabulary.
#include "guard.h"

#include "llama-model.h"

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace {

// Of the devices that can hold tensors, as llama.app's --override-tensor finds it.
ggml_backend_buffer_type_t buffer_type(const std::string & name, std::string & known) {
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        const auto type = ggml_backend_dev_buffer_type(ggml_backend_dev_get(i));
        if (type && name == ggml_backend_buft_name(type)) {
            return type;
        }
        if (type) {
            known += (known.empty() ? "" : ", ") + std::string(ggml_backend_buft_name(type));
        }
    }
    return nullptr;
}

} // namespace

int32_t chaku_llama_tensor_buffer_check(const char * pattern, const char * buffer, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        std::string known;
        if (!buffer_type(buffer, known)) {
            chaku::set_text(error, "there is no buffer type `" + std::string(buffer) + "`: there are " + known);
            return CHAKU_LLAMA_REFUSED;
        }
        try {
            const std::regex compiled(pattern);
        } catch (const std::regex_error & wrong) {
            chaku::set_text(error, "`" + std::string(pattern) + "` is no regular expression: " + wrong.what());
            return CHAKU_LLAMA_REFUSED;
        }
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_model_load(const char * path, const chaku_llama_model_params * params, chaku_llama_progress_fn progress,
                               void * user_data, llama_model ** out, chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        llama_model_params full = llama_model_default_params();
        full.n_gpu_layers                = params->gpu_layers;
        full.load_mode                   = static_cast<llama_load_mode>(params->load_mode);
        full.lazy_mode                   = static_cast<llama_lazy_mode>(params->lazy_mode);
        full.split_mode                  = static_cast<llama_split_mode>(params->split_mode);
        full.main_gpu                    = params->main_gpu;
        full.tensor_split                = params->tensor_split;
        full.kv_overrides                = params->kv_overrides;
        full.use_extra_bufts             = params->repack;
        full.no_host                     = params->no_host;
        full.check_tensors               = params->check_tensors;
        full.vocab_only                  = params->vocab_only;
        full.no_alloc                    = params->no_alloc;
        full.progress_callback           = progress;
        full.progress_callback_user_data = user_data;
        std::vector<ggml_backend_dev_t> devices;
        if (params->devices) {
            for (size_t i = 0; i < params->n_devices; ++i) {
                devices.push_back(ggml_backend_dev_by_name(params->devices[i]));
            }
            devices.push_back(nullptr);
            full.devices = devices.data();
        }
        std::vector<llama_model_tensor_buft_override> places;
        if (params->n_patterns > 0) {
            std::string known;
            for (size_t i = 0; i < params->n_patterns; ++i) {
                places.push_back({ params->patterns[i], buffer_type(params->buffers[i], known) });
            }
            places.push_back({ nullptr, nullptr });
            full.tensor_buft_overrides = places.data();
        }
        *out = llama_model_load_from_file(path, full);
        return *out ? CHAKU_LLAMA_OK : CHAKU_LLAMA_REFUSED;
    });
}

bool chaku_llama_model_cache_types_fit(const llama_model * model, int32_t type_k, int32_t type_v) {
    const auto block_k = ggml_blck_size(static_cast<ggml_type>(type_k));
    const auto block_v = ggml_blck_size(static_cast<ggml_type>(type_v));
    for (uint32_t layer = 0; layer < model->hparams.n_layer(); ++layer) {
        if (model->hparams.n_embd_head_k(layer) % block_k != 0 || model->hparams.n_embd_head_v(layer) % block_v != 0) {
            return false;
        }
    }
    return true;
}

uint32_t chaku_llama_model_positions(const llama_model * model) {
    return model->pos_embd ? static_cast<uint32_t>(std::min<int64_t>(model->pos_embd->ne[1], INT32_MAX)) : INT32_MAX;
}

void chaku_llama_model_cache_sizes(const llama_model * model, int32_t type_k, int32_t type_v, uint64_t * position,
                                   uint64_t * sequence) {
    // As llama_kv_cache and llama_memory_recurrent ask for it. Not ggml_row_size, which asserts.
    const auto row = [](int32_t type, uint64_t numbers) {
        const auto t = static_cast<ggml_type>(type);
        return numbers * ggml_type_size(t) / ggml_blck_size(t);
    };
    const auto & hparams  = model->hparams;
    const bool recurrent  = llama_model_is_recurrent(model);
    *position = *sequence = 0;
    for (uint32_t layer = 0; layer < hparams.n_layer(); ++layer) {
        if (recurrent || hparams.is_recr(layer)) {
            *sequence += (static_cast<uint64_t>(hparams.n_embd_r()) + hparams.n_embd_s()) * sizeof(float);
        } else if (hparams.has_kv(layer)) {
            *position += row(type_k, hparams.n_embd_k_gqa(layer));
            *position += hparams.is_mla() ? 0 : row(type_v, hparams.n_embd_v_gqa(layer));
        }
    }
}

int32_t chaku_llama_tokenize(const llama_vocab * vocab, const char * text, int32_t text_len, llama_token * tokens,
                             int32_t capacity, bool add_special, bool parse_special, int32_t * count,
                             chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *count = llama_tokenize(vocab, text, text_len, tokens, capacity, add_special, parse_special);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_token_to_piece(const llama_vocab * vocab, llama_token token, char * buffer, int32_t capacity, bool special,
                                   int32_t * count, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *count = llama_token_to_piece(vocab, token, buffer, capacity, /* lstrip */ 0, special);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_detokenize(const llama_vocab * vocab, const llama_token * tokens, int32_t n_tokens, char * buffer,
                               int32_t capacity, bool remove_special, bool unparse_special, int32_t * count,
                               chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *count = llama_detokenize(vocab, tokens, n_tokens, buffer, capacity, remove_special, unparse_special);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_token_attr(const llama_vocab * vocab, llama_token token, int32_t * attr, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *attr = llama_vocab_get_attr(vocab, token);
        return CHAKU_LLAMA_OK;
    });
}
