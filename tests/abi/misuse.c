/* What goes wrong before any model is loaded: every mistake has its typed error, and none does harm. */
#include "check.h"

static int destroyed;

static void count_destroy(void *user_data) {
    destroyed += *(int *)user_data;
}

static int32_t ignore_event(const chaku_event *event, void *user_data) {
    (void)event;
    (void)user_data;
    return 0;
}

static int32_t ignore_ready(void *user_data) {
    (void)user_data;
    return 0;
}

static int32_t ignore_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    (void)level, (void)target, (void)message, (void)length, (void)user_data;
    return 0;
}

static void null_pointers(chaku_options *options) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    chaku_event *event = NULL;
    chaku_buffer *buffer = NULL;
    int64_t count = 77;
    int code = CHAKU_INVALID_ARGUMENT;
    FAILS(chaku_options_new(NULL, &error), code, "null_pointer", "out_options");
    FAILS(chaku_options_set_i64(NULL, CHAKU_OPT_SEED, 1, &error), code, "null_pointer", "options");
    FAILS(chaku_options_set_i64(options, NULL, 1, &error), code, "null_pointer", "key");
    FAILS(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, NULL, -1, &error), code, "null_pointer", "value");
    FAILS(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, NULL, 3, &error), code, "null_pointer", "value");
    FAILS(chaku_runtime_new(NULL, NULL, &error), code, "null_pointer", "out_runtime");
    FAILS(chaku_model_load(NULL, NULL, NULL, &model, &error), code, "null_pointer", "path");
    FAILS(chaku_model_load(NULL, "x.gguf", NULL, NULL, &error), code, "null_pointer", "out_model");
    FAILS(chaku_model_load_async(NULL, NULL, NULL, &request, &error), code, "null_pointer", "path");
    FAILS(chaku_model_retain(NULL, &model, &error), code, "null_pointer", "model");
    FAILS(chaku_model_close(NULL, 0, &error), code, "null_pointer", "model");
    FAILS(chaku_model_tokenize(NULL, "x", -1, 0, 0, NULL, 0, &count, &error), code, "null_pointer", "model");
    FAILS(chaku_model_tokenize(NULL, "x", -1, 0, 0, NULL, 0, NULL, &error), code, "null_pointer", "out_count");
    FAILS(chaku_model_detokenize(NULL, NULL, 0, 0, NULL, 0, &count, &error), code, "null_pointer", "model");
    FAILS(chaku_session_new(NULL, NULL, &session, &error), code, "null_pointer", "model");
    FAILS(chaku_session_chat(NULL, "x", -1, NULL, &request, &error), code, "null_pointer", "session");
    FAILS(chaku_session_chat(NULL, "x", -1, NULL, NULL, &error), code, "null_pointer", "out_request");
    FAILS(chaku_session_generate(NULL, "x", -1, NULL, &request, &error), code, "null_pointer", "session");
    FAILS(chaku_session_ingest(NULL, NULL, "x", -1, NULL, &request, &error), code, "null_pointer", "session");
    FAILS(chaku_session_continue(NULL, NULL, &request, &error), code, "null_pointer", "session");
    FAILS(chaku_session_reset(NULL, &error), code, "null_pointer", "session");
    FAILS(chaku_session_fork(NULL, NULL, &session, &error), code, "null_pointer", "session");
    FAILS(chaku_session_rewind(NULL, 0, &error), code, "null_pointer", "session");
    FAILS(chaku_session_save(NULL, NULL, NULL, &request, &error), code, "null_pointer", "session");
    FAILS(chaku_session_restore(NULL, "x", NULL, &session, &error), code, "null_pointer", "model");
    FAILS(chaku_session_restore_buffer(NULL, "x", 1, NULL, &session, &error), code, "null_pointer", "model");
    FAILS(chaku_session_restore_buffer(NULL, "x", -1, NULL, &session, &error), code, "invalid_argument", "data");
    FAILS(chaku_model_chat(NULL, "[]", -1, NULL, &request, &error), code, "null_pointer", "model");
    FAILS(chaku_model_metrics(NULL, &buffer, &error), code, "null_pointer", "model");
    FAILS(chaku_runtime_metrics(NULL, NULL, &error), code, "null_pointer", "out_json");
    FAILS(chaku_runtime_plan(NULL, NULL, NULL, &buffer, &error), code, "null_pointer", "path");
    FAILS(chaku_request_timeline(NULL, &buffer, &error), code, "null_pointer", "request");
    FAILS(chaku_request_buffer(NULL, &buffer, &error), code, "null_pointer", "request");
    FAILS(chaku_request_next(NULL, 0, &event, &error), code, "null_pointer", "request");
    FAILS(chaku_request_run(NULL, NULL, NULL, &error), code, "null_pointer", "request");
    FAILS(chaku_request_model(NULL, &model, &error), code, "null_pointer", "request");
    FAILS(chaku_request_close(NULL, 0, &error), code, "null_pointer", "request");
    FAILS(chaku_event_retain(NULL, &event, &error), code, "null_pointer", "event");
    FAILS(chaku_event_error(NULL, &error), code, "null_pointer", "event");
    CHECK(count == 77);
    CHECK(chaku_options_set_i64(NULL, NULL, 0, NULL) == code);
}

