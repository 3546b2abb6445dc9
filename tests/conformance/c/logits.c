/* How likely tokens are: those of the prompt, those of several answers, and those a host chooses by itself. */
#include "reply.h"

#define SAY "[{\"role\": \"user\", \"content\": \"Tell me something about llamas, and then about alpacas.\"}]"

/* What a callback saw of a prompt. */
typedef struct prompt {
    char text[4096];
    int tokens, scored, top;
    int late, wrong; /* after the answer began; not as it should be */
    int answer;
    int64_t cached, prompt_tokens;
} prompt;

static int32_t note_prompt(const chaku_event *event, void *user_data) {
    prompt *p = user_data;
    switch (chaku_event_kind(event)) {
    case CHAKU_EVENT_PROMPT:
        p->tokens++;
        if (p->answer) p->late = 1;
        if (chaku_event_logprob(event) <= 0) p->scored++;
        p->top = (int)chaku_event_top_logprob_count(event);
        if (chaku_event_token(event) < 0 || !chaku_event_bytes(event, NULL)) p->wrong = 1;
        if (p->tokens == 1 && (chaku_event_logprob(event) != 1 || p->top != 0)) p->wrong = 1;
        strncat(p->text, chaku_event_text(event, NULL), sizeof p->text - strlen(p->text) - 1);
        break;
    case CHAKU_EVENT_TEXT: p->answer = 1; break;
    case CHAKU_EVENT_FINAL:
        p->cached = chaku_event_cached_tokens(event);
        p->prompt_tokens = chaku_event_prompt_tokens(event);
        break;
    default: break;
    }
    return 0;
}

static prompt read_prompt(chaku_request *request) {
    prompt p;
    memset(&p, 0, sizeof p);
    CHECK_OK(chaku_request_run(request, note_prompt, &p, ERROR));
    CHECK_INT(p.late, 0);
    CHECK_INT(p.wrong, 0);
    return p;
}

CASE(prompt_logprobs) {
    chaku_session *session = new_session(load(SCRIPT, NULL), NULL);
    for (int turn = 0; turn < 2; turn++) {
        prompt p = read_prompt(start_chat(session, "Go.", OPTIONS("prompt_logprobs", "2")));
        CHECK_INT(p.tokens, p.prompt_tokens);
        CHECK_INT(p.scored, p.tokens - 1);
        CHECK_INT(p.top, 2);
        CHECK_INT(p.cached, 0);
        CHECK(strstr(p.text, USER("Go.") ASSISTANT));
        CHECK_INT(p.answer, 1);
    }
    chaku_request *request = NULL;
    CHECK_OK(chaku_session_ingest(new_session(load(RANDOM, NULL), NULL), NULL, "abc", -1, OPTIONS("prompt_logprobs", "0"),
                                  &request, ERROR));
    prompt p = read_prompt(own_request(request));
    CHECK_INT(p.tokens, p.prompt_tokens);
    CHECK_STR(p.text, "abc");
    CHECK_INT(p.top, 0);
    CHECK_INT(p.answer, 0);
    CHECK_INT(read_prompt(start_chat(session, "Go.", NULL)).tokens, 0);
}

static chaku_request *ask_choice(chaku_model *model, const char *seed, const char *choice) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_model_chat(model, SAY, -1,
                              OPTIONS("seed", seed, "choice", choice, "temperature", "2", "max_tokens", "12", "ignore_eos", "1"),
                              &request, ERROR));
    return own_request(request);
}

CASE(choices) {
    static const char *const numbers[] = {"0", "1", "2"};
    chaku_model *model = load(RANDOM, NULL);
    chaku_request *requests[3];
    reply *replies[3];
    for (int i = 0; i < 3; i++) requests[i] = ask_choice(model, "7", numbers[i]);
    for (int i = 0; i < 3; i++) replies[i] = read_all(requests[i]);
    CHECK(strcmp(replies[0]->text, replies[1]->text) != 0);
    CHECK(strcmp(replies[1]->text, replies[2]->text) != 0);
    CHECK(strcmp(replies[0]->text, replies[2]->text) != 0);
    for (int i = 1; i < 3; i++) CHECK_INT(replies[i]->cached_tokens, replies[i]->prompt_tokens - 1);
    CHECK_STR(read_all(ask_choice(model, "7", "1"))->text, replies[1]->text);
    CHECK_STR(read_all(ask_choice(model, "8", "0"))->text, replies[1]->text);
}

