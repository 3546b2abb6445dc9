// The guarded C surface of llama.cpp that src/ffi.rs declares. No exception leaves these functions.
//
// Every function that can fail returns a status and, unless the status is OK, may fill `error`: the words of the C++
// exception or the failed assert. What llama.cpp only logs is collected by the log callback, on the thread that made the call.
#pragma once

#include "llama.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CHAKU_LLAMA_OK       = 0,
    CHAKU_LLAMA_THREW    = 1, // a C++ exception was caught; `error` has its words
    CHAKU_LLAMA_REFUSED  = 2, // the call was made and said no; `error` says why where llama.cpp does not log it
    CHAKU_LLAMA_ASSERTED = 3, // an assert of llama.cpp failed; `error` has its words. What the call worked on is left half done
};

// Bytes owned by the shim. Invariant: data is NULL or comes from malloc; chaku_llama_text_free releases it.
struct chaku_llama_text {
    char * data;
    size_t len;
};

void chaku_llama_text_free(struct chaku_llama_text text);

// ---- backend ----

typedef void (*chaku_llama_log_fn)(int32_t level, const char * text, void * user_data);
typedef void (*chaku_llama_abort_fn)(const char * message);

// Call once, before anything else of llama.cpp.
int32_t chaku_llama_backend_init(chaku_llama_log_fn log, chaku_llama_abort_fn on_abort, struct chaku_llama_text * error);

struct chaku_llama_device {
    const char * name; // the strings live as long as the process
    const char * description;
    const char * backend;
    int32_t      kind; // enum ggml_backend_dev_type
    uint64_t     memory_free;
    uint64_t     memory_total;
};

size_t  chaku_llama_device_count(void);
int32_t chaku_llama_device_get(size_t index, struct chaku_llama_device * out, struct chaku_llama_text * error);

// For tests: fails an assert while `n_threads` threads compute a graph, or, if it is 0, outside of one.
int32_t chaku_llama_assert_on_purpose(int32_t n_threads, struct chaku_llama_text * error);

// ---- model and vocabulary ----

struct chaku_llama_model_params {
    int32_t              gpu_layers; // negative = all
    int32_t              load_mode;  // enum llama_load_mode
    int32_t              lazy_mode;  // enum llama_lazy_mode
    int32_t              split_mode; // enum llama_split_mode
    int32_t              main_gpu;
    const float *        tensor_split; // llama_max_devices() of them, NULL = by memory
    const char * const * devices;      // names that ggml knows, NULL = all there are
    size_t               n_devices;
    const char * const * patterns; // of tensors' names, each with the name of a buffer type; checked
    const char * const * buffers;
    size_t               n_patterns;
    const struct llama_model_kv_override * kv_overrides; // the last one's key is empty; NULL = none
    bool repack;
    bool no_host;
    bool check_tensors;
    bool vocab_only;
    bool no_alloc; // sizes, but no memory: never to compute with. Not with a load mode that maps
};

typedef bool (*chaku_llama_progress_fn)(float progress, void * user_data);

int32_t chaku_llama_model_load(const char * path, const struct chaku_llama_model_params * params,
                               chaku_llama_progress_fn progress, void * user_data,
                               struct llama_model ** out, struct chaku_llama_text * error);

// REFUSED: the pattern is no regular expression, or nothing of this machine has such a buffer type; `error` says which there are.
int32_t chaku_llama_tensor_buffer_check(const char * pattern, const char * buffer, struct chaku_llama_text * error);

// Whether every layer's head size is a multiple of the cache types' block sizes: ggml asserts it.
bool chaku_llama_model_cache_types_fit(const struct llama_model * model, int32_t type_k, int32_t type_v);

// Bytes of memory that a context of these types takes for a position, and for a sequence whatever its length.
void chaku_llama_model_cache_sizes(const struct llama_model * model, int32_t type_k, int32_t type_v, uint64_t * position,
                                   uint64_t * sequence);

// Positions that the model has learned, INT32_MAX if it computes them: a decode looks them up, and asserts that they are there.
uint32_t chaku_llama_model_positions(const struct llama_model * model);

// `count` is what the llama.h functions return: negative = the buffer is too small, and how large it must be.
int32_t chaku_llama_tokenize(const struct llama_vocab * vocab, const char * text, int32_t text_len, llama_token * tokens,
                             int32_t capacity, bool add_special, bool parse_special, int32_t * count,
                             struct chaku_llama_text * error);
int32_t chaku_llama_token_to_piece(const struct llama_vocab * vocab, llama_token token, char * buffer, int32_t capacity,
                                   bool special, int32_t * count, struct chaku_llama_text * error);
int32_t chaku_llama_detokenize(const struct llama_vocab * vocab, const llama_token * tokens, int32_t n_tokens, char * buffer,
                               int32_t capacity, bool remove_special, bool unparse_special, int32_t * count,
                               struct chaku_llama_text * error);
