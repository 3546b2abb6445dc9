/* Checks for the tests of the binary interface: each prints one line only when it fails, and counts. */
#ifndef CHECK_H
#define CHECK_H

#include <chaku.h>

#include <stdio.h>
#include <string.h>

static int check_passed;
static int check_failed;

#define CHECK(condition)                                                                   \
    do {                                                                                   \
        if (condition) {                                                                   \
            check_passed++;                                                                \
        } else {                                                                           \
            check_failed++;                                                                \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                 \
        }                                                                                  \
    } while (0)

/* The call fails with this code and reason; its error names this parameter, unless NULL. Uses and frees `error`. */
#define FAILS(call, want_code, want_reason, want_parameter)                                \
    do {                                                                                   \
        chaku_error *error = NULL;                                                         \
        chaku_code got = (call);                                                           \
        check_failure(__FILE__, __LINE__, #call, got, error, want_code, want_reason, want_parameter); \
        chaku_error_free(error);                                                           \
    } while (0)

/* The call succeeds and leaves no error. */
#define WORKS(call)                                                                        \
    do {                                                                                   \
        chaku_error *error = NULL;                                                         \
        chaku_code got = (call);                                                           \
        if (got == CHAKU_OK && error == NULL) {                                            \
            check_passed++;                                                                \
        } else {                                                                           \
            check_failed++;                                                                \
            printf("%s:%d: %s gave %s: %s\n", __FILE__, __LINE__, #call, chaku_code_name(got), \
                   chaku_error_message(error));                                            \
        }                                                                                  \
        chaku_error_free(error);                                                           \
    } while (0)

static inline void check_failure(const char *file, int line, const char *call, chaku_code got, const chaku_error *error,
                                 chaku_code want_code, const char *want_reason, const char *want_parameter) {
    const char *parameter = chaku_error_detail(error, "parameter");
    if (got == want_code && chaku_error_code(error) == want_code && strcmp(chaku_error_reason(error), want_reason) == 0 &&
        (want_parameter == NULL || (parameter != NULL && strcmp(parameter, want_parameter) == 0))) {
        check_passed++;
        return;
    }
    check_failed++;
    printf("%s:%d: %s gave %s %s (%s) about %s, not %s %s about %s\n", file, line, call, chaku_code_name(got),
           chaku_error_reason(error), chaku_error_message(error), parameter != NULL ? parameter : "nothing",
           chaku_code_name(want_code), want_reason, want_parameter != NULL ? want_parameter : "anything");
}

static inline int check_summary(const char *name) {
    printf("%s: %d checks, %d failed\n", name, check_passed + check_failed, check_failed);
    return check_failed == 0 && check_passed > 0 ? 0 : 1;
}

#endif
