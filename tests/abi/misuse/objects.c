/* Handles to be wrong with: live, fresh and freed ones of every type, all of one small model. */
#include "misuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const type_names[TYPES] = {"chaku_error",   "chaku_options", "chaku_runtime", "chaku_model",
                                       "chaku_session", "chaku_request", "chaku_event",   "chaku_buffer"};
char model_path[4096];
char state_path[4096];
const void *state_data;
int64_t state_length;
float *logits;
int64_t logits_count;
static chaku_buffer *state;
void *live[TYPES];
void *stale[TYPES][2];

static void works(chaku_code code, const char *what) {
    if (code != CHAKU_OK) give_up(what);
}

static chaku_options *options_with(const char *key, int64_t value) {
    chaku_options *options = NULL;
    works(chaku_options_new(&options, NULL), "chaku_options_new");
    works(chaku_options_set_i64(options, key, value, NULL), key);
    return options;
}

static chaku_model *load(const char *path) {
    chaku_options *options = options_with(CHAKU_OPT_MAX_SESSIONS, 256);
    chaku_model *model = NULL;
    works(chaku_options_set_i64(options, CHAKU_OPT_THREADS, 1, NULL), "threads");
    works(chaku_options_set_i64(options, CHAKU_OPT_CTX_SIZE, 1024, NULL), "ctx_size");
    works(chaku_model_load(NULL, path, options, &model, NULL), "chaku_model_load");
    chaku_options_free(options);
    return model;
}

static chaku_session *new_session(chaku_model *model) {
    chaku_session *session = NULL;
    works(chaku_session_new(model, NULL, &session, NULL), "chaku_session_new");
    return session;
}

static chaku_request *ask(chaku_session *session, int64_t tokens) {
    chaku_options *options = options_with(CHAKU_OPT_MAX_TOKENS, tokens);
    chaku_request *request = NULL;
    works(chaku_options_set_i64(options, CHAKU_OPT_LOGPROBS, 1, NULL), "chaku_options_set_i64");
    works(chaku_session_chat(session, "hello", -1, options, &request, NULL), "chaku_session_chat");
    chaku_options_free(options);
    return request;
}

/* A request that has a token or two to say, of a session nobody else has. */
static chaku_request *short_request(void) {
    chaku_session *session = new_session(live[chaku_model_type]);
    chaku_request *request = ask(session, 2);
    chaku_session_free(session);
    return request;
}

/* A session with an answer that stopped in the middle. */
static chaku_session *answered_session(void) {
    chaku_session *session = new_session(live[chaku_model_type]);
    chaku_request *request = ask(session, 1);
    works(chaku_request_run(request, NULL, NULL, NULL), "chaku_request_run");
    chaku_request_free(request);
    return session;
}

/* A request that stands still until it is resumed, and the event that says so, which is given back if `kept` is not NULL. */
static chaku_request *paused_request(chaku_event **kept) {
    chaku_session *session = new_session(live[chaku_model_type]);
    chaku_options *options = options_with(CHAKU_OPT_MAX_TOKENS, 1);
    chaku_request *request = NULL;
    int32_t kind = 0;
    works(chaku_options_set_bool(options, CHAKU_OPT_PAUSE_FOR_LOGITS, 1, NULL), "chaku_options_set_bool");
    works(chaku_session_chat(session, "hello", -1, options, &request, NULL), "chaku_session_chat");
    while (kind != CHAKU_EVENT_LOGITS) {
        chaku_event *event = NULL;
        works(chaku_request_next(request, -1, &event, NULL), "chaku_request_next");
        kind = chaku_event_kind(event);
        if (kind == CHAKU_EVENT_LOGITS && kept) *kept = event;
        else chaku_event_free(event);
    }
    chaku_options_free(options);
    chaku_session_free(session);
    return request;
}

static chaku_event *logits_event(void) {
    chaku_event *event = NULL;
    chaku_request_free(paused_request(&event));
    return event;
}

