/*
 * Let a model call a function of yours, and answer with what it came to.
 *
 *     tools MODEL.gguf ["QUESTION"]
 *
 * The call and the answer go to stdout, errors go to stderr. The model must call the tool here: leave tool_choice out, and it
 * does so only where it likes to.
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const TOOLS =
    "[{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"description\": \"Tells the weather of a city\","
    " \"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\", \"maxLength\": 40}},"
    " \"required\": [\"city\"]}}}]";

/* What the model calls. */
typedef struct call {
    char id[64], name[64], arguments[1024];
} call;

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

/* Called with every event of an answer. */
static int32_t show(const chaku_event *event, void *user_data) {
    call *made = user_data;
    switch (chaku_event_kind(event)) {
        case CHAKU_EVENT_TEXT: {
            int64_t length = 0;
            const char *text = chaku_event_text(event, &length);
            fwrite(text, 1, (size_t)length, stdout);
            fflush(stdout);
            break;
        }
        case CHAKU_EVENT_TOOL_CALL:
            snprintf(made->id, sizeof made->id, "%s", chaku_event_tool_call_id(event));
            snprintf(made->name, sizeof made->name, "%s", chaku_event_tool_call_name(event));
            break;
        case CHAKU_EVENT_TOOL_CALL_ARGUMENTS:
            strncat(made->arguments, chaku_event_text(event, NULL), sizeof made->arguments - strlen(made->arguments) - 1);
            break;
        default: break;
    }
    return 0; /* anything else would cancel */
}

/* The function of yours: a JSON list of the message that says what the call came to. */
static void run_tool(const call *made, char *results, size_t size) {
    printf("%s(%s)\n", made->name, made->arguments);
    snprintf(results, size,
             "[{\"role\": \"tool\", \"tool_call_id\": \"%s\", \"content\": \"19 degrees Celsius, and fog from the sea\"}]",
             made->id);
}

int main(int argc, char **argv) {
    const char *question = argc > 2 ? argv[2] : "What is the weather in Lima?";
    static call made;
    char results[512] = "";
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL, *must = NULL;
    chaku_request *asked = NULL, *told = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [QUESTION]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_options_new(&options, &error), &error) && ok(chaku_options_new(&must, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_TOOLS, TOOLS, -1, &error), &error) &&
           ok(chaku_options_set_f64(options, CHAKU_OPT_TEMPERATURE, 0, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 200, &error), &error) &&
           ok(chaku_session_new(model, options, &session, &error), &error) &&
           ok(chaku_options_set_str(must, CHAKU_OPT_TOOL_CHOICE, "required", -1, &error), &error) &&
           ok(chaku_session_chat(session, question, -1, must, &asked, &error), &error) &&
           ok(chaku_request_run(asked, show, &made, &error), &error);
    if (good && made.name[0]) {
        run_tool(&made, results, sizeof results);
        good = ok(chaku_options_set_str(must, CHAKU_OPT_TOOL_CHOICE, "none", -1, &error), &error) &&
               ok(chaku_session_chat_messages(session, results, -1, must, &told, &error), &error) &&
               ok(chaku_request_run(told, show, &made, &error), &error);
    }
    if (good) printf("\n");
    chaku_request_free(told);
    chaku_request_free(asked);
    chaku_session_free(session);
    chaku_options_free(must);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
