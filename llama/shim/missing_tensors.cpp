// A model that lacks a tensor its graph uses. llama.cpp takes many tensors for optional, among them some that the graph of
// the same architecture then reads through a null pointer, and which ones is written in a hundred places. So the operations
// that graphs are made of are met by the linker (wrapped.txt): an operand that is null fails like an assert.
#include "guard.h"

#include "ggml.h"

namespace {

void check(bool all_there, const char * operation) {
    if (!all_there && chaku::guarded::current) {
        chaku::fail_assert(std::string("the model lacks a tensor that its graph uses (") + operation + ")");
    }
}

} // namespace

// __real_ is weak: without --wrap there is none, and nobody calls __wrap_.
#define WRAP(name, params, args, all_there)                            \
    extern "C" __attribute__((weak)) ggml_tensor * __real_##name params; \
    extern "C" ggml_tensor * __wrap_##name params;                     \
    extern "C" ggml_tensor * __wrap_##name params {                    \
        check(all_there, #name);                                       \
        return __real_##name args;                                     \
    }

WRAP(ggml_add, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_add_id, (ggml_context * c, ggml_tensor * a, ggml_tensor * b, ggml_tensor * ids), (c, a, b, ids), a && b && ids)
WRAP(ggml_cast, (ggml_context * c, ggml_tensor * a, ggml_type type), (c, a, type), a)
WRAP(ggml_concat, (ggml_context * c, ggml_tensor * a, ggml_tensor * b, int dim), (c, a, b, dim), a && b)
WRAP(ggml_cont, (ggml_context * c, ggml_tensor * a), (c, a), a)
WRAP(ggml_div, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_exp, (ggml_context * c, ggml_tensor * a), (c, a), a)
WRAP(ggml_get_rows, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_mul, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_mul_mat, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_mul_mat_id, (ggml_context * c, ggml_tensor * a, ggml_tensor * b, ggml_tensor * ids), (c, a, b, ids), a && b && ids)
WRAP(ggml_neg, (ggml_context * c, ggml_tensor * a), (c, a), a)
WRAP(ggml_permute, (ggml_context * c, ggml_tensor * a, int x, int y, int z, int w), (c, a, x, y, z, w), a)
WRAP(ggml_repeat, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_reshape_1d, (ggml_context * c, ggml_tensor * a, int64_t x), (c, a, x), a)
WRAP(ggml_reshape_2d, (ggml_context * c, ggml_tensor * a, int64_t x, int64_t y), (c, a, x, y), a)
WRAP(ggml_reshape_3d, (ggml_context * c, ggml_tensor * a, int64_t x, int64_t y, int64_t z), (c, a, x, y, z), a)
WRAP(ggml_reshape_4d, (ggml_context * c, ggml_tensor * a, int64_t x, int64_t y, int64_t z, int64_t w), (c, a, x, y, z, w), a)
WRAP(ggml_scale, (ggml_context * c, ggml_tensor * a, float s), (c, a, s), a)
WRAP(ggml_ssm_conv, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_ssm_scan, (ggml_context * c, ggml_tensor * s, ggml_tensor * x, ggml_tensor * dt, ggml_tensor * A, ggml_tensor * B, ggml_tensor * C, ggml_tensor * ids, int64_t k), (c, s, x, dt, A, B, C, ids, k), s && x && dt && A && B && C && ids)
WRAP(ggml_sub, (ggml_context * c, ggml_tensor * a, ggml_tensor * b), (c, a, b), a && b)
WRAP(ggml_transpose, (ggml_context * c, ggml_tensor * a), (c, a), a)
WRAP(ggml_view_1d, (ggml_context * c, ggml_tensor * a, int64_t x, size_t at), (c, a, x, at), a)
WRAP(ggml_view_2d, (ggml_context * c, ggml_tensor * a, int64_t x, int64_t y, size_t row, size_t at), (c, a, x, y, row, at), a)
WRAP(ggml_view_3d, (ggml_context * c, ggml_tensor * a, int64_t x, int64_t y, int64_t z, size_t row, size_t slice, size_t at), (c, a, x, y, z, row, slice, at), a)
