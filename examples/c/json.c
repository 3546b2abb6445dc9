/*
 * Have a model fill in a form: its answer is JSON that follows a JSON Schema, whatever the model would rather say.
 *
 *     json MODEL.gguf ["TEXT"]   the form of a person that the text tells of
 *
 * The answer goes to stdout, errors go to stderr. `regex`, `lark` and `grammar` hold an answer to other forms.
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const SCHEMA =
    "{\"type\": \"object\", \"properties\": {"
    "\"name\": {\"type\": \"string\", \"maxLength\": 40},"
    "\"age\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 150},"
    "\"city\": {\"type\": \"string\", \"maxLength\": 40},"
    "\"job\": {\"type\": \"string\", \"maxLength\": 40},"
    "\"likes_llamas\": {\"type\": \"boolean\"}},"
    "\"required\": [\"name\", \"age\", \"city\", \"job\", \"likes_llamas\"], \"additionalProperties\": false}";

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

/* Called with every event of the answer. */
static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        int64_t length = 0;
        const char *text = chaku_event_text(event, &length);
        fwrite(text, 1, (size_t)length, stdout);
        fflush(stdout);
    }
    return 0; /* anything else would cancel */
}

int main(int argc, char **argv) {
    const char *text = argc > 2 ? argv[2] : "Ada is 36 and builds bridges in Cusco. Her three llamas are her joy.";
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_options *options = NULL;
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    int good;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [TEXT]\n", argv[0]);
        return 2;
    }
    good = ok(chaku_model_load(NULL, argv[1], NULL, &model, &error), &error) &&
           ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_SYSTEM_PROMPT, "Fill in the form of the person.", -1, &error), &error) &&
           ok(chaku_options_set_str(options, CHAKU_OPT_JSON_SCHEMA, SCHEMA, -1, &error), &error) &&
           ok(chaku_options_set_f64(options, CHAKU_OPT_TEMPERATURE, 0, &error), &error) &&
           ok(chaku_session_new(model, options, &session, &error), &error) &&
           ok(chaku_session_chat(session, text, -1, NULL, &request, &error), &error) &&
           ok(chaku_request_run(request, show, NULL, &error), &error);
    if (good) printf("\n");
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
