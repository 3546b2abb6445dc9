// What an answer is made of: reasoning, content, calls of tools.
#include "reply.hpp"

// Thinks "I think.", says "Wait:", and calls add with {"a": 1, "b": 2}.
#define TOOLS "tiny-tools.gguf"

static const char *const add =
    R"([{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties":)"
    R"( {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}},)"
    R"( {"type": "function", "function": {"name": "now"}}])";

#define CHECK_CALLED(reply) CHECK_END(reply, FinishReason::tool_calls, Code::ok, "")

CASE(tool_calls) {
    auto session = new_session(load(TOOLS));
    const Reply reply = chat(session, "Go.", {{"tools", add}});
    CHECK_CALLED(reply);
    CHECK_EQ(reply.reasoning, "I think.");
    CHECK(starts_with(reply.text, "Wait:"));
    CHECK_EQ(reply.calls, R"(add:{"a": 1, "b": 2})");
    CHECK(reply.call_id.size() > 8);
    CHECK_EQ(session.message_count(), 2);
}

CASE(tool_results) {
    auto session = new_session(load(TOOLS));
    const std::string id = chat(session, "Go.", {{"tools", add}}).call_id;
    const std::string results = R"([{"role": "tool", "content": "3", "tool_call_id": ")" + id + "\"}]";
    CHECK_CALLED(read_all(MUST(session.chat_json(results, {{"tools", add}}))));
    CHECK_EQ(session.message_count(), 4);
    const auto error =
        FAILS(session.chat_json(R"([{"role": "tool"}])"), Code::invalid_argument, "invalid_messages");
    CHECK_EQ(error.detail("index").value_or(""), "0");
    CHECK_EQ(session.message_count(), 4);
}

CASE(tool_choice) {
    auto model = load(RANDOM);
    for (int i = 0; i < 4; i++) {
        const Reply reply = chat(new_session(model), "Go.", {{"tools", add}, {"tool_choice", "now"}});
        CHECK_CALLED(reply);
        CHECK(starts_with(reply.calls, "now:{"));
    }
    const Reply reply = chat(new_session(load(TOOLS)), "Go.", {{"tools", add}, {"tool_choice", "none"}});
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.calls, "");
    CHECK(starts_with(reply.text, "Wait:<tool_call>"));
}

CASE(bad_tools) {
    auto session = new_session(load(RANDOM));
    const auto fails = [&](const char *tools, const char *choice) {
        CHECK_FAILED(chat(session, "Go.", {{"tools", tools}, {"tool_choice", choice}}), Code::invalid_argument,
                     "invalid_tools");
    };
    fails("{}", "auto");
    fails(R"([{"function": {"name": "<|im_end|>"}}])", "auto");
    fails("[]", "required");
    CHECK_FAILED(chat(session, "Go.", {{"tools", add}, {"json_object", true}}), Code::invalid_argument,
                 "invalid_option");
    CHECK_EQ(session.message_count(), 0);
}

CASE(reasoning) {
    auto model = load(TOOLS);
    Reply reply = chat(new_session(model), "Go.");
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.reasoning, "I think.");
    CHECK(starts_with(reply.text, "Wait:"));
    reply = chat(new_session(model), "Go.", {{"reasoning_format", "none"}});
    CHECK_EQ(reply.reasoning, "");
    CHECK(starts_with(reply.text, "<think>I think.</think>Wait:"));
}
