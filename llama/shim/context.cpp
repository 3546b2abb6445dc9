// Contexts, decoding, and the thread pool that computes.
#include "context_params.h"
#include "guard.h"

#include "llama-model.h"

#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

namespace {

// llama.cpp stretches for YaRN where the extension factor is not 0; the type says it only once more, and then
// llama_init_from_model writes another n_ctx_train into the model, which others may be reading.
void stretch(llama_context_params & full, const llama_model & model, const chaku_llama_context_params & params) {
    const auto & rope    = params.rope;
    const auto & trained = model.hparams;
    full.rope_scaling_type = static_cast<llama_rope_scaling_type>(rope.scaling);
    full.rope_freq_base    = rope.freq_base;
    full.rope_freq_scale   = rope.freq_scale;
    full.yarn_ext_factor   = rope.yarn_ext_factor;
    full.yarn_attn_factor  = rope.yarn_attn_factor;
    full.yarn_beta_fast    = rope.yarn_beta_fast;
    full.yarn_beta_slow    = rope.yarn_beta_slow;
    full.yarn_orig_ctx     = rope.yarn_orig_ctx;
    const bool as_trained  = full.rope_scaling_type == LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED;
    if ((as_trained ? trained.rope_scaling_type_train : full.rope_scaling_type) == LLAMA_ROPE_SCALING_TYPE_YARN) {
        full.rope_scaling_type = LLAMA_ROPE_SCALING_TYPE_LINEAR;
        if (full.yarn_ext_factor < 0.0f) {
            full.yarn_ext_factor = trained.yarn_ext_factor >= 0.0f ? trained.yarn_ext_factor : 1.0f;
        }
    }
}

} // namespace

llama_context_params chaku::full_context_params(const llama_model & model, const chaku_llama_context_params & params) {
    llama_context_params full = llama_context_default_params();
    full.n_ctx               = params.n_ctx;
    full.n_batch             = params.n_batch;
    full.n_ubatch            = params.n_ubatch;
    full.n_seq_max           = params.n_seq_max;
    // The output buffer has max(outputs, n_seq_max) rows of n_vocab floats, and an assert wants that maximum to be at
    // most this number: n_seq_max is the smallest value that is never wrong. The default, n_batch, would also reserve
    // n_ubatch rows in the compute buffer.
    full.n_outputs_max       = params.n_seq_max;
    full.n_threads           = params.threads;
    full.n_threads_batch     = params.threads_batch;
    full.flash_attn_type     = static_cast<llama_flash_attn_type>(params.flash_attn);
    full.type_k              = static_cast<ggml_type>(params.type_k);
    full.type_v              = static_cast<ggml_type>(params.type_v);
    full.offload_kqv         = params.offload_kv;
    full.op_offload          = params.offload_ops;
    full.no_perf             = true;
    full.swa_full            = true; // a window that forgets cannot share or re-use a prefix
    full.kv_unified          = true; // a partial copy between sequences asserts otherwise
    stretch(full, model, params);
    return full;
}

int32_t chaku_llama_context_new(llama_model * model, const chaku_llama_context_params * params,
                                chaku_llama_should_abort_fn should_abort, void * user_data, llama_context ** out,
                                chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        llama_context_params full = chaku::full_context_params(*model, *params);
        full.abort_callback      = should_abort;
        full.abort_callback_data = user_data;
        *out = llama_init_from_model(model, full);
        return *out ? CHAKU_LLAMA_OK : CHAKU_LLAMA_REFUSED;
    });
}

int32_t chaku_llama_decode(llama_context * context, int32_t n_tokens, const llama_token * tokens, const llama_pos * positions,
                           const llama_seq_id * sequences, const int8_t * outputs, int32_t * result,
                           chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        std::vector<int32_t>        counts(n_tokens, 1);
        std::vector<llama_seq_id *> rows(n_tokens);
        for (int32_t i = 0; i < n_tokens; ++i) {
            rows[i] = const_cast<llama_seq_id *>(sequences + i); // llama_batch has no const; llama_decode only reads
        }
        const llama_batch batch = {
            n_tokens,
            const_cast<llama_token *>(tokens),
            nullptr,
            const_cast<llama_pos *>(positions),
            counts.data(),
            rows.data(),
            const_cast<int8_t *>(outputs),
        };
        *result = llama_decode(context, batch);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_logits(llama_context * context, int32_t i, float ** logits, chaku_llama_text * error) {
    *logits = nullptr;
    return chaku::guard(error, [&] {
        *logits = llama_get_logits_ith(context, i);
        return *logits ? CHAKU_LLAMA_OK : CHAKU_LLAMA_REFUSED;
    });
}

namespace {

// Threads that are started meanwhile inherit this name, on Linux.
struct inherited_name {
#if defined(__linux__)
    char own[16] = {};
    inherited_name() {
        pthread_getname_np(pthread_self(), own, sizeof(own));
        pthread_setname_np(pthread_self(), chaku::COMPUTE_THREAD);
    }
    ~inherited_name() { pthread_setname_np(pthread_self(), own); }
#endif
};

} // namespace

int32_t chaku_llama_threadpool_new(int32_t n_threads, uint32_t poll, ggml_threadpool ** out, chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        ggml_threadpool_params params = ggml_threadpool_params_default(n_threads);
        params.prio = GGML_SCHED_PRIO_NORMAL; // threads keep what they inherit; the caller's own is not touched
        params.poll = poll;
        const inherited_name name;
        *out = ggml_threadpool_new(&params);
        return *out ? CHAKU_LLAMA_OK : CHAKU_LLAMA_REFUSED;
    });
}

void chaku_llama_threadpool_free(ggml_threadpool * pool) {
    ggml_threadpool_free(pool);
}
