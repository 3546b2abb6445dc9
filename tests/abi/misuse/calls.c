/* A call with valid arguments, any of which a test then spoils, and what came of it. */
#include "misuse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int32_t ignore_event(const chaku_event *event, void *user_data) {
    (void)event, (void)user_data;
    return 0;
}

int32_t ignore_ready(void *user_data) {
    (void)user_data;
    return 0;
}

int32_t ignore_call(const char *id, const char *name, const char *arguments, int64_t length, chaku_buffer **out_result,
                    void *user_data) {
    (void)id, (void)name, (void)arguments, (void)length, (void)out_result, (void)user_data;
    return 0;
}

int32_t ignore_line(int32_t level, const char *target, const char *message, int64_t length, void *user_data) {
    (void)level, (void)target, (void)message, (void)length, (void)user_data;
    return 0;
}

void count_destroy(void *user_data) { __atomic_add_fetch((int *)user_data, 1, __ATOMIC_SEQ_CST); }

int destroyed_count(const int *counter) { return __atomic_load_n(counter, __ATOMIC_SEQ_CST); }

void sleep_ms(int ms) {
    struct timespec time;
    time.tv_sec = ms / 1000;
    time.tv_nsec = (long)(ms % 1000) * 1000000L;
    nanosleep(&time, NULL);
}

/* Callbacks of an ended request end on a thread of the library: soon, but not at once. */
int wait_destroyed(const int *counter, int wanted) {
    int waited_ms;
    for (waited_ms = 0; destroyed_count(counter) < wanted && waited_ms < 60000; waited_ms++) sleep_ms(1);
    return destroyed_count(counter) == wanted;
}

int find(const struct function *function, enum role role) {
    int i;
    for (i = 0; i < function->count; i++) {
        if (function->parameters[i].role == role) return i;
    }
    return -1;
}

static int is_own(const struct parameter *parameter) {
    return parameter->role == HANDLE && parameter->source != A_LIVE_ONE;
}

void prepare(struct call *call, const struct function *function) {
    static int32_t tokens[1];
    int i;
    if (function->count > MOST_PARAMETERS) give_up("MOST_PARAMETERS is too small");
    memset(call, 0, sizeof *call);
    call->function = function;
    call->result.returned.integer = CHAKU_UNKNOWN; /* not called yet */
    call->result.handle = call->result.error = BOGUS;
    for (i = 0; i < function->count; i++) {
        const struct parameter *parameter = &function->parameters[i];
        union value *value = &call->values[i];
        switch (parameter->role) {
            case HANDLE: value->pointer = make_from(parameter->source, parameter->type); break;
            case OUT_HANDLE: value->pointer = &call->result.handle; break;
            case OUT_ERROR: value->pointer = &call->result.error; break;
            case OUT_NUMBER: value->pointer = &call->result.number; break;
            case OUT_BUFFER: value->pointer = call->result.buffer; break;
            case ARRAY: value->pointer = tokens; break;
            case BYTES: value->pointer = (void *)state_data; break;
            case BYTES_LEN: value->integer = state_length; break;
            case LOGITS: value->pointer = logits; break;
            case LOGITS_COUNT: value->integer = logits_count; break;
            case DESTROY: value->function = (void (*)(void))count_destroy; break;
            case USER_DATA: value->pointer = &call->destroyed; break;
            default: *value = parameter->valid; break;
        }
    }
}

void run(struct call *call) {
    memset(&call->result, 0, sizeof call->result);
    memset(call->result.buffer, 0x77, sizeof call->result.buffer);
    call->result.handle = BOGUS;
    call->result.number = UNTOUCHED;
    call->result.error = BOGUS;
    call->function->call(call->values, &call->result.returned);
}

void clear(struct call *call) {
    int out = find(call->function, OUT_HANDLE);
    if (find(call->function, OUT_ERROR) >= 0 && call->result.error != BOGUS) chaku_error_free(call->result.error);
    if (out >= 0 && call->result.handle != BOGUS) release(call->function->parameters[out].type, call->result.handle);
    call->result.error = BOGUS;
    call->result.handle = BOGUS;
}

void finish(struct call *call) {
    int registered = find(call->function, DESTROY) >= 0 && succeeded(call) && destroyed_count(&call->destroyed) == 0;
    int i;
    clear(call);
    for (i = 0; i < call->function->count; i++) {
        const struct parameter *parameter = &call->function->parameters[i];
        /* What the default runtime was given, it keeps. */
        if (registered && parameter->type == chaku_runtime_type && call->values[i].pointer == NULL) {
            chaku_runtime_set_log(NULL, CHAKU_LOG_ERROR, NULL, NULL, NULL, NULL);
        }
        if (is_own(parameter)) release(parameter->type, call->values[i].pointer);
    }
    if (registered && !wait_destroyed(&call->destroyed, 1)) give_up("destroy does not run");
}