static void neutral_values(void) {
    int64_t length = 77;
    CHECK(chaku_error_code(NULL) == CHAKU_OK);
    CHECK(chaku_error_message(NULL)[0] == '\0' && chaku_error_reason(NULL)[0] == '\0');
    CHECK(chaku_error_detail(NULL, "x") == NULL && chaku_error_detail_count(NULL) == 0);
    CHECK(chaku_options_is_set(NULL, CHAKU_OPT_SEED) == 0);
    CHECK(chaku_model_context_size(NULL) == 0 && chaku_model_vocab_size(NULL) == 0 && chaku_model_size_bytes(NULL) == 0);
    CHECK(chaku_model_training_context(NULL) == 0 && chaku_model_parameter_count(NULL) == 0);
    CHECK(chaku_model_description(NULL) == NULL && chaku_model_chat_template(NULL) == NULL);
    CHECK(chaku_model_metadata_count(NULL) == 0 && chaku_model_metadata_key(NULL, 0) == NULL);
    CHECK(chaku_model_metadata_value(NULL, 0) == NULL && chaku_model_metadata(NULL, "general.name") == NULL);
    CHECK(chaku_model_token_bos(NULL) == -1 && chaku_model_token_eos(NULL) == -1 && chaku_model_token_eot(NULL) == -1);
    CHECK(chaku_model_token_pad(NULL) == -1 && chaku_model_token_is_end(NULL, 0) == 0);
    CHECK(chaku_session_context_used(NULL) == 0 && chaku_session_message_count(NULL) == 0);
    CHECK(chaku_request_is_finished(NULL) == 1 && chaku_request_queue_position(NULL) == -1);
    CHECK(chaku_buffer_data(NULL, &length) == NULL && chaku_buffer_data(NULL, NULL) == NULL && length == 77);
    CHECK(chaku_event_kind(NULL) == 0 && chaku_event_token(NULL) == -1 && chaku_event_replaced(NULL) == 0);
    CHECK(chaku_event_text(NULL, &length) == NULL && chaku_event_bytes(NULL, &length) == NULL && length == 77);
    CHECK(chaku_event_finish_reason(NULL) == 0 && chaku_event_code(NULL) == CHAKU_INVALID_ARGUMENT);
    CHECK(chaku_event_prompt_tokens(NULL) == 0 && chaku_event_total_ms(NULL) == 0);
    CHECK(chaku_option_kind("no_such_option") == 0 && chaku_option_doc("no_such_option") == NULL);
    /* Freeing nothing is fine. */
    CHECK(chaku_error_free(NULL) == CHAKU_OK && chaku_options_free(NULL) == CHAKU_OK);
    CHECK(chaku_runtime_free(NULL) == CHAKU_OK && chaku_model_free(NULL) == CHAKU_OK);
    CHECK(chaku_session_free(NULL) == CHAKU_OK && chaku_request_free(NULL) == CHAKU_OK);
    CHECK(chaku_buffer_free(NULL) == CHAKU_OK && chaku_event_free(NULL) == CHAKU_OK && chaku_request_cancel(NULL) == CHAKU_OK);
}

static void wrong_and_stale_handles(chaku_options *options) {
    chaku_options *dead = NULL;
    chaku_options *reborn = NULL;
    chaku_session *session = NULL;
    chaku_model *model = (chaku_model *)&destroyed; /* anything but NULL, to see it being set to NULL */
    chaku_error *kept = NULL;
    int local = 0;
    int code = CHAKU_INVALID_ARGUMENT;

    WORKS(chaku_options_new(&dead, &error));
    CHECK(chaku_options_free(dead) == CHAKU_OK);
    CHECK(chaku_options_free(dead) == CHAKU_INVALID_ARGUMENT);
    FAILS(chaku_options_set_i64(dead, CHAKU_OPT_SEED, 1, &error), code, "stale_handle", "options");
    FAILS(chaku_model_load(NULL, "x.gguf", dead, &model, &error), code, "stale_handle", "options");
    CHECK(model == NULL);

    FAILS(chaku_session_new((chaku_model *)options, NULL, &session, &error), code, "wrong_handle", "model");
    FAILS(chaku_request_close((chaku_request *)options, 0, &error), code, "wrong_handle", "request");
    CHECK(chaku_model_free((chaku_model *)options) == code);
    CHECK(chaku_request_cancel((chaku_request *)options) == code);
    CHECK(chaku_options_is_set(options, CHAKU_OPT_SEED) == 0); /* still alive */

    FAILS(chaku_session_reset((chaku_session *)&local, &error), code, "stale_handle", "session");
    FAILS(chaku_session_reset((chaku_session *)"text", &error), code, "stale_handle", "session");
    FAILS(chaku_session_reset((chaku_session *)(uintptr_t)-1, &error), code, "stale_handle", "session");
    CHECK(chaku_event_free((chaku_event *)&local) == code);

    /* A new object in the old one's place is not reached by the old handle. */
    WORKS(chaku_options_new(&reborn, &error));
    CHECK(reborn != dead);
    FAILS(chaku_options_unset(dead, CHAKU_OPT_SEED, &error), code, "stale_handle", "options");
    CHECK(chaku_options_free(reborn) == CHAKU_OK);

    /* Errors are handles too. */
    CHECK(chaku_options_set_i64(options, "nonsense", 1, &kept) == code && kept != NULL);
    CHECK(chaku_error_free(kept) == CHAKU_OK && chaku_error_free(kept) == code);
    CHECK(chaku_error_code(kept) == code && chaku_error_message(kept)[0] == '\0');
}

