/* One wrong argument, all others valid, one thread. */
#include "misuse.h"

#include <stdlib.h>
#include <string.h>

/* It is no pointer. */
static int is_plain(const struct parameter *parameter) {
    return parameter->role == INTEGER || parameter->role == BYTES_LEN || parameter->role == LOGITS_COUNT ||
           parameter->role == NUMBER;
}

/* The call fails as its comment says; without `out_error` it does so by its code alone. */
static void expect_failure(enum kind kind, struct call *call, const char *reason, int parameter, const char *what) {
    const char *name = call->function->parameters[parameter].name;
    int out_error = find(call->function, OUT_ERROR);
    void *kept;
    run(call);
    if (out_error < 0) {
        int is_null = call->function->parameters[parameter].role == HANDLE && kind == NULLS;
        check(kind, is_neutral(call, is_null), "%s(%s %s) returned %s", call->function->name, what, name,
              outcome(call));
        clear(call);
        return;
    }
    check(kind, failed_with(call, CHAKU_INVALID_ARGUMENT, reason, name), "%s(%s %s): %s", call->function->name, what,
          name, outcome(call));
    clear(call);
    call->destroyed = 0;
    kept = call->values[out_error].pointer;
    call->values[out_error].pointer = NULL;
    run(call);
    check(kind, failed_with(call, CHAKU_INVALID_ARGUMENT, NULL, NULL), "%s(%s %s) without out_error returned %lld",
          call->function->name, what, name, (long long)call->result.returned.integer);
    call->values[out_error].pointer = kept;
    clear(call);
    call->destroyed = 0;
}

/* NULL where the comment allows it. */
static void expect_success_with_null(const struct function *function, int parameter) {
    struct call call;
    int spoilt_handle = function->parameters[parameter].role == HANDLE;
    void *own = NULL;
    prepare(&call, function);
    own = call.values[parameter].pointer;
    memset(&call.values[parameter], 0, sizeof call.values[parameter]);
    run(&call);
    if (find(function, OUT_ERROR) < 0) {
        check(NULLS, !is_neutral(&call, 0), "%s(NULL %s) returned %s", function->name,
              function->parameters[parameter].name, outcome(&call));
    } else {
        check(NULLS, succeeded(&call), "%s(NULL %s): %s", function->name, function->parameters[parameter].name,
              outcome(&call));
    }
    /* Its own `destroy` cannot be waited for without one, or without the counter it counts in. */
    if (function->parameters[parameter].role == DESTROY || function->parameters[parameter].role == USER_DATA) {
        call.destroyed = 1;
    }
    finish(&call);
    if (spoilt_handle && function->parameters[parameter].source != A_LIVE_ONE)
        release(function->parameters[parameter].type, own);
}

static void null_arguments(struct call *call) {
    const struct function *function = call->function;
    int i;
    for (i = 0; i < function->count; i++) {
        const struct parameter *parameter = &function->parameters[i];
        union value kept = call->values[i];
        if (is_plain(parameter) || parameter->role == USER_DATA) continue;
        /* A buffer may be missing when it has no room, an array when it has no elements: here they are said to have
         * some. */
        if (parameter->nullable && parameter->role != OUT_BUFFER && parameter->role != LOGITS &&
            !(parameter->role == HANDLE && find(function, OUT_ERROR) < 0)) {
            expect_success_with_null(function, i);
            continue;
        }
        memset(&call->values[i], 0, sizeof call->values[i]);
        expect_failure(NULLS, call, "null_pointer", i, "NULL");
        call->values[i] = kept;
    }
}

/* All of them at once: whatever is looked at first, it is found to be NULL. */
static void nothing_but_null(const struct function *function) {
    struct call call;
    int i, required = 0;
    prepare(&call, function);
    finish(&call);
    memset(call.values, 0, sizeof call.values);
    for (i = 0; i < function->count; i++) {
        const struct parameter *parameter = &function->parameters[i];
        required |= !parameter->nullable && parameter->role != OUT_ERROR && !is_plain(parameter);
    }
    run(&call);
    if (find(function, OUT_ERROR) < 0) {
        check(NULLS, is_neutral(&call, function->parameters[0].role == HANDLE), "%s(all NULL) returned %s",
              function->name, outcome(&call));
    } else {
        check(NULLS, !required || call.result.returned.integer == CHAKU_INVALID_ARGUMENT, "%s(all NULL) returned %lld",
              function->name, (long long)call.result.returned.integer);
    }
}

