/* Sessions that are saved, and taken up again. */
#include "reply.h"

#include "runner.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* Dice that always fall in the same way, and an answer that depends on all that was said. */
#define LIKELIEST "temperature", "0", "max_tokens", "24"

/* A folder for this case alone, and a file in it. */
static char folder[256], path[300];

static void make_folder(void) {
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/chaku-saved-XXXXXX", place ? place : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/session.state", folder);
}

static void remove_folder(void) {
    remove(path);
    CHECK_INT(rmdir(folder), 0); /* there is nothing else in it */
}

static chaku_request *start_save(chaku_session *session, const char *to) {
    chaku_request *request = NULL;
    CHECK_OK(chaku_session_save(session, to, NULL, &request, ERROR));
    return own_request(request);
}

static void check_saved(const reply *r) {
    CHECK_END(r, CHAKU_FINISH_STOP, CHAKU_OK, "");
    CHECK_INT(r->token_count, 0);
}

static chaku_session *restore(chaku_model *model, const char *from) {
    chaku_session *session = NULL;
    CHECK_OK(chaku_session_restore(model, from, NULL, &session, ERROR));
    return own_session(session);
}

/* A saved conversation of two messages, in memory. */
static const char *saved_bytes(chaku_model *model, int64_t *length) {
    chaku_session *session = new_session(model, NULL);
    chaku_buffer *buffer = NULL;
    chaku_request *request;
    chat(session, "Go.", OPTIONS("max_tokens", "4"));
    request = start_save(session, NULL);
    check_saved(read_all(request));
    CHECK_OK(chaku_request_buffer(request, &buffer, ERROR));
    return chaku_buffer_data(own_buffer(buffer), length);
}

static void write_file(const char *to, const void *bytes, size_t length) {
    FILE *file = fopen(to, "wb");
    CHECK(file != NULL);
    CHECK_INT(fwrite(bytes, 1, length, file), length);
    CHECK_INT(fclose(file), 0);
}

