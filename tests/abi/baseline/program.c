/*
 * A program of the time when the header beside it was committed. It is compiled against that header for ever and must run on
 * every later library of the same ABI version: it uses every function there was, and expects what was promised then.
 *
 *     program tiny-script.gguf
 */
#include "chaku.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "line %d: does not hold: %s\n", __LINE__, #condition); \
            exit(1);                                                         \
        }                                                                    \
    } while (0)
#define WORKS(call)                                                                                          \
    do {                                                                                                     \
        chaku_error *error = NULL;                                                                           \
        if ((call) != CHAKU_OK) {                                                                            \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, chaku_error_reason(error), chaku_error_message(error)); \
            exit(1);                                                                                         \
        }                                                                                                    \
        CHECK(error == NULL);                                                                                \
    } while (0)

static const char *const reply = "Hello there, I am a test model.";

typedef struct heard {
    char text[256];
    int finals, destroyed, ready, lines;
} heard;

static int32_t collect(const chaku_event *event, void *user_data) {
    heard *into = user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        int64_t length = 0, bytes = 0;
        const char *text = chaku_event_text(event, &length);
        CHECK(chaku_event_bytes(event, &bytes) != NULL && chaku_event_token(event) >= 0);
        CHECK(chaku_event_replaced(event) == 0);
        strncat(into->text, text, (size_t)length);
    }
    into->finals += chaku_event_kind(event) == CHAKU_EVENT_FINAL;
    return 0;
}

static int32_t wake(void *user_data) {
    ((heard *)user_data)->ready++;
    return 0;
}

static int32_t line(int32_t level, const char *target, const char *message, int64_t message_len, void *user_data) {
    CHECK(level >= CHAKU_LOG_ERROR && level <= CHAKU_LOG_TRACE && target[0] && message_len == (int64_t)strlen(message));
    ((heard *)user_data)->lines++;
    return 0;
}

static void destroy(void *user_data) { ((heard *)user_data)->destroyed++; }

static void the_library(void) {
    CHECK(chaku_abi_version() == CHAKU_ABI_VERSION);
    CHECK(chaku_version_number() >= CHAKU_VERSION_NUMBER && chaku_version()[0] && chaku_build_info()[0]);
    CHECK(chaku_has_feature("cpu") == 1 && chaku_has_feature("no such feature") == 0);
    CHECK(strcmp(chaku_code_name(CHAKU_DATA_LOSS), "DATA_LOSS") == 0);
    CHECK(chaku_backend_count() > 0 && chaku_backend_name(0) && !chaku_backend_name(-1));
    CHECK(chaku_device_count() > 0 && chaku_device_name(0) && chaku_device_description(0) && chaku_device_backend(0));
    CHECK(chaku_device_kind(0) == CHAKU_DEVICE_CPU && chaku_device_kind(-1) == 0);
    CHECK(chaku_device_memory_total(0) >= chaku_device_memory_free(0));
}

static void errors(void) {
    chaku_error *error = NULL;
    chaku_model *model = NULL;
    CHECK(chaku_model_load(NULL, "no/such/file.gguf", NULL, &model, &error) == CHAKU_NOT_FOUND && !model);
    CHECK(chaku_error_code(error) == CHAKU_NOT_FOUND && strcmp(chaku_error_reason(error), "file_not_found") == 0);
    CHECK(chaku_error_message(error)[0] && chaku_error_detail(error, "path"));
    CHECK(chaku_error_detail_count(error) > 0 && chaku_error_detail_key(error, 0));
    CHECK(chaku_error_free(error) == CHAKU_OK && chaku_error_free(error) == CHAKU_INVALID_ARGUMENT);
}