int touched_nothing(const struct call *call) {
    const struct result *result = &call->result;
    size_t i;
    for (i = 0; i < sizeof result->buffer; i++) {
        if (result->buffer[i] != 0x77) return 0;
    }
    return result->number == UNTOUCHED;
}

int gave_no_handle(const struct call *call) {
    int out = find(call->function, OUT_HANDLE);
    return out < 0 || call->values[out].pointer == NULL ? call->result.handle == BOGUS : call->result.handle == NULL;
}

/* As it should, with nothing wrong in the call. */
static int refused(const struct call *call) {
    const chaku_error *error = call->result.error;
    if (call->function->refuses == NULL || !gave_no_handle(call) || !touched_nothing(call)) return 0;
    if (call->values[find(call->function, OUT_ERROR)].pointer == NULL) return error == BOGUS;
    return strcmp(chaku_error_reason(error), call->function->refuses) == 0;
}

int succeeded(const struct call *call) {
    const struct function *function = call->function;
    int out = find(function, OUT_HANDLE), error = find(function, OUT_ERROR);
    if (error < 0) return 1;
    if (call->result.returned.integer != CHAKU_OK) return refused(call);
    if (call->values[error].pointer != NULL && call->result.error != NULL) return 0;
    return out < 0 || function->null_with_ok || (call->result.handle != NULL && call->result.handle != BOGUS);
}

int failed_with(const struct call *call, chaku_code code, const char *reason, const char *parameter) {
    const struct function *function = call->function;
    const chaku_error *error = call->result.error;
    const char *said;
    int destroy = find(function, DESTROY);
    if (call->result.returned.integer != code || !gave_no_handle(call) || !touched_nothing(call)) return 0;
    if (destroy >= 0 && call->values[destroy].function != NULL && destroyed_count(&call->destroyed) != 1) return 0;
    if (call->values[find(function, OUT_ERROR)].pointer == NULL) return error == BOGUS;
    if (chaku_error_code(error) != code || strcmp(chaku_error_reason(error), reason) != 0) return 0;
    said = chaku_error_detail(error, "function");
    if (said == NULL || strcmp(said, function->name) != 0 || chaku_error_message(error)[0] == '\0') return 0;
    said = chaku_error_detail(error, "parameter");
    return parameter == NULL || (said != NULL && strcmp(said, parameter) == 0);
}

int is_neutral(const struct call *call, int because_null) {
    const struct function *function = call->function;
    const union value *wanted = because_null ? &function->neutral_for_null : &function->neutral;
    const union value *got = &call->result.returned;
    if (!touched_nothing(call)) return 0;
    switch (function->returns) {
        case A_NUMBER: return got->number == wanted->number;
        case A_TEXT:
            if (wanted->pointer == NULL || got->pointer == NULL) return got->pointer == wanted->pointer;
            return strcmp(got->pointer, wanted->pointer) == 0;
        case A_POINTER: return got->pointer == wanted->pointer;
        default: return got->integer == wanted->integer;
    }
}

int same_value(const struct call *a, const struct call *b, int readable) {
    const union value *left = &a->result.returned, *right = &b->result.returned;
    int out = find(a->function, OUT_NUMBER);
    if (out >= 0 && a->values[out].pointer != NULL && a->result.number != b->result.number) return 0;
    switch (a->function->returns) {
        case A_NUMBER: return left->number == right->number;
        case A_TEXT:
            if (!readable || left->pointer == NULL || right->pointer == NULL)
                return (left->pointer == NULL) == (right->pointer == NULL);
            return strcmp(left->pointer, right->pointer) == 0;
        case A_POINTER: return (left->pointer == NULL) == (right->pointer == NULL);
        default: return left->integer == right->integer;
    }
}

const char *outcome(const struct call *call) {
    static __thread char text[512];
    const struct result *result = &call->result;
    const char *parameter;
    if (call->function->returns == A_NUMBER) {
        snprintf(text, sizeof text, "%g", result->returned.number);
    } else if (call->function->returns == A_TEXT || call->function->returns == A_POINTER) {
        snprintf(text, sizeof text, "%s", result->returned.pointer == NULL ? "NULL" : "a pointer");
    } else if (call->function->returns == AN_INTEGER) {
        snprintf(text, sizeof text, "%lld", (long long)result->returned.integer);
    } else {
        parameter = chaku_error_detail(result->error, "parameter");
        snprintf(text, sizeof text, "%s `%s` about `%s` in `%s` (%s), handle %p, number %lld, destroyed %d",
                 chaku_code_name((chaku_code)result->returned.integer), chaku_error_reason(result->error),
                 parameter ? parameter : "",
                 chaku_error_detail(result->error, "function") ? chaku_error_detail(result->error, "function") : "",
                 chaku_error_message(result->error), result->handle, (long long)result->number,
                 destroyed_count(&call->destroyed));
    }
    return text;
}
