/* Loading, and what a model says about itself. */
#include "reply.h"

CASE(load) {
    chaku_model *model = load(RANDOM, NULL), *second = NULL;
    CHECK(chaku_model_context_size(model) > 0);
    CHECK(chaku_model_vocab_size(model) > 256);
    CHECK_OK(chaku_model_retain(model, &second, ERROR));
    own_model(second);
    CHECK(second != model);
    CHECK_INT(chaku_model_free(model), CHAKU_OK);
    CHECK_STR(chaku_model_metadata(second, "general.name"), "tiny-random");
}

CASE(load_progress) {
    chaku_request *request = start_load(SMOLLM2, NULL);
    chaku_model *model = NULL, *again = NULL;
    reply *r = read_all(request);
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK(r->progress_count > 0);
    CHECK_INT(r->token_count, 0);
    CHECK_OK(chaku_request_model(request, &model, ERROR));
    own_model(model);
    CHECK_OK(chaku_request_model(request, &again, ERROR));
    own_model(again);
    CHECK(model != again);
    CHECK_INT(chaku_request_free(request), CHAKU_OK);
    CHECK_STR(chat(new_session(model, NULL), "Hi", OPTIONS("max_tokens", "1"))->reason, "");
}

CASE(missing_file) {
    chaku_model *model = (chaku_model *)1;
    chaku_request *request;
    CHECK_FAILS(chaku_model_load(NULL, model_path("no-such-file.gguf"), NULL, &model, ERROR), CHAKU_NOT_FOUND,
                "file_not_found");
    CHECK(model == NULL);
    CHECK(strstr(chaku_error_message(the_error), "no-such-file.gguf") != NULL);
    request = start_load("no-such-file.gguf", NULL);
    CHECK_END(read_all(request), CHAKU_FINISH_ERROR, CHAKU_NOT_FOUND, "file_not_found");
    CHECK_FAILS(chaku_request_model(request, &model, ERROR), CHAKU_NOT_FOUND, "file_not_found");
}

CASE(not_a_gguf) {
    static const char *const files[] = {"not-a-gguf.bin", "truncated.gguf"};
    for (int i = 0; i < 2; i++) {
        chaku_model *model = NULL;
        CHECK_FAILS(chaku_model_load(NULL, model_path(files[i]), NULL, &model, ERROR), CHAKU_DATA_LOSS,
                    "model_corrupt");
        CHECK_END(read_all(start_load(files[i], NULL)), CHAKU_FINISH_ERROR, CHAKU_DATA_LOSS, "model_corrupt");
    }
    load(RANDOM, NULL);
}

