/* libchaku's side of the comparison. Prints one token id a line for every turn; what the arguments mean is in run.sh. */
#include "chaku.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(chaku_code code, chaku_error *error, const char *what) {
    if (code == CHAKU_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, chaku_error_reason(error), chaku_error_message(error));
    exit(1);
}

static void print_turn(chaku_request *request) {
    chaku_error *error = NULL;
    for (;;) {
        chaku_event *event = NULL;
        check(chaku_request_next(request, -1, &event, &error), error, "next");
        int32_t kind = chaku_event_kind(event);
        if (kind == CHAKU_EVENT_TEXT) printf("%d\n", (int)chaku_event_token(event));
        if (kind == CHAKU_EVENT_FINAL) {
            chaku_event_error(event, &error);
            check(chaku_event_code(event), error, "reply");
            printf("end of turn\n");
        }
        chaku_event_free(event);
        if (kind == CHAKU_EVENT_FINAL) return;
    }
}

int main(int argc, char **argv) {
    chaku_error *error = NULL;
    chaku_options *model_options, *request_options;
    chaku_model *model;
    chaku_session *session;

    if (argc < 7) {
        fprintf(stderr, "usage: %s MODEL generate|chat MAX_TOKENS IGNORE_EOS TEMPERATURE TEXT...\n", argv[0]);
        return 2;
    }
    int chat = strcmp(argv[2], "chat") == 0;

    check(chaku_options_new(&model_options, &error), error, "options");
    check(chaku_options_set_bool(model_options, "fixed_shape", 1, &error), error, "fixed_shape");
    check(chaku_options_set_i64(model_options, "ctx_size", 2048, &error), error, "ctx_size");
    check(chaku_model_load(NULL, argv[1], model_options, &model, &error), error, "load");
    check(chaku_session_new(model, NULL, &session, &error), error, "session");

    check(chaku_options_new(&request_options, &error), error, "options");
    check(chaku_options_set_i64(request_options, "max_tokens", atoi(argv[3]), &error), error, "max_tokens");
    check(chaku_options_set_bool(request_options, "ignore_eos", atoi(argv[4]), &error), error, "ignore_eos");
    check(chaku_options_set_f64(request_options, "temperature", atof(argv[5]), &error), error, "temperature");
    check(chaku_options_set_i64(request_options, "seed", 42, &error), error, "seed");

    for (int i = 6; i < argc; i++) {
        chaku_request *request;
        chaku_code code = chat ? chaku_session_chat(session, argv[i], -1, request_options, &request, &error)
                               : chaku_session_generate(session, argv[i], -1, request_options, &request, &error);
        check(code, error, argv[2]);
        print_turn(request);
        chaku_request_free(request);
    }

    chaku_options_free(request_options);
    chaku_options_free(model_options);
    chaku_session_free(session);
    chaku_model_free(model);
    return 0;
}
