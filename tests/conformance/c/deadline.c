/* Deadlines, which count from the call. */
#include "reply.h"

CASE(deadline_in_queue) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_session *session = new_session(other.model, NULL);
    reply *r = chat(session, "Go.", OPTIONS("deadline_ms", "100"));
    CHECK_DEADLINE(r);
    CHECK_INT(r->completion_tokens, 0);
    CHECK(r->total_ms >= 100.0);
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK(!chaku_request_is_finished(other.request));
}

/* Nobody reads, and still it ends in time. */
CASE(deadline_unread) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_request *request = start_chat(new_session(other.model, NULL), "Go.", OPTIONS("deadline_ms", "100"));
    WAIT_UNTIL(chaku_request_is_finished(request));
    CHECK(!chaku_request_is_finished(other.request));
    CHECK_DEADLINE(read_all(request));
}

CASE(deadline_in_decode) {
    chaku_session *session = new_session(load(LONG, OPTIONS("ctx_size", "131072")), NULL);
    reply *r = chat(session, "Count.", OPTIONS("deadline_ms", "500"));
    CHECK_DEADLINE(r);
    CHECK(r->completion_tokens > 0);
    CHECK(r->total_ms >= 500.0);
    CHECK(strncmp(r->text, LONG_WORDS, 8) == 0);
    CHECK_INT(chaku_session_message_count(session), 2);
}

CASE(deadline_while_paused) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("deadline_ms", "500", "event_queue", "1"));
    WAIT_UNTIL(chaku_request_is_finished(request));
    CHECK_DEADLINE(read_all(request));
}

CASE(deadline_in_prefill) {
    chaku_session *session = new_session(load(SMOLLM2, OPTIONS("ubatch_size", "16")), NULL);
    reply *r =
        chat(session, repeat("The llama walks up the mountain and looks back. ", 300), OPTIONS("deadline_ms", "2000"));
    CHECK_DEADLINE(r);
    CHECK_INT(r->completion_tokens, 0);
    CHECK(r->progress_count > 0);
    CHECK(r->progress < 1.0);
    CHECK_INT(chaku_session_context_used(session), 0);
    CHECK_INT(chat(session, "Hi.", OPTIONS("max_tokens", "2", "ignore_eos", "1"))->token_count, 2);
}

CASE(deadline_of_a_load) {
    chaku_request *request = start_load(SMOLLM2, OPTIONS("deadline_ms", "1", "mmap", "0"));
    chaku_model *model = NULL;
    CHECK_DEADLINE(read_all(request));
    CHECK_FAILS(chaku_request_model(request, &model, ERROR), CHAKU_DEADLINE_EXCEEDED, "deadline");
}

CASE(runtime_default_deadline) {
    chaku_runtime *runtime = NULL;
    chaku_model *model = NULL;
    chaku_session *session;
    CHECK_OK(chaku_runtime_new(OPTIONS("default_deadline_ms", "1500"), &runtime, ERROR));
    own_runtime(runtime);
    CHECK_OK(chaku_model_load(runtime, model_path(LONG), OPTIONS("ctx_size", "131072", "threads", "1"), &model, ERROR));
    own_model(model);
    session = new_session(model, NULL);
    CHECK_DEADLINE(chat(session, "Count.", NULL));
    /* A deadline of its own speaks first, and 0 is none. */
    CHECK_DEADLINE(chat(session, "Count.", OPTIONS("deadline_ms", "200")));
    CHECK_END(chat(session, "Count.", OPTIONS("deadline_ms", "0", "max_tokens", "3")), CHAKU_FINISH_LENGTH, CHAKU_OK,
              "");
}

CASE(deadline_met) {
    reply *r = chat(new_session(load(SCRIPT, NULL), NULL), "Go.", OPTIONS("deadline_ms", "60000"));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, SCRIPT_REPLY);
}
