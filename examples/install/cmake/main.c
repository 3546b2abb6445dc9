/* Asks a model a question and streams the answer: chat_c MODEL.gguf [QUESTION] */
#include <chaku.h>

#include <stdio.h>

static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        fputs(chaku_event_text(event, NULL), stdout);
        fflush(stdout);
    }
    return 0; /* go on */
}

int main(int argc, char **argv) {
    chaku_model *model = NULL;
    chaku_session *session = NULL;
    chaku_request *request = NULL;
    chaku_error *error = NULL;
    chaku_code code;
    const char *question = argc > 2 ? argv[2] : "Why is the sky blue?";

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL.gguf [QUESTION]\n", argv[0]);
        return 2;
    }
    /* A shared library may be another release than the header. */
    if (chaku_abi_version() != CHAKU_ABI_VERSION) {
        fprintf(stderr, "this program is not made for libchaku %s\n", chaku_version());
        return 2;
    }
    code = chaku_model_load(NULL, argv[1], NULL, &model, &error);
    if (code == CHAKU_OK) code = chaku_session_new(model, NULL, &session, &error);
    if (code == CHAKU_OK) code = chaku_session_chat(session, question, -1, NULL, &request, &error);
    if (code == CHAKU_OK) code = chaku_request_run(request, show, NULL, &error);
    if (code == CHAKU_OK) puts("");
    else fprintf(stderr, "%s: %s\n", chaku_code_name(code), chaku_error_message(error));
    chaku_error_free(error);
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_model_free(model);
    return code == CHAKU_OK ? 0 : 1;
}
