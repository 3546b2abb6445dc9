/* What the text of an answer may and may not contain. */
#include "reply.h"

CASE(stop_string_across_tokens) {
    chaku_model *model = load("tiny-stop.gguf", NULL);
    chaku_session *session = new_session(model, NULL);
    reply *r = chat(session, "Go.", OPTIONS("stop", "stop here"));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, "one two ");
    CHECK_INT(r->bytes_len, strlen("one two "));
    CHECK_INT(r->completion_tokens, 5); /* one, two, and the three the stop string is in */
    /* The conversation goes on with what was shown. */
    r = chat(session, "Again.", OPTIONS("stop", "stop here"));
    CHECK_STR(r->text, "one two ");
    CHECK_INT(r->prompt_tokens,
              count_tokens(model, USER("Go.") ASSISTANT "one two <|im_end|>\n" USER("Again.") ASSISTANT, 1));
}

CASE(stop_string_that_never_comes) {
    chaku_model *model = load("tiny-stop.gguf", NULL);
    reply *r = chat(new_session(model, NULL), "Go.", OPTIONS("stop", "stop her!", "stop", "threesome"));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, "one two stop here three");
    CHECK_INT(r->token_count, 6);
}

CASE(several_stop_strings) {
    chaku_model *model = load("tiny-stop.gguf", NULL);
    CHECK_STR(
        chat(new_session(model, NULL), "Go.", OPTIONS("stop", "three", "stop", "op h", "stop", "stop here"))->text,
        "one two st");
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("stop", "one"))->text, "");
    CHECK_STR(chat(new_session(load("tiny-emoji.gguf", NULL), NULL), "Go.", OPTIONS("stop", "\xF0\x9F\xA6\x99"))->text,
              "Hi \xF0\x9F\x98\x80 llama ");
}

CASE(emoji_split_over_tokens) {
    reply *r = chat(new_session(load("tiny-emoji.gguf", NULL), NULL), "Go.", NULL);
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, "Hi \xF0\x9F\x98\x80 llama \xF0\x9F\xA6\x99!");
    CHECK_INT(r->bytes_len, r->text_len);
    CHECK_INT(r->replaced_count, 0);
    CHECK_INT(r->token_count, 9);
}

CASE(unfinished_character) {
    reply *r = chat(new_session(load("tiny-cut.gguf", NULL), NULL), "Go.", NULL);
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->text, "cut \xEF\xBF\xBD");
    CHECK_INT(r->replaced_count, 1);
    CHECK_INT(r->bytes_len, 7);
    CHECK(memcmp(r->bytes, "cut \xF0\x9F\x98", 7) == 0);
}

/* Tokens drawn blindly: bytes in every order there is. */
CASE(any_bytes) {
    chaku_model *model = load(RANDOM, NULL);
    chaku_options *blind = OPTIONS("temperature", "100", "top_k", "0", "top_p", "1", "min_p", "0", "ignore_eos", "1",
                                   "max_tokens", "1500", "stop", "\xF0\x9F\xA6\x99");
    for (int i = 0; i < 3; i++) {
        reply *r = chat(new_session(model, NULL), "Go.", blind);
        CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
        CHECK_INT(r->completion_tokens, 1500);
        CHECK_INT(r->token_count, 1500);
    }
}

CASE(max_tokens) {
    chaku_model *model = load(RANDOM, NULL);
    chaku_session *session = new_session(model, NULL);
    for (int64_t max = 1; max <= 5; max += 2) {
        char text[8];
        reply *r;
        snprintf(text, sizeof text, "%d", (int)max);
        r = chat(session, "Go.", OPTIONS("max_tokens", text));
        CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
        CHECK_INT(r->completion_tokens, max);
        CHECK_INT(r->token_count, max);
    }
    /* An answer that is over in time ends by itself. */
    CHECK_END(chat(new_session(load(SCRIPT, NULL), NULL), "Go.", OPTIONS("max_tokens", "100")), CHAKU_FINISH_STOP,
              CHAKU_OK, "");
}