static chaku_session *session_with_tools(void) {
    static const char *const tools = "[{\"type\": \"function\", \"function\": {\"name\": \"now\"}}]";
    chaku_options *options = options_with(CHAKU_OPT_MAX_TOKENS, 1);
    chaku_session *session = NULL;
    works(chaku_options_set_str(options, CHAKU_OPT_TOOLS, tools, -1, NULL), "chaku_options_set_str");
    works(chaku_session_new(live[chaku_model_type], options, &session, NULL), "chaku_session_new");
    chaku_options_free(options);
    return session;
}

static chaku_request *finished_load(void) {
    chaku_request *request = NULL;
    works(chaku_model_load_async(NULL, model_path, NULL, &request, NULL), "chaku_model_load_async");
    works(chaku_request_run(request, NULL, NULL, NULL), "the end of a load");
    return request;
}

/* Saves that were freed while they ran keep their places until they notice. */
static chaku_request *finished_save(void) {
    const struct timespec moment = {0, 1000000};
    chaku_session *session = answered_session();
    chaku_request *request = NULL;
    chaku_code code;
    while ((code = chaku_session_save(session, NULL, NULL, &request, NULL)) == CHAKU_RESOURCE_EXHAUSTED) nanosleep(&moment, NULL);
    works(code, "chaku_session_save");
    works(chaku_request_run(request, NULL, NULL, NULL), "the end of a save");
    chaku_session_free(session);
    return request;
}

static void save_to_file(void) {
    const char *folder = getenv("TMPDIR");
    chaku_session *session = answered_session();
    chaku_request *request = NULL;
    int file;
    snprintf(state_path, sizeof state_path, "%s/chaku-misuse-XXXXXX", folder ? folder : "/tmp");
    file = mkstemp(state_path);
    if (file < 0) give_up("no temporary file");
    close(file);
    works(chaku_session_save(session, state_path, NULL, &request, NULL), "chaku_session_save");
    works(chaku_request_run(request, NULL, NULL, NULL), "the end of a save");
    chaku_request_free(request);
    chaku_session_free(session);
}

static void save_to_memory(void) {
    chaku_request *request = finished_save();
    works(chaku_request_buffer(request, &state, NULL), "chaku_request_buffer");
    state_data = chaku_buffer_data(state, &state_length);
    chaku_request_free(request);
    logits_count = chaku_model_vocab_size(live[chaku_model_type]);
    logits = calloc((size_t)logits_count, sizeof *logits);
    if (!logits) give_up("no memory");
}

/* One whose event queue is soon full, so that it goes on until it is cancelled, without work. */
chaku_request *start_endless(const char *path) {
    chaku_model *model = load(path);
    chaku_session *session = new_session(model);
    chaku_request *request = ask(session, 0);
    chaku_session_free(session);
    chaku_model_free(model);
    return request;
}

static int32_t keep_first_text(const chaku_event *event, void *user_data) {
    chaku_event **kept = user_data;
    if (*kept == NULL && chaku_event_kind(event) == CHAKU_EVENT_TEXT)
        works(chaku_event_retain(event, kept, NULL), "chaku_event_retain");
    return 0;
}

static chaku_event *first_text(void) {
    chaku_event *event = NULL;
    chaku_request *request = short_request();
    works(chaku_request_run(request, keep_first_text, &event, NULL), "chaku_request_run");
    chaku_request_free(request);
    if (event == NULL) give_up("the model says nothing");
    return event;
}

void *make(enum type type) {
    void *handle = NULL;
    switch (type) {
        case chaku_error_type: chaku_options_unset(NULL, "x", (chaku_error **)&handle); break;
        case chaku_options_type: chaku_options_new((chaku_options **)&handle, NULL); break;
        case chaku_runtime_type: chaku_runtime_new(NULL, (chaku_runtime **)&handle, NULL); break;
        case chaku_model_type: chaku_model_retain(live[type], (chaku_model **)&handle, NULL); break;
        case chaku_session_type: handle = new_session(live[chaku_model_type]); break;
        case chaku_request_type: handle = short_request(); break;
        case chaku_event_type: chaku_event_retain(live[type], (chaku_event **)&handle, NULL); break;
        /* Of a request that has ended: all of them hold the same. */
        case chaku_buffer_type:
            chaku_request_timeline(live[chaku_request_type], (chaku_buffer **)&handle, NULL);
            break;
        default: break;
    }
    if (handle == NULL) give_up("no handle was made");
    return handle;
}

