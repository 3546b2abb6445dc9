/* What every case needs. A case is a function that returns when everything is as the table says; the first check that
   fails ends it. Each case runs in a process of its own: one that crashes or hangs is one failure and no more. */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#define _POSIX_C_SOURCE 200809L

#include "chaku.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest wait for one event, and for one whole case: far beyond what a slow machine needs, for they tell a hang. */
#define EVENT_MS 60000
#define CASE_SECONDS 180

#define SCRIPT "tiny-script.gguf" /* replies SCRIPT_REPLY to every chat, and to raw text that ends in a line feed */
#define SCRIPT_REPLY "Hello there, I am a test model."
#define RANDOM "tiny-random.gguf" /* endless printable nonsense */
#define LONG "tiny-long.gguf"     /* LONG_WORDS for ever */
#define LONG_WORDS " one two three four five six seven eight"
#define SMOLLM2 "SmolLM2-135M-Instruct.Q4_1.gguf" /* sense, and enough work to be caught in the middle of it */

#define CASE(name)          \
    void case_##name(void); \
    void case_##name(void)

/* ---- Checks: on the case's own thread only ---- */

#define CHECK(condition) (here(__FILE__, __LINE__), check(#condition, (condition) ? 1 : 0))
#define CHECK_INT(actual, expected) \
    (here(__FILE__, __LINE__), check_int(#actual, (int64_t)(actual), (int64_t)(expected)))
#define CHECK_STR(actual, expected) (here(__FILE__, __LINE__), check_str(#actual, (actual), (expected)))
/* A call whose last argument is ERROR succeeds, or fails with this code and reason; detail() looks into its error. */
#define CHECK_OK(call) (here(__FILE__, __LINE__), clear_error(), check_ok(#call, (call)))
#define CHECK_FAILS(call, code, reason) \
    (here(__FILE__, __LINE__), clear_error(), check_fails(#call, (call), (code), (reason)))
/* Looks again and again until the condition holds. */
#define WAIT_UNTIL(condition)                                                         \
    do {                                                                              \
        int waited_ms = 0;                                                            \
        here(__FILE__, __LINE__);                                                     \
        while (!(condition)) {                                                        \
            if ((waited_ms += 2) > EVENT_MS) fail("never came true: %s", #condition); \
            sleep_ms(2);                                                              \
        }                                                                             \
    } while (0)
#define ERROR (&the_error)

extern chaku_error *the_error;
void clear_error(void);
const char *detail(const char *key); /* of the last error; "" when it has none of this key */

void here(const char *file, int line);
void fail(const char *format, ...);
void check(const char *what, int holds);
void check_int(const char *what, int64_t actual, int64_t expected);
void check_str(const char *what, const char *actual, const char *expected);
void check_ok(const char *what, chaku_code code);
void check_fails(const char *what, chaku_code code, chaku_code expected, const char *reason);
void sleep_ms(int ms);

/* ---- Objects: freed at the end of the case, unless the case did so itself ---- */

/* OPTIONS("max_tokens", "3", "stop", "a", "stop", "b"): values as text, of any kind; a list key may come again. */
#define OPTIONS(...) options_of(__VA_ARGS__, (const char *)NULL)
chaku_options *options_of(const char *key, ...);

const char *model_path(const char *file);
/* On one compute thread unless the options say otherwise: several lose much time when others want the processor too. */
chaku_model *load(const char *file, chaku_options *options);
chaku_session *new_session(chaku_model *model, const chaku_options *options);
chaku_request *start_load(const char *file, const chaku_options *options);
chaku_request *start_chat(chaku_session *session, const char *text, const chaku_options *options);
chaku_request *start_generate(chaku_session *session, const char *text, const chaku_options *options);

/* Hands an object to the harness, for what is made without the functions above. */
chaku_runtime *own_runtime(chaku_runtime *runtime);
chaku_model *own_model(chaku_model *model);
chaku_session *own_session(chaku_session *session);
chaku_request *own_request(chaku_request *request);
chaku_buffer *own_buffer(chaku_buffer *buffer);
void free_everything(void);

/* ---- Helpers ---- */

/* How many tokens a text has; what a ChatML prompt has is counted with `parse_special`. */
int64_t count_tokens(chaku_model *model, const char *text, int parse_special);
/* `unit` repeated: a long text. Valid until the case ends. */
char *repeat(const char *unit, int times);

/* How often something happened, for what happens on other threads. Zeroed by init_counter. */
typedef struct counter {
    pthread_mutex_t lock;
    int count;
} counter;
void init_counter(counter *c);
void count_up(void *c); /* a destroy callback whose user data is a counter */
int count(counter *c);

#define USER(text) "<|im_start|>user\n" text "<|im_end|>\n"
#define ASSISTANT "<|im_start|>assistant\n"

#endif
