/* The end of the context window. */
#include "reply.h"

#define WINDOW 256
#define SMALL_WINDOW "ctx_size", "256"
#define TOO_LONG repeat("word after word ", 100)

CASE(overflow_error_prompt) {
    chaku_session *session = new_session(load(SCRIPT, OPTIONS(SMALL_WINDOW)), NULL);
    reply *r = chat(session, TOO_LONG, NULL);
    CHECK_END(r, CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
    CHECK(strstr(r->message, "256") != NULL);
    CHECK_INT(r->completion_tokens, 0);
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(overflow_error_details) {
    chaku_session *session = new_session(load(SCRIPT, OPTIONS(SMALL_WINDOW)), NULL);
    chaku_request *request = start_chat(session, TOO_LONG, NULL);
    chaku_event *event = NULL;
    chaku_error *error = NULL;
    CHECK_OK(chaku_request_next(request, EVENT_MS, &event, ERROR));
    CHECK_INT(chaku_event_error(event, &error), CHAKU_OUT_OF_RANGE);
    chaku_event_free(event);
    CHECK(chaku_error_detail(error, "tokens") != NULL &&
          strtoll(chaku_error_detail(error, "tokens"), NULL, 10) > WINDOW);
    CHECK_STR(chaku_error_detail(error, "ctx_size"), "256");
    chaku_error_free(error);
}

CASE(overflow_error_generation) {
    chaku_model *model = load(LONG, OPTIONS(SMALL_WINDOW));
    chaku_session *session = new_session(model, NULL);
    reply *r = chat(session, "Count.", NULL);
    CHECK_END(r, CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
    CHECK(r->completion_tokens > 100);
    CHECK(r->context_used <= chaku_model_context_size(model));
    CHECK(strncmp(r->text, LONG_WORDS, 8) == 0);
    CHECK_INT(chaku_session_message_count(session), 2);
    CHECK(chaku_session_context_used(session) <= chaku_model_context_size(model));
    CHECK_OK(chaku_session_reset(session, ERROR));
    CHECK_END(chat(session, "Count.", OPTIONS("max_tokens", "2")), CHAKU_FINISH_LENGTH, CHAKU_OK, "");
}

CASE(overflow_stop) {
    chaku_model *model = load(LONG, OPTIONS(SMALL_WINDOW));
    reply *r = chat(new_session(model, OPTIONS("overflow", "stop")), "Count.", NULL);
    CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK(r->completion_tokens > 100);
    CHECK(r->context_used <= chaku_model_context_size(model));
    CHECK(r->context_used >= chaku_model_context_size(model) - 1);
}

/* Ten windows of text in one go: the walk goes on word by word, whatever was dropped. */
CASE(overflow_shift) {
    chaku_model *model =
        load(LONG, OPTIONS(SMALL_WINDOW, "overflow", "shift", "system_prompt", "Be brief.", "max_tokens", "2560"));
    reply *r = chat(new_session(model, NULL), "Count.", NULL);
    CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_STR(r->text, repeat(LONG_WORDS, 320));
    CHECK(r->context_used <= chaku_model_context_size(model));
}

CASE(overflow_shift_raw) {
    chaku_model *model = load(LONG, OPTIONS(SMALL_WINDOW, "overflow", "shift"));
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = NULL;
    reply *r = generate(session, "Count.\n", OPTIONS("max_tokens", "1280"));
    CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_STR(r->text, repeat(LONG_WORDS, 160));
    CHECK(r->context_used <= chaku_model_context_size(model));
    CHECK_OK(chaku_session_continue(session, OPTIONS("max_tokens", "800"), &request, ERROR));
    CHECK_STR(read_all(own_request(request))->text, repeat(LONG_WORDS, 100));
}

/* A conversation goes on for ever: the oldest turns are left out, the system prompt stays. */
CASE(overflow_shift_turns) {
    chaku_model *model = load(SCRIPT, OPTIONS(SMALL_WINDOW, "overflow", "shift"));
    chaku_session *session = new_session(model, OPTIONS("system_prompt", "You are a parrot."));
    int64_t most = 0, least = 0;
    for (int i = 0; i < 40; i++) {
        reply *r = chat(session, "What do you say now?", NULL);
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        CHECK_STR(r->text, SCRIPT_REPLY);
        CHECK(r->prompt_tokens < WINDOW);
        if (r->prompt_tokens < most) least = r->prompt_tokens;
        if (r->prompt_tokens > most) most = r->prompt_tokens;
    }
    CHECK(least > 0); /* turns were left out */
    CHECK(least >
          count_tokens(model,
                       "<|im_start|>system\nYou are a parrot.<|im_end|>\n" USER("What do you say now?") ASSISTANT, 1));
}

/* After a shift inside an answer the next turn has a conversation that fits again. */
CASE(overflow_shift_then_chat) {
    chaku_session *session = new_session(load(LONG, OPTIONS(SMALL_WINDOW, "overflow", "shift")), NULL);
    CHECK_END(chat(session, "Count.", OPTIONS("max_tokens", "600")), CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    for (int i = 0; i < 3; i++) {
        reply *r = chat(session, "Again.", OPTIONS("max_tokens", "8"));
        CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
        CHECK_STR(r->text, LONG_WORDS);
    }
}

CASE(overflow_shift_unsupported) {
    chaku_session *session = new_session(load("tiny-mamba.gguf", OPTIONS(SMALL_WINDOW, "overflow", "shift")), NULL);
    reply *r = chat(session, "Go.", OPTIONS("max_tokens", "600"));
    CHECK_END(r, CHAKU_FINISH_ERROR, CHAKU_UNIMPLEMENTED, "shift_unsupported");
    CHECK_OK(chaku_session_reset(session, ERROR));
    CHECK_INT(chat(session, "Go.", OPTIONS("max_tokens", "5"))->token_count, 5);
}

CASE(prompt_longer_than_context) {
    static const char *const policies[] = {"error", "stop", "shift"};
    chaku_model *model = load(SCRIPT, OPTIONS(SMALL_WINDOW));
    for (int i = 0; i < 3; i++) {
        chaku_session *session = new_session(model, OPTIONS("overflow", policies[i]));
        chaku_request *request = NULL;
        CHECK_END(chat(session, TOO_LONG, NULL), CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
        CHECK_END(generate(session, TOO_LONG, NULL), CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
        CHECK_OK(chaku_session_ingest(session, NULL, TOO_LONG, -1, NULL, &request, ERROR));
        CHECK_END(read_all(own_request(request)), CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
        CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
    }
}

/* A turn that does not fit any more leaves the conversation before it alone. */
CASE(overflow_later_turn) {
    chaku_session *session = new_session(load(SCRIPT, OPTIONS(SMALL_WINDOW)), NULL);
    reply *first = chat(session, "Go.", NULL), *third;
    CHECK_END(chat(session, TOO_LONG, NULL), CHAKU_FINISH_ERROR, CHAKU_OUT_OF_RANGE, "context_overflow");
    CHECK_INT(chaku_session_message_count(session), 2);
    third = chat(session, "Go.", NULL);
    CHECK_STR(third->text, SCRIPT_REPLY);
    CHECK_INT(third->cached_tokens, first->context_used);
}
