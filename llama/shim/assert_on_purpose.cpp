// Fails an assert where llama.cpp's own would fail. Only tests call it, so no library that ships has it.
#include "guard.h"

#include "ggml-cpu.h"

namespace {

void fail(ggml_tensor *, const ggml_tensor *, int, int, void *) {
    GGML_ABORT("on purpose");
}

void fail_in_graph(int32_t n_threads) {
    ggml_context * context = ggml_init({ 16 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, false });
    ggml_tensor * input = ggml_new_tensor_1d(context, GGML_TYPE_F32, 1);
    ggml_cgraph * graph = ggml_new_graph(context);
    ggml_build_forward_expand(graph, ggml_map_custom1(context, input, fail, n_threads, nullptr));

    ggml_threadpool * pool = nullptr;
    chaku_llama_text error = { nullptr, 0 };
    chaku_llama_threadpool_new(n_threads, 0, &pool, &error);
    ggml_cplan plan = ggml_graph_plan(graph, n_threads, pool);
    ggml_graph_compute(graph, &plan);
}

} // namespace

int32_t chaku_llama_assert_on_purpose(int32_t n_threads, chaku_llama_text * error) {
    return chaku::guard(error, [&]() -> int32_t {
        if (n_threads == 0) {
            GGML_ABORT("on purpose");
        }
        fail_in_graph(n_threads);
        return CHAKU_LLAMA_OK;
    });
}
