/* Raw text, and text that is computed ahead. */
#include "reply.h"

CASE(generate_raw) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    reply *first = generate(session, "Text.\n", OPTIONS("max_tokens", "2")), *second;
    CHECK_END(first, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_STR(first->text, "Hello there,");
    CHECK_INT(first->prompt_tokens, count_tokens(model, "Text.\n", 0));
    CHECK_INT(chaku_session_message_count(session), 0);
    second = generate(session, " More.\n", NULL);
    CHECK_END(second, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(second->text, SCRIPT_REPLY);
    CHECK_INT(second->prompt_tokens, first->context_used + count_tokens(model, " More.\n", 0));
    CHECK(second->cached_tokens >= first->context_used - 1);
}

CASE(continue_raw) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    chaku_request *request = NULL;
    reply *r;
    CHECK_STR(generate(session, "Text.\n", OPTIONS("max_tokens", "3"))->text, "Hello there, I");
    CHECK_OK(chaku_session_continue(session, NULL, &request, ERROR));
    r = read_all(own_request(request));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, " am a test model.");
}

CASE(special_tokens_in_raw_text) {
    chaku_model *model = load(RANDOM, NULL);
    CHECK_INT(generate(new_session(model, NULL), "<|im_end|>", OPTIONS("max_tokens", "1"))->prompt_tokens,
              count_tokens(model, "<|im_end|>", 0));
    CHECK_INT(generate(new_session(model, NULL), "<|im_end|>", OPTIONS("max_tokens", "1", "parse_special", "1"))
                  ->prompt_tokens,
              1);
}

CASE(ingest) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = NULL;
    int64_t used;
    reply *r;
    CHECK_OK(chaku_session_ingest(session, NULL, "A long text to come back to.", -1, NULL, &request, ERROR));
    r = read_all(own_request(request));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_INT(r->token_count, 0);
    CHECK_INT(r->completion_tokens, 0);
    CHECK_INT(r->context_used, count_tokens(model, "A long text to come back to.", 0));
    used = r->context_used;
    CHECK_INT(chaku_session_context_used(session), used);
    r = generate(session, "\n", NULL);
    CHECK_STR(r->text, SCRIPT_REPLY);
    CHECK_INT(r->cached_tokens, used);
}

CASE(ingest_messages) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = NULL;
    reply *r;
    CHECK_OK(chaku_session_ingest(session, "user", "Are you there?", -1, NULL, &request, ERROR));
    CHECK_END(read_all(own_request(request)), CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_INT(chaku_session_message_count(session), 1);
    CHECK_OK(chaku_session_ingest(session, "assistant", "Yes.", -1, NULL, &request, ERROR));
    CHECK_END(read_all(own_request(request)), CHAKU_FINISH_STOP, CHAKU_OK, "");
    r = chat(session, "Good.", NULL);
    CHECK_STR(r->text, SCRIPT_REPLY);
    CHECK_INT(r->prompt_tokens,
              count_tokens(
                  model, USER("Are you there?") "<|im_start|>assistant\nYes.<|im_end|>\n" USER("Good.") ASSISTANT, 1));
    CHECK(r->cached_tokens > 0);
    CHECK_INT(chaku_session_message_count(session), 4);
    CHECK_FAILS(chaku_session_ingest(session, "bystander", "Hm.", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_argument");
}

CASE(session_mode) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *talk = new_session(model, NULL), *raw = new_session(model, NULL);
    chaku_request *request = NULL;
    chat(talk, "Hi.", NULL);
    generate(raw, "Hi.\n", NULL);
    CHECK_FAILS(chaku_session_generate(talk, "Hi.", -1, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION,
                "session_mode");
    CHECK_FAILS(chaku_session_ingest(talk, NULL, "Hi.", -1, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION,
                "session_mode");
    CHECK_FAILS(chaku_session_chat(raw, "Hi.", -1, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION, "session_mode");
    CHECK_FAILS(chaku_session_ingest(raw, "user", "Hi.", -1, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION,
                "session_mode");
    CHECK_STR(chat(talk, "Hi.", NULL)->text, SCRIPT_REPLY);
    CHECK_STR(generate(raw, "\n", NULL)->text, SCRIPT_REPLY);
    CHECK_OK(chaku_session_reset(raw, ERROR));
    CHECK_STR(chat(raw, "Hi.", NULL)->text, SCRIPT_REPLY);
}
