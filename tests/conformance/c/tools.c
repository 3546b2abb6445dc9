/* What an answer is made of: reasoning, content, calls of tools. */
#include "reply.h"

#include <unistd.h>

#define TOOLS "tiny-tools.gguf" /* thinks "I think.", says "Wait:", and calls add with {"a": 1, "b": 2} */

static const char *const ADD =
    "[{\"type\": \"function\", \"function\": {\"name\": \"add\", \"parameters\": {\"type\": \"object\", \"properties\":"
    " {\"a\": {\"type\": \"integer\"}, \"b\": {\"type\": \"integer\"}}, \"required\": [\"a\", \"b\"]}}},"
    " {\"type\": \"function\", \"function\": {\"name\": \"now\"}}]";

CASE(tool_calls) {
    chaku_session *session = new_session(load(TOOLS, NULL), NULL);
    reply *r = chat(session, "Go.", OPTIONS("tools", ADD));
    CHECK_END(r, CHAKU_FINISH_TOOL_CALLS, CHAKU_OK, "");
    CHECK_STR(r->reasoning, "I think.");
    CHECK(strncmp(r->text, "Wait:", 5) == 0);
    CHECK_STR(r->calls, "add:{\"a\": 1, \"b\": 2}");
    CHECK(strlen(r->call_id) > 8);
    CHECK_INT(chaku_session_message_count(session), 2);
}

