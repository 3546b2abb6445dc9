/* What sessions can do besides talking: fork, rewind, and conversations without one. */
#include "json.h"
#include "reply.h"

#define STORY "Tell me."
#define NEXT "<|im_end|>\n" USER("Two?") ASSISTANT

static chaku_session *fork_of(chaku_session *session, const chaku_options *options) {
    chaku_session *fork = NULL;
    CHECK_OK(chaku_session_fork(session, options, &fork, ERROR));
    return own_session(fork);
}

static void check_script(const reply *r) {
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, SCRIPT_REPLY);
}

/* What both have in common was computed once. */
CASE(fork) {
    enum { FORKS = 10 };
    chaku_model *model = load(SCRIPT, OPTIONS("ctx_size", "4096", "max_sessions", "11"));
    chaku_session *session = new_session(model, OPTIONS("system_prompt", "You are a parrot.")), *forks[FORKS], *more = NULL;
    reply *first = chat(session, repeat("word after word ", 60), NULL), *r;
    chaku_request *requests[FORKS];
    int64_t tail = count_tokens(model, NEXT, 1);
    CHECK(first->context_used > 200);
    for (int i = 0; i < FORKS; i++) forks[i] = fork_of(session, NULL);
    CHECK_FAILS(chaku_session_fork(session, NULL, &more, ERROR), CHAKU_RESOURCE_EXHAUSTED, "session_limit");
    for (int i = 0; i < FORKS; i++) requests[i] = start_chat(forks[i], "Two?", NULL);
    for (int i = 0; i < FORKS; i++) {
        r = read_all(requests[i]);
        check_script(r);
        CHECK_INT(r->prompt_tokens, first->context_used + tail);
        CHECK(r->cached_tokens >= first->context_used);
        CHECK_INT(chaku_session_message_count(forks[i]), 4);
    }
    /* Nothing of it is in the one they come from. */
    CHECK_INT(chaku_session_message_count(session), 2);
    r = chat(session, "Two?", NULL);
    CHECK_INT(r->prompt_tokens, first->context_used + tail);
    CHECK(r->cached_tokens >= first->context_used);
    WAIT_UNTIL(model_metric(model, "generated_tokens_total") >= (FORKS + 2) * 8);
    CHECK(model_metric(model, "prompt_tokens_total") <= (double)(first->prompt_tokens + (FORKS + 1) * tail));
}

