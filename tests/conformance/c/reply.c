#include "reply.h"

#include "runner.h"

reply *new_reply(void) { return own_memory(sizeof(reply)); }

static void broken(reply *r, const char *rule) {
    if (!r->broken) r->broken = rule;
}

static int continuation_bytes(uint8_t lead) {
    if (lead < 0x80) return 0;
    if (lead >= 0xC2 && lead <= 0xDF) return 1;
    if (lead >= 0xE0 && lead <= 0xEF) return 2;
    if (lead >= 0xF0 && lead <= 0xF4) return 3;
    return -1;
}

/* Strict: no overlong forms, no surrogates. */
static int is_utf8(const char *text, int64_t length) {
    const uint8_t *byte = (const uint8_t *)text, *end = byte + length;
    while (byte < end) {
        uint32_t code = *byte++;
        int more = continuation_bytes((uint8_t)code);
        if (more < 0 || end - byte < more) return 0;
        if (more > 0) code &= 0x3Fu >> more;
        for (int i = 0; i < more; i++, byte++) {
            if ((*byte & 0xC0) != 0x80) return 0;
            code = code << 6 | (*byte & 0x3F);
        }
        if (more == 2 && (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))) return 0;
        if (more == 3 && (code < 0x10000 || code > 0x10FFFF)) return 0;
    }
    return 1;
}

static void collect_text(const chaku_event *event, reply *r) {
    int64_t text_len = -1, bytes_len = -1;
    const char *text = chaku_event_text(event, &text_len);
    const uint8_t *bytes = chaku_event_bytes(event, &bytes_len);
    if (!text || !bytes || text_len < 0 || bytes_len < 0) {
        broken(r, "a text event has text and bytes");
        return;
    }
    if (r->text_len + text_len >= REPLY_BYTES || r->bytes_len + bytes_len >= REPLY_BYTES ||
        r->token_count >= REPLY_TOKENS) {
        broken(r, "(the reply is too long for this suite)");
        return;
    }
    if (text[text_len] != '\0') broken(r, "text is NUL-terminated");
    if (!is_utf8(text, text_len)) broken(r, "text is whole characters");
    if (chaku_event_finish_reason(event) != 0 || chaku_event_code(event) != CHAKU_OK)
        broken(r, "only a final event has an outcome");
    memcpy(r->text + r->text_len, text, (size_t)text_len);
    memcpy(r->bytes + r->bytes_len, bytes, (size_t)bytes_len);
    r->text_len += text_len;
    r->bytes_len += bytes_len;
    r->tokens[r->token_count++] = chaku_event_token(event);
    r->replaced_count += chaku_event_replaced(event);
}

/* Adds to one of the small texts. */
static void append(char *text, size_t size, const char *more) {
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", more);
}

static void collect_reasoning(const chaku_event *event, reply *r) {
    if (chaku_event_tool_call_index(event) != -1) broken(r, "reasoning is no call");
    if (chaku_event_token(event) >= 0) r->tokens[r->token_count++] = chaku_event_token(event);
    append(r->reasoning, sizeof r->reasoning, chaku_event_text(event, NULL));
}

static void collect_call(const chaku_event *event, reply *r) {
    const char *id = chaku_event_tool_call_id(event), *name = chaku_event_tool_call_name(event);
    if (!id || !name || chaku_event_tool_call_index(event) < 0 || chaku_event_text(event, NULL)) {
        broken(r, "a call that begins has an index, an id, a name, and no text");
        return;
    }
    append(r->calls, sizeof r->calls, name);
    append(r->calls, sizeof r->calls, ":");
    snprintf(r->call_id, sizeof r->call_id, "%s", id);
}

static void collect_arguments(const chaku_event *event, reply *r) {
    if (!chaku_event_text(event, NULL) || chaku_event_tool_call_index(event) < 0 || chaku_event_tool_call_name(event)) {
        broken(r, "arguments have an index and a text, and no name");
        return;
    }
    append(r->calls, sizeof r->calls, chaku_event_text(event, NULL));
}

static void collect_progress(const chaku_event *event, reply *r) {
    double progress = chaku_event_progress(event);
    if (progress < 0.0 || progress > 1.0) broken(r, "progress lies between 0 and 1");
    if (progress < r->progress) broken(r, "progress never goes back");
    if (r->token_count > 0) broken(r, "progress comes before the first text");
    r->progress = progress;
    r->progress_count++;
}