CASE(download) {
    chaku_request *request = (chaku_request *)1;
    chaku_model *model = (chaku_model *)1;
    /* A library made with downloads asks nobody either: that is no name of a repository. */
    const char *spec = chaku_has_feature("hub") ? "hf:no-repository" : "hf:test/tiny";
    const chaku_code code = chaku_has_feature("hub") ? CHAKU_INVALID_ARGUMENT : CHAKU_UNIMPLEMENTED;
    const char *reason = chaku_has_feature("hub") ? "invalid_argument" : "unimplemented";
    CHECK_FAILS(chaku_model_download(NULL, spec, NULL, &request, ERROR), code, reason);
    CHECK(request == NULL);
    CHECK(chaku_has_feature("hub") || strstr(chaku_error_message(the_error), "without downloads") != NULL);
    CHECK_FAILS(chaku_model_load(NULL, spec, NULL, &model, ERROR), code, reason);
    CHECK(model == NULL);
    CHECK_FAILS(chaku_model_load_async(NULL, spec, NULL, &request, ERROR), code, reason);
    request = start_load(RANDOM, NULL);
    CHECK_END(read_all(request), CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_INT(chaku_request_path_count(request), 0);
    chaku_buffer *path = NULL;
    CHECK_FAILS(chaku_request_path(request, 0, &path, ERROR), CHAKU_FAILED_PRECONDITION, "no_result");
}

CASE(load_cancel) {
    chaku_request *request = start_load(SMOLLM2, NULL);
    chaku_model *model = NULL;
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    CHECK_CANCELLED(read_all(request));
    CHECK_FAILS(chaku_request_model(request, &model, ERROR), CHAKU_CANCELLED, "cancelled");
    load(SMOLLM2, NULL);
}

/* A load may be done before the cancel arrives, so it is tried until one is caught in the middle. */
CASE(cancel_loading) {
    for (int attempt = 0; attempt < 50; attempt++) {
        chaku_request *request = start_load(SMOLLM2, OPTIONS("mmap", "0"));
        reply *r = new_reply();
        read_progress(request, r);
        CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
        read_rest(request, r);
        if (r->code != CHAKU_OK) {
            chaku_model *model = NULL;
            CHECK_CANCELLED(r);
            CHECK(r->progress < 1.0);
            CHECK_FAILS(chaku_request_model(request, &model, ERROR), CHAKU_CANCELLED, "cancelled");
            load(SMOLLM2, NULL);
            return;
        }
        free_everything();
    }
    fail("50 loads were done before they could be cancelled");
}

CASE(metadata) {
    chaku_model *model = load(RANDOM, NULL);
    int64_t count = chaku_model_metadata_count(model);
    CHECK_STR(chaku_model_metadata(model, "general.architecture"), "llama");
    CHECK_STR(chaku_model_metadata(model, "general.name"), "tiny-random");
    CHECK(chaku_model_metadata(model, "no.such.key") == NULL);
    CHECK(count > 10);
    for (int64_t i = 0; i < count; i++) {
        CHECK_STR(chaku_model_metadata(model, chaku_model_metadata_key(model, i)),
                  chaku_model_metadata_value(model, i));
    }
    CHECK(chaku_model_metadata_key(model, count) == NULL);
    CHECK(chaku_model_metadata_value(model, -1) == NULL);
    CHECK_INT(chaku_model_training_context(model), 2048);
    CHECK(chaku_model_parameter_count(model) > 10000);
    CHECK(chaku_model_size_bytes(model) > 10000);
    CHECK(strstr(chaku_model_description(model), "llama") != NULL);
    CHECK(strstr(chaku_model_chat_template(model), "<|im_start|>") != NULL);
    CHECK(chaku_model_token_is_end(model, chaku_model_token_eos(model)));
    CHECK(!chaku_model_token_is_end(model, 'a'));
    CHECK(chaku_model_token_bos(model) >= 0);
}

static void round_trip(chaku_model *model, const char *text) {
    int32_t tokens[512];
    char buffer[512];
    int64_t count = 0, length = 0, asked = 0;
    CHECK_OK(chaku_model_tokenize(model, text, -1, 0, 0, tokens, 512, &count, ERROR));
    CHECK_OK(chaku_model_tokenize(model, text, -1, 0, 0, NULL, 0, &asked, ERROR));
    CHECK_INT(asked, count);
    CHECK_OK(chaku_model_detokenize(model, tokens, count, 1, NULL, 0, &asked, ERROR));
    CHECK_OK(chaku_model_detokenize(model, tokens, count, 1, buffer, sizeof buffer, &length, ERROR));
    CHECK_INT(asked, length);
    CHECK_INT(length, strlen(text));
    CHECK_STR(buffer, text);
}

CASE(tokenize_roundtrip) {
    chaku_model *model = load(SMOLLM2, NULL);
    int32_t tokens[64];
    char small[4];
    int64_t count = 0, length = 0, needed;
    round_trip(model, "Hello, world!");
    round_trip(model, "  two  spaces\n\ttab\r\n");
    round_trip(model, "\xF0\x9F\xA6\x99 llama, \xC3\xBC\xC3\xA4, \xE4\xBD\xA0\xE5\xA5\xBD");
    round_trip(model, "<|im_end|>");
    round_trip(model, "");
    CHECK_INT(count_tokens(model, "<|im_end|>", 1), 1);
    CHECK(count_tokens(model, "<|im_end|>", 0) > 1);

    needed = count_tokens(model, "one two three four", 0);
    CHECK_FAILS(chaku_model_tokenize(model, "one two three four", -1, 0, 0, tokens, 1, &count, ERROR),
                CHAKU_OUT_OF_RANGE, "buffer_too_small");
    CHECK_INT(strtoll(detail("needed"), NULL, 10), needed);
    CHECK_OK(chaku_model_tokenize(model, "Hello, world!", -1, 0, 0, tokens, 64, &count, ERROR));
    CHECK_FAILS(chaku_model_detokenize(model, tokens, count, 1, small, sizeof small, &length, ERROR),
                CHAKU_OUT_OF_RANGE, "buffer_too_small");
    CHECK_STR(detail("needed"), "14");
    tokens[0] = (int32_t)chaku_model_vocab_size(model);
    CHECK_FAILS(chaku_model_detokenize(model, tokens, 1, 1, NULL, 0, &length, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_token");
}