CASE(forks_are_independent) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL), *one, *two, *three;
    int64_t before;
    chat(session, STORY, NULL);
    before = count_tokens(model, USER(STORY) ASSISTANT SCRIPT_REPLY "<|im_end|>\n", 1);
    one = fork_of(session, NULL);
    two = fork_of(session, OPTIONS("system_prompt", "Be brief."));
    CHECK_INT(chaku_session_free(session), CHAKU_OK);
    CHECK_INT(chat(one, "One?", NULL)->prompt_tokens, before + count_tokens(model, USER("One?") ASSISTANT, 1));
    /* Its own options hold before those it has from there. */
    CHECK(chat(two, "One?", NULL)->prompt_tokens > before + count_tokens(model, USER("One?") ASSISTANT, 1));
    three = fork_of(one, NULL);
    CHECK_INT(chaku_session_message_count(three), 4);
    CHECK_OK(chaku_session_reset(one, ERROR));
    CHECK_INT(chaku_session_message_count(three), 4);
    check_script(chat(three, "Three?", NULL));
    CHECK_INT(chat(one, STORY, NULL)->prompt_tokens, count_tokens(model, USER(STORY) ASSISTANT, 1));

    /* A raw text goes on in each of them. */
    session = new_session(load(LONG, NULL), NULL);
    generate(session, "Count.\n", OPTIONS("max_tokens", "12"));
    one = fork_of(session, NULL);
    for (int i = 0; i < 2; i++) {
        chaku_request *request = NULL;
        CHECK_OK(chaku_session_continue(i ? one : session, OPTIONS("max_tokens", "4"), &request, ERROR));
        CHECK_STR(read_all(own_request(request))->text, " five six seven eight");
    }
    CHECK_OK(chaku_session_close(one, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_session_fork(one, NULL, &two, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
}

/* It begins before the request. */
CASE(fork_while_running) {
    chaku_session *session = new_session(load(LONG, NULL), NULL), *fork;
    chaku_request *request;
    reply *r = new_reply();
    chat(session, "Count.", OPTIONS("max_tokens", "8"));
    request = start_chat(session, "Again.", NULL);
    read_tokens(request, r, 4);
    fork = fork_of(session, NULL);
    CHECK_INT(chaku_session_message_count(fork), 2);
    CHECK_STR(chat(fork, "Again.", OPTIONS("max_tokens", "16"))->text, LONG_WORDS LONG_WORDS);
    read_tokens(request, r, 24);
    CHECK(strncmp(r->text, LONG_WORDS LONG_WORDS LONG_WORDS, 3 * strlen(LONG_WORDS)) == 0);
    chaku_request_cancel(request);
    read_rest(request, r);
    CHECK_CANCELLED(r);
    CHECK_INT(chaku_session_message_count(fork), 4);
}

CASE(rewind) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, OPTIONS("system_prompt", "You are a parrot."));
    chaku_request *running;
    reply *first = chat(session, "One?", NULL), *second = chat(session, "Two?", NULL), *again;
    int64_t used = chaku_session_context_used(session);
    CHECK_FAILS(chaku_session_rewind(session, 5, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_argument");
    CHECK_STR(detail("most"), "4");
    CHECK_FAILS(chaku_session_rewind(session, -1, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_argument");
    CHECK_FAILS(chaku_session_rewind(session, INT64_MAX, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_argument");
    CHECK_OK(chaku_session_rewind(session, 4, ERROR));
    CHECK_INT(chaku_session_context_used(session), used);
    CHECK_OK(chaku_session_rewind(session, 2, ERROR));
    CHECK_INT(chaku_session_message_count(session), 2);
    CHECK_INT(chaku_session_context_used(session), first->context_used);
    again = chat(session, "Two?", NULL);
    check_script(again);
    CHECK_INT(again->prompt_tokens, second->prompt_tokens);
    CHECK(again->cached_tokens >= first->context_used);
    /* To the beginning: the system prompt stays. */
    CHECK_OK(chaku_session_rewind(session, 0, ERROR));
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_INT(chat(session, "One?", NULL)->prompt_tokens, first->prompt_tokens);

    /* A raw text is taken back by tokens. */
    session = new_session(load(LONG, NULL), NULL);
    generate(session, "Count.\n", OPTIONS("max_tokens", "16"));
    used = chaku_session_context_used(session);
    CHECK_OK(chaku_session_rewind(session, used - 4, ERROR));
    CHECK_INT(chaku_session_context_used(session), used - 4);
    CHECK_OK(chaku_session_continue(session, OPTIONS("max_tokens", "8"), &running, ERROR));
    again = read_all(own_request(running));
    CHECK_STR(again->text, " five six seven eight one two three four");

    running = start_generate(session, "\n", OPTIONS("event_queue", "1"));
    CHECK_FAILS(chaku_session_rewind(session, 1, ERROR), CHAKU_FAILED_PRECONDITION, "concurrent_use");
    CHECK_OK(chaku_session_close(session, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_session_rewind(session, 1, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
}

/* ---- Without a session ---- */

#define SAY(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"

static reply *answer(chaku_model *model, const char *messages, const chaku_options *options) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_model_chat(model, messages, -1, options, &request, ERROR));
    return read_all(own_request(request));
}

CASE(stateless_chat) {
    chaku_model *model = load(SCRIPT, OPTIONS("max_sessions", "1"));
    chaku_session *only = new_session(model, NULL); /* these need none */
    reply *first = answer(model, "[" SAY("user", "One?") "]", NULL), *second, *other;
    check_script(first);
    CHECK_INT(first->prompt_tokens, count_tokens(model, USER("One?") ASSISTANT, 1));
    CHECK_INT(first->cached_tokens, 0);
    /* The conversation grows, and what there was is not computed again. */
    second = answer(model, " [" SAY("user", "One?") ", " SAY("assistant", SCRIPT_REPLY) ",\n" SAY("user", "Two?") "]", NULL);
    check_script(second);
    CHECK_INT(second->prompt_tokens,
              count_tokens(model, USER("One?") ASSISTANT SCRIPT_REPLY "<|im_end|>\n" USER("Two?") ASSISTANT, 1));
    CHECK(second->cached_tokens >= first->prompt_tokens);
    CHECK_INT(chaku_session_message_count(only), 0);

    /* A system message first is the system prompt, and options hold. */
    other = answer(model, "[" SAY("system", "Be brief.") "," SAY("user", "One?") "]", OPTIONS("max_tokens", "3"));
    CHECK_END(other, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_INT(other->prompt_tokens,
              answer(model, "[" SAY("user", "One?") "]", OPTIONS("system_prompt", "Be brief."))->prompt_tokens);
    CHECK(other->prompt_tokens > first->prompt_tokens);
    /* Names of control tokens are text here too. */
    other = answer(model, "[" SAY("user", "<|im_end|>") "]", NULL);
    CHECK_INT(other->prompt_tokens, count_tokens(model, "<|im_start|>user\n", 1) + count_tokens(model, "<|im_end|>", 0) +
                                        count_tokens(model, "<|im_end|>\n" ASSISTANT, 1));
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_model_chat(model, "[" SAY("user", "One?") "]", -1, NULL, &(chaku_request *){NULL}, ERROR),
                CHAKU_FAILED_PRECONDITION, "closed");
}

CASE(invalid_messages) {
    static const struct {
        const char *messages, *index;
    } bad[] = {{"", ""},
               {"{}", ""},
               {"[", ""},
               {"[]", ""},
               {"[]]", ""},
               {SAY("user", "x"), ""},
               {"[" SAY("user", "x") ",7]", "1"},
               {"[" SAY("robot", "x") "]", "0"},
               {"[{\"role\":\"user\"}]", "0"},
               {"[{\"role\":\"user\",\"content\":\"x\",\"name\":\"y\"}]", "0"},
               {"[" SAY("user", "x") "," SAY("assistant", "y") "]", "1"},
               {"[" SAY("user", "") "]", "0"}};
    chaku_model *model = load(SCRIPT, NULL);
    chaku_request *request = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_FAILS(chaku_model_chat(model, bad[i].messages, -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                    "invalid_messages");
        CHECK_STR(detail("index"), bad[i].index);
    }
    CHECK_FAILS(chaku_model_chat(model, "[\"\xFF\"]", -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_utf8");
    CHECK_FAILS(chaku_model_chat(load("tiny-nochat.gguf", NULL), "[" SAY("user", "x") "]", -1, NULL, &request, ERROR),
                CHAKU_FAILED_PRECONDITION, "no_chat_template");
    CHECK(request == NULL);
    check_script(answer(model, "[" SAY("user", "x") "]", NULL));
}
