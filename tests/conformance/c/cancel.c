/* Cancelling in each phase, from any thread, and what is left of it. Loading is in load.c. */
#include "reply.h"

#include <pthread.h>

/* A prompt SmolLM2 needs seconds for on one thread, and steps small enough to be seen between. */
#define SLOW_MODEL OPTIONS("ubatch_size", "64", "ctx_size", "4096")
#define LONG_PROMPT repeat("The llama walks up the mountain and looks back. ", 130)

CASE(cancel_queued) {
    busy other = make_busy(OPTIONS("ctx_size", "131072"));
    chaku_session *session = new_session(other.model, NULL);
    chaku_request *request = start_chat(session, "Go.", NULL);
    reply *r;
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    r = read_all(request);
    CHECK_CANCELLED(r);
    CHECK_INT(r->completion_tokens, 0);
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK(!chaku_request_is_finished(other.request)); /* it is the other one that keeps the engine busy */
    chaku_request_cancel(other.request);
    CHECK_INT(chat(session, "Go.", OPTIONS("max_tokens", "2"))->token_count, 2);
}

/* Megabytes of text are tokenized for seconds. */
CASE(cancel_preparing) {
    /* As much text as this window might just hold: more is refused at once. */
    chaku_session *session = new_session(load(SCRIPT, OPTIONS("ctx_size", "131072")), NULL);
    chaku_request *request = start_chat(session, repeat("some words to cut, ", 90000), NULL);
    reply *r;
    sleep_ms(20);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    r = read_all(request);
    CHECK_CANCELLED(r);
    CHECK_INT(r->completion_tokens, 0);
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(cancel_prefill) {
    chaku_session *session = new_session(load(SMOLLM2, SLOW_MODEL), NULL);
    chaku_request *request = start_chat(session, LONG_PROMPT, NULL);
    reply *r = new_reply();
    read_progress(request, r);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK_INT(r->completion_tokens, 0);
    CHECK(r->progress < 1.0);
    CHECK(r->prompt_tokens > 1000);
    CHECK_INT(chaku_session_context_used(session), 0);
    CHECK_INT(chaku_session_message_count(session), 0);
}

/* The step under way is given up: it would end in a progress event. */
CASE(cancel_inside_a_prefill_step) {
    chaku_session *session = new_session(load(SMOLLM2, OPTIONS("ubatch_size", "256")), NULL);
    chaku_request *request = start_chat(session, LONG_PROMPT, NULL);
    reply *r = new_reply();
    read_progress(request, r);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK_INT(r->progress_count, 1);
    CHECK_INT(chat(session, "Hi.", OPTIONS("max_tokens", "2", "ignore_eos", "1"))->token_count, 2);
}

static void *cancel_soon(void *request) {
    sleep_ms(50);
    chaku_request_cancel(request);
    return NULL;
}

/* From another thread, while the reader waits. */
CASE(cancel_decode) {
    chaku_session *session = new_session(load(LONG, OPTIONS("ctx_size", "131072")), NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("event_queue", "8"));
    reply *r = new_reply();
    pthread_t thread;
    read_tokens(request, r, 10);
    CHECK_INT(pthread_create(&thread, NULL, cancel_soon, request), 0);
    CHECK_FAILS(chaku_request_run(request, collect, r, ERROR), CHAKU_CANCELLED, "cancelled");
    CHECK_INT(pthread_join(thread, NULL), 0);
    check_stream(r);
    CHECK_CANCELLED(r);
    CHECK(r->completion_tokens >= 10);
}

CASE(cancel_paused) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *request = start_chat(session, "Count.", OPTIONS("event_queue", "1"));
    reply *r = new_reply();
    read_tokens(request, r, 1);
    sleep_ms(50); /* the queue is full again, the request waits for its reader */
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    WAIT_UNTIL(chaku_request_is_finished(request));
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK(r->token_count <= 4);
}

/* Stops an endless answer after some tokens. */
static reply *cut_short(chaku_session *session, const char *text) {
    chaku_request *request = start_chat(session, text, OPTIONS("event_queue", "4"));
    reply *r = new_reply();
    read_tokens(request, r, 5);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    read_rest(request, r);
    CHECK_CANCELLED(r);
    return r;
}