static void wrong_handles(struct call *call, int parameter) {
    enum type type = call->function->parameters[parameter].type;
    union value *value = &call->values[parameter];
    void *valid = value->pointer;
    int i;
    for (i = 0; i < 2; i++) {
        value->pointer = stale[type][i];
        expect_failure(STALE, call, "stale_handle", parameter, "stale");
    }
    for (i = 0; i < TYPES; i++) {
        if (i == (int)type) continue;
        value->pointer = live[i];
        expect_failure(WRONG_TYPE, call, "wrong_handle", parameter, type_names[i]);
        check(WRONG_TYPE, is_alive((enum type)i, live[i]), "%s harms a %s", call->function->name, type_names[i]);
    }
    value->pointer = valid;
}

/* Numbers that no function ever returned as a handle. */
static void foreign_handles(struct call *call, int parameter) {
    static int in_data;
    int on_stack = 0, i;
    void *on_heap = malloc(64);
    void *foreign[10];
    union value *value = &call->values[parameter];
    void *valid = value->pointer;
    uint64_t bits = 0x9E3779B97F4A7C15u ^ (uint64_t)parameter;
    foreign[0] = &in_data, foreign[1] = &on_stack, foreign[2] = on_heap, foreign[3] = (void *)"text";
    foreign[4] = (void *)(uintptr_t)1, foreign[5] = (void *)UINTPTR_MAX;
    for (i = 6; i < 10; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        /* Another highest byte than that of handles, which these would be by chance once in 256 times. */
        foreign[i] = (void *)(uintptr_t)((bits & UINTPTR_MAX >> 8) | (uintptr_t)i << (sizeof(uintptr_t) * 8 - 8));
    }
    for (i = 0; i < 10; i++) {
        value->pointer = foreign[i];
        expect_failure(FOREIGN, call, "stale_handle", parameter, "foreign");
    }
    value->pointer = valid;
    free(on_heap);
}

static void freed_twice(const struct function *function) {
    struct call call;
    enum type type = function->parameters[0].type;
    void *next;
    prepare(&call, function);
    run(&call);
    check(DOUBLE_FREE, call.result.returned.integer == CHAKU_OK, "%s of a live handle returned %s", function->name,
          outcome(&call));
    run(&call);
    check(DOUBLE_FREE, is_neutral(&call, 0), "%s, the second time, returned %s", function->name, outcome(&call));
    next = make(type);
    run(&call);
    check(DOUBLE_FREE, is_neutral(&call, 0), "%s, its place taken again, returned %s", function->name, outcome(&call));
    check(DOUBLE_FREE, is_alive(type, next), "%s, the second time, frees another handle", function->name);
    check(DOUBLE_FREE, release(type, next) == CHAKU_OK, "the %s made meanwhile cannot be freed", type_names[type]);
}

void misuse_alone(void) {
    int f, i;
    for (f = 0; f < function_count; f++) {
        const struct function *function = &functions[f];
        struct call call;
        if (!function->misusable) continue;
        prepare(&call, function);
        null_arguments(&call);
        for (i = 0; i < function->count; i++) {
            if (function->parameters[i].role != HANDLE) continue;
            wrong_handles(&call, i);
            foreign_handles(&call, i);
        }
        for (i = 0; i < function->count; i++) {
            const struct parameter *parameter = &function->parameters[i];
            if (parameter->role != HANDLE) continue;
            check(STALE, is_alive(parameter->type, call.values[i].pointer), "%s harms its `%s`", function->name,
                  parameter->name);
        }
        finish(&call);
        nothing_but_null(function);
        if (function->count > 0 && function->parameters[0].consumed) freed_twice(function);
    }
}
