// What an answer is made of: reasoning, content, calls of tools.
#include "reply.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <unistd.h>

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

CASE(run_tools) {
    auto model = load(TOOLS);
    auto session = new_session(model);
    const chaku::Options options{{"tools", add}};
    int called = 0, finals = 0;
    const auto tool = [&](const chaku::ToolCall &call) {
        called++;
        CHECK_EQ(call.name, "add");
        CHECK_EQ(call.arguments, R"({"a": 1, "b": 2})");
        CHECK(call.id.size() > 8);
        return "3";
    };
    const auto look = [&](const chaku::Event &event) { finals += event.kind() == EventKind::final; };
    MUST(session.run_tools("Go.", tool, look, options, 3));
    CHECK_EQ(called, 2);
    CHECK_EQ(finals, 3);
    CHECK_EQ(session.message_count(), 6);
    MUST(session.run_tools_json(R"([{"role": "user", "content": "Go."}])", tool, options, 1));
    CHECK_EQ(called, 2);

    FAILS(session.run_tools("Go.", tool,
                            [](const chaku::Event &event) { return event.kind() == EventKind::final ? Flow::stop : Flow::go_on; },
                            options),
          Code::cancelled, "cancelled");
    CHECK_EQ(called, 2);
    struct Odd {};
    const auto throws = [&](const chaku::ToolCall &) -> std::string { throw Odd(); };
    bool caught = false;
    try {
        static_cast<void>(session.run_tools("Go.", throws, options));
    } catch (const Odd &) {
        caught = true;
    }
    CHECK(caught);
    const auto says_why = [&](const chaku::ToolCall &) -> std::string { throw std::runtime_error("no numbers"); };
    MUST(session.run_tools("Go.", says_why, options, 2));
    FAILS(session.run_tools("Go.", [](const chaku::ToolCall &) { return "\xff"; }, options), Code::invalid_argument,
          "invalid_utf8");

    FAILS(session.run_tools("Go.", tool, options, 0), Code::invalid_argument, "invalid_argument");
    FAILS(session.run_tools("Go.", tool), Code::invalid_argument, "invalid_tools");
    FAILS(session.run_tools_json("{}", tool, options), Code::invalid_argument, "invalid_messages");
    CHECK_EQ(called, 2);
}

CASE(run_tools_deadline) {
    auto session = new_session(load(TOOLS));
    const auto slow = [](const chaku::ToolCall &) {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        return "";
    };
    FAILS(session.run_tools("Go.", slow, {{"tools", add}, {"deadline_ms", 900}}, 2), Code::deadline_exceeded, "deadline");
}

CASE(run_tools_result) {
    auto model = load(TOOLS);
    const auto used = [&](const char *result) {
        auto session = new_session(model);
        MUST(session.run_tools("Go.", [&](const chaku::ToolCall &) { return result; }, {{"tools", add}}, 2));
        return session.context_used();
    };
    const auto tokens = [&](const char *text) { return MUST(model.tokenize(text)).size(); };
    CHECK(tokens("ab") > tokens("a"));
    CHECK_EQ(used("ab") - used("a"), static_cast<std::int64_t>(tokens("ab") - tokens("a")));
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

CASE(constraint_after_thinking) {
    auto model = load(TOOLS);
    const auto said = [&](const char *key, const char *value, const char *reasoning) {
        const Reply reply = chat(new_session(model), "Go.", {{key, value}, {"reasoning", reasoning}});
        CHECK_STOPPED(reply);
        CHECK_EQ(reply.reasoning, reasoning == std::string("on") ? "I think." : "");
        return reply.text;
    };
    for (const char *reasoning : {"on", "off"}) {
        const auto yes_or_no = [&](const char *key, const char *value) {
            const std::string text = said(key, value, reasoning);
            CHECK(text == "yes!" || text == "no!");
        };
        yes_or_no("regex", "(yes|no)!");
        yes_or_no("grammar", R"(root ::= "yes!" | "no!")");
        yes_or_no("lark", R"(start: "yes!" | "no!")");
        const std::string json = said("json_schema", R"({"enum": ["yes!", "no!"]})", reasoning);
        CHECK(json == "\"yes!\"" || json == "\"no!\"");
    }
}

CASE(continue_final_message) {
    auto model = load(TOOLS);
    const chaku::Options on{{"continue_final_message", true}};
    Reply reply = read_all(MUST(model.chat_json(
        R"([{"role": "user", "content": "Go."}, {"role": "assistant", "content": "", "reasoning_content": "I"}])", on)));
    CHECK_STOPPED(reply);
    CHECK_EQ(reply.reasoning, " think.");
    CHECK(starts_with(reply.text, "Wait:"));

    auto session = new_session(model);
    const char *messages = R"([{"role": "user", "content": "Go."}, {"role": "assistant", "content": "Wait"}])";
    FAILS(session.chat_json(messages), Code::invalid_argument, "invalid_messages");
    FAILS(session.chat_json(R"([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}])", on),
          Code::invalid_argument, "invalid_messages");
    FAILS(session.chat_json(R"([{"role": "user", "content": "Go."}, {"role": "assistant", "content": ""}])", on),
          Code::invalid_argument, "invalid_messages");
    reply = read_all(MUST(session.chat_json(messages, on)));
    CHECK_EQ(reply.reasoning, "");
    CHECK(starts_with(reply.text, ":<tool_call>"));
    CHECK_EQ(session.message_count(), 2);
}

CASE(override_kv) {
    const auto with = [](const char *override_kv) {
        chaku::Options options;
        options.add("override_kv", override_kv);
        return options;
    };
    CHECK_EQ(load(RANDOM, with("llama.context_length=int:512")).context_size(), 512);
    const auto error = FAILS(chaku::Model::load(model_path(RANDOM), with("llama.context_length=float:1")),
                             Code::invalid_argument, "invalid_option");
    CHECK_EQ(error.detail("key").value_or(""), "override_kv");
    FAILS(chaku::Model::load(model_path(RANDOM), {{"devices", "CUDA7"}}), Code::invalid_argument, "invalid_option");
}

CASE(chat_template_file) {
    const auto path = std::filesystem::temp_directory_path() / ("chaku-template-" + std::to_string(::getpid()));
    std::ofstream(path) << "{% for m in messages %}{{ m.content }}{% endfor %}:\n";
    const auto prompt = [](const chaku::Model &model) {
        return chat(new_session(model), "Go.", {{"max_tokens", 1}}).usage.prompt_tokens;
    };
    auto model = load(RANDOM, {{"chat_template_file", path.string()}});
    CHECK_EQ(prompt(model), count_tokens(model, "Go.:", true));
    std::filesystem::remove(path);
    const auto error = FAILS(chaku::Model::load(model_path(RANDOM), {{"chat_template_file", path.string()}}), Code::not_found,
                             "file_not_found");
    CHECK_EQ(error.detail("path").value_or(""), path.string());
    model = load("tiny-nochat.gguf", {{"chat_template", "chatml"}});
    CHECK_EQ(prompt(model), count_tokens(model, USER("Go.") ASSISTANT, true));
    FAILS(chaku::Model::load(model_path(RANDOM), {{"chat_template", "llama3"}}), Code::invalid_argument, "invalid_option");
}