CASE(cancel_keeps_partial_answer) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL);
    reply *cut = cut_short(session, "Count."), *next;
    CHECK(strncmp(cut->text, LONG_WORDS, strlen(" one two three four five")) == 0);
    CHECK_INT(chaku_session_message_count(session), 2);
    CHECK_INT(chaku_session_context_used(session), cut->context_used);
    next = chat(session, "More.", OPTIONS("max_tokens", "3"));
    CHECK_INT(next->prompt_tokens, count_tokens(model, USER("Count.") ASSISTANT, 1) +
                                       count_tokens(model, cut->text, 1) +
                                       count_tokens(model, "<|im_end|>\n" USER("More.") ASSISTANT, 1));
    CHECK(next->cached_tokens >= cut->context_used - 1);
    CHECK_STR(next->text, " one two three");
}

CASE(cancel_then_continue) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *request = NULL;
    reply *cut = cut_short(session, "Count."), *rest;
    CHECK_OK(chaku_session_continue(session, OPTIONS("max_tokens", "8"), &request, ERROR));
    rest = read_all(own_request(request));
    CHECK_END(rest, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    /* Together they are the walk without a gap: the rest begins where the partial answer ended. */
    CHECK(strncmp(repeat(LONG_WORDS, 3000) + cut->text_len, rest->text, (size_t)rest->text_len) == 0);
    CHECK_INT(chaku_session_message_count(session), 2);
}

CASE(cancel_rollback) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, OPTIONS("on_cancel", "rollback"));
    reply *next;
    cut_short(session, "Count.");
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_INT(chaku_session_context_used(session), 0);
    next = chat(session, "More.", OPTIONS("max_tokens", "3"));
    CHECK_INT(next->prompt_tokens, count_tokens(model, USER("More.") ASSISTANT, 1));
    cut_short(session, "Count.");
    CHECK_INT(chaku_session_message_count(session), 2);
    CHECK_INT(chaku_session_context_used(session), next->context_used);
}

CASE(cancel_before_first_token_leaves_session) {
    chaku_session *session = new_session(load(SMOLLM2, SLOW_MODEL), NULL);
    reply *before = chat(session, "Hi.", OPTIONS("max_tokens", "4", "ignore_eos", "1")), *cut = new_reply(), *after;
    chaku_request *request = start_chat(session, LONG_PROMPT, NULL);
    read_progress(request, cut);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    read_rest(request, cut);
    CHECK_CANCELLED(cut);
    CHECK_INT(cut->completion_tokens, 0);
    CHECK_INT(chaku_session_message_count(session), 2);
    CHECK_INT(chaku_session_context_used(session), before->context_used);
    after = chat(session, "Hi.", OPTIONS("max_tokens", "4", "ignore_eos", "1"));
    CHECK_END(after, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK(after->cached_tokens >= before->prompt_tokens);
    CHECK(after->prompt_tokens < before->context_used + 40);
}

CASE(session_usable_after_cancel) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    for (int i = 0; i < 20; i++) {
        chaku_request *request = start_chat(session, "Go.", OPTIONS("event_queue", "1"));
        reply *r = new_reply();
        if (i % 2) read_tokens(request, r, 1); /* in decode; else wherever it happens to be */
        CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
        read_rest(request, r);
        CHECK_CANCELLED(r);
        CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
    }
}

CASE(cancel_after_the_end) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    chaku_request *request = start_chat(session, "Go.", NULL);
    reply *r = new_reply();
    WAIT_UNTIL(chaku_request_is_finished(request));
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    CHECK_INT(chaku_request_cancel(request), CHAKU_OK);
    read_rest(request, r);
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, SCRIPT_REPLY);
}

/* Without the request's handle, and also when there is nothing to cancel. */
CASE(cancel_through_session) {
    chaku_session *session = new_session(load(LONG, NULL), NULL);
    chaku_request *request;
    reply *r = new_reply();
    CHECK_INT(chaku_session_cancel(session), CHAKU_OK);
    request = start_chat(session, "Count.", OPTIONS("event_queue", "4"));
    read_tokens(request, r, 2);
    CHECK_INT(chaku_session_cancel(session), CHAKU_OK);
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK_INT(chat(session, "Count.", OPTIONS("max_tokens", "2"))->token_count, 2);
}
