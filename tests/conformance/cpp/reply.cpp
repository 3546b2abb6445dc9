#include "reply.hpp"

#include <algorithm>

static void broken(Reply &reply, const char *rule) {
    if (!reply.broken) reply.broken = rule;
}

static int continuation_bytes(unsigned char lead) {
    if (lead < 0x80) return 0;
    if (lead >= 0xC2 && lead <= 0xDF) return 1;
    if (lead >= 0xE0 && lead <= 0xEF) return 2;
    if (lead >= 0xF0 && lead <= 0xF4) return 3;
    return -1;
}

// Strict: no overlong forms, no surrogates.
static bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at++]);
        const int more = continuation_bytes(lead);
        if (more < 0 || text.size() - at < static_cast<std::size_t>(more)) return false;
        std::uint32_t code = more > 0 ? lead & (0x3Fu >> more) : lead;
        for (int i = 0; i < more; i++, at++) {
            const auto byte = static_cast<unsigned char>(text[at]);
            if ((byte & 0xC0) != 0x80) return false;
            code = code << 6 | (byte & 0x3F);
        }
        if (more == 2 && (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))) return false;
        if (more == 3 && (code < 0x10000 || code > 0x10FFFF)) return false;
    }
    return true;
}

static void collect_text(Reply &reply, const chaku::Event &event) {
    const std::string_view text = event.text();
    if (!text.data() || !event.bytes().data()) return broken(reply, "a text event has text and bytes");
    if (text.data()[text.size()] != '\0') broken(reply, "text is NUL-terminated");
    if (!is_utf8(text)) broken(reply, "text is whole characters");
    if (event.finish_reason() != FinishReason::none || event.error())
        broken(reply, "only a final event has an outcome");
    reply.text.append(text);
    reply.bytes.append(event.bytes());
    reply.tokens.push_back(event.token().value_or(-1));
    reply.replaced_count += event.replaced();
}

static void collect_reasoning(Reply &reply, const chaku::Event &event) {
    if (!event.text().empty() || event.tool_call_index() != -1) broken(reply, "reasoning is neither text nor a call");
    if (event.token()) reply.tokens.push_back(*event.token());
    reply.reasoning.append(event.reasoning());
}

static void collect_call(Reply &reply, const chaku::Event &event) {
    if (event.tool_call_index() < 0 || event.tool_call_id().empty() || event.tool_call_name().empty())
        broken(reply, "a call that begins has an index, an id and a name");
    if (!event.text().empty() || !event.arguments().empty()) broken(reply, "a call that begins has no text");
    reply.calls.append(event.tool_call_name()).append(":");
    reply.call_id = event.tool_call_id();
}

static void collect_arguments(Reply &reply, const chaku::Event &event) {
    if (event.tool_call_index() < 0 || !event.text().empty() || !event.tool_call_name().empty())
        broken(reply, "arguments have an index, and neither text nor name");
    reply.calls.append(event.arguments());
}

static void collect_progress(Reply &reply, const chaku::Event &event) {
    const double progress = event.progress();
    if (progress < 0.0 || progress > 1.0) broken(reply, "progress lies between 0 and 1");
    if (progress < reply.progress) broken(reply, "progress never goes back");
    if (!reply.tokens.empty()) broken(reply, "progress comes before the first text");
    if (!event.text().empty() || event.token()) broken(reply, "only a text event has text");
    reply.progress = progress;
    reply.progress_count++;
}

static void collect_final(Reply &reply, const chaku::Event &event) {
    reply.final_count++;
    reply.finish_reason = event.finish_reason();
    reply.error = event.error();
    reply.usage = event.usage();
    reply.timings = event.timings();
    if (event.code() != reply.error.code()) broken(reply, "an event's code is that of its error");
    if (reply.error && reply.error.message().empty()) broken(reply, "an error has a message");
    const auto &[queue, prepare, prefill, decode, total] = reply.timings;
    if (queue < 0 || prepare < 0 || prefill < 0 || decode < 0 || total < 0) broken(reply, "times are not negative");
    if (reply.usage.cached_tokens > reply.usage.prompt_tokens)
        broken(reply, "no more tokens are cached than the prompt has");
    if (reply.usage.completion_tokens < static_cast<std::int64_t>(reply.tokens.size()))
        broken(reply, "completion_tokens counts every token that was shown");
}