int32_t chaku_llama_token_attr(const struct llama_vocab * vocab, llama_token token, int32_t * attr,
                               struct chaku_llama_text * error);

// ---- context ----

struct chaku_llama_context_params {
    uint32_t n_ctx;
    uint32_t n_batch;
    uint32_t n_ubatch;
    uint32_t n_seq_max;
    int32_t  threads;
    int32_t  threads_batch;
    int32_t  flash_attn; // enum llama_flash_attn_type
    int32_t  type_k;     // enum ggml_type
    int32_t  type_v;
    bool     offload_kv;
    bool     offload_ops;
    struct {
        int32_t  scaling; // enum llama_rope_scaling_type
        float    freq_base;
        float    freq_scale;
        float    yarn_ext_factor;
        float    yarn_attn_factor;
        float    yarn_beta_fast;
        float    yarn_beta_slow;
        uint32_t yarn_orig_ctx;
    } rope;
};

typedef bool (*chaku_llama_should_abort_fn)(void * user_data);

int32_t chaku_llama_context_new(struct llama_model * model, const struct chaku_llama_context_params * params,
                                chaku_llama_should_abort_fn should_abort, void * user_data,
                                struct llama_context ** out, struct chaku_llama_text * error);

// One token a row, each in one sequence. `result` is what llama_decode returned.
int32_t chaku_llama_decode(struct llama_context * context, int32_t n_tokens, const llama_token * tokens,
                           const llama_pos * positions, const llama_seq_id * sequences, const int8_t * outputs,
                           int32_t * result, struct chaku_llama_text * error);

int32_t chaku_llama_seq_rm(struct llama_context * context, llama_seq_id seq, llama_pos p0, llama_pos p1, bool * removed,
                           struct chaku_llama_text * error);
int32_t chaku_llama_seq_cp(struct llama_context * context, llama_seq_id from, llama_seq_id to, llama_pos p0, llama_pos p1,
                           struct chaku_llama_text * error);
// Also moves the keys, which llama.cpp leaves to the next decode: until then a saved state would have them in the wrong place,
// and a decode that is aborted could move some of them twice.
int32_t chaku_llama_seq_add(struct llama_context * context, llama_seq_id seq, llama_pos p0, llama_pos p1, llama_pos delta,
                            struct chaku_llama_text * error);
int32_t chaku_llama_memory_clear(struct llama_context * context, struct chaku_llama_text * error);

// `written` and `read` are fewer than `size` when it did not work.
int32_t chaku_llama_state_seq_size(struct llama_context * context, llama_seq_id seq, size_t * size,
                                   struct chaku_llama_text * error);
int32_t chaku_llama_state_seq_get(struct llama_context * context, llama_seq_id seq, uint8_t * data, size_t size,
                                  size_t * written, struct chaku_llama_text * error);
int32_t chaku_llama_state_seq_set(struct llama_context * context, llama_seq_id seq, const uint8_t * data, size_t size,
                                  size_t * read, struct chaku_llama_text * error);

int32_t chaku_llama_logits(struct llama_context * context, int32_t i, float ** logits, struct chaku_llama_text * error);

// ---- memory that is taken ----

struct chaku_llama_device_memory {
    const char * name; // lives as long as the process
    int32_t      kind; // enum ggml_backend_dev_type
    uint64_t     model;
    uint64_t     context;
    uint64_t     compute;
};

// Bytes that a context and its model take of each device. There is room for `capacity` rows; `count` are written.
int32_t chaku_llama_context_memory(const struct llama_context * context, size_t capacity,
                                   struct chaku_llama_device_memory * devices, size_t * count, struct chaku_llama_text * error);

// The same of a context that there is not, over a model loaded with no_alloc. `outputs`: bytes of the logits' rows.
int32_t chaku_llama_plan(struct llama_model * model, const struct chaku_llama_context_params * params, size_t capacity,
                         struct chaku_llama_device_memory * devices, size_t * count, uint64_t * outputs,
                         struct chaku_llama_text * error);

// ---- thread pool ----

int32_t chaku_llama_threadpool_new(int32_t n_threads, uint32_t poll, struct ggml_threadpool ** out,
                                   struct chaku_llama_text * error);
void    chaku_llama_threadpool_free(struct ggml_threadpool * pool);

// ---- sampler ----

struct chaku_llama_sampler_params {
    uint32_t seed;
    float    temperature;
    int32_t  top_k;
    float    top_p;
    float    min_p;
    float    typical_p;
    float    top_n_sigma;
    float    repeat_penalty;
    int32_t  repeat_last_n;
    float    presence_penalty;
    float    frequency_penalty;
    float    dry_multiplier;
    float    dry_base;
    int32_t  dry_allowed_length;
    int32_t  dry_penalty_last_n;
    float    xtc_probability;
    float    xtc_threshold;
    float    dynatemp_range;
    float    dynatemp_exponent;
    int32_t  mirostat;
    float    mirostat_lr;
    float    mirostat_ent;
    float    adaptive_target;
    float    adaptive_decay;
    bool     ignore_eos;
    int32_t  reasoning_budget; // -1 = none
};