static const int PAUSED = 8; /* a kind that reply.h knows nothing of */

/* Reads up to the next logits event, which is returned owned; NULL at the end. */
static chaku_event *next_logits(chaku_request *request, reply *into) {
    for (;;) {
        chaku_event *event = NULL;
        CHECK_OK(chaku_request_next(request, EVENT_MS, &event, ERROR));
        CHECK(event);
        if (chaku_event_kind(event) == CHAKU_EVENT_LOGITS) return event;
        collect(event, into);
        int ended = chaku_event_kind(event) == CHAKU_EVENT_FINAL;
        chaku_event_free(event);
        if (ended) return NULL;
    }
}

CASE(pause_for_logits) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_request *request = start_chat(new_session(model, NULL), "Go.", OPTIONS("pause_for_logits", "1"));
    reply *r = new_reply();
    chaku_event *event;
    int64_t vocab = chaku_model_vocab_size(model), count = 0, position = 0;
    float *edited = malloc((size_t)vocab * sizeof *edited);

    CHECK_INT(CHAKU_EVENT_LOGITS, PAUSED);
    for (int64_t tokens = 0; (event = next_logits(request, r)); tokens++) {
        const float *logits = chaku_event_logits(event, &count);
        CHECK_INT(count, vocab);
        CHECK_INT(chaku_event_position(event), tokens == 0 ? chaku_event_position(event) : position + 1);
        position = chaku_event_position(event);
        if (tokens == 0) {
            /* What cannot be: the request waits on. */
            CHECK_FAILS(chaku_request_resume(request, logits, vocab - 1, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_argument");
            for (int64_t i = 0; i < vocab; i++) edited[i] = i == 3 ? (float)1e39 : 0;
            CHECK_FAILS(chaku_request_resume(request, edited, vocab, ERROR), CHAKU_INVALID_ARGUMENT, "invalid_argument");
        }
        if (tokens % 2) CHECK_OK(chaku_request_resume(request, logits, count, ERROR));
        else CHECK_OK(chaku_request_resume(request, NULL, 0, ERROR));
        CHECK(!chaku_event_text(event, NULL));
        chaku_event_free(event);
    }
    CHECK_STR(r->text, SCRIPT_REPLY);
    CHECK_FAILS(chaku_request_resume(request, NULL, 0, ERROR), CHAKU_FAILED_PRECONDITION, "not_paused");

    /* One token left: it comes. */
    chaku_model *random = load(RANDOM, NULL);
    int32_t z = -1;
    CHECK_OK(chaku_model_tokenize(random, "z", -1, 0, 0, &z, 1, &count, ERROR));
    free(edited);
    vocab = chaku_model_vocab_size(random);
    edited = malloc((size_t)vocab * sizeof *edited);
    for (int64_t i = 0; i < vocab; i++) edited[i] = i == z ? 0 : (float)-1e39;
    request = start_chat(new_session(random, NULL), "Go.", OPTIONS("pause_for_logits", "1", "max_tokens", "3"));
    r = new_reply();
    while ((event = next_logits(request, r))) {
        chaku_event_free(event);
        CHECK_OK(chaku_request_resume(request, edited, vocab, ERROR));
    }
    CHECK_STR(r->text, "zzz");
    free(edited);

    /* Nobody looks. */
    request = start_chat(new_session(model, NULL), "Go.", OPTIONS("pause_for_logits", "1"));
    CHECK_OK(chaku_request_run(request, NULL, NULL, ERROR));
    request = start_chat(new_session(model, NULL), "Go.", OPTIONS("pause_for_logits", "1"));
    event = next_logits(request, new_reply());
    CHECK(event);
    chaku_event_free(event);
    CHECK_OK(chaku_request_close(request, EVENT_MS, ERROR));
}