CASE(tool_results) {
    chaku_session *session = new_session(load(TOOLS, NULL), NULL);
    chaku_request *request = NULL;
    char results[256];
    snprintf(results, sizeof results, "[{\"role\": \"tool\", \"tool_call_id\": \"%s\", \"content\": \"3\"}]",
             chat(session, "Go.", OPTIONS("tools", ADD))->call_id);
    CHECK_OK(chaku_session_chat_messages(session, results, -1, OPTIONS("tools", ADD), &request, ERROR));
    CHECK_END(read_all(request), CHAKU_FINISH_TOOL_CALLS, CHAKU_OK, "");
    CHECK_INT(chaku_session_message_count(session), 4);
    chaku_request_free(request);
    CHECK_FAILS(chaku_session_chat_messages(session, "[{\"role\": \"tool\"}]", -1, NULL, &request, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_messages");
    CHECK_STR(detail("index"), "0");
    CHECK_INT(chaku_session_message_count(session), 4);
}

CASE(tool_choice) {
    chaku_model *model = load(RANDOM, NULL);
    for (int i = 0; i < 4; i++) {
        reply *r = chat(new_session(model, NULL), "Go.", OPTIONS("tools", ADD, "tool_choice", "now"));
        CHECK_END(r, CHAKU_FINISH_TOOL_CALLS, CHAKU_OK, "");
        CHECK(strncmp(r->calls, "now:{", 5) == 0);
    }
    reply *r = chat(new_session(load(TOOLS, NULL), NULL), "Go.", OPTIONS("tools", ADD, "tool_choice", "none"));
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->calls, "");
    CHECK(strncmp(r->text, "Wait:<tool_call>", 16) == 0);
}

struct loop {
    int called, finals, most_finals;
    int32_t verdict;
};

static int32_t answer_call(const char *id, const char *name, const char *arguments, int64_t length,
                           chaku_buffer **out_result, void *user_data) {
    struct loop *loop = user_data;
    loop->called++;
    CHECK_STR(name, "add");
    CHECK_STR(arguments, "{\"a\": 1, \"b\": 2}");
    CHECK_INT(length, strlen(arguments));
    CHECK(strlen(id) > 8);
    CHECK_OK(chaku_buffer_new("3", -1, out_result, ERROR));
    return loop->verdict;
}

static int32_t count_finals(const chaku_event *event, void *user_data) {
    struct loop *loop = user_data;
    return chaku_event_kind(event) == CHAKU_EVENT_FINAL && ++loop->finals == loop->most_finals;
}

CASE(run_tools) {
    static const char *const again = "[{\"role\": \"user\", \"content\": \"Go.\"}]";
    chaku_model *model = load(TOOLS, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_options *options = OPTIONS("tools", ADD);
    struct loop loop = {0};
    CHECK_OK(chaku_session_run_tools(session, "Go.", -1, options, 3, answer_call, count_finals, &loop, ERROR));
    CHECK_INT(loop.called, 2);
    CHECK_INT(loop.finals, 3);
    CHECK_INT(chaku_session_message_count(session), 6);
    CHECK_OK(chaku_session_run_tools_messages(session, again, -1, options, 1, answer_call, NULL, &loop, ERROR));
    CHECK_INT(loop.called, 2);

    loop.most_finals = 4;
    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, options, 3, answer_call, count_finals, &loop, ERROR),
                CHAKU_CANCELLED, "cancelled");
    CHECK_INT(loop.called, 2);
    loop.verdict = 1;
    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, options, 3, answer_call, NULL, &loop, ERROR), CHAKU_CANCELLED,
                "cancelled");
    CHECK_INT(loop.called, 3);

    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, options, 0, answer_call, NULL, &loop, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_argument");
    CHECK_STR(detail("parameter"), "max_rounds");
    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, NULL, 3, answer_call, NULL, &loop, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_tools");
    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, options, 3, NULL, NULL, &loop, ERROR), CHAKU_INVALID_ARGUMENT,
                "null_pointer");
    CHECK_FAILS(chaku_session_run_tools_messages(session, "{}", -1, options, 3, answer_call, NULL, &loop, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_messages");
    CHECK_INT(loop.called, 3);
}

static int32_t take_long(const char *id, const char *name, const char *arguments, int64_t length,
                         chaku_buffer **out_result, void *user_data) {
    (void)id, (void)name, (void)arguments, (void)length, (void)out_result;
    sleep_ms(*(int *)user_data);
    return 0;
}

CASE(run_tools_deadline) {
    int ms = 1000;
    chaku_session *session = new_session(load(TOOLS, NULL), NULL);
    CHECK_FAILS(chaku_session_run_tools(session, "Go.", -1, OPTIONS("tools", ADD, "deadline_ms", "900"), 2, take_long, NULL,
                                        &ms, ERROR),
                CHAKU_DEADLINE_EXCEEDED, "deadline");
}

/* What the results say is all that these prompts differ in. */
static int32_t say_more(const char *id, const char *name, const char *arguments, int64_t length,
                        chaku_buffer **out_result, void *user_data) {
    (void)id, (void)name, (void)arguments, (void)length;
    CHECK_OK(chaku_buffer_new(user_data, -1, out_result, ERROR));
    return 0;
}

CASE(run_tools_result) {
    chaku_model *model = load(TOOLS, NULL);
    chaku_options *options = OPTIONS("tools", ADD);
    static char word[] = "ab";
    chaku_session *with = new_session(model, NULL), *without = new_session(model, NULL);
    word[1] = 0;
    CHECK_OK(chaku_session_run_tools(without, "Go.", -1, options, 2, say_more, NULL, word, ERROR));
    word[1] = 'b';
    CHECK_OK(chaku_session_run_tools(with, "Go.", -1, options, 2, say_more, NULL, word, ERROR));
    CHECK_INT(chaku_session_context_used(with), chaku_session_context_used(without) + count_tokens(model, "ab", 0) -
                                                    count_tokens(model, "a", 0));
    CHECK(count_tokens(model, "ab", 0) > count_tokens(model, "a", 0));
}

CASE(bad_tools) {
    chaku_session *session = new_session(load(RANDOM, NULL), NULL);
    static const char *const bad[][3] = {{"{}", "auto", "invalid_tools"},
                                         {"[{\"function\": {\"name\": \"<|im_end|>\"}}]", "auto", "invalid_tools"},
                                         {"[]", "required", "invalid_tools"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_END(chat(session, "Go.", OPTIONS("tools", bad[i][0], "tool_choice", bad[i][1])), CHAKU_FINISH_ERROR,
                  CHAKU_INVALID_ARGUMENT, bad[i][2]);
    }
    CHECK_END(chat(session, "Go.", OPTIONS("tools", ADD, "json_object", "1")), CHAKU_FINISH_ERROR,
              CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_INT(chaku_session_message_count(session), 0);
}

CASE(reasoning) {
    chaku_model *model = load(TOOLS, NULL);
    reply *r = chat(new_session(model, NULL), "Go.", NULL);
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->reasoning, "I think.");
    CHECK(strncmp(r->text, "Wait:", 5) == 0);
    r = chat(new_session(model, NULL), "Go.", OPTIONS("reasoning_format", "none"));
    CHECK_STR(r->reasoning, "");
    CHECK(strncmp(r->text, "<think>I think.</think>Wait:", 28) == 0);
}

CASE(constraint_after_thinking) {
    static const char *const held[][3] = {{"regex", "(yes|no)!", "!"},
                                          {"json_schema", "{\"enum\": [\"yes!\", \"no!\"]}", "!\""},
                                          {"grammar", "root ::= \"yes!\" | \"no!\"", "!"},
                                          {"lark", "start: \"yes!\" | \"no!\"", "!"}};
    chaku_model *model = load(TOOLS, NULL);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        for (int thinks = 0; thinks < 2; thinks++) {
            reply *r = chat(new_session(model, NULL), "Go.",
                            OPTIONS(held[i][0], held[i][1], "reasoning", thinks ? "on" : "off"));
            CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
            CHECK_STR(r->reasoning, thinks ? "I think." : "");
            CHECK(strstr(r->text, "yes!") || strstr(r->text, "no!"));
            CHECK(strlen(r->text) <= 6);
            CHECK_STR(strchr(r->text, '!'), held[i][2]);
        }
    }
}

static reply *answer(chaku_model *model, const char *messages) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_model_chat(model, messages, -1, OPTIONS("continue_final_message", "1"), &request, ERROR));
    return read_all(own_request(request));
}

