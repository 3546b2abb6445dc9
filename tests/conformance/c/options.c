/* Options: checked when set, in force where they belong and nowhere else. */
#include "reply.h"

#include <math.h>

CASE(bad_option) {
    chaku_options *options = OPTIONS("max_tokens", "7");
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    CHECK_FAILS(chaku_options_set_i64(options, "max_tokens", -5, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "max_tokens");
    CHECK_STR(detail("min"), "0");
    CHECK_STR(detail("max"), "2147483647");
    CHECK_FAILS(chaku_options_set_f64(options, "typical_p", 1.5, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "typical_p");
    CHECK_FAILS(chaku_options_set_f64(options, "temperature", NAN, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_FAILS(chaku_options_set_str(options, "max_tokens", "many", -1, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_option");
    CHECK_FAILS(chaku_options_set_f64(options, "max_tokens", 1.0, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_FAILS(chaku_options_set_i64(options, "ignore_eos", 1, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_FAILS(chaku_options_set_str(options, "overflow", "explode", -1, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_option");
    CHECK(strstr(chaku_error_message(the_error), "shift") != NULL);
    CHECK_FAILS(chaku_options_add_str(options, "grammar", "root ::= \"a\"", -1, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_option");
    CHECK_FAILS(chaku_options_add_str(options, "stop", "", -1, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_option");
    /* A setter that fails changes nothing. */
    CHECK(!chaku_options_is_set(options, "temperature"));
    CHECK(!chaku_options_is_set(options, "stop"));
    CHECK_INT(chat(session, "Go.", options)->token_count, 7);
}

CASE(unknown_option) {
    chaku_options *options = OPTIONS("max_tokens", "1");
    CHECK_FAILS(chaku_options_set_f64(options, "temprature", 1.0, ERROR), CHAKU_INVALID_ARGUMENT, "unknown_option");
    CHECK_STR(detail("nearest"), "temperature");
    CHECK(strstr(chaku_error_message(the_error), "temperature") != NULL);
    CHECK_FAILS(chaku_options_set_i64(options, "max_token", 1, ERROR), CHAKU_INVALID_ARGUMENT, "unknown_option");
    CHECK_STR(detail("nearest"), "max_tokens");
    CHECK_FAILS(chaku_options_unset(options, "no_such_key", ERROR), CHAKU_INVALID_ARGUMENT, "unknown_option");
    CHECK(!chaku_options_is_set(options, "no_such_key"));
}

CASE(option_wrong_scope) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL), *none = NULL;
    chaku_request *request = NULL;
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, OPTIONS("ctx_size", "256"), &request, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "ctx_size");
    CHECK_FAILS(chaku_session_chat(session, "Go.", -1, OPTIONS("overflow", "shift"), &request, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_FAILS(chaku_session_new(model, OPTIONS("threads", "1"), &none, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_option");
    CHECK_FAILS(chaku_model_load(NULL, model_path(SCRIPT), OPTIONS("default_deadline_ms", "1"), &model, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK(none == NULL);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(options_isolation) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *one = new_session(model, NULL), *other = new_session(model, NULL);
    chaku_options *options = OPTIONS("max_tokens", "2", "stop", "there", "seed", "1", "event_queue", "1");
    chaku_request *request = start_chat(one, "Go.", options);
    reply *r;
    /* Copied: what happens to the object afterwards is of no effect. */
    CHECK_OK(chaku_options_set_i64(options, "max_tokens", 100, ERROR));
    CHECK_OK(chaku_options_unset(options, "stop", ERROR));
    CHECK_INT(chaku_options_free(options), CHAKU_OK);
    CHECK_STR(chat(other, "Go.", NULL)->text, SCRIPT_REPLY);
    r = read_all(request);
    CHECK_STR(r->text, "Hello ");
    CHECK_INT(r->completion_tokens, 2);
    CHECK_STR(chat(one, "Go.", NULL)->text, SCRIPT_REPLY);
}

/* The request's own value wins, then the session's, the model's, the runtime's. */
/* No grammar and no stop texts, whatever the session says. */
static chaku_options *options_without_stop(void) {
    chaku_options *options = OPTIONS("grammar", "");
    CHECK_OK(chaku_options_set_str(options, "stop", "", -1, ERROR));
    return options;
}

CASE(option_defaults) {
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL;
    chaku_session *plain, *other;
    CHECK_OK(chaku_runtime_new(OPTIONS("max_tokens", "1", "ctx_size", "512", "threads", "1"), &runtime, ERROR));
    own_runtime(runtime);
    CHECK_OK(chaku_model_load(runtime, model_path(RANDOM), NULL, &model, ERROR));
    CHECK_INT(chaku_model_context_size(own_model(model)), 512);
    CHECK_INT(chat(new_session(model, NULL), "Go.", NULL)->token_count, 1);

    CHECK_OK(chaku_model_load(runtime, model_path(RANDOM), OPTIONS("max_tokens", "2"), &model, ERROR));
    own_model(model);
    plain = new_session(model, NULL);
    other = new_session(model, OPTIONS("max_tokens", "3"));
    CHECK_INT(chat(plain, "Go.", NULL)->token_count, 2);
    CHECK_INT(chat(other, "Go.", NULL)->token_count, 3);
    CHECK_INT(chat(other, "Go.", OPTIONS("max_tokens", "4"))->token_count, 4);
    CHECK_INT(chat(other, "Go.", OPTIONS("temperature", "0"))->token_count, 3);

    other = new_session(load(SCRIPT, NULL), OPTIONS("stop", "there", "grammar", "root ::= \"no\""));
    CHECK_STR(chat(other, "Go.", NULL)->text, "no");
    CHECK_STR(chat(other, "Go.", OPTIONS("grammar", ""))->text, "Hello ");
    CHECK_STR(chat(other, "Go.", options_without_stop())->text, SCRIPT_REPLY);
}

CASE(option_table) {
    int64_t count = chaku_option_count();
    CHECK(count > 40);
    for (int64_t i = 0; i < count; i++) {
        const char *key = chaku_option_key(i), *scope = chaku_option_scope(key);
        int32_t kind = chaku_option_kind(key);
        CHECK(kind >= CHAKU_OPTION_KIND_I64 && kind <= CHAKU_OPTION_KIND_STR_LIST);
        CHECK(strlen(chaku_option_doc(key)) > 5);
        CHECK(!strcmp(scope, "runtime") || !strcmp(scope, "model") || !strcmp(scope, "session") ||
              !strcmp(scope, "request"));
        CHECK((chaku_option_min(key) != NULL) == (kind == CHAKU_OPTION_KIND_I64 || kind == CHAKU_OPTION_KIND_F64));
        for (int64_t other = 0; chaku_option_alias(key, other); other++)
            CHECK_STR(chaku_option_find(chaku_option_alias(key, other)), key);
    }
    CHECK(chaku_option_key(count) == NULL);
    CHECK_STR(chaku_option_default("temperature"), "0.8");
    CHECK_STR(chaku_option_max("top_p"), "1");
    CHECK_STR(chaku_option_choices("overflow"), "error,stop,shift");
    CHECK_STR(chaku_option_unit("deadline_ms"), "ms");
    CHECK(chaku_option_doc("no_such_key") == NULL);
    CHECK_INT(chaku_option_kind("no_such_key"), 0);
    CHECK_STR(chaku_option_alias("temperature", 0), "--temp");
    CHECK_STR(chaku_option_find("LLAMA_ARG_N_PREDICT"), "max_tokens");
    CHECK(chaku_option_find("no-such-name") == NULL && chaku_option_alias("no_such_key", 0) == NULL);
    CHECK(chaku_option_is_soft("top_p") && !chaku_option_is_soft("typical_p") && !chaku_option_is_soft("no_such_key"));
}

CASE(invalid_utf8) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = NULL;
    int64_t count;
    CHECK_FAILS(chaku_session_chat(session,
                                   "ab\xFF"
                                   "c",
                                   -1, NULL, &request, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_utf8");
    CHECK_STR(detail("offset"), "2");
    CHECK_FAILS(chaku_session_generate(session, "caf\xC3", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_utf8");
    CHECK_STR(detail("offset"), "3");
    CHECK_FAILS(chaku_session_ingest(session, NULL, "\xED\xA0\x80", 3, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_utf8");
    CHECK_STR(detail("offset"), "0");
    CHECK_FAILS(chaku_model_tokenize(model, "a\x80", -1, 0, 0, NULL, 0, &count, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_utf8");
    CHECK_STR(detail("offset"), "1");
    CHECK_FAILS(chaku_options_add_str(OPTIONS("seed", "1"), "stop", "\xC0\x80", -1, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_utf8");
    CHECK(request == NULL);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(text_length) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_request *request = NULL;
    reply *r;
    CHECK_OK(chaku_session_chat(new_session(model, NULL), "Go. And not this.", 3, NULL, &request, ERROR));
    r = read_all(own_request(request));
    CHECK_INT(r->prompt_tokens, count_tokens(model, USER("Go.") ASSISTANT, 1));
    CHECK_OK(chaku_session_generate(new_session(model, NULL), "a\0b\n", 4, NULL, &request, ERROR));
    r = read_all(own_request(request));
    CHECK_INT(r->prompt_tokens, 4);
    CHECK_STR(r->text, SCRIPT_REPLY);
    CHECK_FAILS(chaku_session_chat(new_session(model, NULL), "Go.", -2, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_argument");
}

CASE(empty_prompt) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    chaku_request *request = NULL;
    CHECK_FAILS(chaku_session_chat(session, "", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT, "empty_prompt");
    CHECK_FAILS(chaku_session_chat(session, "Go.", 0, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT, "empty_prompt");
    CHECK_FAILS(chaku_session_generate(session, "", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT, "empty_prompt");
    CHECK_FAILS(chaku_session_ingest(session, NULL, "", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "empty_prompt");
    CHECK_FAILS(chaku_session_ingest(session, "user", "", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "empty_prompt");
    CHECK(request == NULL);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}