static void options_are_checked(chaku_options *options) {
    chaku_error *error = NULL;
    int code = CHAKU_INVALID_ARGUMENT;
    CHECK(chaku_options_set_f64(options, "temprature", 0.5, &error) == code);
    CHECK(strcmp(chaku_error_reason(error), "unknown_option") == 0);
    CHECK(strcmp(chaku_error_detail(error, "nearest"), "temperature") == 0);
    CHECK(strcmp(chaku_error_detail(error, "function"), "chaku_options_set_f64") == 0);
    chaku_error_free(error);

    FAILS(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, -1, &error), code, "invalid_option", NULL);
    FAILS(chaku_options_set_str(options, CHAKU_OPT_MAX_TOKENS, "7", -1, &error), code, "invalid_option", NULL);
    FAILS(chaku_options_set_bool(options, CHAKU_OPT_MMAP, 2, &error), code, "invalid_argument", "value");
    FAILS(chaku_options_set_str(options, CHAKU_OPT_OVERFLOW, "explode", -1, &error), code, "invalid_option", NULL);
    FAILS(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, "x", -2, &error), code, "invalid_argument", "value");
    FAILS(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, "x", INT64_MAX, &error), code, "invalid_argument", "value");
    FAILS(chaku_options_set_str(options, CHAKU_OPT_GRAMMAR, "ab\xFF", -1, &error), code, "invalid_utf8", "value");
    FAILS(chaku_options_set_i64(options, "\xC3", 1, &error), code, "invalid_utf8", "key");
    CHECK(chaku_options_is_set(options, CHAKU_OPT_MAX_TOKENS) == 0);

    WORKS(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 7, &error));
    CHECK(chaku_options_is_set(options, CHAKU_OPT_MAX_TOKENS) == 1);
    WORKS(chaku_options_unset(options, CHAKU_OPT_MAX_TOKENS, &error));
    CHECK(chaku_options_is_set(options, CHAKU_OPT_MAX_TOKENS) == 0);
    WORKS(chaku_options_set_str(options, CHAKU_OPT_STOP, "END of it", 3, &error));
    WORKS(chaku_options_add_str(options, CHAKU_OPT_STOP, "\n\n", -1, &error));
    WORKS(chaku_options_unset(options, CHAKU_OPT_STOP, &error));
}

static void destroy_runs_once_when_registration_fails(void) {
    int one = 1;
    int code = CHAKU_INVALID_ARGUMENT;
    destroyed = 0;
    FAILS(chaku_request_on_event(NULL, ignore_event, &one, count_destroy, &error), code, "null_pointer", "request");
    CHECK(destroyed == 1);
    FAILS(chaku_request_on_event(NULL, NULL, &one, count_destroy, &error), code, "null_pointer", "on_event");
    CHECK(destroyed == 2);
    FAILS(chaku_request_on_ready(NULL, ignore_ready, &one, count_destroy, &error), code, "null_pointer", "request");
    CHECK(destroyed == 3);
    FAILS(chaku_runtime_set_log(NULL, 99, ignore_line, &one, count_destroy, &error), code, "invalid_argument", "level");
    CHECK(destroyed == 4);
    FAILS(chaku_request_on_event(NULL, ignore_event, &one, NULL, &error), code, "null_pointer", "request");
    CHECK(destroyed == 4);
}

static void files_that_are_not_there(void) {
    chaku_model *model = (chaku_model *)&destroyed;
    FAILS(chaku_model_load(NULL, "no/such/file.gguf", NULL, &model, &error), CHAKU_NOT_FOUND, "file_not_found", NULL);
    CHECK(model == NULL);
    FAILS(chaku_model_load(NULL, "\xFF.gguf", NULL, &model, &error), CHAKU_INVALID_ARGUMENT, "invalid_utf8", "path");
}

int main(void) {
    chaku_options *options = NULL;
    WORKS(chaku_options_new(&options, &error));
    null_pointers(options);
    neutral_values();
    wrong_and_stale_handles(options);
    options_are_checked(options);
    destroy_runs_once_when_registration_fails();
    files_that_are_not_there();
    CHECK(chaku_options_free(options) == CHAKU_OK);
    return check_summary("misuse");
}