CASE(continue_final_message) {
    chaku_model *model = load(TOOLS, NULL);
    chaku_session *session = new_session(model, NULL);
    chaku_request *request = NULL;
    reply *r = answer(model, "[{\"role\": \"user\", \"content\": \"Go.\"},"
                             " {\"role\": \"assistant\", \"content\": \"\", \"reasoning_content\": \"I\"}]");
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_STR(r->reasoning, " think.");
    CHECK(strncmp(r->text, "Wait:", 5) == 0);

    static const char *const messages =
        "[{\"role\": \"user\", \"content\": \"Go.\"}, {\"role\": \"assistant\", \"content\": \"Wait\"}]";
    static const char *const wrong[] = {
        "[{\"role\": \"assistant\", \"content\": \"Wait\"}, {\"role\": \"assistant\", \"content\": \":\"}]",
        "[{\"role\": \"user\", \"content\": \"Go.\"}, {\"role\": \"assistant\", \"content\": \"\"}]"};
    CHECK_FAILS(chaku_session_chat_messages(session, messages, -1, NULL, &request, ERROR), CHAKU_INVALID_ARGUMENT,
                "invalid_messages");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_FAILS(chaku_session_chat_messages(session, wrong[i], -1, OPTIONS("continue_final_message", "1"), &request, ERROR),
                    CHAKU_INVALID_ARGUMENT, "invalid_messages");
        CHECK_STR(detail("index"), "1");
    }
    CHECK_OK(chaku_session_chat_messages(session, messages, -1, OPTIONS("continue_final_message", "1"), &request, ERROR));
    r = read_all(own_request(request));
    CHECK_STR(r->reasoning, "");
    CHECK(strncmp(r->text, ":<tool_call>", 12) == 0);
    CHECK_INT(chaku_session_message_count(session), 2);
}

CASE(override_kv) {
    chaku_model *model = load(RANDOM, OPTIONS("override_kv", "llama.context_length=int:512"));
    CHECK_INT(chaku_model_context_size(model), 512);
    CHECK_FAILS(chaku_model_load(NULL, model_path(RANDOM), OPTIONS("override_kv", "llama.context_length=float:1"), &model, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "override_kv");
    CHECK_FAILS(chaku_model_load(NULL, model_path(RANDOM), OPTIONS("devices", "CUDA7"), &model, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "devices");
}

CASE(chat_template_file) {
    char path[] = "/tmp/chaku-template-XXXXXX";
    static const char *const source = "{% for m in messages %}{{ m.content }}{% endfor %}:\n";
    const int file = mkstemp(path);
    chaku_model *model = NULL;
    CHECK(file >= 0 && write(file, source, strlen(source)) == (ssize_t)strlen(source) && close(file) == 0);
    model = load(RANDOM, OPTIONS("chat_template_file", path));
    CHECK_INT(chat(new_session(model, NULL), "Go.", OPTIONS("max_tokens", "1"))->prompt_tokens, count_tokens(model, "Go.:", 1));
    CHECK(remove(path) == 0);
    CHECK_FAILS(chaku_model_load(NULL, model_path(RANDOM), OPTIONS("chat_template_file", path), &model, ERROR),
                CHAKU_NOT_FOUND, "file_not_found");
    CHECK_STR(detail("path"), path);
    model = load("tiny-nochat.gguf", OPTIONS("chat_template", "chatml"));
    CHECK_INT(chat(new_session(model, NULL), "Go.", OPTIONS("max_tokens", "1"))->prompt_tokens,
              count_tokens(model, USER("Go.") ASSISTANT, 1));
    CHECK_FAILS(chaku_model_load(NULL, model_path(RANDOM), OPTIONS("chat_template", "llama3"), &model, ERROR),
                CHAKU_INVALID_ARGUMENT, "invalid_option");
    CHECK_STR(detail("key"), "chat_template");
}