void collect(Reply &into, const chaku::Event &event) {
    if (into.final_count > 0) broken(into, "nothing follows the final event");
    switch (event.kind()) {
    case EventKind::text: return collect_text(into, event);
    case EventKind::progress: return collect_progress(into, event);
    case EventKind::final: return collect_final(into, event);
    case EventKind::reasoning: return collect_reasoning(into, event);
    case EventKind::tool_call: return collect_call(into, event);
    case EventKind::tool_call_arguments: return collect_arguments(into, event);
    default: return broken(into, "an event is of a kind that this suite knows");
    }
}

EventKind read_event(chaku::Request &request, Reply &into) {
    const chaku::Event event = MUST(request.next(event_wait));
    if (!event) fail("no event came in " + std::to_string(event_wait.count()) + " s");
    collect(into, event);
    return event.kind();
}

void read_tokens(chaku::Request &request, Reply &into, std::size_t count) {
    while (into.tokens.size() < count) {
        if (read_event(request, into) == EventKind::final)
            fail("ended after " + std::to_string(into.tokens.size()) + " tokens: " + into.error.to_string());
    }
}

void read_progress(chaku::Request &request, Reply &into) {
    if (read_event(request, into) != EventKind::progress)
        fail("the first event is no progress: " + into.error.to_string());
}

void read_rest(chaku::Request &request, Reply &into) {
    while (read_event(request, into) != EventKind::final) {
    }
    check_stream(into);
}

Reply read_all(chaku::Request &request) {
    Reply reply;
    read_rest(request, reply);
    return reply;
}

Reply read_all(chaku::Request &&request) { return read_all(request); }

void check_stream(const Reply &reply) {
    if (reply.broken) fail(std::string("a rule of every stream is broken: ") + reply.broken);
    CHECK_EQ(reply.final_count, 1);
    // A NUL is a character like any other.
    CHECK_EQ(std::count(reply.text.begin(), reply.text.end(), '\0'),
             std::count(reply.bytes.begin(), reply.bytes.end(), '\0'));
    if (reply.replaced_count == 0 && reply.text != reply.bytes)
        fail("the bytes of the tokens are not the text \"" + reply.text.substr(0, 500) + "\"");
}

Reply chat(chaku::Session &session, std::string_view text, const chaku::Options &options) {
    return read_all(start_chat(session, text, options));
}

Reply chat(chaku::Session &&session, std::string_view text, const chaku::Options &options) {
    return chat(session, text, options);
}

Reply generate(chaku::Session &session, std::string_view text, const chaku::Options &options) {
    return read_all(MUST(session.generate(text, options)));
}

Reply generate(chaku::Session &&session, std::string_view text, const chaku::Options &options) {
    return generate(session, text, options);
}

void check_end(const Reply &reply, FinishReason finish_reason, Code code, std::string_view reason) {
    if (reply.finish_reason == finish_reason && reply.error.code() == code && reply.error.reason() == reason) return;
    fail("the end is finish_reason " + show(reply.finish_reason) + ", " + reply.error.to_string() +
         ", not finish_reason " + show(finish_reason) + ", " + std::string(chaku::code_name(code)) + " `" +
         std::string(reason) + "`");
}

Busy make_busy(chaku::Options model_options) {
    chaku::Model model = load(LONG, std::move(model_options.set(CHAKU_OPT_MAX_RUNNING, 1)));
    chaku::Request request = start_chat(new_session(model), "Count.", {{CHAKU_OPT_EVENT_QUEUE, 1048576}});
    Reply reply;
    read_tokens(request, reply, 1);
    return {std::move(model), std::move(request)};
}