CASE(bad_grammar) {
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    CHECK_END(chat(session, "Go.", OPTIONS("grammar", "root ::= (")), CHAKU_FINISH_ERROR, CHAKU_INVALID_ARGUMENT,
              "invalid_grammar");
    CHECK_END(chat(session, "Go.", OPTIONS("grammar", "no ::= \"root\"")), CHAKU_FINISH_ERROR, CHAKU_INVALID_ARGUMENT,
              "invalid_grammar");
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_INT(chat(session, "Go.", OPTIONS("max_tokens", "2"))->token_count, 2);
}

CASE(grammar_constrains) {
    chaku_model *model = load(RANDOM, NULL);
    for (int i = 0; i < 4; i++) {
        reply *r = chat(new_session(model, NULL), "Go.", OPTIONS("grammar", "root ::= \"yes!\" | \"no!\""));
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        if (strcmp(r->text, "yes!") != 0) CHECK_STR(r->text, "no!");
    }
}

CASE(constraint_holds) {
    static const char *const schema =
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"boolean\"}, \"b\": {\"enum\": [1, 2]}},"
        " \"required\": [\"a\", \"b\"], \"additionalProperties\": false}";
    chaku_model *model = load(RANDOM, NULL);
    for (int i = 0; i < 4; i++) {
        reply *r = chat(new_session(model, NULL), "Go.", OPTIONS("json_schema", schema));
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        CHECK(r->text[0] == '{' && r->text[strlen(r->text) - 1] == '}');
        CHECK(strstr(r->text, "\"a\"") && strstr(r->text, "\"b\""));
        r = chat(new_session(model, NULL), "Go.", OPTIONS("regex", "(yes|no), [0-9]{3}"));
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        CHECK((strncmp(r->text, "yes, ", 5) == 0 && strlen(r->text) == 8) ||
              (strncmp(r->text, "no, ", 4) == 0 && strlen(r->text) == 7));
        r = chat(new_session(model, NULL), "Go.", OPTIONS("lark", "start: \"yes\" | \"no\""));
        CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
        if (strcmp(r->text, "yes") != 0) CHECK_STR(r->text, "no");
    }
    reply *r = chat(new_session(model, NULL), "Go.", OPTIONS("json_object", "1", "max_tokens", "4"));
    CHECK(r->text[0] == '{');
}