/* Every key of then is still one, of the same kind. */
static void option_table(void) {
    CHECK(chaku_option_count() > 0 && chaku_option_key(0) && !chaku_option_key(chaku_option_count()));
    CHECK(chaku_option_kind(CHAKU_OPT_MAX_TOKENS) == CHAKU_OPTION_KIND_I64 && chaku_option_kind(CHAKU_OPT_TOP_P) == CHAKU_OPTION_KIND_F64);
    CHECK(chaku_option_kind(CHAKU_OPT_MMAP) == CHAKU_OPTION_KIND_BOOL && chaku_option_kind(CHAKU_OPT_GRAMMAR) == CHAKU_OPTION_KIND_STR);
    CHECK(chaku_option_kind(CHAKU_OPT_STOP) == CHAKU_OPTION_KIND_STR_LIST && strcmp(chaku_option_scope(CHAKU_OPT_STOP), "request") == 0);
    CHECK(chaku_option_unit(CHAKU_OPT_DEADLINE_MS)[0] && chaku_option_doc(CHAKU_OPT_SEED)[0]);
    CHECK(chaku_option_default(CHAKU_OPT_TEMPERATURE) && chaku_option_min(CHAKU_OPT_TOP_P) && chaku_option_max(CHAKU_OPT_TOP_P));
    CHECK(chaku_option_choices(CHAKU_OPT_OVERFLOW) && !chaku_option_choices(CHAKU_OPT_SEED));
}

static chaku_options *options(void) {
    chaku_options *options = NULL;
    WORKS(chaku_options_new(&options, &error));
    WORKS(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 50, &error));
    WORKS(chaku_options_set_f64(options, CHAKU_OPT_TEMPERATURE, 0.0, &error));
    WORKS(chaku_options_set_bool(options, CHAKU_OPT_ADD_SPECIAL, 1, &error));
    WORKS(chaku_options_set_str(options, CHAKU_OPT_STOP, "never said", -1, &error));
    WORKS(chaku_options_add_str(options, CHAKU_OPT_STOP, "nor this", -1, &error));
    WORKS(chaku_options_unset(options, CHAKU_OPT_MAX_TOKENS, &error));
    CHECK(chaku_options_is_set(options, CHAKU_OPT_STOP) == 1 && chaku_options_is_set(options, CHAKU_OPT_MAX_TOKENS) == 0);
    return options;
}

static void the_model(chaku_model *model) {
    int32_t tokens[64];
    char text[64];
    int64_t count = 0, length = 0;
    chaku_model *again = NULL;
    CHECK(chaku_model_context_size(model) > 0 && chaku_model_training_context(model) > 0 && chaku_model_vocab_size(model) > 0);
    CHECK(chaku_model_size_bytes(model) > 0 && chaku_model_parameter_count(model) > 0);
    CHECK(chaku_model_description(model)[0] && chaku_model_chat_template(model)[0]);
    CHECK(chaku_model_metadata_count(model) > 0 && chaku_model_metadata_key(model, 0) && chaku_model_metadata_value(model, 0));
    CHECK(strcmp(chaku_model_metadata(model, "general.architecture"), "llama") == 0);
    WORKS(chaku_model_tokenize(model, "Hello", -1, 0, 0, tokens, 64, &count, &error));
    WORKS(chaku_model_detokenize(model, tokens, count, 0, text, sizeof text, &length, &error));
    CHECK(strcmp(text, "Hello") == 0 && length == 5);
    CHECK(chaku_model_token_is_end(model, chaku_model_token_eos(model)) == 1);
    CHECK(chaku_model_token_bos(model) >= -1 && chaku_model_token_eot(model) >= -1 && chaku_model_token_pad(model) >= -1);
    WORKS(chaku_model_retain(model, &again, &error));
    CHECK(again != model && chaku_model_free(again) == CHAKU_OK);
}

/* Pulls until the final event; keeps it by retaining it. */
static chaku_event *pull(chaku_request *request, heard *into) {
    for (;;) {
        chaku_event *event = NULL, *kept = NULL;
        WORKS(chaku_request_next(request, -1, &event, &error));
        CHECK(chaku_event_progress(event) >= 0);
        collect(event, into);
        if (chaku_event_kind(event) == CHAKU_EVENT_FINAL) WORKS(chaku_event_retain(event, &kept, &error));
        CHECK(chaku_event_free(event) == CHAKU_OK);
        if (kept) return kept;
    }
}

