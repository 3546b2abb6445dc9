/*
 * Let a conversation go on in several ways at once: what was said before is computed once, for all of them.
 *
 *     fork MODEL.gguf
 */
#include <chaku.h>

#include <stdio.h>
#include <stdlib.h>

enum { FORKS = 3 };

static const char *const questions[FORKS] = {"What does it eat?", "Where does it live?", "Give it a name."};

/* Prints and frees an error; says whether there was none. */
static int ok(chaku_code code, chaku_error **error) {
    if (code == CHAKU_OK) return 1;
    fprintf(stderr, "%s (%s): %s\n", chaku_code_name(code), chaku_error_reason(*error), chaku_error_message(*error));
    chaku_error_free(*error);
    *error = NULL;
    return 0;
}

static int32_t show(const chaku_event *event, void *user_data) {
    (void)user_data;
    if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) {
        fputs(chaku_event_text(event, NULL), stdout);
    } else if (chaku_event_kind(event) == CHAKU_EVENT_FINAL && chaku_event_code(event) == CHAKU_OK) {
        printf("\n-- %lld of the prompt's %lld tokens were computed before\n",
               (long long)chaku_event_cached_tokens(event), (long long)chaku_event_prompt_tokens(event));
    }
    fflush(stdout);
    return 0;
}

/* Starts a question; its answer is computed while those of others are read. */
static int ask(chaku_session *session, const char *question, chaku_request **request) {
    chaku_error *error = NULL;
    return ok(chaku_session_chat(session, question, -1, NULL, request, &error), &error);
}

static int read_answer(const char *question, chaku_request *request) {
    chaku_error *error = NULL;
    printf("\n> %s\n", question);
    return ok(chaku_request_run(request, show, NULL, &error), &error);
}

int main(int argc, char **argv) {
    const char *first = "Think of an animal of the Andes, and describe it.";
    chaku_model *model = NULL;
    chaku_session *session = NULL, *forks[FORKS] = {NULL};
    chaku_request *request = NULL, *requests[FORKS] = {NULL};
    chaku_options *options = NULL;
    chaku_error *error = NULL;
    int good, i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 2;
    }
    good = ok(chaku_options_new(&options, &error), &error) &&
           ok(chaku_options_set_i64(options, CHAKU_OPT_MAX_TOKENS, 48, &error), &error) &&
           ok(chaku_model_load(NULL, argv[1], options, &model, &error), &error) &&
           ok(chaku_session_new(model, NULL, &session, &error), &error) && ask(session, first, &request) &&
           read_answer(first, request);
    for (i = 0; good && i < FORKS; i++) {
        good = ok(chaku_session_fork(session, NULL, &forks[i], &error), &error) &&
               ask(forks[i], questions[i], &requests[i]);
    }
    for (i = 0; good && i < FORKS; i++) good = read_answer(questions[i], requests[i]);
    for (i = 0; i < FORKS; i++) {
        chaku_request_free(requests[i]);
        chaku_session_free(forks[i]);
    }
    chaku_request_free(request);
    chaku_session_free(session);
    chaku_options_free(options);
    chaku_model_free(model);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