CASE(save_to_file) {
    chaku_model *model = load(RANDOM, NULL);
    chaku_session *session = new_session(model, OPTIONS("system_prompt", "You are a parrot.")), *restored;
    reply *straight, *again;
    int64_t used;
    struct stat info;
    make_folder();
    chat(session, "Tell me something.", OPTIONS(LIKELIEST));
    used = chaku_session_context_used(session);
    check_saved(read_all(start_save(session, path)));
    CHECK_INT(stat(path, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0600);
    straight = chat(session, "And then?", OPTIONS(LIKELIEST));
    CHECK(straight->token_count == 24);

    restored = restore(model, path);
    CHECK_INT(chaku_session_message_count(restored), 2);
    CHECK_INT(chaku_session_context_used(restored), used);
    again = chat(restored, "And then?", OPTIONS(LIKELIEST));
    CHECK_STR(again->text, straight->text);
    CHECK_INT(again->prompt_tokens, straight->prompt_tokens);

    /* In another life of the model, where only the file knows what was computed. */
    CHECK_OK(chaku_model_close(model, EVENT_MS, ERROR));
    restored = restore(load(RANDOM, NULL), path);
    again = chat(restored, "And then?", OPTIONS(LIKELIEST));
    CHECK_STR(again->text, straight->text);
    CHECK_INT(again->cached_tokens, straight->cached_tokens);

    /* What is there is replaced. */
    check_saved(read_all(start_save(restored, path)));
    CHECK_INT(chaku_session_message_count(restore(load(RANDOM, NULL), path)), 4);
    remove_folder();
}

CASE(save_to_memory) {
    chaku_model *model = load(LONG, NULL);
    chaku_session *session = new_session(model, NULL), *restored = NULL;
    chaku_request *request = NULL, *answer;
    chaku_buffer *buffer = NULL, *second = NULL;
    const char *data;
    char *copy;
    int64_t length = -1;
    generate(session, "Count.\n", OPTIONS("max_tokens", "12"));
    request = start_save(session, NULL);
    check_saved(read_all(request));
    CHECK_OK(chaku_request_buffer(request, &buffer, ERROR));
    CHECK_OK(chaku_request_buffer(request, &second, ERROR));
    own_buffer(second);
    chaku_request_free(request);
    data = chaku_buffer_data(own_buffer(buffer), &length);
    CHECK(length > 100);
    CHECK(memcmp(data, chaku_buffer_data(second, NULL), (size_t)length) == 0);
    CHECK_INT(data[length], 0);
    copy = own_memory((size_t)length);
    memcpy(copy, data, (size_t)length);
    CHECK_INT(chaku_buffer_free(buffer), CHAKU_OK);
    CHECK(chaku_buffer_data(buffer, NULL) == NULL);

    CHECK_OK(chaku_session_restore_buffer(model, copy, length, NULL, &restored, ERROR));
    own_session(restored);
    CHECK_INT(chaku_session_context_used(restored), chaku_session_context_used(session));
    CHECK_OK(chaku_session_continue(restored, OPTIONS("max_tokens", "8"), &answer, ERROR));
    CHECK_STR(read_all(own_request(answer))->text, " five six seven eight one two three four");

    /* A session that is busy or closed is not saved, and other requests made no buffer. */
    answer = start_generate(restored, "\n", OPTIONS("event_queue", "1"));
    CHECK_FAILS(chaku_session_save(restored, NULL, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION, "concurrent_use");
    CHECK_FAILS(chaku_request_buffer(answer, &buffer, ERROR), CHAKU_FAILED_PRECONDITION, "not_finished");
    CHECK_OK(chaku_session_close(restored, EVENT_MS, ERROR));
    CHECK_FAILS(chaku_request_buffer(answer, &buffer, ERROR), CHAKU_CANCELLED, "cancelled");
    CHECK_FAILS(chaku_session_save(restored, NULL, NULL, &request, ERROR), CHAKU_FAILED_PRECONDITION, "closed");
    answer = start_generate(session, "\n", OPTIONS("max_tokens", "1"));
    read_all(answer);
    CHECK_FAILS(chaku_request_buffer(answer, &buffer, ERROR), CHAKU_FAILED_PRECONDITION, "no_result");
}

static void check_corrupt(chaku_model *model, const void *bytes, int64_t length) {
    chaku_session *session = NULL;
    CHECK_FAILS(chaku_session_restore_buffer(model, bytes, length, NULL, &session, ERROR), CHAKU_DATA_LOSS,
                "state_corrupt");
    CHECK(session == NULL);
}

CASE(state_corrupt) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = NULL;
    int64_t length = 0;
    const char *bytes = saved_bytes(model, &length);
    char *changed = own_memory((size_t)length + 1);
    memcpy(changed, bytes, (size_t)length);
    check_corrupt(model, NULL, 0);
    for (int64_t cut = 1; cut < 64; cut++) check_corrupt(model, bytes, length * cut / 64);
    check_corrupt(model, bytes, length - 1);
    check_corrupt(model, changed, length + 1);
    for (int64_t at = 0; at < length; at += at < 256 ? 1 : length / 64) {
        changed[at] ^= 0x20;
        check_corrupt(model, changed, length);
        changed[at] ^= 0x20;
    }
    CHECK_OK(chaku_session_restore_buffer(model, changed, length, NULL, &session, ERROR));
    own_session(session);

    make_folder();
    write_file(path, bytes, (size_t)length - 1);
    CHECK_FAILS(chaku_session_restore(model, path, NULL, &session, ERROR), CHAKU_DATA_LOSS, "state_corrupt");
    CHECK_STR(detail("path"), path);
    write_file(path, "Once upon a time", 16);
    CHECK_FAILS(chaku_session_restore(model, path, NULL, &session, ERROR), CHAKU_DATA_LOSS, "state_corrupt");
    CHECK_FAILS(chaku_session_restore(model, model_path(SCRIPT), NULL, &session, ERROR), CHAKU_DATA_LOSS,
                "state_corrupt");
    CHECK_FAILS(chaku_session_restore(model, folder, NULL, &session, ERROR), CHAKU_UNAVAILABLE, "file_unreadable");
    remove(path);
    CHECK_FAILS(chaku_session_restore(model, path, NULL, &session, ERROR), CHAKU_NOT_FOUND, "file_not_found");
    remove_folder();
}

CASE(state_mismatch) {
    chaku_model *model = load(SCRIPT, NULL), *others[2];
    chaku_session *session = NULL;
    int64_t length = 0;
    const char *bytes = saved_bytes(model, &length);
    others[0] = load(SMOLLM2, OPTIONS("ctx_size", "512"));
    others[1] = load(SCRIPT, OPTIONS("chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}:"));
    for (int i = 0; i < 2; i++) {
        CHECK_FAILS(chaku_session_restore_buffer(others[i], bytes, length, NULL, &session, ERROR),
                    CHAKU_FAILED_PRECONDITION, "state_mismatch");
    }
    /* Other numbers in the KV cache are no other conversation: it is computed again. */
    CHECK_OK(chaku_session_restore_buffer(load(SCRIPT, OPTIONS("cache_type_k", "f32")), bytes, length, NULL, &session,
                                          ERROR));
    own_session(session);
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
}

CASE(save_fails) {
    chaku_model *model = load(SCRIPT, NULL);
    chaku_session *session = new_session(model, NULL);
    char missing[400];
    reply *r;
    make_folder();
    chat(session, "Go.", NULL);
    snprintf(missing, sizeof missing, "%s/missing/session.state", folder);
    r = read_all(start_save(session, missing));
    CHECK_END(r, CHAKU_FINISH_ERROR, CHAKU_UNAVAILABLE, "file_unwritable");
    CHECK(strstr(r->message, missing) != NULL);
    CHECK_END(read_all(start_save(session, folder)), CHAKU_FINISH_ERROR, CHAKU_UNAVAILABLE, "file_unwritable");
    remove_folder(); /* no part of a file was left */
    /* The session is as before. */
    CHECK_STR(chat(session, "Go.", NULL)->text, SCRIPT_REPLY);
    CHECK_INT(chaku_session_message_count(session), 4);
}
