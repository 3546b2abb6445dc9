/* Four threads at one function, with right and wrong arguments, on handles that the others free meanwhile. Whatever
 * they meet: a right answer, or an error that fits one of the arguments. Each handle is freed once, each `destroy` runs
 * once. */
#include "misuse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, SHARED_HANDLES = 4 };

/* How an argument was chosen. */
enum choice { RIGHT, SHARED, NULLED, FREED, MISTYPED, MADE_UP };

static const struct function *tested;
static void *shared[MOST_PARAMETERS][SHARED_HANDLES];
static int made, freed, registered, destroyed;
static int right_answers, typed_errors; /* of all functions */
static struct call reference;           /* what the function returns when nothing is wrong */
static pthread_barrier_t start;

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state >> 11;
}

static void add(int *counter) { __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST); }

static void *make_shared(int parameter) {
    const struct parameter *p = &tested->parameters[parameter];
    add(&made);
    return make_from(p->source == A_LIVE_ONE ? A_FRESH_ONE : p->source, p->type);
}

static void free_shared(enum type type, void *handle) {
    if (release(type, handle) == CHAKU_OK) add(&freed);
}

static enum choice choose_handle(int index, union value *value, uint64_t *state) {
    const struct parameter *parameter = &tested->parameters[index];
    enum type type = parameter->type;
    switch (next_random(state) % 10) {
        case 0: value->pointer = NULL; return parameter->nullable && find(tested, OUT_ERROR) >= 0 ? RIGHT : NULLED;
        case 1: value->pointer = stale[type][next_random(state) % 2]; return FREED;
        case 2: value->pointer = live[((unsigned)type + 1 + next_random(state) % (TYPES - 1)) % TYPES]; return MISTYPED;
        case 3: value->pointer = (void *)(uintptr_t)next_random(state); return MADE_UP;
        case 4:
        case 5:
            /* Only what does not change an object may have one of those that stay. */
            if (parameter->constant && parameter->source == A_LIVE_ONE) {
                value->pointer = live[type];
                return RIGHT;
            }
            /* fall through */
        default:
            value->pointer = __atomic_load_n(&shared[index][next_random(state) % SHARED_HANDLES], __ATOMIC_SEQ_CST);
            return SHARED;
    }
}

static enum choice choose(int index, struct call *call, uint64_t *state) {
    const struct parameter *parameter = &tested->parameters[index];
    union value *value = &call->values[index];
    int spoil = next_random(state) % 8 == 0;
    switch (parameter->role) {
        case HANDLE: return choose_handle(index, value, state);
        case INTEGER:
        case BYTES_LEN:
        case LOGITS_COUNT:
        case NUMBER: return RIGHT;
        case USER_DATA: value->pointer = &destroyed; return RIGHT;
        default: break;
    }
    if (spoil) memset(value, 0, sizeof *value);
    if (parameter->role == DESTROY && !spoil) add(&registered);
    return spoil && (!parameter->nullable || parameter->role == OUT_BUFFER || parameter->role == LOGITS) ? NULLED : RIGHT;
}

static int is_bad(enum choice choice) { return choice != RIGHT && choice != SHARED; }

