/*
 * Let a model call a function of yours, and answer with what it came to.
 *
 *     tools MODEL.gguf ["QUESTION"]
 *
 * The call and the answer go to stdout, errors go to stderr. The model must call the tool first here: leave tool_choice out,
 * and it does so only where it likes to.
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const TOOLS =
    "[{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"description\": \"Tells the weather of a city\","
    " \"parameters\": {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\", \"maxLength\": 40}},"
    " \"required\": [\"city\"]}}}]";

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

/* Called with every event of each answer. */
static int32_t show(const chaku_event *event, void *user_data) {
    int64_t length = 0;
    const char *text = chaku_event_text(event, &length);
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        fwrite(text, 1, (size_t)length, stdout);
        fflush(stdout);
    }
    return 0; /* anything else would end it all */
}

/* The function of yours: called with each call, it says what that came to. */
static int32_t run_tool(const char *id, const char *name, const char *arguments, int64_t arguments_len,
                        chaku_buffer **out_result, void *user_data) {
    (void)id, (void)arguments_len, (void)user_data;
    printf("%s(%s)\n", name, arguments);
    return chaku_buffer_new("19 degrees Celsius, and fog from the sea", -1, out_result, NULL) != CHAKU_OK;
}

int main(int argc, char **argv) {
    const char *question = argc > 2 ? argv[2] : "What is the weather in Lima?";
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [QUESTION]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_TOOLS, TOOLS, -1, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_TOOL_CHOICE, "required", -1, &error), &error) &&
           ok(chaku_options_set_f64(options, CHAKU_OPT_TEMPERATURE, 0, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 200, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) &&
           ok(chaku_session_run_tools(session, question, -1, options, 4, run_tool, show, NULL, &error), &error);
    if (good) printf("\n");
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