void *make_from(enum source source, enum type type) {
    switch (source) {
        case A_LIVE_ONE: return live[type];
        case A_MODEL_OF_ITS_OWN: return load(model_path);
        case AN_ANSWERED_SESSION: return answered_session();
        case A_FINISHED_LOAD: return finished_load();
        case A_FINISHED_SAVE: return finished_save();
        case A_PAUSED_REQUEST: return paused_request(NULL);
        case A_LOGITS_EVENT: return logits_event();
        case A_SESSION_WITH_TOOLS: return session_with_tools();
        default: return make(type);
    }
}

chaku_code release(enum type type, void *handle) {
    switch (type) {
        case chaku_error_type: return chaku_error_free(handle);
        case chaku_options_type: return chaku_options_free(handle);
        case chaku_runtime_type: return chaku_runtime_free(handle);
        case chaku_model_type: return chaku_model_free(handle);
        case chaku_session_type: return chaku_session_free(handle);
        case chaku_request_type: return chaku_request_free(handle);
        case chaku_event_type: return chaku_event_free(handle);
        case chaku_buffer_type: return chaku_buffer_free(handle);
        default: give_up("a handle of no type"); return CHAKU_INTERNAL;
    }
}

int is_alive(enum type type, void *handle) {
    chaku_model *model = NULL;
    chaku_code code;
    switch (type) {
        case chaku_error_type: return chaku_error_reason(handle)[0] != '\0';
        case chaku_options_type: return chaku_options_unset(handle, CHAKU_OPT_SEED, NULL) == CHAKU_OK;
        case chaku_runtime_type:
            return chaku_runtime_set_log(handle, CHAKU_LOG_ERROR, NULL, NULL, NULL, NULL) == CHAKU_OK;
        case chaku_model_type: return chaku_model_vocab_size(handle) > 0;
        case chaku_session_type: return chaku_session_cancel(handle) == CHAKU_OK;
        case chaku_request_type:
            code = chaku_request_model(handle, &model, NULL);
            chaku_model_free(model);
            return code != CHAKU_INVALID_ARGUMENT;
        case chaku_event_type: return chaku_event_kind(handle) != 0;
        case chaku_buffer_type: return chaku_buffer_data(handle, NULL) != NULL;
        default: return 0;
    }
}

void make_world(const char *path) {
    int type;
    snprintf(model_path, sizeof model_path, "%s", path);
    live[chaku_model_type] = load(path);
    live[chaku_event_type] = first_text();
    live[chaku_request_type] = short_request();
    works(chaku_request_run(live[chaku_request_type], NULL, NULL, NULL), "chaku_request_run");
    save_to_file();
    save_to_memory();
    for (type = 0; type < TYPES; type++) {
        if (live[type] == NULL) live[type] = make_from(A_FRESH_ONE, (enum type)type);
        stale[type][0] = make((enum type)type);
        stale[type][1] = make((enum type)type);
        release((enum type)type, stale[type][0]);
        release((enum type)type, stale[type][1]);
        /* Takes the place of the one freed last, and stays. */
        if (make((enum type)type) == stale[type][1]) give_up("a handle was given out twice");
    }
}

void end_world(void) {
    int type;
    for (type = 0; type < TYPES; type++) {
        check(STALE, is_alive((enum type)type, live[type]), "the live %s is gone", type_names[type]);
        release((enum type)type, live[type]);
    }
    chaku_buffer_free(state);
    remove(state_path);
}
