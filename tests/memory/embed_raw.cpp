// Loads a model that embeds, embeds as many tokens as its window has, and prints by how many bytes the process grew.
//     embed_raw MODEL WINDOW
#include <llama.h>

#include <cstdio>
#include <cstdlib>

static long resident() {
    long          pages = 0;
    std::FILE *   statm = std::fopen("/proc/self/statm", "r");
    const bool    read  = statm && std::fscanf(statm, "%*d %ld", &pages) == 1;
    if (statm) std::fclose(statm);
    return read ? pages * 4096 : 0;
}

static void quiet(ggml_log_level, const char *, void *) {}

int main(int argc, char ** argv) {
    if (argc != 3) return 2;
    llama_log_set(quiet, nullptr);
    llama_backend_init();
    const long before = resident();

    auto model_params      = llama_model_default_params();
    model_params.load_mode = LLAMA_LOAD_MODE_NONE;
    llama_model * model    = llama_model_load_from_file(argv[1], model_params);
    if (!model) return 1;

    const int window  = std::atoi(argv[2]);
    auto      params  = llama_context_default_params();
    params.n_ctx      = params.n_batch = params.n_ubatch = static_cast<uint32_t>(window);
    params.embeddings = true;
    params.n_threads  = params.n_threads_batch = 1;
    llama_context * context = llama_init_from_model(model, params);
    if (!context) return 1;

    llama_batch batch = llama_batch_init(window, 0, 1);
    for (int i = 0; i < window; i++) {
        batch.token[i]     = i % 7 + 1;
        batch.pos[i]       = i;
        batch.n_seq_id[i]  = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i]    = 1;
    }
    batch.n_tokens = window;
    if (llama_encode(context, batch) != 0) return 1;
    std::printf("%ld\n", resident() - before);
    return 0;
}
