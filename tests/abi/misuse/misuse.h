/* Every exported function, called wrongly in every way its signature allows. generate_misuse.py writes what the
 * functions are into a table; the files here walk it: one way to be wrong a file. */
#ifndef MISUSE_H
#define MISUSE_H

#define _POSIX_C_SOURCE 200809L

#include <chaku.h>

#include <stddef.h>
#include <stdint.h>

/* ---- The table ---- */

enum type {
    chaku_error_type,
    chaku_options_type,
    chaku_runtime_type,
    chaku_model_type,
    chaku_session_type,
    chaku_request_type,
    chaku_event_type,
    chaku_buffer_type,
    TYPES,
    NO_TYPE
};

enum role {
    HANDLE,
    OUT_HANDLE,
    OUT_ERROR,
    OUT_NUMBER,
    OUT_BUFFER,
    TEXT,
    ARRAY,
    BYTES,
    BYTES_LEN,
    LOGITS,
    LOGITS_COUNT,
    CALLBACK,
    DESTROY,
    USER_DATA,
    INTEGER,
    NUMBER
};

/* Where a valid handle comes from: see objects.c. */
enum source {
    A_LIVE_ONE,
    A_FRESH_ONE,
    A_MODEL_OF_ITS_OWN,
    AN_ANSWERED_SESSION,
    A_FINISHED_LOAD,
    A_FINISHED_SAVE,
    A_PAUSED_REQUEST,
    A_LOGITS_EVENT,
    A_SESSION_WITH_TOOLS
};

enum returns { AN_ERROR, AN_INTEGER, A_NUMBER, A_TEXT, A_POINTER };

union value {
    void *pointer;
    int64_t integer;
    double number;
    void (*function)(void);
};

struct parameter {
    const char *name;
    enum role role;
    enum type type;
    int nullable, consumed, constant;
    enum source source;
    union value valid;
};

struct function {
    const char *name;
    const struct parameter *parameters;
    int count;
    enum returns returns;
    int callback_safe;
    int misusable;    /* it takes a pointer */
    int changing;     /* two calls may return different values */
    int for_children; /* a forked child may call it */
    int null_with_ok; /* its handle output may be NULL although it succeeded */
    const char *refuses; /* the reason for which this library refuses a call with nothing wrong in it; NULL = it does not */
    union value neutral, neutral_for_null;
    const char *const *reasons; /* that its comment names, besides those every function may have */
    const chaku_code *codes;    /* that its comment names without a reason */
    void (*call)(const union value *arguments, union value *returned);
};

extern const struct function functions[];
extern const int function_count;

/* ---- Checks, from any thread ---- */

enum kind { NULLS, STALE, WRONG_TYPE, FOREIGN, DOUBLE_FREE, REENTRANT, CONCURRENT, FORKED, KINDS };

/* Counts, and says what is wrong when it does not hold: a format and what it takes, looked at only then. */
#define check(kind, holds, ...) ((holds) ? count_passed(kind) : count_failed(kind, __VA_ARGS__))
void count_passed(enum kind kind);
void count_failed(enum kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
void give_up(const char *why);

/* ---- Handles ---- */

extern char model_path[];
/* A saved session: a file, and the same in memory. */
extern char state_path[];
extern const void *state_data;
extern int64_t state_length;
extern float *logits; /* of one token as likely as the other */
extern int64_t logits_count;
extern const char *const type_names[TYPES];
/* One of each type that stays, for what only looks at it; two of each that were freed, the second one's place taken
 * again. */
extern void *live[TYPES];
extern void *stale[TYPES][2];

void make_world(const char *path);
void end_world(void);
void *make(enum type type);
void *make_from(enum source source, enum type type);
chaku_code release(enum type type, void *handle);
int is_alive(enum type type, void *handle);
chaku_request *start_endless(const char *path);

/* ---- Calls ---- */

#define MOST_PARAMETERS 12

struct result {
    union value returned;
    void *handle; /* what the function wrote, or BOGUS, or UNTOUCHED */
    int64_t number;
    unsigned char buffer[256];
    chaku_error *error;
};

struct call {
    const struct function *function;
    union value values[MOST_PARAMETERS];
    struct result result;
    int destroyed; /* how often `destroy` ran */
};

/* Not an object, not NULL: what an output holds before the call. */
#define BOGUS ((void *)0x1001)
#define UNTOUCHED 7777

/* Fills in valid arguments, and makes the handles that takes. */
void prepare(struct call *call, const struct function *function);
/* Makes the call, its outputs reset before. */
void run(struct call *call);
/* Frees the outputs, so that the call can be run again. */
void clear(struct call *call);
/* Frees the handles too, and waits for `destroy`. */
void finish(struct call *call);
/* The parameter with this role, or -1. */
int find(const struct function *function, enum role role);

int succeeded(const struct call *call);
/* Outputs are as after every failure: handles NULL, unless the caller gave no place to write to, the rest as it was. */
int gave_no_handle(const struct call *call);
int touched_nothing(const struct call *call);
/* It failed with this code, reason and parameter (NULL = any), in the way its comment says, and touched nothing. */
int failed_with(const struct call *call, chaku_code code, const char *reason, const char *parameter);
/* It returned what stands for failure; `because_null`: of a NULL handle. */
int is_neutral(const struct call *call, int because_null);
/* Both calls returned the same; texts are read only if `readable`. */
int same_value(const struct call *a, const struct call *b, int readable);
/* What came of it, for a message. Valid until the thread asks again. */
const char *outcome(const struct call *call);

int32_t ignore_event(const chaku_event *event, void *user_data);
int32_t ignore_ready(void *user_data);
int32_t ignore_call(const char *id, const char *name, const char *arguments, int64_t length, chaku_buffer **out_result,
                    void *user_data);
int32_t ignore_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data);
void count_destroy(void *user_data);
int destroyed_count(const int *counter);
int wait_destroyed(const int *counter, int wanted);
void sleep_ms(int ms);

/* ---- Ways to be wrong ---- */

void misuse_alone(void);
void misuse_inside(void);
void misuse_together(uint64_t seed);
void misuse_forked_early(void);
void misuse_forked(const char *endless_path);

#endif