static void collect_final(const chaku_event *event, reply *r) {
    chaku_error *error = NULL;
    r->final_count++;
    r->finish_reason = chaku_event_finish_reason(event);
    r->code = chaku_event_code(event);
    if (chaku_event_error(event, &error) != r->code) broken(r, "chaku_event_error returns the event's code");
    if ((error != NULL) != (r->code != CHAKU_OK)) broken(r, "an end has an error object exactly if it has a code");
    snprintf(r->reason, sizeof r->reason, "%s", chaku_error_reason(error));
    snprintf(r->message, sizeof r->message, "%s", chaku_error_message(error));
    chaku_error_free(error);
    r->prompt_tokens = chaku_event_prompt_tokens(event);
    r->cached_tokens = chaku_event_cached_tokens(event);
    r->completion_tokens = chaku_event_completion_tokens(event);
    r->context_used = chaku_event_context_used(event);
    r->queue_ms = chaku_event_queue_ms(event);
    r->prepare_ms = chaku_event_prepare_ms(event);
    r->prefill_ms = chaku_event_prefill_ms(event);
    r->decode_ms = chaku_event_decode_ms(event);
    r->total_ms = chaku_event_total_ms(event);
    if (r->queue_ms < 0 || r->prepare_ms < 0 || r->prefill_ms < 0 || r->decode_ms < 0 || r->total_ms < 0)
        broken(r, "times are not negative");
    if (r->cached_tokens > r->prompt_tokens) broken(r, "no more tokens are cached than the prompt has");
    if (r->completion_tokens < r->token_count) broken(r, "completion_tokens counts every token that was shown");
}

int32_t collect(const chaku_event *event, void *user_data) {
    reply *r = user_data;
    if (r->final_count > 0) broken(r, "nothing follows the final event");
    switch (chaku_event_kind(event)) {
        case CHAKU_EVENT_TEXT: collect_text(event, r); break;
        case CHAKU_EVENT_PROGRESS: collect_progress(event, r); break;
        case CHAKU_EVENT_FINAL: collect_final(event, r); break;
        case CHAKU_EVENT_REASONING: collect_reasoning(event, r); break;
        case CHAKU_EVENT_TOOL_CALL: collect_call(event, r); break;
        case CHAKU_EVENT_TOOL_CALL_ARGUMENTS: collect_arguments(event, r); break;
        default: broken(r, "an event is of a kind that this suite knows"); break;
    }
    return 0;
}

int32_t read_event(chaku_request *request, reply *into) {
    chaku_event *event = NULL;
    int32_t kind;
    CHECK_OK(chaku_request_next(request, EVENT_MS, &event, ERROR));
    if (!event) fail("no event came in %d s", EVENT_MS / 1000);
    kind = chaku_event_kind(event);
    collect(event, into);
    CHECK_INT(chaku_event_free(event), CHAKU_OK);
    return kind;
}

void read_tokens(chaku_request *request, reply *into, int64_t count) {
    while (into->token_count < count) {
        if (read_event(request, into) == CHAKU_EVENT_FINAL)
            fail("ended after %lld tokens: %s", (long long)into->token_count, into->message);
    }
}

void read_progress(chaku_request *request, reply *into) {
    int32_t kind = read_event(request, into);
    if (kind != CHAKU_EVENT_PROGRESS) fail("the first event is no progress: %s", into->message);
}

void read_rest(chaku_request *request, reply *into) {
    while (read_event(request, into) != CHAKU_EVENT_FINAL) {
    }
    check_stream(into);
}

reply *read_all(chaku_request *request) {
    reply *r = new_reply();
    read_rest(request, r);
    return r;
}

void check_stream(const reply *r) {
    if (r->broken) fail("a rule of every stream is broken: %s", r->broken);
    CHECK_INT(r->final_count, 1);
    if (r->replaced_count == 0 &&
        (r->text_len != r->bytes_len || memcmp(r->text, r->bytes, (size_t)r->text_len) != 0)) {
        fail("the bytes of the tokens are not the text \"%.500s\"", r->text);
    }
}

reply *chat(chaku_session *session, const char *text, const chaku_options *options) {
    return read_all(start_chat(session, text, options));
}

reply *generate(chaku_session *session, const char *text, const chaku_options *options) {
    return read_all(start_generate(session, text, options));
}

void check_end(const reply *r, int32_t finish_reason, chaku_code code, const char *reason) {
    if (r->finish_reason != finish_reason || r->code != code || strcmp(r->reason, reason) != 0) {
        fail("the end is finish_reason %d, %s `%s` (%s), not finish_reason %d, %s `%s`", (int)r->finish_reason,
             chaku_code_name(r->code), r->reason, r->message, (int)finish_reason, chaku_code_name(code), reason);
    }
}

busy make_busy(chaku_options *model_options) {
    busy made;
    reply *r = new_reply();
    CHECK_OK(chaku_options_set_i64(model_options, CHAKU_OPT_MAX_RUNNING, 1, ERROR));
    made.model = load(LONG, model_options);
    made.request = start_chat(new_session(made.model, NULL), "Count.", OPTIONS("event_queue", "1048576"));
    read_tokens(made.request, r, 1);
    return made;
}