static void the_end(chaku_event *end) {
    chaku_error *none = NULL;
    CHECK(chaku_event_finish_reason(end) == CHAKU_FINISH_STOP && chaku_event_code(end) == CHAKU_OK);
    CHECK(chaku_event_error(end, &none) == CHAKU_OK && !none);
    CHECK(chaku_event_prompt_tokens(end) > 0 && chaku_event_cached_tokens(end) >= 0 && chaku_event_completion_tokens(end) > 0);
    CHECK(chaku_event_context_used(end) > 0 && chaku_event_queue_ms(end) >= 0 && chaku_event_prepare_ms(end) >= 0);
    CHECK(chaku_event_prefill_ms(end) >= 0 && chaku_event_decode_ms(end) >= 0 && chaku_event_total_ms(end) > 0);
    CHECK(chaku_event_free(end) == CHAKU_OK);
}

/* The same answer, read in three ways. */
static void sessions(chaku_model *model, chaku_options *options) {
    heard pulled = {{0}, 0, 0, 0, 0}, ran = pulled, called = pulled;
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    WORKS(chaku_session_new(model, NULL, &session, &error));

    WORKS(chaku_session_chat(session, "Hi", -1, options, &request, &error));
    WORKS(chaku_request_on_ready(request, wake, &pulled, destroy, &error));
    /* Nothing was read yet, so the call comes. One that reads without waiting for it may be done before. */
    while (*(volatile int *)&pulled.ready == 0) {
    }
    the_end(pull(request, &pulled));
    CHECK(chaku_request_is_finished(request) == 1);
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    CHECK(strcmp(pulled.text, reply) == 0 && pulled.ready > 0 && pulled.destroyed == 1);
    CHECK(chaku_session_message_count(session) == 2 && chaku_session_context_used(session) > 0);

    WORKS(chaku_session_chat(session, "Hi", -1, options, &request, &error));
    WORKS(chaku_request_run(request, collect, &ran, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK && strcmp(ran.text, reply) == 0 && ran.finals == 1);

    WORKS(chaku_session_chat(session, "Hi", -1, options, &request, &error));
    WORKS(chaku_request_on_event(request, collect, &called, destroy, &error));
    while (!chaku_request_is_finished(request)) continue;
    /* Closing only cuts short what has not been delivered. */
    WORKS(chaku_request_close(request, -1, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK && called.finals == 1 && called.destroyed == 1);

    WORKS(chaku_session_ingest(session, "user", "Well?", -1, NULL, &request, &error));
    WORKS(chaku_request_run(request, NULL, NULL, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    WORKS(chaku_session_reset(session, &error));
    WORKS(chaku_session_generate(session, "Hi\n", -1, options, &request, &error));
    WORKS(chaku_request_run(request, NULL, NULL, &error));
    CHECK(chaku_request_free(request) == CHAKU_OK);
    WORKS(chaku_session_continue(session, options, &request, &error));
    CHECK(chaku_request_cancel(request) == CHAKU_OK && chaku_session_cancel(session) == CHAKU_OK);
    CHECK(chaku_request_free(request) == CHAKU_OK);
    WORKS(chaku_session_close(session, -1, &error));
    CHECK(chaku_session_free(session) == CHAKU_OK);
}

int main(int argc, char **argv) {
    chaku_runtime *runtime = NULL;
    chaku_request *load = NULL;
    chaku_model *model = NULL;
    chaku_options *request_options = options();
    heard log = {{0}, 0, 0, 0, 0};
    CHECK(argc == 2);
    the_library();
    errors();
    option_table();
    WORKS(chaku_runtime_new(NULL, &runtime, &error));
    WORKS(chaku_runtime_set_log(runtime, CHAKU_LOG_INFO, line, &log, destroy, &error));
    WORKS(chaku_model_load_async(runtime, argv[1], NULL, &load, &error));
    WORKS(chaku_request_run(load, NULL, NULL, &error));
    WORKS(chaku_request_model(load, &model, &error));
    the_model(model);
    sessions(model, request_options);
    WORKS(chaku_model_close(model, -1, &error));
    CHECK(chaku_options_free(request_options) == CHAKU_OK && chaku_request_free(load) == CHAKU_OK);
    CHECK(chaku_model_free(model) == CHAKU_OK && chaku_runtime_free(runtime) == CHAKU_OK && log.lines > 0);
    return 0;
}
