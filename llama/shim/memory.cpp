// What a window remembers of each sequence.
#include "guard.h"

#include "llama-context.h"

int32_t chaku_llama_seq_rm(llama_context * context, llama_seq_id seq, llama_pos p0, llama_pos p1, bool * removed,
                           chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *removed = llama_memory_seq_rm(llama_get_memory(context), seq, p0, p1);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_seq_cp(llama_context * context, llama_seq_id from, llama_seq_id to, llama_pos p0, llama_pos p1,
                           chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        llama_memory_seq_cp(llama_get_memory(context), from, to, p0, p1);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_seq_add(llama_context * context, llama_seq_id seq, llama_pos p0, llama_pos p1, llama_pos delta,
                            chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        llama_memory_seq_add(llama_get_memory(context), seq, p0, p1, delta);
        context->memory_update(/* optimize */ false);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_memory_clear(llama_context * context, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        llama_memory_clear(llama_get_memory(context), /* data */ false);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_state_seq_size(llama_context * context, llama_seq_id seq, size_t * size, chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *size = llama_state_seq_get_size(context, seq);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_state_seq_get(llama_context * context, llama_seq_id seq, uint8_t * data, size_t size, size_t * written,
                                  chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *written = llama_state_seq_get_data(context, data, size, seq);
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_state_seq_set(llama_context * context, llama_seq_id seq, const uint8_t * data, size_t size, size_t * read,
                                  chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        *read = llama_state_seq_set_data(context, data, size, seq);
        return CHAKU_LLAMA_OK;
    });
}