CASE(bad_constraint) {
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    static const char *const bad[][2] = {
        {"json_schema", "{"}, {"json_schema", "{\"type\": \"nonsense\"}"}, {"regex", "("}, {"lark", "start: nowhere"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_END(chat(session, "Go.", OPTIONS(bad[i][0], bad[i][1])), CHAKU_FINISH_ERROR, CHAKU_INVALID_ARGUMENT,
                  "invalid_grammar");
    }
    CHECK_END(chat(session, "Go.", OPTIONS("regex", "a", "grammar", "root ::= \"a\"")), CHAKU_FINISH_ERROR,
              CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_STR(chat(session, "Go.", OPTIONS("regex", "yes"))->text, "yes");
}

/* What a callback saw of log probabilities. */
typedef struct scores {
    int tokens, with_logprob, top; /* top: of the last token */
    int likeliest_chosen, in_order, bytes_right;
    double sum; /* of the last token's likeliest */
} scores;

static int32_t note_scores(const chaku_event *event, void *user_data) {
    scores *s = user_data;
    int64_t length = -1, own_length = -1;
    const uint8_t *bytes, *own;
    if (chaku_event_kind(event) != CHAKU_EVENT_TEXT) {
        if (chaku_event_logprob(event) != 1 || chaku_event_top_logprob_count(event) != 0) s->in_order = 0;
        return 0;
    }
    s->tokens++;
    if (chaku_event_logprob(event) <= 0) s->with_logprob++;
    s->top = (int)chaku_event_top_logprob_count(event);
    s->sum = 0;
    for (int i = 0; i < s->top; i++) {
        /* The first terms of e^x, of a number between -1 and 0, squared again and again. */
        double x = chaku_event_top_logprob(event, i) / 1024, power = 1 + x + x * x / 2 + x * x * x / 6;
        for (int squared = 0; squared < 10; squared++) power *= power;
        s->sum += power;
        if (i > 0 && chaku_event_top_logprob(event, i) > chaku_event_top_logprob(event, i - 1)) s->in_order = 0;
        if (chaku_event_top_logprob_token(event, i) < 0) s->in_order = 0;
    }
    if (s->top == 0) return 0;
    if (chaku_event_top_logprob_token(event, 0) != chaku_event_token(event) ||
        chaku_event_top_logprob(event, 0) != chaku_event_logprob(event)) {
        s->likeliest_chosen = 0;
    }
    bytes = chaku_event_top_logprob_bytes(event, 0, &length);
    own = chaku_event_bytes(event, &own_length);
    if (!bytes || length != own_length || memcmp(bytes, own, (size_t)length) != 0) s->bytes_right = 0;
    if (chaku_event_top_logprob_bytes(event, s->top, NULL) || chaku_event_top_logprob_token(event, s->top) != -1 ||
        chaku_event_top_logprob(event, s->top) != 1 || chaku_event_top_logprob_token(event, -1) != -1) {
        s->in_order = 0;
    }
    return 0;
}

static scores score(chaku_session *session, const chaku_options *options) {
    scores s = {0, 0, 0, 1, 1, 1, 0};
    CHECK_OK(chaku_request_run(start_chat(session, "Go.", options), note_scores, &s, ERROR));
    CHECK_INT(s.in_order, 1);
    return s;
}

CASE(logprobs) {
    scores s = score(new_session(load(SCRIPT, NULL), NULL), OPTIONS("logprobs", "3", "temperature", "0"));
    CHECK_INT(s.tokens, 7);
    CHECK_INT(s.with_logprob, 7);
    CHECK_INT(s.top, 3);
    CHECK_INT(s.likeliest_chosen, 1);
    CHECK_INT(s.bytes_right, 1);
    CHECK(s.sum <= 1.0001);
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    s = score(session, OPTIONS("logprobs", "0", "max_tokens", "4"));
    CHECK_INT(s.with_logprob, 4);
    CHECK_INT(s.top, 0);
    s = score(session, OPTIONS("max_tokens", "4"));
    CHECK_INT(s.with_logprob, 0);
    CHECK_INT(s.top, 0);
    s = score(session, OPTIONS("logprobs", "5", "logprobs_after_sampling", "1", "temperature", "1", "top_k", "2", "top_p",
                               "1", "min_p", "0", "max_tokens", "4"));
    CHECK_INT(s.with_logprob, 4);
    CHECK_INT(s.top, 2);
    CHECK(s.sum > 0.9999 && s.sum < 1.0001);
    CHECK_FAILS(chaku_options_set_i64(OPTIONS("seed", "1"), "logprobs", 65, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_option");
}

CASE(logit_bias) {
    chaku_model *model = load(RANDOM, NULL);
    int32_t b = -1;
    int64_t count = 0;
    char by_number[32];
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", "a=1000", "max_tokens", "3"))->text, "aaa");
    CHECK_OK(chaku_model_tokenize(model, "b", -1, 0, 0, &b, 1, &count, ERROR));
    snprintf(by_number, sizeof by_number, "%d=1e3", (int)b);
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", by_number, "max_tokens", "3"))->text, "bbb");
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", "\"7\"=1000", "max_tokens", "3"))->text, "777");
    CHECK_STR(chat(new_session(model, NULL), "Go.",
                   OPTIONS("logit_bias", "a=1000", "logit_bias", "b=500", "logit_bias", "a=false", "max_tokens", "3"))
                  ->text,
              "bbb");
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", "a=-inf", "regex", "a|b"))->text, "b");
    CHECK_STR(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", "a=1000", "regex", "a|b"))->text, "a");
    CHECK_END(chat(new_session(model, NULL), "Go.", OPTIONS("logit_bias", "a=-inf", "regex", "a")), CHAKU_FINISH_ERROR,
              CHAKU_INVALID_ARGUMENT, "invalid_option");
}

CASE(bad_logit_bias) {
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    static const char *const bad[] = {"a", "a=much", "a=nan", "a=inf", "a=1e7", "-1=1", "999999=1", "=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char quoted[32];
        reply *r = chat(session, "Go.", OPTIONS("logit_bias", bad[i]));
        CHECK_END(r, CHAKU_FINISH_ERROR, CHAKU_INVALID_ARGUMENT, "invalid_option");
        snprintf(quoted, sizeof quoted, "`%s`", bad[i]);
        CHECK(strstr(r->message, quoted));
    }
    CHECK_INT(chaku_session_message_count(session), 0);
    CHECK_STR(chat(session, "Go.", OPTIONS("logit_bias", "a=1000", "max_tokens", "2"))->text, "aa");
}

CASE(unknown_sampler) {
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    CHECK_END(chat(session, "Go.", OPTIONS("samplers", "top_k;no_such_sampler")), CHAKU_FINISH_ERROR,
              CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_INT(chat(session, "Go.", OPTIONS("samplers", "top_k;temperature", "max_tokens", "2"))->token_count, 2);
}

CASE(ignore_eos) {
    reply *r = chat(new_session(load(SCRIPT, NULL), NULL), "Go.", OPTIONS("ignore_eos", "1", "max_tokens", "20"));
    CHECK_END(r, CHAKU_FINISH_LENGTH, CHAKU_OK, "");
    CHECK_INT(r->completion_tokens, 20);
    CHECK(strncmp(r->text, SCRIPT_REPLY, strlen(SCRIPT_REPLY)) == 0);
}

CASE(seed_repeats) {
    chaku_session *session = new_session(load(RANDOM, OPTIONS("fixed_shape", "1")), NULL);
    chaku_options *seven = OPTIONS("seed", "7", "temperature", "2", "max_tokens", "32");
    reply *first = chat(session, "Go.", seven), *second, *other;
    CHECK_OK(chaku_session_reset(session, ERROR));
    second = chat(session, "Go.", seven);
    CHECK_STR(second->text, first->text);
    CHECK_OK(chaku_session_reset(session, ERROR));
    other = chat(session, "Go.", OPTIONS("seed", "8", "temperature", "2", "max_tokens", "32"));
    CHECK(strcmp(other->text, first->text) != 0);
}

CASE(unset_seed_differs) {
    chaku_model *model = load(RANDOM, NULL);
    chaku_options *hot = OPTIONS("temperature", "20", "top_k", "20", "min_p", "0", "top_p", "1", "max_tokens", "32");
    reply *first = chat(new_session(model, NULL), "Go.", hot), *second = chat(new_session(model, NULL), "Go.", hot);
    CHECK(strcmp(first->text, second->text) != 0);
}

CASE(greedy_repeats_in_fixed_shape) {
    chaku_options *greedy = OPTIONS("temperature", "0", "max_tokens", "48");
    reply *replies[2];
    for (int i = 0; i < 2; i++) {
        chaku_model *model = load(SMOLLM2, OPTIONS("fixed_shape", "1", "ctx_size", "1024"));
        chaku_session *session = new_session(model, NULL);
        replies[i] = chat(session, "Write a sentence about a llama.", greedy);
        CHECK(replies[i]->token_count > 4);
        CHECK_INT(chaku_session_free(session), CHAKU_OK);
        CHECK_INT(chaku_model_free(model), CHAKU_OK);
    }
    CHECK_STR(replies[1]->text, replies[0]->text);
    CHECK(memcmp(replies[1]->tokens, replies[0]->tokens, sizeof replies[0]->tokens) == 0);
}