struct chaku_llama_sampler;

// The values of a fresh common_params_sampling.
void chaku_llama_sampler_defaults(struct chaku_llama_sampler_params * out);

// `samplers`: names separated by ';', NULL = the default order. REFUSED: an unknown name, which `error` tells.
// `grammar`: GBNF that chaku_llama_grammar_check accepted, NULL = none. `biases`: of tokens that exist; copied.
// `format`: of chaku_llama_templates_render, NULL = none; the grammar is then the one it names. `farewell`: what thinking ends with
// whose budget is used up, NULL = nothing. `breakers`: of DRY, NULL = the default ones.
int32_t chaku_llama_sampler_new(const struct llama_model * model, const struct chaku_llama_sampler_params * params,
                                const char * samplers, const char * grammar, const char * format, const char * farewell,
                                const char * const * breakers, size_t n_breakers, const llama_logit_bias * biases, size_t n_biases,
                                struct chaku_llama_sampler ** out, struct chaku_llama_text * error);
void    chaku_llama_sampler_free(struct chaku_llama_sampler * sampler);

// REFUSED: no token of the vocabulary satisfies the grammar here.
int32_t chaku_llama_sampler_sample(struct chaku_llama_sampler * sampler, struct llama_context * context, int32_t i,
                                   llama_token * token, struct chaku_llama_text * error);
// REFUSED: the grammar does not allow this token here; nothing changed.
int32_t chaku_llama_sampler_accept(struct chaku_llama_sampler * sampler, llama_token token, bool is_generated,
                                   struct chaku_llama_text * error);
uint32_t chaku_llama_sampler_seed(const struct chaku_llama_sampler * sampler);
// What the samplers left of the vocabulary in the last call of sample, in any order; valid until the next one.
const llama_token_data * chaku_llama_sampler_candidates(const struct chaku_llama_sampler * sampler, size_t * count);

// ---- grammar ----

// REFUSED: not a usable grammar; `error` says what is wrong and where.
int32_t chaku_llama_grammar_check(const struct llama_vocab * vocab, const char * grammar, struct chaku_llama_text * error);

// ---- chat templates ----

struct chaku_llama_templates;

// What a template may take in one call; past it the call throws. See shim/template_limits.cpp.
struct chaku_llama_template_limits {
    uint64_t bytes; // of text and values, besides what is in proportion to the messages
    size_t   stack; // bytes, from the call on
    bool (*stop)(void * user_data); // asked now and then
    void * user_data;
};

int32_t chaku_llama_templates_new(const struct llama_model * model, const char * override_text, size_t override_len,
                                  const struct chaku_llama_template_limits * limits,
                                  struct chaku_llama_templates ** out, struct chaku_llama_text * error);
void    chaku_llama_templates_free(struct chaku_llama_templates * templates);
int32_t chaku_llama_templates_source(const struct chaku_llama_templates * templates, struct chaku_llama_text * out,
                                     struct chaku_llama_text * error);
bool    chaku_llama_templates_was_explicit(const struct chaku_llama_templates * templates);
// Whether it shows tools to the model and has a form for its calls.
bool chaku_llama_templates_know_tools(const struct chaku_llama_templates * templates);
// `ask`: {"messages": as OpenAI has them, "add_generation_prompt", "tools", "tool_choice": "auto" / "none" / "required",
// "parallel_tool_calls", "reasoning_format", "enable_thinking", "template_kwargs", "continue_final_message", "constrained": something
// else than calls holds the answer}, as JSON; all but the messages may be missing.
// `stops`: the additional stop strings, each ended by a NUL. `format`: how the answer is to be read and what it is held to, in a
// form of this shim's own; empty = it is plain text.
int32_t chaku_llama_templates_render(const struct chaku_llama_templates * templates, const char * ask, size_t ask_len,
                                     const struct chaku_llama_template_limits * limits, struct chaku_llama_text * prompt,
                                     struct chaku_llama_text * stops, struct chaku_llama_text * format,
                                     struct chaku_llama_text * error);

// ---- answers: content, reasoning, tool calls ----

struct chaku_llama_answer;

int32_t chaku_llama_answer_new(const char * format, size_t format_len, struct chaku_llama_answer ** out,
                               struct chaku_llama_text * error);
void    chaku_llama_answer_free(struct chaku_llama_answer * answer);
// Reads the whole text so far. `deltas`: what is new, as a JSON list of objects {"reasoning"} or {"content"} or
// {"call": {"index", "id", "name", "arguments"}}; empty = nothing. Throws, and keeps what it had, where the text does not fit the format or says something
// else than before.
int32_t chaku_llama_answer_read(struct chaku_llama_answer * answer, const char * text, size_t len, bool is_partial,
                                struct chaku_llama_text * deltas, struct chaku_llama_text * error);

#ifdef __cplusplus
}
#endif
