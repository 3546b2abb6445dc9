/* What an answer is made of: reasoning, content, calls of tools. */
#include "reply.h"

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
