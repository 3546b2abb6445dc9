// What a model and a context take, by llama.cpp's own account; also before they take it.
#include "context_params.h"
#include "guard.h"

#include "ggml-backend.h"
#include "llama-cpp.h"
#include "llama-ext.h"
#include "llama-model.h"

#include <algorithm>
#include <vector>

namespace {

// The device whose memory it is. The plain memory of the host has none, or that of a device that reads it too.
ggml_backend_dev_t owner(ggml_backend_buffer_type_t type) {
    ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
    if (!device || ggml_backend_buft_is_host(type) || ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_ACCEL) {
        device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    }
    return device;
}

size_t write_memory(const llama_context * context, size_t capacity, chaku_llama_device_memory * devices) {
    std::vector<chaku_llama_device_memory> rows;
    for (const auto & [type, bytes] : llama_get_memory_breakdown(context)) {
        ggml_backend_dev_t device = owner(type);
        const char * name = device ? ggml_backend_dev_name(device) : "CPU";
        auto row = std::find_if(rows.begin(), rows.end(), [&](const auto & r) { return std::strcmp(r.name, name) == 0; });
        if (row == rows.end()) {
            const int32_t kind = device ? ggml_backend_dev_type(device) : GGML_BACKEND_DEVICE_TYPE_CPU;
            row = rows.insert(row, { name, kind, 0, 0, 0 });
        }
        row->model   += bytes.model;
        row->context += bytes.context;
        row->compute += bytes.compute;
    }
    return std::copy_n(rows.begin(), std::min(capacity, rows.size()), devices) - devices;
}

} // namespace

int32_t chaku_llama_context_memory(const llama_context * context, size_t capacity, chaku_llama_device_memory * devices,
                                   size_t * count, chaku_llama_text * error) {
    *count = 0;
    return chaku::guard(error, [&] {
        *count = write_memory(context, capacity, devices);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_plan(llama_model * model, const chaku_llama_context_params * params, size_t capacity,
                         chaku_llama_device_memory * devices, size_t * count, uint64_t * outputs,
                         chaku_llama_text * error) {
    *count = 0;
    return chaku::guard(error, [&]() -> int32_t {
        llama_context_params full = chaku::full_context_params(*model, *params);
        if (!model->hparams.causal_attn) {
            // It embeds whole texts, and every token of them is an output.
            full.embeddings    = true;
            full.n_outputs_max = 0;
        }
        const llama_context_ptr context(llama_init_from_model(model, full));
        if (!context) {
            return CHAKU_LLAMA_REFUSED;
        }
        *count = write_memory(context.get(), capacity, devices);
        // An encoder has room for logits too, which nobody computes: a row of both for each token of a micro-batch.
        const uint64_t logits = llama_vocab_n_tokens(llama_model_get_vocab(model));
        const uint64_t row    = full.embeddings ? logits + llama_model_n_embd(model) : logits;
        *outputs = row * (full.embeddings ? llama_n_ubatch(context.get()) : params->n_seq_max) * sizeof(float);
        return CHAKU_LLAMA_OK;
    });
}