static int is_named(const char *const *names, const char *name) {
    while (*names != NULL && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

static int is_named_code(const chaku_code *codes, chaku_code code) {
    while (*codes != CHAKU_OK && *codes != code) codes++;
    return *codes != CHAKU_OK;
}

/* The error is about an argument that was chosen so. */
static int fits(const struct call *call, const enum choice *choices) {
    const char *reason = chaku_error_reason(call->result.error),
               *about = chaku_error_detail(call->result.error, "parameter");
    int i;
    for (i = 0; about != NULL && i < tested->count; i++) {
        if (strcmp(about, tested->parameters[i].name) != 0) continue;
        switch (choices[i]) {
            case NULLED: return strcmp(reason, "null_pointer") == 0;
            case FREED:
            case SHARED: return strcmp(reason, "stale_handle") == 0;
            case MISTYPED: return strcmp(reason, "wrong_handle") == 0;
            case MADE_UP: return strcmp(reason, "stale_handle") == 0 || strcmp(reason, "wrong_handle") == 0;
            default: return 0;
        }
    }
    return 0;
}

static void judge_error(const struct call *call, const enum choice *choices, int bad) {
    chaku_code code = (chaku_code)call->result.returned.integer;
    if (code == CHAKU_OK) {
        check(CONCURRENT, !bad && succeeded(call), "%s with wrong arguments, by %d threads: %s", tested->name, THREADS,
              outcome(call));
        return;
    }
    check(CONCURRENT, gave_no_handle(call) && touched_nothing(call), "%s, by %d threads, writes although it fails: %s",
          tested->name, THREADS, outcome(call));
    if (call->values[find(tested, OUT_ERROR)].pointer == NULL) {
        check(CONCURRENT, bad ? code == CHAKU_INVALID_ARGUMENT : code > 0 && code != CHAKU_INTERNAL,
              "%s, by %d threads, returned %d", tested->name, THREADS, code);
        return;
    }
    check(CONCURRENT, chaku_error_code(call->result.error) == code,
          "%s, by %d threads, returns another code than its error: %s", tested->name, THREADS, outcome(call));
    check(CONCURRENT,
          fits(call, choices) || (!bad && (is_named(tested->reasons, chaku_error_reason(call->result.error)) ||
                                           is_named_code(tested->codes, code))),
          "%s, by %d threads: %s", tested->name, THREADS, outcome(call));
}

static void judge_value(const struct call *call, const enum choice *choices, int bad) {
    int may_be_freed = 0, varies = tested->changing, answered, i;
    for (i = 0; i < tested->count; i++) {
        may_be_freed |= choices[i] == SHARED;
        varies |= choices[i] == SHARED && tested->parameters[i].type == chaku_request_type;
    }
    if (bad) {
        check(CONCURRENT, is_neutral(call, choices[0] == NULLED && tested->parameters[0].role == HANDLE),
              "%s with wrong arguments, by %d threads, returned %s", tested->name, THREADS, outcome(call));
        add(&typed_errors);
        return;
    }
    /* A text may be gone as soon as it is returned, when another thread frees its owner: it is not read. */
    answered = varies || same_value(call, &reference, !may_be_freed);
    check(CONCURRENT, answered || (may_be_freed && is_neutral(call, 0)), "%s, by %d threads, returned %s", tested->name,
          THREADS, outcome(call));
    add(answered ? &right_answers : &typed_errors);
}

static void call_once(uint64_t *state) {
    struct call call;
    enum choice choices[MOST_PARAMETERS] = {RIGHT};
    int i, bad = 0;
    memset(&call, 0, sizeof call);
    call.function = tested;
    for (i = 0; i < tested->count; i++) {
        call.values[i] = tested->parameters[i].valid;
        switch (tested->parameters[i].role) {
            case OUT_HANDLE: call.values[i].pointer = &call.result.handle; break;
            case OUT_ERROR: call.values[i].pointer = &call.result.error; break;
            case OUT_NUMBER: call.values[i].pointer = &call.result.number; break;
            case OUT_BUFFER: call.values[i].pointer = call.result.buffer; break;
            case ARRAY:
            case BYTES:
            case BYTES_LEN:
            case LOGITS:
            case LOGITS_COUNT:
            case DESTROY: call.values[i] = reference.values[i]; break;
            default: break;
        }
        choices[i] = choose(i, &call, state);
        bad |= is_bad(choices[i]) && tested->parameters[i].role != OUT_ERROR;
    }
    run(&call);
    if (find(tested, OUT_ERROR) >= 0) {
        add(call.result.returned.integer == CHAKU_OK ? &right_answers : &typed_errors);
        judge_error(&call, choices, bad);
    } else {
        judge_value(&call, choices, bad);
        if (tested->parameters[0].consumed && call.values[0].pointer != NULL &&
            call.result.returned.integer == CHAKU_OK)
            add(&freed);
    }
    clear(&call);
}

/* Puts a new handle in a shared one's place and frees the old, which others may be using. */
static void replace_one(uint64_t *state) {
    int index = (int)(next_random(state) % (unsigned)tested->count);
    void *old;
    if (tested->parameters[index].role != HANDLE) return;
    old =
        __atomic_exchange_n(&shared[index][next_random(state) % SHARED_HANDLES], make_shared(index), __ATOMIC_SEQ_CST);
    free_shared(tested->parameters[index].type, old);
}

static int rounds(void) {
    int i, count = tested->callback_safe ? 2000 : 100;
    for (i = 0; i < tested->count; i++) {
        if (tested->parameters[i].source > A_FRESH_ONE && count > 20) count = 20; /* its handles take long to make */
    }
    return count;
}

static void *work(void *seed) {
    uint64_t state = *(uint64_t *)seed;
    int i, count = rounds();
    pthread_barrier_wait(&start);
    for (i = 0; i < count; i++) {
        call_once(&state);
        if (next_random(&state) % 3 == 0) replace_one(&state);
    }
    return NULL;
}

static void all_at(const struct function *function, uint64_t seed) {
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    int i, t;
    tested = function;
    made = freed = registered = destroyed = 0;
    prepare(&reference, function);
    run(&reference);
    for (i = 0; i < function->count; i++) {
        for (t = 0; function->parameters[i].role == HANDLE && t < SHARED_HANDLES; t++) shared[i][t] = make_shared(i);
    }
    pthread_barrier_init(&start, NULL, THREADS);
    for (t = 0; t < THREADS; t++) {
        seeds[t] = seed * 1000003 + (uint64_t)t + 1;
        if (pthread_create(&threads[t], NULL, work, &seeds[t]) != 0) give_up("pthread_create");
    }
    for (t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
    pthread_barrier_destroy(&start);
    for (i = 0; i < function->count; i++) {
        for (t = 0; function->parameters[i].role == HANDLE && t < SHARED_HANDLES; t++)
            free_shared(function->parameters[i].type, shared[i][t]);
    }
    check(CONCURRENT, made == freed, "%s, by %d threads: %d handles were made and %d freed", function->name, THREADS,
          made, freed);
    finish(&reference);
    chaku_runtime_set_log(NULL, CHAKU_LOG_ERROR, NULL, NULL, NULL, NULL); /* what the default runtime was given */
    check(CONCURRENT, wait_destroyed(&destroyed, registered),
          "%s, by %d threads: destroy ran %d times for %d callbacks", function->name, THREADS, destroyed, registered);
}

void misuse_together(uint64_t seed) {
    int f;
    for (f = 0; f < function_count; f++) {
        if (functions[f].misusable) all_at(&functions[f], seed + (uint64_t)f);
    }
    printf("%d threads got %d right answers and %d errors\n", THREADS, right_answers, typed_errors);
}
