/* A child of fork, made while models work and other threads hold whatever they hold: it has none of their threads, is
 * told so by every function that would need them, and ends as programs end. */
#include "misuse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 20 };

static struct call *parents, *childs;
static int stop;

static int takes(const struct function *function, enum role role) { return find(function, role) >= 0; }

/* Functions of errors: the child makes its own. */
static int is_of_errors(const struct function *function) {
    return function->count > 0 && function->parameters[0].type == chaku_error_type && !takes(function, OUT_ERROR);
}

static void errors_work(chaku_error *of_parent) {
    chaku_error *error = NULL;
    chaku_options *options = NULL;
    const char *function;
    chaku_code code = chaku_options_new(&options, &error);
    check(FORKED, code == CHAKU_FAILED_PRECONDITION && options == NULL && error != NULL,
          "chaku_options_new in a child returned %d", code);
    check(FORKED, chaku_error_code(error) == code, "chaku_error_code in a child returned %d", chaku_error_code(error));
    check(FORKED, strcmp(chaku_error_reason(error), "forked") == 0, "chaku_error_reason in a child returned %s",
          chaku_error_reason(error));
    check(FORKED, chaku_error_message(error)[0] != '\0', "chaku_error_message in a child is empty");
    function = chaku_error_detail(error, "function");
    check(FORKED, function != NULL && strcmp(function, "chaku_options_new") == 0, "chaku_error_detail in a child");
    check(FORKED, chaku_error_detail_count(error) > 0 && chaku_error_detail_key(error, 0) != NULL,
          "chaku_error_detail_key in a child");
    /* The parent's are not there, and no error of the child's is taken for one. */
    check(FORKED, chaku_error_reason(of_parent)[0] == '\0', "a parent's error reads as %s",
          chaku_error_reason(of_parent));
    check(FORKED, chaku_error_free(of_parent) == CHAKU_INVALID_ARGUMENT, "a parent's error can be freed in a child");
    check(FORKED, chaku_error_free(error) == CHAKU_OK, "chaku_error_free in a child");
    check(FORKED, chaku_error_free(error) == CHAKU_INVALID_ARGUMENT, "chaku_error_free in a child, the second time");
}

static void call_everything(void) {
    int f;
    for (f = 0; f < function_count; f++) {
        const struct function *function = &functions[f];
        struct call *call = &childs[f];
        if (is_of_errors(function)) continue;
        run(call);
        if (takes(function, OUT_ERROR)) {
            check(FORKED, failed_with(call, CHAKU_FAILED_PRECONDITION, "forked", NULL), "%s in a child: %s",
                  function->name, outcome(call));
        } else if (takes(function, HANDLE) && function->neutral_for_null.integer == CHAKU_OK &&
                   function->neutral.integer == CHAKU_INVALID_ARGUMENT) {
            check(FORKED, call->result.returned.integer == CHAKU_FAILED_PRECONDITION, "%s in a child returned %s",
                  function->name, outcome(call));
        } else if (!function->for_children) {
            check(FORKED, is_neutral(call, 0), "%s in a child returned %s", function->name, outcome(call));
        } else {
            check(FORKED, function->changing || same_value(call, &parents[f], 1), "%s in a child returned %s",
                  function->name, outcome(call));
        }
    }
    errors_work(live[chaku_error_type]);
}

static void *keep_busy(void *nothing) {
    (void)nothing;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        int type;
        for (type = 0; type < TYPES; type++) release((enum type)type, make((enum type)type));
    }
    return NULL;
}

/* Does this in a child, which then ends as programs end. */
static void in_a_child(void (*act)(void), int number) {
    int status = 0;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child < 0) give_up("fork");
    if (child == 0) {
        alarm(60);
        act();
        exit(0);
    }
    if (waitpid(child, &status, 0) != child) give_up("waitpid");
    check(FORKED, WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d did not end well: status %d", number,
          status);
}

static chaku_options *first_options;
static chaku_error *first_error;

static void call_little(void) {
    errors_work(first_error);
    check(FORKED, chaku_options_free(first_options) == CHAKU_FAILED_PRECONDITION,
          "the first options can be freed in a child");
}

/* Before there is a thread of chaku there are handles, whose locks a child may miss as well. */
void misuse_forked_early(void) {
    chaku_code code = chaku_options_new(&first_options, NULL);
    chaku_options_unset(NULL, "x", &first_error);
    in_a_child(call_little, 0);
    check(FORKED, code == CHAKU_OK && chaku_options_free(first_options) == CHAKU_OK, "the parent's options are gone");
    check(FORKED, chaku_error_free(first_error) == CHAKU_OK, "the parent's error is gone");
}

void misuse_forked(const char *endless_path) {
    chaku_request *request = start_endless(endless_path);
    chaku_event *event = NULL;
    pthread_t busy[2];
    int f, i, texts = 0;
    parents = calloc((size_t)function_count, sizeof *parents);
    childs = calloc((size_t)function_count, sizeof *childs);
    for (f = 0; f < function_count; f++) {
        prepare(&childs[f], &functions[f]);
        if (!functions[f].for_children) continue;
        prepare(&parents[f], &functions[f]);
        run(&parents[f]);
    }
    for (i = 0; i < 2; i++) {
        if (pthread_create(&busy[i], NULL, keep_busy, NULL) != 0) give_up("pthread_create");
    }
    for (i = 0; i < CHILDREN; i++) {
        sleep_ms(i % 5);
        in_a_child(call_everything, i + 1);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; i++) pthread_join(busy[i], NULL);

    /* To the parent nothing happened. */
    while (texts < 500 && chaku_request_next(request, 60000, &event, NULL) == CHAKU_OK && event != NULL) {
        texts += chaku_event_kind(event) == CHAKU_EVENT_TEXT;
        chaku_event_free(event);
        event = NULL;
    }
    check(FORKED, texts == 500, "the parent's request gave only %d texts", texts);
    check(FORKED, chaku_request_close(request, 60000, NULL) == CHAKU_OK, "the parent's request cannot be closed");
    check(FORKED, chaku_request_free(request) == CHAKU_OK, "the parent's request cannot be freed");
    for (f = 0; f < function_count; f++) {
        const struct function *function = &functions[f];
        for (i = 0; i < function->count; i++) {
            if (function->parameters[i].role != HANDLE) continue;
            check(FORKED, is_alive(function->parameters[i].type, childs[f].values[i].pointer),
                  "the child's %s harms the parent's `%s`", function->name, function->parameters[i].name);
        }
        finish(&childs[f]);
    }
    free(parents);
    free(childs);
}
